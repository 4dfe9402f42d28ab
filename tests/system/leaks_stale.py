#!/usr/bin/env python3
# Staleness: blocks that nobody writes for long are told of by their site, and those that the program or the kernel writes are not; a
# write ends it. Where writes between cycles cannot be watched nothing is said.
# config: default
# timeout: 240
import json
import sys

sys.dont_write_bytecode = True
from helpers.control import Server, build_server, of_type, run_all, skip, tool

BLOCKS, BYTES, LARGE = 2000, 200, 300000
LONG = "300ms"
LOOKS = 20000   # bounds the wait


def program(**env):
    open("report", "w").close()     # each begins it anew
    usual = {"GCPRE_STALE": LONG, "GCPRE_FORMAT": "json", "GCPRE_GOGC": "off", "GCPRE_BARRIER": "uffd"}
    return Server(program=build_server("stale"), **{**usual, **env})


def look(server, client, command="touch"):
    """After a write of all that is hot and a cycle: the program's five sites."""
    server.do(command)
    client.good("gc")
    return [each for each in of_type(client.good("sites"), "live") if each["blocks"] == BLOCKS or each["bytes"] == LARGE]


def stale_bytes(sites):
    return sum(each["stale"]["bytes"] for each in sites if "stale" in each)


def look_until(server, client, condition, command="touch"):
    for _ in range(LOOKS):
        sites = look(server, client, command)
        if condition(sites):
            return sites
    raise AssertionError(f"never came true: {sites}")


def need_uffd(client):
    if client.good("stats")[0]["barrier"] != "uffd":
        skip("no userfaultfd here")


def test_cold_and_hot():
    with program() as server:
        client = server.client()
        need_uffd(client)
        # A page in which others' blocks lie too may be written; the large block has pages of its own.
        sites = look_until(server, client, lambda sites: stale_bytes(sites) >= LARGE + BLOCKS * BYTES // 2)
        large, small = sorted((each for each in sites if "stale" in each), key=lambda each: each["blocks"])
        stale = small["stale"]
        assert len(sites) == 5 and stale["bytes"] == BYTES * stale["blocks"] <= BYTES * BLOCKS == small["bytes"], sites
        assert large["stale"]["bytes"] == large["bytes"] == LARGE and large["stale"]["blocks"] == 1, large
        assert stale["unwritten_ns"] >= stale["after_ns"] == 300 * 10**6, stale
        stats = client.good("stats")[0]
        assert stats["write_windows"] >= 3 and 0 < stats["write_watched_ns"] < stats["at_ns"], stats
        shown = tool("sites", server.pid).stdout
        assert shown.count("were not written for 0.3 s or longer") >= 2, shown
        for _ in range(50):     # and what is written never is
            assert {each["site"] for each in look(server, client) if "stale" in each} == {large["site"], small["site"]}
        look_until(server, client, lambda sites: stale_bytes(sites) == LARGE, "cold")   # not every write is watched
        look_until(server, client, lambda sites: stale_bytes(sites) > LARGE)


def test_at_exit():
    with program(leaks="exit") as server:
        client = server.client()
        need_uffd(client)
        look_until(server, client, lambda sites: stale_bytes(sites) >= LARGE)
        server.tell("exit")
        server.process.wait()
        with open("report", encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        cold = {each["site"] for each in lines if each["type"] == "site" and each["frames"][0].get("function") == "keep_cold"}
        assert cold & {each["site"] for each in lines if each["type"] == "live" and "stale" in each}
        ways = [each for each in lines if each["type"] == "path"]
        assert cold & {each["site"] for each in ways if each["found"]} and all("root" in each for each in ways), ways


def test_not_known():
    for env in ({"GCPRE_BARRIER": "mprotect"}, {"GCPRE_BARRIER": "none"}, {"GCPRE_STALE": "off"}):
        with program(**{"GCPRE_STALE": "1ms", **env}) as server:
            client = server.client()
            for _ in range(30):
                assert not stale_bytes(look(server, client)), env
            assert client.good("stats")[0]["write_windows"] == 0


run_all(globals())
