#!/usr/bin/env python3
# `stuck`: threads that wait on a lock which nobody else can reach, and only those. With and without allocation sites, at -O2.
# timeout: 240
# config: default
import json
import sys

sys.dont_write_bytecode = True
from helpers.control import Server, build_server, of_type, run_all, tool

FOR_EVER = {"deadlock", "forgotten", "one", "another"}
BEHIND_THE_GLOBAL = {"global", "front", "behind"}


class Waiting(Server):
    def __init__(self, **more):
        super().__init__(program=build_server("stuck", "-D_GNU_SOURCE", "-O2"), **more)
        pairs = (word.split("=") for word in self.process.stdout.readline().split())
        self.names = {int(tid): name for name, tid in pairs}


def stuck(server, client):
    return {server.names.get(each["tid"], each["tid"]) for each in of_type(client.good("stuck"), "stuck")}


def check(**more):
    with Waiting(**more) as server:
        client = server.client()
        assert stuck(server, client) == FOR_EVER, (stuck(server, client), server.names)
        server.do("forget")
        assert stuck(server, client) == FOR_EVER | BEHIND_THE_GLOBAL, (stuck(server, client), server.names)
        cycle = client.good("gc")[0]
        assert "doubt" not in cycle, cycle      # the next one reclaims as ever


def test_with_sites():
    check()


def test_without_sites():
    check(leaks="off", GCPRE_SAMPLE="off")


def test_mprotect():
    check(GCPRE_BARRIER="mprotect")


def test_without_a_barrier():
    with Waiting(GCPRE_BARRIER="none") as server:
        server.client().bad("stuck", "could not be told")


def test_tool():
    with Waiting() as server:
        said = tool("stacks", server.pid).stdout
        marked = {int(part.split()[0]) for part in said.split("thread ")[1:] if "for ever" in part}
        assert {server.names[tid] for tid in marked} == FOR_EVER, said
        assert "make_place stuck.c:" in said, said
        threads = of_type(map(json.loads, tool("stacks", server.pid, "--json").stdout.splitlines()), "thread")
        assert {server.names[each["tid"]] for each in threads if each.get("stuck")} == FOR_EVER, threads


run_all(globals())
