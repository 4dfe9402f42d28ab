#!/usr/bin/env python3
# gcpre profile: what a running program allocated, in all and over a time, in every format, with figures that are right.
# timeout: 240
# config: default
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from helpers.control import Server, build_server, of_type, run_all, tool


def profile(pid, *arguments):
    done = tool("profile", pid, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows_of(text, kind):
    """{function of the innermost frame: (bytes, blocks)}"""
    return {match[3]: (int(match[1]), int(match[2])) for match in
            re.finditer(rf"^{kind} (-?\d+) byte\(s\) in (-?\d+) object\(s\) .*\n    #0 \S+ in (\w+) \S*server\.c:\d+$", text, re.M)}


def near(one, other):
    """The program runs on while its figures are read."""
    return abs(one - other) <= 20 + 0.2 * other


def test_all_so_far():
    with Server() as server:
        server.client()
        server.do("lose 1000")
        server.do("keep 700")
        allocated = rows_of(profile(server.pid, "--what", "alloc"), "Allocated")
        assert allocated["parse_header"] == (300000, 1000) and allocated["remember"] == (64 * 700, 700), allocated
        assert allocated["request"] == (1000 * 1000, 1000), "of what is freed at once nothing lives, and it is there"
        living = rows_of(profile(server.pid), "Live")
        assert living["remember"] == (64 * 700, 700) and "request" not in living, living


def test_over_a_time():
    with Server() as server:
        client = server.client()
        server.do("lose 5000")
        server.do("keep 3000")
        sites_before = len(of_type(client.good("profile"), "live"))
        server.tell("serve")
        text = profile(server.pid, "--seconds", "2")
        allocated = rows_of(text, "Allocated")
        size, blocks = allocated["parse_header"]
        assert blocks > 0 and near(size, 300 * blocks) and near(allocated["request"][1], blocks), allocated
        kept, lasting = allocated["remember"], re.search(r"in remember .*?live \+(\d+), \+(\d+) bytes", text, re.S)
        assert near(int(lasting[1]), kept[1]) and near(kept[0], 64 * kept[1]), (kept, lasting[0])
        server.do("lose 0")     # it answers twice: for this, and for the serving that it ended
        now = {each["site"]: each for each in of_type(client.good("profile"), "live")}
        assert len(now) >= sites_before and kept[1] < max(each["blocks"] for each in now.values()), "less than all"


def test_sampled():
    with Server(leaks="off", GCPRE_SAMPLE="4KiB") as server:
        server.client()
        server.tell("serve")
        assert rows_of(profile(server.pid, "--seconds", "2"), "Allocated")["request"][0] > 0


def test_formats():
    with Server() as server:
        client = server.client()
        server.do("lose 1000")
        server.do("keep 700")
        client.good("gc")
        client.good("gc")
        folded = profile(server.pid, "-f", "folded", "--what", "alloc").splitlines()
        assert all(re.fullmatch(r"[^;]+(;[^;]+)* \d+", line) for line in folded), folded
        assert any(line.endswith(";request 1000000") for line in folded), folded
        scope = json.loads(profile(server.pid, "-f", "speedscope", "--what", "alloc"))
        assert scope["$schema"].endswith("file-format-schema.json")
        assert sum(scope["profiles"][0]["weights"]) == scope["profiles"][0]["endValue"] >= 1344800
        view, = json.loads(profile(server.pid, "-f", "json"))["views"]
        live = {view["sites"][each["site"]]["frames"][0]["function"]: each for each in view["live"]}
        assert live["remember"]["blocks"] == 700 and live["request"]["blocks"] == 0 and live["request"]["freed_blocks"] == 1000
        assert view["sum"]["lost_bytes"] >= 300 * 900 and view["sum"]["lost_bytes"] % 300 == 0, view["sum"]
        page = profile(server.pid, "-f", "html")
        assert '"alloc":1000000' in page and page.endswith("</html>\n"), page[:200]
        client.close()


def test_pprof():
    with Server() as server:
        server.client()
        server.do("lose 1000")
        server.do("keep 700")
        profile(server.pid, "-f", "pprof", "-o", "all.pb.gz")
        gzip.decompress(Path("all.pb.gz").read_bytes())
        server.tell("serve")
        profile(server.pid, "-f", "pprof", "-o", "time.pb.gz", "--seconds", "1")
        if not shutil.which("go"):
            return
        env = {**os.environ, "PPROF_TMPDIR": os.getcwd(), "HOME": os.getcwd()}
        top = subprocess.run(["go", "tool", "pprof", "-top", "-unit=B", "-sample_index=alloc_space", "all.pb.gz"], env=env,
                             capture_output=True, text=True, check=True).stdout
        assert re.search(r"^ *1000000B .* request", top, re.M) and re.search(r"^ *300000B .* parse_header", top, re.M), top
        top = subprocess.run(["go", "tool", "pprof", "-top", "-unit=B", "time.pb.gz"], env=env, capture_output=True, text=True,
                             check=True).stdout
        assert "Type: alloc_space" in top and re.search(r"B .* parse_header", top), top


def test_errors():
    with Server(leaks="off", GCPRE_SAMPLE="off") as server:
        server.client()
        done = tool("profile", server.pid)
        assert done.returncode == 1 and "GCPRE_LEAKS" in done.stderr and done.stderr.count("\n") == 1, done.stderr
    with Server(program=build_server()) as server:
        server.client()
        asked = subprocess.Popen([sys.executable, Path(tool.__globals__["TOOL"]), "profile", str(server.pid), "--seconds", "100"],
                                 stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        try:
            asked.wait(3)
        except subprocess.TimeoutExpired:
            pass
        server.tell("exit")
        said = asked.communicate(timeout=60)[1]
        assert asked.returncode == 1 and "has ended" in said and said.count("\n") == 1, said
    for wrong in (["--seconds", "0"], ["--seconds", "x"], ["-f", "sarif"], ["--what", "growth"]):
        done = tool("profile", 1, *wrong)
        assert done.returncode == 2 and "gcpre profile: error" in done.stderr, done.stderr


run_all(globals())
