#!/usr/bin/env python3
# Every command of the control socket: what it answers in a program that leaks, and that what it says is true.
# timeout: 240
import base64
import re
import sys

sys.dont_write_bytecode = True
from helpers.control import Server, of_type, run_all, tool, wait_until


def test_greeting_and_help():
    with Server() as server:
        client = server.client()
        assert client.greeting == b"gcpre 1 %d\n" % server.pid, client.greeting
        words = [each["command"] for each in client.good("help")]
        assert words == ["help", "stats", "memory", "gc", "leaks", "sites", "advise", "profile", "mark", "diff", "retained", "weakly", "who", "stacks", "stuck", "set"], words
        client.bad("what", "help")
        client.bad("", "help")
        client.bad("stats now", "write: stats")
        client.bad("leaks 0", "write: leaks [N]")
        assert client.ask(b"stats\r\n")[-1]["type"] == "ok"     # as a terminal's program may send it


def test_stats_and_gc():
    with Server() as server:
        client = server.client()
        server.do("lose 1000")
        before = client.good("stats")[0]
        cycle = client.good("gc")[0]
        after = client.good("stats")[0]
        assert cycle["forced"] and cycle["cycle"] > before["num_gc"], cycle
        assert after["num_gc"] >= cycle["cycle"] and after["num_forced_gc"] > before["num_forced_gc"], after
        assert after["at_ns"] > before["at_ns"] and after["last_gc_ns"] > before["last_gc_ns"]
        assert after["pause_total_ns"] >= after["pause_max_ns"] >= after["pause_last_ns"] > 0, after
        assert sum(after[f"pause_{part}_ns"] for part in ("stopping", "roots", "written")) <= after["pause_last_ns"], after
        assert after["lost_blocks"] >= 900 and after["total_alloc"] >= 300 * 1000, after
        assert after["threads"] == 1 and after["pid"] == server.pid and after["rss_bytes"] > 1 << 20, after


def test_leaks_and_sites():
    with Server() as server:
        client = server.client()
        server.do("lose 1000")
        server.do("keep 700")
        client.good("gc")
        client.good("gc")
        records = client.good("leaks")
        assert records[0]["type"] == "process" and records[0]["pid"] == server.pid, records[0]
        lost = max(of_type(records, "lost"), key=lambda each: each["bytes"])
        assert 900 <= lost["blocks"] <= 1010 and lost["bytes"] == 300 * lost["blocks"] and lost["class"] == "direct", lost
        assert 0 <= lost["since_ns"] < lost["first_ns"] <= lost["last_ns"] and lost["bytes_per_hour"] > 0, lost
        site, = [each for each in of_type(records, "site") if each["site"] == lost["site"]]
        modules = {each["module"]: each for each in of_type(records, "module")}
        assert modules[site["frames"][0]["module"]]["path"].endswith("control_server"), site
        # Told once a connection.
        assert not of_type(client.good("leaks"), "site") and not of_type(client.good("leaks"), "process")
        living = of_type(client.good("sites"), "live")
        assert max(each["blocks"] for each in living) >= 690, living
        assert len(of_type(client.good("sites 1"), "live")) == 1
        assert of_type(client.good("sites 1"), "live")[0]["bytes"] == max(each["bytes"] for each in living)


def test_marks():
    with Server() as server:
        client = server.client()
        client.bad("diff before", "mark before")
        client.good("mark before")
        server.do("keep 500")
        server.do("lose 500")
        client.good("gc")
        client.good("gc")
        mark, *changes = [each for each in client.good("diff before") if each["type"] in ("mark", "change")]
        assert mark["name"] == "before" and mark["heap_alloc"] > 0 and mark["now_ns"] > mark["at_ns"], mark
        assert sum(each["live_blocks"] - each["live_blocks_before"] for each in changes) >= 490, changes
        assert 450 <= sum(each["lost_blocks"] - each["lost_blocks_before"] for each in changes) <= 510, changes
        for number in range(7):
            client.good(f"mark m{number}")
        client.bad("mark one-more", "again")
        client.good("mark before")
        assert not of_type(client.good("diff before"), "change")


def test_who():
    with Server() as server:
        client = server.client()
        kept, freed, local, variable = server.do("addresses")
        who = of_type(client.good(f"who {kept}"), "who")[0]
        assert (who["kind"], who["state"], who["base"], who["asked_bytes"]) == ("heap", "allocated", kept, 64), who
        inside = of_type(client.good(f"who {int(kept, 16) + 5}"), "who")[0]
        assert inside["base"] == kept and inside["offset"] == 5 and inside["site"] == who["site"], inside
        assert of_type(client.good(f"who {freed}"), "who")[0]["state"] in ("cached", "free")
        stack = of_type(client.good(f"who {local}"), "who")[0]
        assert stack["kind"] == "stack" and stack["tid"] == server.pid and stack["note"] == "not a heap block", stack
        assert of_type(client.good(f"who {variable}"), "who")[0]["kind"] == "mapping"
        assert of_type(client.good("who 0x10"), "who")[0]["kind"] == "nothing"
        assert of_type(client.good("who 0xffffffffffffffff"), "who")[0]["kind"] == "nothing"
        client.bad("who here", "write: who ADDRESS|site:N")


def test_stacks():
    with Server() as server:
        client = server.client()
        server.do("thread")
        server.do("thread")
        threads = of_type(client.good("stacks"), "thread")
        while sum(each["name"] == "sleeper" for each in threads) < 2:   # they name themselves
            threads = of_type(client.good("stacks"), "thread")
        assert len(threads) == 3 and {each["state"] for each in threads} <= set("RSD"), threads
        assert all(len(each["registers"]) == 17 for each in threads), threads
        for thread in threads:
            one = client.good(f"stacks {thread['tid']}")
            assert [each["tid"] for each in of_type(one, "thread")] == [thread["tid"]], one
            stack = int(of_type(one, "thread")[0]["registers"][7], 16)
            first = of_type(one, "stack")[0]
            assert 0 <= stack - int(first["address"], 16) < len(base64.b64decode(first["data"])), first
        for tid in (1, 1 << 31, 1 << 32):
            client.bad(f"stacks {tid}", f"there is no thread {tid}")
        assert client.good("stats")[0]["threads"] == 3


def test_last_holder():
    """Which block had the last pointer to what was lost, in the answer and on the first screen of top."""
    with Server() as server:
        client = server.client()

        def holders():
            server.do("replace 1")
            return [each for each in of_type(client.good("gc") and client.good("leaks"), "lost") if each.get("holder", {}).get("kind") == "heap"]

        lost, = wait_until(holders, "something that a cycle had met is lost")
        assert lost["holder"]["offset"] == 8 and lost["holder"]["site"], lost
        for command in (["leaks", server.pid], ["top", "--once", "--every", "0.1", server.pid]):
            shown = tool(*command, env={"COLUMNS": "100", "LINES": "24"}).stdout
            assert re.search(r"last referenced from block at \+8 allocated at replace_header server.c:\d+\n", shown), shown


def test_thread_leaks():
    with Server() as server:
        client = server.client()
        server.do("unjoined 3")
        leaks = wait_until(lambda: len(found := of_type(client.good("leaks"), "thread_leak")) == 3 and found, "they end")
        assert {each["name"] for each in leaks} == {"forgotten"} and len({each["tid"] for each in leaks}) == 3, leaks
        assert all(each["started_ns"] < each["finished_ns"] <= each["at_ns"] and each["stack_bytes"] for each in leaks), leaks
        done = tool("leaks", server.pid)
        assert re.search(r"Thread 'forgotten' \(tid=\d+, finished\) created at:\n    #0 \S+ in \w+ \S+server.c:\d+\n", done.stdout), done
        assert "And 2 more similar thread leaks." in done.stdout and "SUMMARY: libgcpre: 3 thread(s)" in done.stdout, done.stdout
        server.do("thread")     # runs: no leak
        assert len(of_type(client.good("leaks"), "thread_leak")) == 3


def test_set():
    with Server(GCPRE_STRESS="0") as server:
        client = server.client()
        client.good("gc")
        goal = client.good("stats")[0]["heap_goal"]
        client.good("set gogc=400")
        assert client.good("stats")[0]["heap_goal"] > goal
        client.good("set GOGC off")
        assert "heap_goal" not in client.good("stats")[0]
        client.good("set memlimit=1MiB")        # less than what lives: a little room is left
        tight = client.good("stats")[0]
        assert tight["memory_limit"] == 1 << 20 and tight["heap_goal"] < 3 << 20, tight
        client.good("set memlimit off")
        assert "memory_limit" not in client.good("stats")[0]
        client.bad("set memlimit=lots", "expected a size")
        client.good("set trace 1")
        assert client.good("stats")[0]["trace"]
        client.good("set trace off")
        client.bad("set gogc=0", "expected a whole number of percent")
        client.bad("set period=never", "expected a time")
        client.bad("set leaks=off", "gogc, memlimit, period and trace")
        client.bad("set gogc", "write: set KEY VALUE")
        cycles = client.good("stats")[0]["num_gc"]
        client.good("set period=20ms")      # and a cycle comes, although questions keep arriving
        while client.good("stats")[0]["num_gc"] < cycles + 3:
            pass


def test_memory():
    with Server() as server:
        client = server.client()
        server.do("keep 20000")
        server.do("lose 3000")
        memory = client.good("memory")[0]
        parts = {key: value for key, value in memory.items() if key.endswith("_bytes") and key != "rss_bytes"}
        assert len(parts) == 7 and sum(parts.values()) == memory["rss_bytes"], memory
        assert parts["live_bytes"] >= 20000 * 64 * 0.9 and parts["metadata_bytes"] and parts["other_bytes"], memory


def test_sampled():
    """Some blocks have stacks: what was lost and what lives has its function, and figures that are no more than estimates."""
    with Server(leaks="off", GCPRE_SAMPLE="4KiB", GCPRE_PROBATION="0") as server:
        client = server.client()
        server.do("lose 20000")
        server.do("keep 40000")
        client.good("gc")
        client.good("gc")
        records = client.good("leaks")
        assert records[0]["tier"] == "sampled", records[0]
        lost = max(of_type(records, "lost"), key=lambda each: each["bytes"])
        assert 0.7 * 20000 < lost["blocks"] < 1.3 * 20000, lost
        site, = [each for each in of_type(records, "site") if each["site"] == lost["site"]]
        assert len(site["frames"]) > 2 and "request" in site["frames"][0].get("function", "request"), site
        living = max(of_type(client.good("sites"), "live"), key=lambda each: each["bytes"])
        assert 0.7 * 40000 < living["blocks"] < 1.3 * 40000, living
        assert client.good("stats")[0]["tier"] == "sampled"


def test_without_leaks():
    with Server(leaks="off", GCPRE_SAMPLE="off") as server:
        client = server.client()
        for request in ("leaks", "sites", "mark a", "diff a"):
            client.bad(request, "GCPRE_LEAKS")
        client.good("gc")
        client.good("set gogc=50")
        assert "lost_bytes" not in client.good("stats")[0]
        kept = server.do("addresses")[0]
        who = of_type(client.good(f"who {kept}"), "who")[0]
        assert who["state"] == "allocated" and "site" not in who, who
        assert sum(value for key, value in client.good("memory")[0].items() if key.endswith("_bytes") and key != "rss_bytes")


run_all(globals())
