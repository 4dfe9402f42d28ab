#!/usr/bin/env python3
# Growth that is reachable: of all that a program keeps, the list that gets entries for ever is named, and nothing else: no cache that
# is full, nothing that is filled and emptied in turn, no table that was filled at the start. It is named in the report of a process
# that is killed, over the control socket, and no longer when the list is gone.
# config: default
# timeout: 240
import json
import re
import sys

sys.dont_write_bytecode = True
from helpers.control import Server, build_server, of_type, run_all, tool

ROUNDS = 20000       # bounds the wait; a busy machine has fewer walks


def grower(**env):
    open("report", "w").close()     # each begins it anew
    return Server(program=build_server("growth"), GCPRE_FORMAT="json", GCPRE_GOGC="off", **env)




def rounds_until(server, client, condition):
    for _ in range(ROUNDS):
        server.do("round 1")
        client.good("gc")
        if found := condition():
            return found
    raise AssertionError("never came true")


def growing_sites(client):
    return [each for each in of_type(client.good("sites"), "live") if "growth" in each]


def lines_of(path="report"):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


def named(lines):
    """function of the innermost frame -> the last `growing` line about it."""
    sites = {each["site"]: each["frames"][0].get("function") for each in lines if each["type"] == "site"}
    return {sites[each["site"]]: each for each in lines if each["type"] == "growing"}


def test_only_the_list():
    with grower() as server:
        client = server.client()
        site, = rounds_until(server, client, lambda: growing_sites(client))
        assert site["bytes"] == 112 * site["blocks"] and site["blocks"] % 5 == 0, site
        growth = site["growth"]
        assert growth["steps"] >= 16 and growth["generations"] >= 16 and growth["confidence"] >= 50, growth
        assert 0 < growth["bytes"] <= site["bytes"] and growth["bytes_per_hour"] > 0 and growth["since_cycle"] >= 1, growth
        shown = tool("sites", server.pid, "-n", "1").stdout
        assert "in add_to_list " in shown and "    grows: " in shown and "confidence" in shown, shown
        told, = of_type(client.good("leaks"), "growing")
        assert told["site"] == site["site"] and told["growth"]["steps"] >= 16, told
        shown = tool("leaks", server.pid).stdout
        assert re.search(r"^nothing lost so far\n\nGrowing \d+ byte\(s\) in \d+ object\(s\), reachable,.*\n    #0 0x\w+ in add_to_list ", shown), shown
        screen = tool("top", "--once", "--every", "0.1", server.pid, env={"COLUMNS": "100", "LINES": "24"}).stdout
        assert [line for line in screen.splitlines() if "add_to_list growth.c:" in line and " +" in line], screen
        assert len([line for line in screen.splitlines() if " +" in line]) == 1, screen
        for _ in range(150):    # and nothing else, however long one looks
            server.do("round 1")
            client.good("gc")
            assert all(each["site"] == site["site"] for each in growing_sites(client))
        server.process.kill()
        server.process.wait()
        found = named(lines_of())
        assert [name for name, each in found.items() if "ended" not in each] == ["add_to_list"], found
        assert found["add_to_list"]["growth"]["steps"] >= 16 and found["add_to_list"]["bytes"] > 100 * 112, found
        told = [each for each in lines_of() if each["type"] == "growing" and each["site"] == found["add_to_list"]["site"]]
        assert len(told) <= 12, told    # when it is known, and when it has doubled


def test_the_end_of_growth():
    with grower() as server:
        client = server.client()
        rounds_until(server, client, lambda: growing_sites(client))
        server.do("empty")
        rounds_until(server, client, lambda: not growing_sites(client))
        assert named(lines_of())["add_to_list"]["ended"]
        assert "Growing" not in tool("sites", server.pid).stdout


def test_at_exit():
    with grower(leaks="cycle,exit") as server:
        client = server.client()
        rounds_until(server, client, lambda: growing_sites(client))
        server.tell("exit")
        server.process.wait()
        lines = lines_of()
        living = {each["site"]: each for each in lines if each["type"] == "live"}
        last = named(lines)["add_to_list"]
        assert last["growth"]["steps"] >= 16 and living[last["site"]]["growth"] == last["growth"], last
        assert lines[-1]["type"] == "end"
        check_way(lines, last)


def check_way(lines, last):
    """To the oldest entry, from the variable that holds the list: by way of all that came later."""
    path, = of_type(lines, "path")
    steps = of_type(lines, "step")
    assert path["found"] and path["site"] == last["site"] and path["root"]["kind"] == "global", path
    assert path["blocks"] == last["blocks"] == sum(step["blocks"] for step in steps), (path, steps)
    assert {step["site"] for step in steps} == {last["site"]} and steps[0]["offset"] == 0, steps
    assert "offset" not in steps[-1] and steps[-1]["base"] == path["base"], steps
    shown = tool("report", "report").stdout
    assert re.search(r"    its oldest block is held by\n      global list \(control_growth\+0x\w+\)\n      -> \d+ times 112 bytes at \+0, "
                     r"from add_to_list growth.c:\d+, first 0x\w+\n      -> 112 bytes, ", shown), shown


def test_text():
    """After what LeakSanitizer prints, or alone."""
    with Server(program=build_server("growth"), leaks="exit", GCPRE_GOGC="off", GCPRE_REPORT="text") as server:
        client = server.client()
        rounds_until(server, client, lambda: growing_sites(client))
        server.tell("exit")
        server.process.wait()
        with open("text", encoding="utf-8") as file:
            text = file.read()
        assert text.startswith("Growing: ") and text.count("Growing: ") == 1 and " in add_to_list (" in text, text


def test_sampled():
    """One block in many has a note: growth is seen in what they stand for."""
    with grower(leaks="off", GCPRE_SAMPLE="128") as server:
        client = server.client()
        site, = rounds_until(server, client, lambda: growing_sites(client))
        assert site["growth"]["steps"] >= 16, site


run_all(globals())
