#!/usr/bin/env python3
# Reclaim and report: a program that loses 40 blocks of 1 MiB and 40000 small ones is held at less than half of what it would have
# grown to, and the report, stats and top say both.
# config: default
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "helpers"))
from control import TOOL, Server

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
__attribute__((noinline)) static void lose(size_t bytes) { memset(malloc(bytes), 1, bytes < 64 ? bytes : 64); }
int main(void)
{
    puts("ready");
    fflush(stdout);
    for (char line[100]; fgets(line, sizeof line, stdin);) {
        for (int i = 0; i < 10; i++) lose(1 << 20);
        for (int i = 0; i < 10000; i++) lose(500);
        puts("done");
        fflush(stdout);
    }
}
"""
LOST = 40 * (1 << 20) + 40000 * 500

subprocess.run(["gcc", "-O0", "-w", "-x", "c", "-", "-o", "program"], input=PROGRAM, text=True, check=True)
with Server(program="./program", leaks="exit", GCPRE_FORMAT="json") as server:
    client = server.client()
    for turn in range(4):
        server.process.stdin.write("\n")
        server.process.stdin.flush()
        assert server.process.stdout.readline() == "done\n"
        for cycle in range(3):
            client.good("gc")
    stats, = client.good("stats")
    screen = subprocess.run([TOOL, "top", "--once", str(server.pid)], capture_output=True, text=True).stdout
    server.process.stdin.close()
    server.process.wait()
assert stats["heap_unheld"] > 0.9 * LOST and stats["heap_peak"] < LOST / 2, stats
assert "would be" in screen, screen
view, = json.loads(subprocess.run([TOOL, "report", "-f", "json", "report"], capture_output=True, check=True).stdout)["views"]
process, = view["processes"]
assert process["unheld_bytes"] > 0.9 * LOST and process["held_bytes"] < LOST / 2, process
told = subprocess.run([TOOL, "report", "report"], capture_output=True, text=True, check=True).stdout
assert "the heap would have grown to" in told and "held at" in told, told
