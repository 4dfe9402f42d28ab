#!/usr/bin/env python3
# Processes that append to one JSON report, a line of one between lines of the other: each line says whose it is, and gcpre report
# tells of each process what it lost, and of nobody else's.
# config: default
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "helpers"))
from control import LIB, TOOL

ROUNDS = 4
PROGRAM = """
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
static __attribute__((noinline)) void lose(size_t bytes) { memset(malloc(bytes), 1, bytes); }
static __attribute__((noinline)) void cover(void) { volatile char dead[4000] = {0}; (void)dead[0]; }
static void turn(int from, int to, size_t bytes)
{
    char c = 'x';
    read(from, &c, 1);
    lose(bytes);
    cover();
    __lsan_do_recoverable_leak_check();
    write(to, &c, 1);
}
int main(void)
{
    int a[2], b[2];
    pipe(a), pipe(b);
    pid_t child = fork();
    write(b[1], "x", 1 - !child);
    for (int i = 0; i < ROUNDS; i++)
        child ? turn(b[0], a[1], 101) : turn(a[0], b[1], 202);
    if (child)
        waitpid(child, NULL, 0);
    return 0;
}
""".replace("ROUNDS", str(ROUNDS))

subprocess.run(["gcc", "-O0", "-g", "-w", "-x", "c", "-", "-o", "program"], input=PROGRAM, text=True, check=True)
environment = {**os.environ, "LD_PRELOAD": str(LIB), "GCPRE_LEAKS": "exit", "GCPRE_FORMAT": "json", "GCPRE_REPORT": "report"}
done = subprocess.run(["./program"], env=environment, capture_output=True, text=True)
assert done.returncode == 0 and not done.stderr, done

lines = [json.loads(line) for line in pathlib.Path("report").read_text().splitlines()]
pids = [line["pid"] for line in lines]
turns = sum(before != after for before, after in zip(pids, pids[1:]))
assert len(set(pids)) == 2 and turns >= 2 * ROUNDS - 1, f"they do not take turns: {pids}"
for number in set(pids):
    kinds = [line["type"] for line in lines if line["pid"] == number]
    assert kinds[0] == "process" and kinds[-1] == "end" and kinds.count("process") == 1, kinds

told = subprocess.run([TOOL, "report", "--format", "json", "report"], capture_output=True, text=True)
assert told.returncode == 0 and not told.stderr, told
lost = sorted((view["sum"]["lost_blocks"], view["sum"]["lost_bytes"]) for view in json.loads(told.stdout)["views"])
assert lost == [(ROUNDS, ROUNDS * 101), (ROUNDS, ROUNDS * 202)], lost
