#!/usr/bin/env python3
# Weakly held blocks: of those of one site that a list holds, one is held by a pointer into it only, one by an unaligned pointer, one by a
# word of a stack. They are told of, over the control socket and at exit; their twins, that a table holds too, are not; nor is a site whose
# blocks are all held by pointers into them, nor what a thread-local variable holds.
# config: default
import json
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from helpers.control import Server, build_server, of_type, run_all, tool

BYTES = 72


def program(twin, form="json", **env):
    Path("report").write_text("", encoding="utf-8")
    return Server(program=[build_server("weak"), twin], GCPRE_FORMAT=form, **env)


def function_of(records, site):
    """By its name, of a report; of the socket's answer by its number alone."""
    found, = [each for each in of_type(records, "site") if each["site"] == site]
    return found["frames"][0].get("function")


def aged(server):
    client = server.client()
    for _ in range(3):
        client.good("gc")
    return client


def check_planted(weak):
    assert weak == {"blocks": 3, "bytes": 3 * BYTES, "inside": 1, "unaligned": 1, "stack": 1, "example": weak["example"]}, weak


def test_planted():
    with program("planted") as server:
        client = aged(server)
        live, = of_type(client.good("weakly"), "live")
        check_planted(live["weakly"])
        assert live["blocks"] == 64 + 3, live
        records = client.good(f"who {live['weakly']['example']}")
        assert of_type(records, "who")[0]["site"] == live["site"] and of_type(records, "path")[0]["found"], records
        live, = of_type(client.good("weakly 1"), "live")    # two more walks say the same
        check_planted(live["weakly"])
        shown = tool("leaks", server.pid).stdout
        assert re.search(rf"\nWeakly held {3 * BYTES} byte\(s\) in 3 object\(s\) allocated from:\n    #0 0x\w+ in make_entry .*\n(    #.*\n)+"
                         rf"    of 67 objects 3 of them \({3 * BYTES} B\) held weakly: 1 by pointers into the block only, "
                         r"1 by unaligned pointers, 1 by stacks or registers; for example 0x\w+\n", shown), shown
        assert tool("sites", server.pid, "--weakly").stdout.count("held weakly") == 1


def test_young():
    """What has not lived through two cycles is not told of."""
    with program("planted") as server:
        assert not of_type(server.client().good("weakly"), "live")


def test_clean():
    with program("clean") as server:
        client = aged(server)
        for _ in range(20):
            assert not of_type(client.good("weakly"), "live")
        assert "held weakly" not in tool("leaks", server.pid).stdout


def test_at_exit():
    for twin, told in (("planted", ["make_entry"]), ("clean", [])):
        with program(twin, leaks="exit") as server:
            server.process.stdin.close()
            server.process.wait()
        lines = [json.loads(line) for line in Path("report").read_text(encoding="utf-8").splitlines()]
        weak = {function_of(lines, each["site"]): each["weakly"] for each in of_type(lines, "live") if "weakly" in each}
        assert list(weak) == told and lines[-1]["lost_blocks"] == 0, (twin, weak, lines[-1])
        if told:
            check_planted(weak["make_entry"])
            assert "Weakly held" in tool("report", "report").stdout


def words_of(text):
    """All but the stack, without addresses."""
    return [re.sub(r"0x\w+", "", line) for line in text.splitlines() if re.search("Weakly held|held weakly", line)]


def test_text_at_exit():
    """The library's own words are the tool's."""
    shown = {}
    for form in ("text", "json"):
        with program("planted", form, leaks="exit") as server:
            aged(server)
            server.process.stdin.close()
            server.process.wait()
        shown[form] = Path("report").read_text(encoding="utf-8") if form == "text" else tool("report", "report").stdout
    assert re.search(rf"^Weakly held {3 * BYTES} byte\(s\) in 3 object\(s\) allocated from:\n    #0 0x\w+ in make_entry .*\n(    #.*\n)*"
                     rf"    of 67 objects 3 of them \({3 * BYTES} B\) held weakly: 1 by pointers into the block only, "
                     r"1 by unaligned pointers, 1 by stacks or registers; for example 0x\w+\n", shown["text"], re.M), shown["text"]
    assert "SUMMARY" not in shown["text"], shown["text"]
    assert words_of(shown["text"]) == words_of(shown["json"]), shown


def test_text_clean():
    with program("clean", "text", leaks="exit") as server:
        aged(server)
        server.process.stdin.close()
        server.process.wait()
    assert Path("report").read_text(encoding="utf-8") == ""


def test_refused():
    with program("planted", leaks="off", GCPRE_SAMPLE="1KiB") as server:
        server.client().bad("weakly", "GCPRE_LEAKS")
        assert tool("leaks", server.pid).returncode == 0


run_all(globals())
