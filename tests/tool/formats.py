"""Every format of gcpre report: its grammar, and that the right names and numbers are in it."""

import json
import os
import re
import subprocess
from pathlib import Path

import reports
from box import ROOT, TOOL, Skip
from lsan import LEAK, SUMMARY, LsanReport, names

HERE = Path(__file__).resolve().parent


# ---- text

def test_lsan_grammar(box):
    """The grammar above is LeakSanitizer's: it accepts its own report."""
    source = box.file("leak.c", "#include <stdlib.h>\nint main(void)\n{\n    void *volatile p = malloc(7);\n    p = malloc(9);\n"
                      "    p = 0;\n}\n")
    built = subprocess.run(["gcc", "-g", "-fsanitize=leak", "-o", box.path("leak"), source], stderr=subprocess.DEVNULL)
    if built.returncode:
        raise Skip("gcc cannot link LeakSanitizer here")
    for tool in ([], ["strip"]):
        if tool:
            subprocess.run([*tool, box.path("leak")], check=True)
        done = subprocess.run([box.path("leak")], stderr=subprocess.PIPE, text=True)
        if "detected memory leaks" not in done.stderr:
            raise Skip("LeakSanitizer cannot run here")
        report = LsanReport(done.stderr)
        assert report.bytes == 16 and report.blocks == 2 and len(report.leaks) >= 1


def test_text_layout(box):
    report = LsanReport(box.report(box.usual()))
    assert report.pid == 4711
    assert [leak[:3] for leak in report.leaks] == [("Direct", 500, 5), ("Direct", 48, 1), ("Indirect", 960, 20)], report.leaks
    assert (report.bytes, report.blocks) == (1508, 26)


def test_text_names(box):
    report = LsanReport(box.report(box.usual()))
    assert names(report.leaks[0]) == ["take", "parse_header", "read_config", "main"], "inlined calls are named too"
    assert names(report.leaks[2]) == ["xmalloc", "add_entry", "read_config", "main"]
    for frame in report.leaks[0][3]:
        assert frame[4] == f"{reports.SOURCE}:{box.program.lines[frame[3]]}", frame[0]
    pcs = [int(frame[2], 16) for frame in report.leaks[0][3]]
    assert pcs[0] == pcs[1] == 0x555555554000 + box.program.addresses["at_take"]


def test_text_own_lines(box):
    ours = LsanReport(box.report(box.usual())).ours
    place = f"fixture+{box.program.addresses['cache_head']:#x}"
    assert ours == [
        "since 11:06:45, 50 B/s, still leaking",
        "between 11:06:40 and 11:06:50", f"last referenced from global cache_head ({place})",
        "between 11:06:40 and 11:06:55",
        f"last referenced from block at +16 allocated at add_entry fixture.c:{box.program.lines['add_entry']} (20 objects)"], ours


def test_text_no_longer_leaking(box):
    report = reports.Report(box.program).lost("short", 1024, at=10, since=9).lost("short", 1024, at=11, since=10)
    path = report.end(at=5000).write(box.path("r"))
    assert LsanReport(box.report(path)).ours == ["from 11:06:49 to 11:06:51, 1.0 KB/s, no longer"]


def test_text_late_is_apart(box):
    report = LsanReport(box.report(box.usual()))
    rest = "\n".join(report.rest)
    assert "Lost at exit 77 byte(s) in 1 object(s)" in rest and "in xmalloc" in rest
    assert not LEAK.search(rest)
    only = reports.Report(box.program).lost("short", 5, phase="late").end().write(box.path("late"))
    text = box.report(only, "--exitcode", 9)
    assert "LeakSanitizer" not in text and "Lost at exit 5 byte(s)" in text, text


def test_text_nothing(box):
    path = reports.Report(box.program).end().write(box.path("r"))
    assert box.report(path, "--exitcode", 3) == "gcpre: fixture (4711): nothing lost\n"


def test_text_killed_and_sampled(box):
    report = reports.Report(box.program, tier="sampled", sample_bytes=524288)
    text = box.report(report.lost("short", 40, 2, weight=600).write(box.path("r")))
    assert "sampled: stands for about 11.7 KB in 600 objects" in LsanReport(text).ours
    assert "did not end by itself" in text and "tier sampled" in text
    assert box.report(box.path("r"), "-f", "folded") == "main;add_entry 12000\n"


def test_text_incomplete(box):
    report = reports.Report(box.program).lost("short", 40).end(incomplete="it uses io_uring", proven_ns=15 * reports.SECOND)
    text = box.report(report.write(box.path("r")))
    assert LsanReport(text).rest == ["gcpre: process 4711: this is what was proven until 11:06:55: it uses io_uring"], text


def test_text_held(box):
    """What reclaiming saved: of a cycle in doubt, and where nothing is reclaimed, nothing."""
    def told(doubts, **process):
        report = reports.Report(box.program, **process)
        for number, doubt in enumerate(doubts, 1):
            report.add("cycle", cycle=number, at_ns=number * reports.SECOND, begin_bytes=3 << 20, end_bytes=1 << 20, dead_bytes=2 << 20,
                       **({"doubt": doubt} if doubt else {}))
        return box.report(report.end().write(box.path("r"))).splitlines()[1:]
    assert told(["", "", "late"]) == ["gcpre: process 4711: the heap would have grown to 5.0 MB; held at 3.0 MB by reclaiming 4.0 MB"]
    assert told([""]) == told(["", ""], reclaim=False) == told([]) == []


def test_text_live_and_growth(box):
    live, growth = (box.report(box.usual(), "--what", what) for what in ("live", "growth"))
    assert re.findall(r"^Live (\d+) byte\(s\) in (\d+)", live, re.M) == [("700", "14"), ("6", "2")]
    assert re.findall(r"^Growing (\d+) byte\(s\) in (\d+)", growth, re.M) == [("700", "14")]
    assert live.count("retains") == 1 and "7 generations; allocated 16, freed 2; retains 2.0 KB or more" in live
    assert "    350 B more since 11:06:42, 2 B/s, 16 generations, confidence 51 %" in growth, growth
    assert "    3 of them (150 B) were not written for 2.0 s or longer, one for 3 min" in live and "written" not in growth
    assert "    retained 2.0 KB or more at the end" in growth
    assert "Growing 700" in box.report(box.usual()).partition("SUMMARY: ")[2]


def test_text_ways(box):
    """Below what grows, and what nobody writes: how its oldest block is held."""
    made = [f"{name} fixture.c:{box.program.lines[line]}" for name, line in (("add_entry", "add_entry"),) * 2]
    way = ["    its oldest block is held by", f"      global cache_head (fixture+{box.program.addresses['cache_head']:#x})",
           f"      -> 72 bytes at +16, from {made[0]}, 0x10000", f"      -> 13 times 50 bytes at +0, from {made[1]}, first 0x20000",
           f"      -> 50 bytes, from {made[1]}, 0x30000"]
    for what in ("growth", "live", "lost"):
        shown = box.report(box.usual(), "--what", what)
        assert shown.count("\n".join(way)) == 1, (what, shown)
    found = box.json(box.usual(), "--format", "json")["views"][0]
    assert [(way["root"]["symbol"], way["blocks"], len(way["steps"])) for way in found["ways"]] == [("cache_head", 15, 3)]
    none = reports.Report(box.program).growing("short", 48, 3).add("path", site=1, base="0x10", found=False, problem="too long")
    assert "    its oldest block is held by\n      too long\n" in box.report(none.end().write(box.path("none")))


def test_text_weakly(box):
    text = "2 of them (100 B) held weakly: 1 by pointers into the block only, 1 by stacks or registers; for example 0x100000070040"
    assert f"    {text}\n" in box.report(box.usual(), "--what", "live")
    shown = box.report(box.usual()).partition("SUMMARY: ")[2]
    assert "Weakly held 100 byte(s) in 2 object(s) allocated from:" in shown and f"    of 14 objects {text}\n" in shown, shown
    weak = [row["weakly"] for row in box.json(box.usual(), "--format", "json")["views"][0]["live"]]
    assert weak == [{"blocks": 2, "bytes": 100, "inside": 1, "unaligned": 0, "stack": 1, "example": "0x100000070040"}, None], weak
    both = box.json(box.usual("a"), box.usual("b"), "--merge", "--format", "json")["views"][0]["live"]
    assert both[0]["weakly"]["blocks"] == 4, both


def test_text_top(box):
    report = LsanReport(box.report(box.usual(), "--top", 99))
    assert len(report.leaks) == 3
    text = box.report(box.usual(), "--top", 1)
    assert len(LEAK.findall(text)) == 1 and "Omitting 2 more leak(s)." in text and SUMMARY.search(text)[1] == "1508"


def test_thread_leaks(box):
    report = reports.usual(box.program).thread_leak("short", 5001).thread_leak("short", 5002, finished=3)
    report.thread_leak("inlined", 5003, name="second").thread_leak("wrapped", 5004, suppressed="xmalloc")
    path = report.write(box.path("r"))
    read = LsanReport(box.report(path))
    rest = "\n".join(read.rest)
    assert (read.bytes, read.blocks) == (1508, 26), "the sums of the memory are not touched"
    assert re.findall(r"WARNING: libgcpre: thread leak \(pid=4711\)\n  Thread '(\w+)' \(tid=(\d+), finished\) created at:\n"
                      r"    #0 0x[0-9a-f]{12} in (\w+) ", rest) == [("worker", "5001", "add_entry"), ("second", "5003", "take")]
    assert "started 11:06:41, finished 11:06:42; its stack of 8.0 MB stays\n\n  And 1 more similar thread leak.\n" in rest
    assert f"SUMMARY: libgcpre: 3 thread(s) ended and were never joined; their stacks keep {3 * (8 << 20)} byte(s)" in rest
    found = box.json(path, "--format", "json")["views"][0]
    assert [each["tid"] for each in found["thread_leaks"]] == [5001, 5002, 5003]
    assert found["sites"][found["thread_leaks"][0]["site"]]["frames"][0]["function"] == "add_entry"
    text = box.report(path, "--suppress", box.file("s", "leak:^take$\n"))
    assert "'second'" not in text and "SUMMARY: libgcpre: 2 thread(s)" in text
    assert '"names":["worker"]' in box.report(path, "--format", "html")


def test_thread_leaks_of_the_killed(box):
    """What cycles told of counts where there is no end, but for what they took back."""
    report = reports.Report(box.program)
    for tid in (5001, 5002, 5003):
        report.thread_leak("short", tid, so_far=True)
    report.thread_leak("short", 5002, joined=True)
    killed = report.write(box.path("killed"))
    assert [each["tid"] for each in box.json(killed, "--format", "json")["views"][0]["thread_leaks"]] == [5001, 5003]
    ended = report.thread_leak("short", 5001).thread_leak("short", 5004).end().write(box.path("ended"))
    assert [each["tid"] for each in box.json(ended, "--format", "json")["views"][0]["thread_leaks"]] == [5001, 5004]


def test_exitcode(box):
    box.report(box.usual(), "--exitcode", 23, status=23)
    box.report(box.usual(), "--exitcode", 23, "--suppress", box.file("s", "leak:main\n"))


# ---- suppressions

def test_suppress(box):
    report = LsanReport(box.report(box.usual(), "--suppress", box.file("s", "# noise\n\nleak:^parse_*er$\n")))
    assert report.suppressions == [("5", "500", "^parse_*er$")]
    assert (report.bytes, report.blocks) == (1008, 21) and len(report.leaks) == 2


def test_suppress_by_file_and_module(box):
    for pattern in ("fixture.c", "/fixture$"):
        assert "nothing lost" in box.report(box.usual(), "--suppress", box.file("s", f"leak:{pattern}\n"))
    for pattern in ("^fixture", "mai$", "config*head", "read_configs"):
        report = LsanReport(box.report(box.usual(), "--suppress", box.file("s", f"leak:{pattern}\n")))
        assert report.bytes == 1508 and not report.suppressions, pattern


def test_suppress_takes_children(box):
    """What only suppressed blocks held goes with them, over several steps; what others held stays."""
    report = reports.Report(box.program).lost("inlined", 10)
    held = {"class": "indirect", "holder": {"cycle": 1, "kind": "heap", "site": report.site("inlined"), "offset": 0}}
    report.lost("short", 20, **{**held, "holder": {**held["holder"], "site": report.site("wrapped")}})
    report.lost("wrapped", 30, **held).lost("short", 7)
    text = box.report(report.end().write(box.path("r")), "--suppress", box.file("s", "leak:parse_header\n"))
    assert LsanReport(text).bytes == 7 and LsanReport(text).suppressions == [("3", "60", "parse_header")]


def test_suppressed_by_the_library(box):
    path = reports.Report(box.program).lost("short", 9, suppressed="add_*").lost("inlined", 5).end().write(box.path("r"))
    report = LsanReport(box.report(path))
    assert report.suppressions == [("1", "9", "add_*")] and report.bytes == 5


def test_suppress_bad_file(box):
    bad = box.file("s", "leak:fine\nrace:x\n")
    box.report(box.usual(), "--suppress", bad, says=f"{bad}:2: is no suppression", status=1)
    box.report(box.usual(), "--suppress", box.path("none"), says="No such file", status=1)


def test_suppressions_format(box):
    written = box.report(box.usual(), "--format", "suppressions")
    patterns = [line for line in written.splitlines() if not line.startswith("#")]
    assert patterns == ["leak:take", "leak:add_entry"], f"a wrapper of malloc is nobody's leak: {patterns}"
    text = box.report(box.usual(), "--suppress", box.file("s", written))
    assert "LeakSanitizer" not in text and "Suppressions used:" in text


# ---- other formats

def test_json(box):
    document = box.json(box.usual(), "--format", "json")
    view, = document["views"]
    assert document["version"] == 1 and view["processes"][0]["pid"] == 4711 and len(view["processes"][0]["cycles"]) == 3
    assert view["sum"] == {"lost_bytes": 1508, "lost_blocks": 26, "late_bytes": 77, "late_blocks": 1, "live_bytes": 706}
    first = view["lost"][0]
    assert first["bytes"] == 500 and first["still_leaking"] is True and first["bytes_per_second"] == 50.0
    assert [proof["bytes"] for proof in first["proofs"]] == [200, 300]
    frames = view["sites"][first["site"]]["frames"]
    assert [(frame["function"], frame["line"], frame["inlined"]) for frame in frames[:2]] == [
        ("take", box.program.lines["take"], True), ("parse_header", box.program.lines["parse_header"], False)]
    assert frames[0]["build_id"] == box.program.build_id
    assert view["lost"][1]["holders"][0]["symbol"] == "cache_head"
    assert [row["generations"] for row in view["live"]] == [7, 1] and len(view["growing"]) == 1
    assert [row["retained"] for row in view["live"]] == [2048, None]
    assert view["growing"][0]["grown_bytes"] == 350 and view["live"][0]["stale_bytes"] == 150


def pprof(box, path, *arguments):
    """go tool pprof, with its files here."""
    environment = {**os.environ, "PPROF_TMPDIR": str(box.folder), "HOME": str(box.folder), "GOCACHE": str(box.folder / "cache")}
    done = subprocess.run([box.tool("go"), "tool", "pprof", *arguments, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=environment)
    assert done.returncode == 0, f"pprof refused it: {done.stderr}"
    return done.stdout


def test_pprof(box):
    box.tool("go")
    path = box.path("profile.pb.gz")
    box.report(box.usual(), "--format", "pprof", "-o", path)
    top = pprof(box, path, "-top", "-unit=B")
    assert "Type: leaked_space" in top and box.program.build_id in top
    flat = {words[5]: (words[0], words[3]) for words in map(str.split, top.splitlines()) if len(words) >= 6 and "%" in words[1]}
    assert flat["take"] == ("500B", "500B") and flat["xmalloc"] == ("960B", "960B") and flat["main"] == ("0", "1508B"), flat
    for index, wanted in (("inuse_space", "706B"), ("alloc_space", "746B")):
        assert f"{wanted} total" in pprof(box, path, "-top", "-unit=B", f"-sample_index={index}"), index
    for index, wanted in (("inuse_objects", "16"), ("alloc_objects", "20"), ("leaked_objects", "26")):
        assert f"of {wanted} total" in pprof(box, path, "-top", f"-sample_index={index}"), index
    assert f"fixture.c:{box.program.lines['take']} (inline)" in pprof(box, path, "-top", "-lines")
    raw = pprof(box, path, "-raw")
    assert re.search(rf"^1: 0x555555554000/0x555555559000/0x0 {box.program.path} {box.program.build_id}", raw, re.M), raw


def test_pprof_of_several(box):
    box.tool("go")
    path = box.path("profile.pb.gz")
    box.report(box.usual("a"), box.usual("b", pid=5000, base=0x7f0000000000), "-f", "pprof", "-o", path, "--what", "live")
    assert "1412B total" in pprof(box, path, "-top", "-unit=B")
    assert re.search(r"706\S* \(50\.00%\): fixture \(5000\)", pprof(box, path, "-tags"))


def test_folded(box):
    lines = box.report(box.usual(), "--format", "folded").splitlines()
    assert all(re.fullmatch(r"[^;]+(;[^;]+)* \d+", line) for line in lines)
    assert lines == ["main;add_entry 48", "main;read_config;add_entry;xmalloc 960", "main;read_config;parse_header;take 500"]
    live = box.report(box.usual(), "--format", "folded", "--what", "live").splitlines()
    assert sum(int(line.rsplit(" ", 1)[1]) for line in live) == 706


def test_folded_names_with_semicolons(box):
    report = reports.Report(box.program, path="/no/such")
    frames = [{"pc": "0x1", "module": 0, "offset": "0x0", "function": "a;b c\nd"}, {"pc": "0x2f", "module": 0}]
    report.add("site", site=1, frames=frames).sites["short"] = 1
    assert box.report(report.lost("short", 8).end().write(box.path("r")), "-f", "folded") == "0x2f;a:b c d 8\n"


def test_speedscope(box):
    """The fields that https://www.speedscope.app/file-format-schema.json requires of a sampled profile."""
    document = box.json(box.usual(), "--format", "speedscope")
    assert document["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames, (profile,) = document["shared"]["frames"], document["profiles"]
    assert all(isinstance(frame["name"], str) and isinstance(frame.get("line", 0), int) for frame in frames)
    assert {"type", "name", "unit", "startValue", "endValue", "samples", "weights"} == set(profile)
    assert profile["type"] == "sampled" and profile["unit"] == "bytes" and profile["startValue"] == 0
    assert len(profile["samples"]) == len(profile["weights"]) == 3 and profile["endValue"] == sum(profile["weights"]) == 1508
    assert all(0 <= index < len(frames) for sample in profile["samples"] for index in sample)
    assert [frames[index]["name"] for index in profile["samples"][0]] == ["main", "read_config", "parse_header", "take"]


def test_sarif(box):
    """The fields that the schema of SARIF 2.1.0 requires, and what makes a finding the same in the next run."""
    document = box.json(box.usual(), "--format", "sarif")
    assert document["version"] == "2.1.0" and document["$schema"].endswith("sarif-2.1.0.json")
    run, = document["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "gcpre" and all(rule["id"] and rule["shortDescription"]["text"] for rule in driver["rules"])
    for result in run["results"]:
        assert result["message"]["text"] and result["level"] in ("error", "warning", "note", "none")
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        physical = result["locations"][0]["physicalLocation"]
        assert physical["artifactLocation"]["uri"] == reports.SOURCE.as_uri() and physical["region"]["startLine"] > 0
        assert all(frame["location"] for stack in result["stacks"] for frame in stack["frames"])
    assert [result["ruleId"] for result in run["results"]] == ["lost-direct", "lost-direct", "lost-indirect", "lost-at-exit"]
    place = run["results"][2]["locations"][0]
    assert place["physicalLocation"]["region"]["startLine"] == box.program.lines["add_entry"], "not the wrapper"


def fingerprints(box, path, *more):
    results = box.json(path, "--format", "sarif", *more)["runs"][0]["results"]
    return [result["partialFingerprints"]["gcpreSite/v1"] for result in results]


def test_sarif_fingerprints(box):
    """Other addresses, another run: the same. Other functions: others."""
    first = fingerprints(box, box.usual())
    assert len(set(first)) == 4
    assert first == fingerprints(box, box.usual(pid=99, base=0x7f1234560000))
    assert fingerprints(box, box.usual(), "--symbolizer", "none")[0] not in first
    assert fingerprints(box, box.usual(), "--symbolizer", "none") == fingerprints(
        box, box.usual(base=0x7f1234560000), "--symbolizer", "none")


def test_sarif_suppressed(box):
    run = box.json(box.usual(), "-f", "sarif", "--suppress", box.file("s", "leak:parse_header\n"))["runs"][0]
    assert [bool(result.get("suppressions")) for result in run["results"]].count(True) == 1
    assert box.json(box.usual(), "-f", "sarif", "--what", "growth")["runs"][0]["results"][0]["ruleId"] == "growing"


def test_prom(box):
    text = box.report(box.usual(), "--format", "prom")
    sample = re.compile(r'[a-zA-Z_:][\w:]*\{(?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*\} [0-9.e+-]+')
    typed = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"# TYPE (\w+) (counter|gauge|summary)", line):
            assert match[1] not in typed, "a metric stands in one piece"
            typed[match[1]] = match[2]
        elif not re.fullmatch(r"# HELP \w+ \S.*", line):
            assert sample.fullmatch(line), line
            assert re.sub(r"_(sum|count)$", "", line.split("{")[0]) == list(typed)[-1], line
    assert 'gcpre_leaked_bytes_total{program="fixture",class="direct"} 548\n' in text
    assert 'gcpre_live_bytes{program="fixture"} 4000\n' in text
    assert 'gcpre_gc_pause_seconds{program="fixture",quantile="1"} 0.003\n' in text and "gcpre_gc_pause_seconds_count" in text
    assert len(re.findall("^gcpre_site_leaked", box.report(box.usual(), "-f", "prom", "--top", 2), re.M)) == 2


def test_output_is_atomic(box):
    """A reader that has the old file open keeps it whole; nothing else is left in the folder; the mode stays."""
    usual, target = box.usual(), box.path("out/metrics.prom")
    target.parent.mkdir()
    target.write_text("old\n")
    target.chmod(0o604)
    with target.open() as old:
        assert box.report(usual, "--format", "prom", "-o", target) == ""
        assert old.read() == "old\n"
    assert target.read_text().startswith("# HELP") and os.listdir(target.parent) == ["metrics.prom"]
    assert target.stat().st_mode & 0o777 == 0o604
    target.write_text("old\n")
    box.report(box.file("bad", "{}\n"), "-o", target, says="bad:1", status=1)
    assert target.read_text() == "old\n" and os.listdir(target.parent) == ["metrics.prom"]
    box.report(usual, "-o", box.path("none/x"), says="none/x: cannot be written", status=1)
    assert box.report(usual, "-o", "/dev/stdout") == box.report(usual)


# ---- the page

def page(box, *arguments):
    box.report(box.usual(), *arguments, "--format", "html", "-o", box.path("page.html"))
    return box.path("page.html")


def test_html_is_self_contained(box):
    text = page(box).read_text()
    assert "default-src 'none'" in text and "prefers-color-scheme: dark" in text
    without = text.replace("http://www.w3.org/2000/svg", "")    # the name of SVG, which nobody fetches
    assert not re.search(r"https?://|<link|<img|<iframe|@import|url\(|\bsrc=", without)
    assert not re.search(r"@(TITLE|STYLE|DATA|SCRIPT)@", text)


def test_html_in_node(box):
    """Its scripts run, and do what a person with a keyboard asks of them, on the little document of dom.js."""
    done = subprocess.run([box.tool("node", "nodejs"), HERE / "page.js", page(box)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    assert done.returncode == 0 and lines == ["ok"], " | ".join(lines[-12:])


def test_html_in_chromium(box):
    browser = box.tool("chromium", "chromium-browser", "google-chrome")
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={box.path('profile')}",
                           "--enable-logging=stderr", "--dump-dom", page(box).as_uri()], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr[-300:]
    assert "parse_header" in re.sub(r"<script.*?</script>", "", done.stdout, flags=re.S), "the flame graph was not drawn"
    assert "CONSOLE" not in done.stderr, re.search(".*CONSOLE.*", done.stderr)[0]


def test_html_hostile_names(box):
    """Names from the report cannot end the script, nor stand for a part of the page."""
    report = reports.Report(box.program, path="/no/such")
    evil = "</script><script>alert(1)</script><!--@SCRIPT@ @DATA@"
    report.add("site", site=1, frames=[{"pc": "0x1", "module": 0, "function": evil}]).sites["short"] = 1
    report.lost("short", 8).end().write(box.path("r"))
    text = box.report(box.path("r"), "--format", "html")
    assert text.count("<script") == 2 and text.count("</script") == 2 and "<!--" not in text
    data = re.search(r'id="data">(.*?)</script>', text, re.S)[1]
    assert json.loads(data)[0]["frames"][0][0] == evil


# ---- several processes, two moments

def test_several(box):
    both = box.file("both", box.usual().read_text() + box.usual(pid=4712).read_text())
    text = box.report(both)
    assert re.findall(r"==(\d+)==ERROR", text) == ["4711", "4712"] and len(SUMMARY.findall(text)) == 2
    folded = box.report(both, "--format", "folded").splitlines()
    assert len(folded) == 6 and {line.split(";")[0] for line in folded} == {"fixture (4711)", "fixture (4712)"}
    assert len(box.json(both, "-f", "sarif")["runs"]) == len(box.json(both, "-f", "speedscope")["profiles"]) == 2
    assert 'pid="4712"' in box.report(both, "-f", "prom")


def lost_of_each(box, path):
    return [(view["processes"][0]["pid"], view["sum"]["lost_bytes"]) for view in box.json(path, "-f", "json")["views"]]


def test_mixed(box):
    """Processes that appended to one file, line by line in turns; and one whose number an earlier one had."""
    one, other = (reports.Report(box.program, pid=pid, base=base) for pid, base in ((1, 0x555555554000), (2, 0x7f0000000000)))
    one.lost("short", 7).lost("inlined", 70).end()
    other.lost("wrapped", 800).lost("short", 8).end()
    lines = [line for pair in zip(one.lines, other.lines) for line in pair]
    assert len(lines) == len(one.lines) + len(other.lines)
    mixed = box.file("mixed", "".join(f"{line}\n" for line in lines))
    assert lost_of_each(box, mixed) == [(1, 77), (2, 808)]
    again = reports.Report(box.program, pid=1).lost("short", 9).end()
    box.file("mixed", mixed.read_text() + again.text())
    assert lost_of_each(box, mixed) == [(1, 77), (2, 808), (1, 9)]


def test_lines_without_pid(box):
    """As the library wrote them once: they are of the process before them."""
    lines = [json.loads(line) for path in (box.usual(), box.usual("other", pid=4712)) for line in path.read_text().splitlines()]
    for fields in lines:
        if fields["type"] != "process":
            del fields["pid"]
    path = box.file("old", "".join(json.dumps(fields) + "\n" for fields in lines))
    assert lost_of_each(box, path) == [(4711, 1508), (4712, 1508)]


def test_merge(box):
    """Added up by site, although their addresses and the indices of their sites differ."""
    other = reports.Report(box.program, pid=4712, base=0x7f0000000000)
    other.lost("wrapped", 40, 1, **{"class": "indirect"}).lost("inlined", 1000, 5).live("inlined", 4, 1).end()
    report = LsanReport(box.report(box.usual(), other.write(box.path("other")), "--merge"))
    assert [leak[:3] for leak in report.leaks] == [("Direct", 1500, 10), ("Direct", 48, 1), ("Indirect", 1000, 21)]
    view, = box.json(box.usual(), box.path("other"), "--merge", "-f", "json")["views"]
    assert len(view["processes"]) == 2 and len(view["sites"]) == 3 and view["sum"]["live_bytes"] == 710
    assert box.report(box.usual(), box.path("other"), "--merge", "-f", "folded").count("\n") == 3


def test_diff(box):
    after = reports.Report(box.program, pid=5000, base=0x7f0000000000)
    after.lost("inlined", 900, 9).lost("wrapped", 900, 19, **{"class": "indirect"}).end().write(box.path("after"))
    text = box.report("--diff", box.usual(), box.path("after"))
    heads = re.findall(r"^(\w+): (\d+) -> (\d+) byte\(s\) \(([+-]\d+)\), (\d+) -> (\d+)", text, re.M)
    assert heads == [("Grew", "500", "900", "+400", "5", "9"), ("Gone", "48", "0", "-48", "1", "0"),
                     ("Shrank", "960", "900", "-60", "20", "19")] or heads == [
                     ("Grew", "500", "900", "+400", "5", "9"), ("Shrank", "960", "900", "-60", "20", "19"),
                     ("Gone", "48", "0", "-48", "1", "0")], heads
    assert "lost: 1508 -> 1800 byte(s), +292; 3 sites changed" in text and "in parse_header" in text
    changes = box.json("--diff", box.path("after"), box.usual(), "-f", "json")["changes"]
    assert {change["change"] for change in changes} == {"new", "grew", "shrank"}
    folded = box.report("--diff", box.usual(), box.path("after"), "-f", "folded").splitlines()
    assert "main;read_config;parse_header;take 500 900" in folded and "main;add_entry 48 0" in folded
    assert "0 sites changed" in box.report("--diff", box.usual(), box.usual("same", pid=3, base=0x7e0000000000))


def test_diff_options(box):
    live = box.report("--diff", box.usual(), reports.Report(box.program).end().write(box.path("r")), "--what", "live")
    assert "live: 706 -> 0 byte(s), -706; 2 sites changed" in live
    for arguments in (["--diff", box.usual(), box.usual(), "-f", "html"], [box.usual(), "--diff", "a", "b"], []):
        done = box.run("report", *arguments)
        assert done.returncode == 2 and b"gcpre report: error:" in done.stderr, arguments


# ---- as installed

def test_installed(box):
    """make install's layout: the tool finds its package; uninstall leaves nothing."""
    if not (ROOT / "build/libgcpre.so").exists():
        raise Skip("the library is not built, so there is nothing to install")
    make = ["make", "-s", "-o", "all", "PREFIX=/opt/gc", f"DESTDIR={box.folder}"]
    subprocess.run([*make, "install"], cwd=ROOT, check=True)
    tool = box.path("opt/gc/bin/gcpre")
    done = subprocess.run([tool, "report", "-f", "html", box.usual()], stdout=subprocess.PIPE, cwd=box.folder)
    assert done.returncode == 0 and b"parse_header" in done.stdout
    subprocess.run([*make, "uninstall"], cwd=ROOT, check=True)
    assert not [path for path in box.path("opt").rglob("*") if path.is_file()]


def test_copied_package(box):
    """The same below a prefix made by hand, where the library is not built; and without its package."""
    listed = subprocess.run(["make", "-s", "print-TOOL"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    installed = {f"gcpretool/{path.relative_to(ROOT / 'scripts/gcpretool')}" for path in (ROOT / "scripts/gcpretool").rglob("*")
                 if path.is_file() and "__pycache__" not in path.parts}
    assert set(listed) == installed, "make install takes every file"
    for name in listed:
        target = box.path("lib/gcpre") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / "scripts" / name).read_bytes())
    tool = box.path("bin/gcpre")
    tool.parent.mkdir()
    tool.write_bytes(TOOL.read_bytes())
    tool.chmod(0o755)
    done = subprocess.run([tool, "report", "-f", "html", box.usual()], stdout=subprocess.PIPE)
    assert done.returncode == 0 and b"parse_header" in done.stdout
    box.path("lib").rename(box.path("moved"))
    done = subprocess.run([tool, "report", box.usual()], stderr=subprocess.PIPE)
    assert done.returncode == 1 and b"install gcpre again" in done.stderr and done.stderr.count(b"\n") == 1
