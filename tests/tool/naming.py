"""Where names come from: the programs' files, separate debug files, the library; and when there are none."""

import os
import subprocess

import reports
from lsan import LsanReport, names


def test_symbolizers_agree(box):
    usual = box.usual()
    first = box.report(usual, "--symbolizer", box.tool("llvm-symbolizer"))
    assert first == box.report(usual, "--symbolizer", box.tool("addr2line"))


def test_symbolizer_none(box):
    report = LsanReport(box.report(box.usual(), "--symbolizer", "none"))
    frame = report.leaks[0][3][0]
    assert frame[3] is None and frame[5] == str(box.program.path)
    assert int(frame[6], 16) == box.program.addresses["at_take"] and box.program.build_id in frame[7]
    box.report(box.usual(), "--symbolizer", "no-such-tool", says="no-such-tool: symboliser not found", status=1)


def test_library_names_are_kept(box):
    """A name that the library knew stands where there is no better one."""
    report = reports.Report(box.program, path="/no/such/program")
    frames = [{"pc": "0x555555555168", "module": 1, "offset": "0x1168", "function": "known"}]
    report.add("site", site=1, frames=frames).sites["short"] = 1
    leaks = LsanReport(box.report(report.lost("short", 8).end().write(box.path("r")), says="is gone")).leaks
    assert names(leaks[0]) == ["known"] and leaks[0][3][0][5] == "/no/such/program"


def test_build_id_differs(box):
    for tool in box.symbolizers():
        path = reports.usual(box.program, build_id="ab" * 20).write(box.path("r"))
        text = box.report(path, "--symbolizer", tool, says="is another build than the one that ran")
        assert names(LsanReport(text).leaks[0]) == [None] * 3
        assert "cache_head" not in text and f"global at fixture+{box.program.addresses['cache_head']:#x}" in text


def test_build_id_missing(box):
    """Without one, only a file older than the process is believed."""
    path = reports.usual(box.program, build_id="").write(box.path("r"))
    box.report(path, says="is another build")
    bare = box.path("bare")
    subprocess.run(["objcopy", "--remove-section=.note.gnu.build-id", box.program.path, bare], check=True)
    path = reports.usual(box.program, build_id="", path=bare).write(box.path("r"))
    os.utime(bare, ns=(0, reports.BEGIN_NS - 1))
    assert names(LsanReport(box.report(path)).leaks[1]) == ["add_entry", "main"]
    os.utime(bare, ns=(0, reports.BEGIN_NS + 1))
    text = box.report(path, says="has no build-id and was changed since")
    assert names(LsanReport(text).leaks[1]) == [None, None]


def test_module_gone(box):
    for path in ("/no/such/program", str(box.folder)):
        usual = reports.usual(box.program, path=path).write(box.path("r"))
        assert names(LsanReport(box.report(usual, says=f"{path} is gone")).leaks[1]) == [None, None]
    damaged = box.file("damaged", box.program.path.read_bytes()[:3000])
    box.report(reports.usual(box.program, path=damaged).write(box.path("r")), says="damaged: ")


def test_stripped(box):
    """A stripped program has no name for these addresses; the nearest symbol would be a wrong one."""
    path = reports.usual(box.program, path=box.program.stripped(box.path("bin"))).write(box.path("r"))
    for tool in box.symbolizers():
        report = LsanReport(box.report(path, "--symbolizer", tool))
        assert [names(leak) for leak in report.leaks] == [[None] * 3, [None] * 2, [None] * 4], report.leaks


def test_nearest_symbol_is_no_name(box):
    """Of a stripped program that exports one function, the addresses in the others belong to no symbol."""
    exporting = reports.Program(box.folder, ["-Wl,--export-dynamic-symbol=parse_header"], "exporting")
    path = reports.usual(exporting, path=exporting.stripped(box.path("bin"))).write(box.path("r"))
    for tool in box.symbolizers():
        report = LsanReport(box.report(path, "--symbolizer", tool))
        assert [names(leak)[:2] for leak in report.leaks] == [["parse_header", None], [None, None], [None, None]], tool


def test_separate_debug_file(box):
    path = reports.usual(box.program, path=box.program.stripped(box.path("bin"))).write(box.path("r"))
    box.program.debug_file(box.path("debug"))
    for tool in box.symbolizers():
        text = box.report(path, "--symbols", box.path("debug"), "--symbolizer", tool)
        assert names(LsanReport(text).leaks[0]) == ["take", "parse_header", "read_config", "main"], tool
        assert "global cache_head" in text
    elsewhere = reports.usual(box.program, path="/no/such/fixture").write(box.path("r"))
    box.report(elsewhere, "--symbols", box.path("debug"))
    box.report(elsewhere, "--symbols", box.program.path.parent)


def test_one_process_a_module(box):
    """A symboliser is started once for all addresses of a module."""
    real = box.tool("llvm-symbolizer")
    fake = box.file("llvm-symbolizer", f'#!/bin/sh\necho run >>{box.path("log")}\nexec {real} "$@"\n')
    fake.chmod(0o755)
    both = box.file("both", box.usual().read_text() + box.usual(pid=4712, base=0x7f0000000000).read_text())
    report = box.report(both, "--symbolizer", fake, "--merge")
    assert "in parse_header" in report and box.path("log").read_text() == "run\n"


def test_symbolizer_dies(box):
    """Its answers are missing; everything else stays."""
    fake = box.file("llvm-symbolizer", "#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    assert LsanReport(box.report(box.usual(), "--symbolizer", fake)).bytes == 1508


def test_debuginfod_only_when_asked(box):
    fake = box.file("llvm-symbolizer", '#!/bin/sh\n[ "$1" = --help ] && echo --debuginfod\n'
                    f'echo "$@" "asks=$DEBUGINFOD_URLS" >>{box.path("log")}\n')
    fake.chmod(0o755)
    environment = {"DEBUGINFOD_URLS": "http://server.invalid"}
    gone = reports.usual(box.program, path="/no/such/program").write(box.path("r"))
    for flags in ([], ["--debuginfod"]):
        assert box.run("report", box.usual(), gone, "--symbolizer", fake, *flags, env=environment).returncode == 0
    without, *asked = [line for line in box.path("log").read_text().splitlines() if not line.startswith("--help")]
    assert without.endswith("asks=") and "--debuginfod" not in without
    assert all("--debuginfod" in line and line.endswith("asks=http://server.invalid") for line in asked) and len(asked) == 2
    assert f"--build-id={box.program.build_id}" in asked[1]
    done = box.run("report", box.usual(), "--debuginfod", env={"DEBUGINFOD_URLS": ""})
    assert done.returncode == 1 and b"set DEBUGINFOD_URLS" in done.stderr
