#!/usr/bin/env python3
# Clients of every kind at the control socket: several at once, silent, slow, gone in the middle, and such as send garbage. The
# program goes on, cycles go on, and everybody else is served.
# timeout: 240
import random
import socket
import sys

sys.dont_write_bytecode = True
from helpers.control import Client, Server, of_type, run_all, wait_until

PLACES = 6


def cycles_go_on(client):
    before = client.good("stats")[0]["num_gc"]
    client.good("gc")
    assert client.good("stats")[0]["num_gc"] > before


def test_two_at_once():
    with Server() as server:
        server.tell("serve")
        clients = [server.client() for _ in range(4)]
        for _ in range(20):
            for client in clients:  # all ask before the first reads
                client.send("gc")
                client.send("leaks")
            for client in clients:
                assert client.receive()[-1]["type"] == "ok" and client.receive()[-1]["type"] == "ok"
        server.do("")


def test_silent_and_too_many():
    with Server() as server:
        silent = [server.client() for _ in range(PLACES)]
        extra = Client.try_to_connect(server.path())
        assert b"too many connections" in extra.greeting, extra.greeting
        cycles_go_on(silent[-1])
        silent[0].close()
        wait_until(lambda: server.client().greeting.startswith(b"gcpre 1"), "a place is free again")


def test_slow_reader():
    """It asks for more than its socket holds and reads nothing: others are served, and it gets all of it later."""
    with Server() as server:
        server.do("keep 1000")
        slow, other = server.client(), server.client()
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.send(b"help\n" * 600)
        for _ in range(5):
            cycles_go_on(other)
        assert all(slow.receive()[-1]["type"] == "ok" for _ in range(600))


def test_gone_in_mid_answer():
    with Server() as server:
        server.tell("serve")
        watching = server.client()
        for number in range(30):
            client = server.client()
            client.send(("gc", "leaks", "sites", "help\nhelp\nhelp", "memory")[number % 5])
            if number % 3:
                client.socket.recv(10)
            client.close()
            if number % 10 == 0:
                cycles_go_on(watching)
        server.do("")


def test_half_closed():
    """As `echo stats | nc -U` does."""
    with Server() as server:
        client = server.client()
        client.send("gc\nstats")
        client.socket.shutdown(socket.SHUT_WR)
        assert of_type(client.receive(), "cycle") and of_type(client.receive(), "stats")
        assert client.receive() is None


def test_overlong_and_cut():
    with Server() as server:
        client = server.client()
        client.send(b"x" * 4096)
        assert "4096 bytes" in client.receive()[-1]["message"]
        assert client.receive() is None
        client = server.client()
        client.bad("who " + "9" * 4000, "write: who ADDRESS")     # a whole line that fits is answered
        client.send(b"sta")
        client.send(b"ts\nst")
        assert client.receive()[-1]["type"] == "ok"
        client.send(b"ats\n")
        assert client.receive()[-1]["type"] == "ok"


def test_garbage():
    with Server() as server:
        chance = random.Random(1)
        watching = server.client()
        for _ in range(50):
            client = server.client()
            try:
                client.send(bytes(chance.randrange(256) for _ in range(chance.randrange(1, 6000))))
                client.send(b"\n")
            except OSError:
                pass    # refused while it still wrote
            client.close()
        client = server.client()
        client.bad(b"\0\0\0\n", "help")
        client.bad("mark ../../etc", "write: mark NAME")
        client.bad('mark "', "write: mark NAME")
        cycles_go_on(watching)
        assert server.process.poll() is None


run_all(globals())
