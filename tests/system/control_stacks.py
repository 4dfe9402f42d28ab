#!/usr/bin/env python3
# gcpre stacks: every thread's stack from its innermost function to the one that nobody called, wherever it stands, at -O2.
# timeout: 240
# config: default mprotect
import json
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from helpers.control import Server, build_server, run_all, tool, wait_until

OUTER = ["start_thread", "clone"]
# Names of the C library that only libc6-dbg has: without it those frames are there, and have no name.
PRIVATE = [*OUTER, "pthread_kill"]
# What must be on the stack, innermost first, with whatever else between: by the function that the thread began with.
STACKS = {
    "in_libc": ["pthread_cond_wait", "wait_here", "wait_here", "in_libc", *OUTER],
    "in_a_loop": ["spin", "in_a_loop", *OUTER],
    "called_back": ["pause", "compare", "qsort_r", "called_back", *OUTER],
    "in_a_handler": ["pause", "handle", "<signal handler called>", "pthread_kill", "in_a_handler", *OUTER],
    "on_another_stack": ["pause", "handle", "<signal handler called>", "pthread_kill", "on_another_stack", *OUTER],
    "in_the_vdso": ["in_the_vdso", *OUTER],
    "in_malloc": ["in_malloc", *OUTER],
    "in_the_loader": ["pause", "hang", "dl_iterate_phdr", "in_the_loader", *OUTER],
    "main": ["read", "getchar", "main", "_start"],
}


def server():
    return Server(program=build_server("stacks", "-O2", "-fomit-frame-pointer"), GCPRE_LEAKS="off")


def stacks(pid):
    return wait_until(lambda: stopped(pid), "every thread stops in time, however busy the machine is")


def stopped(pid):
    done = tool("stacks", pid, "--json")
    assert done.returncode == 0 and not done.stderr, done.stderr
    threads = [json.loads(line) for line in done.stdout.splitlines()]
    return None if any("in time" in (thread["end"] or "") for thread in threads) else threads


def functions(thread):
    return [frame["function"] or "?" for frame in thread["frames"]]


def follows(names, wanted):
    """Whether the wanted names are parts of these, in this order."""
    rest = iter(names)
    return all(any(want in name or (name == "?" and want in PRIVATE) for name in rest) for want in wanted)


def find(threads, function):
    return next((thread for thread in threads if function in functions(thread)), None)


def all_are_there(pid):
    threads = stacks(pid)
    return threads if all(find(threads, name) for name in [*STACKS, "deeper"]) else None


def test_every_situation():
    with server() as process:
        process.client()
        threads = wait_until(lambda: all_are_there(process.pid), "every thread has got where it stays")
        assert len(threads) == len(STACKS) + 1, [functions(thread) for thread in threads]
        for name, wanted in STACKS.items():
            thread = find(threads, name)
            assert thread["complete"] and follows(functions(thread), wanted), f"{name}: {functions(thread)}, {thread['end']}"
        deep = find(threads, "deeper")
        assert not deep["complete"] and "not copied" in deep["end"] and len(deep["frames"]) > 500, deep["end"]
        for _ in range(10):     # the loops, wherever they are met
            for thread in stacks(process.pid):
                if thread is not find([thread], "deeper"):
                    assert thread["complete"], f"{thread['tid'] - process.pid} {functions(thread)}: {thread['end']}"
        line = next(frame["line"] for frame in find(threads, "in_libc")["frames"] if frame["function"] == "in_libc")
        assert line, "lines are looked up"


def test_text():
    with server() as process:
        process.client()
        threads = wait_until(lambda: all_are_there(process.pid), "every thread has got where it stays")
        done = tool("stacks", process.pid)
        assert done.returncode == 0, done.stderr
        assert len(re.findall(r'^thread \d+ "control_stacks", [a-z, _\w]+:$', done.stdout, re.M)) == 10, done.stdout
        assert re.search(r"^    #\d+ 0x[0-9a-f]{12} in wait_here \S*stacks\.c:\d+$", done.stdout, re.M), done.stdout
        assert re.search(r"^    \.\.\. \d+ more$", done.stdout, re.M) and done.stdout.endswith("\n10 threads\n"), done.stdout[-500:]
        tid = find(threads, "called_back")["tid"]
        one = tool("stacks", process.pid, tid).stdout
        assert "in called_back" in one and one.endswith("\n1 thread\n") and len(re.findall("^thread ", one, re.M)) == 1, one
        bad = tool("stacks", process.pid, 1)
        assert bad.returncode == 1 and "there is no thread 1" in bad.stderr, bad


def test_stripped():
    """Without symbols there is no name, but every frame is there: strip leaves the unwind tables."""
    program = build_server("stacks", "-O2", "-fomit-frame-pointer")
    subprocess.run(["strip", "-o", "stripped", program], check=True)
    with server() as known, Server(program="./stripped", GCPRE_LEAKS="off") as process:
        process.client()
        known.client()
        threads = wait_until(lambda: all_are_there(known.pid), "they are there")
        depths = {name: depth(find(threads, name)) for name in ("in_libc", "called_back", "in_a_handler", "on_another_stack")}
        for name, wanted in depths.items():
            wait_until(lambda: any(depth(thread) == wanted and thread["complete"] for thread in stacks(process.pid)), name)


def depth(thread):
    return sum(not frame["inlined"] for frame in thread["frames"])


run_all(globals())
