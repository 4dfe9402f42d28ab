#!/usr/bin/env python3
# A process that is killed leaves in its report which threads had ended and were never joined, and not those that somebody joined in
# the end.
# config: default
import json
import sys

sys.dont_write_bytecode = True
from helpers.control import Server, of_type, run_all, wait_until


def told(path="report"):
    with open(path, encoding="utf-8") as file:
        return of_type([json.loads(line) for line in file], "thread_leak")


def standing():
    """The tids that are told of and were not taken back."""
    left = {}
    for each in told():
        key = each["tid"], each["started_ns"]
        if each.get("joined"):
            assert left.pop(key)["site"] == each["site"]
        else:
            assert key not in left and each["so_far"] and each["name"] == "forgotten" and each["stack_bytes"], each
            left[key] = each
    return left


def cycle_until(client, condition, what):
    wait_until(lambda: client.good("gc") and condition(), what)


def server():
    open("report", "w").close()
    return Server(GCPRE_FORMAT="json", GCPRE_GOGC="off")


def test_killed():
    with server() as running:
        client = running.client()
        running.do("unjoined 3")
        running.do("later")
        cycle_until(client, lambda: len(standing()) == 4, "all four are told of")
        running.do("join")
        cycle_until(client, lambda: len(standing()) == 3, "the one is taken back")
        for _ in range(3):
            client.good("gc")
        running.process.kill()
        running.process.wait()
    assert len(standing()) == 3 and len(told()) == 5, told()


def test_bounded():
    with server() as running:
        client = running.client()
        running.do("unjoined 300")
        cycle_until(client, lambda: len(standing()) == 256, "as many as are told of")
        client.good("gc")
        assert len(told()) == 256
        assert len(of_type(client.good("leaks"), "thread_leak")) == 300


run_all(globals())
