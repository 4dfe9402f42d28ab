#!/usr/bin/env python3
# `who`: the way from a root to a block, `retained`: what would go with a site; over structures that are known. The program is compiled
# with -O2. With and without allocation sites.
# timeout: 240
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
from helpers.control import Server, build_server, of_type, run_all, tool, wait_until

NAMES = ["payload", "event", "mapped", "lost", "request", "dangling"]
NODES = 1000


def build():
    return build_server("planted", "-D_GNU_SOURCE", "-O2")


class Planted(Server):
    def __init__(self, **more):
        super().__init__(program=build(), **more)
        *addresses, tid = self.process.stdout.readline().split()
        self.at = dict(zip(NAMES, addresses))
        self.tid = int(tid)


def way(client, address):
    records = client.good(f"who {address}")
    path, = of_type(records, "path")
    return of_type(records, "who")[0], path, of_type(records, "step")


def function_of(server, records, step):
    """The innermost function that allocated it, by the program's symbols."""
    site, = [each for each in records if each["type"] == "site" and each["site"] == step["site"]]
    offset = site["frames"][0]["offset"]
    return subprocess.run(["addr2line", "-f", "-e", build(), offset], capture_output=True, text=True, check=True).stdout.split()[0]


def check_table(server, client):
    """global -> table -> list -> block"""
    who, path, steps = way(client, server.at["payload"])
    assert who["state"] == "allocated" and path["found"] and path["base"] == server.at["payload"], path
    assert path["root"]["kind"] == "global" and path["blocks"] == NODES + 2 and path["left_out"] == 0, path
    assert [step["blocks"] for step in steps] == [1, NODES - 1, 1, 1], steps
    assert [step.get("offset") for step in steps] == [8 + 3 * 8, 0, 8, None], steps
    assert steps[-1]["base"] == server.at["payload"] and path["looked_blocks"] >= NODES + 2, (path, steps)
    symbols = subprocess.run(["nm", build()], capture_output=True, text=True, check=True).stdout
    assert f"{path['root']['offset']:016x} B cache_head" in symbols, path
    return steps


def check_others(server, client):
    for name, kind in (("event", "kernel"), ("mapped", "mapping"), ("request", "stack")):
        _, path, steps = way(client, server.at[name])
        assert path["found"] and path["root"]["kind"] == kind and path["blocks"] == len(steps) == 1, (name, path, steps)
        assert ("address" in path["root"]) == (kind != "kernel"), path
        assert path["root"].get("tid") == (server.tid if kind == "stack" else None), path
    _, path, steps = way(client, server.at["lost"])
    assert not path["found"] and not steps and "problem" not in path and path["looked_blocks"] >= NODES, path


def test_with_sites():
    with Planted() as server:
        client = server.client()
        records = client.good(f"who {server.at['payload']}")
        made = [function_of(server, records, step) for step in of_type(records, "step")]
        assert made == ["make_table", "make_node", "make_node", "make_payload"], made
        assert [step["bytes"] for step in check_table(server, client)] == [72, 16, 16, 500]
        check_others(server, client)
        client.good("gc")
        client.good("gc")
        check_table(server, client)     # a cycle changes nothing
        records = client.good(f"who {server.at['lost']}")
        assert of_type(records, "who")[0]["state"] in ("condemned", "free", "cached"), records
        assert not any(each["found"] for each in of_type(records, "path")), records


def test_without_sites():
    with Planted(leaks="off", GCPRE_SAMPLE="off") as server:
        client = server.client()
        assert all("site" not in step for step in check_table(server, client))
        check_others(server, client)
        client.bad("who site:2", "GCPRE_LEAKS")
        client.bad("retained", "GCPRE_LEAKS")


def test_sampled():
    with Planted(leaks="off", GCPRE_SAMPLE="1KiB") as server:
        client = server.client()
        check_table(server, client)
        check_others(server, client)
        client.bad("retained", "GCPRE_LEAKS")


def site_of(client, address):
    return of_type(client.good(f"who {address}"), "who")[0]["site"]


def test_oldest_of_a_site():
    with Planted() as server:
        client = server.client()
        site = site_of(client, server.at["payload"])
        records = client.good(f"who site:{site}")
        assert of_type(records, "who")[0]["base"] == server.at["payload"] and of_type(records, "path")[0]["found"], records
        nodes = of_type(client.good(f"who {server.at['payload']}"), "step")[1]["site"]
        records = client.good(f"who site:{nodes}")      # the first that was made is the last of the list
        assert of_type(records, "path")[0]["blocks"] == NODES + 1, records
        client.bad(f"who site:{site_of(client, server.at['lost'])}", "can be reached")
        client.bad("who site:0", "no site")
        client.bad("who site:100000", "no site")
        client.bad("who site:", "write: who")


def test_retained():
    with Planted() as server:
        client = server.client()
        steps = of_type(client.good(f"who {server.at['payload']}"), "step")
        retained = {each["site"]: each["retained_bytes"] for each in of_type(client.good("retained"), "live")}
        table, nodes, _, payload = (retained[step["site"]] for step in steps)
        assert (payload, nodes, table) == (500, 16 * NODES + 500, 72 + 16 * NODES + 500), (payload, nodes, table)
        assert retained[site_of(client, server.at["event"])] == 77
        largest, = of_type(client.good("retained 1"), "live")
        assert largest["retained_bytes"] == max(retained.values()), (largest, retained)
        assert all("retained_bytes" not in each for each in of_type(client.good("sites"), "live"))


def test_at_exit():
    """The last lines of a JSON report have it too."""
    with Planted(leaks="exit", GCPRE_FORMAT="json", GCPRE_REPORT="exit.json") as server:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait()
        retained = [each.get("retained_bytes") for each in map(json.loads, Path("exit.json").read_text().splitlines()) if each["type"] == "live"]
        assert 72 + 16 * NODES + 500 in retained and None not in retained, retained


def test_the_end_beside_a_walk():
    """The last report comes between two steps of an answer, and takes nothing away from it."""
    for turn in range(12):
        with Server(leaks="exit", GCPRE_FORMAT="json", GCPRE_REPORT=f"end{turn}.json") as server:
            server.do("keep 60000")
            client = server.client()
            asking = threading.Thread(target=ask_until_it_ends, args=(client,))
            asking.start()
            time.sleep(0.01 * turn)     # so that ends come at several moments of an answer
            server.tell("exit")
            assert server.process.wait() == 0, server.process.returncode
            asking.join()
        assert json.loads(Path(f"end{turn}.json").read_text().splitlines()[-1])["type"] == "end"


def test_no_cycles_beside_a_walk():
    """No cycle may run from some moment between two steps on: that is the answer, one, and the collector's thread goes on."""
    for turn in range(12):
        with Server() as server:
            server.do("keep 200000")
            client = server.client()
            client.send("retained 5")
            time.sleep(0.01 * turn)     # so that it is at several moments of the answer
            server.do("passive")
            kinds = [each["type"] for each in client.receive()]
            assert kinds.count("ok") + kinds.count("error") == 1, kinds
            client.bad("gc", "there are no cycles in this process")


def ask_until_it_ends(client):
    try:
        while client.ask("retained 5"):
            pass
    except OSError:
        pass


def test_who_holds_what_was_freed():
    """In quarantine: the way to it is that of the pointer that dangles."""
    with Planted(GCPRE_FREE="quarantine") as server:
        client = server.client()
        records = client.good(f"who {server.at['dangling']}")
        assert of_type(records, "who")[0]["state"] == "quarantined", records
        path, = of_type(records, "path")
        assert path["found"] and path["root"]["kind"] == "global" and path["blocks"] == 2, records
    with Planted() as server:
        assert of_type(server.client().good(f"who {server.at['dangling']}"), "who")[0]["state"] in ("cached", "free")


def test_a_long_way():
    with Server() as server:
        client = server.client()
        _, path, steps = way(client, server.do("chain 100000")[0])
        assert path["found"] and path["blocks"] == 100000 and sum(step["blocks"] for step in steps) == 100000, (path, steps)
        _, path, steps = way(client, server.do("chain 100001")[0])
        assert not path["found"] and "100000 blocks" in path["problem"] and not steps, (path, steps)


def test_what_is_no_block():
    with Planted() as server:
        client = server.client()
        for address in ("0x10", "0xffffffffffffffff"):
            records = client.good(f"who {address}")
            assert of_type(records, "who") and not of_type(records, "path"), records


def test_beside_cycles():
    """A client that hangs up in the middle, and cycles all the time: answers stay right, and nobody waits for ever."""
    with Planted(GCPRE_PERIOD="5ms") as server:
        client = server.client()
        for _ in range(20):
            other = server.client()
            other.send(f"who {server.at['payload']}")
            other.close()
            check_table(server, client)
        before = client.good("stats")[0]["num_gc"]
        wait_until(lambda: client.good("stats")[0]["num_gc"] > before, "cycles go on")


def test_tool():
    with Planted() as server:
        client = server.client()
        site = site_of(client, server.at["payload"])
        for address in (server.at["payload"], f"site:{site}"):
            said = tool("who", server.pid, address).stdout
            assert "    global cache_head (control_planted+" in said, said
            assert "    -> 999 times 16 bytes at +0, from make_node planted.c:" in said, said
            assert "    -> 72 bytes at +32, from make_table planted.c:" in said, said
            assert said.rstrip().endswith(server.at["payload"]) and "alive by way of 1002 blocks" in said, said
        assert "the kernel: data of epoll" in tool("who", server.pid, server.at["event"]).stdout
        assert f"stack of thread {server.tid} (the word at 0x" in tool("who", server.pid, server.at["request"]).stdout
        assert "no way to it was found" in tool("who", server.pid, server.at["lost"]).stdout
        sites = tool("sites", server.pid, "--retained", "-n", "2").stdout
        assert sites.count("retains ") == 2 and "    retains 16.2 KB: with these blocks that much would go" in sites, sites
        assert f"site:{site};" in tool("sites", server.pid).stdout


run_all(globals())
