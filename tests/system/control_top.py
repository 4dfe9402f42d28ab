#!/usr/bin/env python3
# gcpre top in a terminal: a server's leak is there, with its place in the source and its rate, within two cycles, while it serves;
# the screen keeps to 80x24, follows the terminal's size, survives the program's end, and leaves the terminal as it was.
# config: default
# timeout: 240
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from helpers.control import TOOL, Server, needs, run_all, tool, wait_until

needs("tmux")


class Terminal:
    """A tmux server of its own; what is on its screen is what a person would see."""
    count = 0

    def __init__(self, command, width=80, height=24):
        Terminal.count += 1     # one that ends keeps its name a while
        self.socket = f"tmux.{os.getpid()}.{Terminal.count}"
        env = {key: value for key, value in os.environ.items() if key not in ("TMUX", "TMUX_TMPDIR")}
        self.env = {**env, "LC_ALL": "C.UTF-8", "TERM": "screen", "PYTHONDONTWRITEBYTECODE": "1"}
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                  f"{command}; echo left with $?; exec sleep 1000")
        self.tmux("set", "status", "off")
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def tmux(self, *words):
        done = subprocess.run(["tmux", "-S", self.socket, *words], env=self.env, capture_output=True, text=True, errors="replace")
        return done.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def shows(self, pattern):
        try:
            return wait_until(lambda: re.search(pattern, self.screen(), re.M), pattern)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.screen()}") from None

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))


def top(server, *words):
    return Terminal(" ".join([sys.executable, str(TOOL), "top", "--every", "0.2", *words, str(server.pid)]))


def test_shows_the_leak_within_two_cycles():
    with Server(GCPRE_GOGC="off") as server:
        server.tell("serve")
        client = server.client()
        assert client.good("stats")[0]["num_gc"] == 0
        with top(server) as terminal:
            terminal.shows("gcpre top")
            assert "parse_header" not in terminal.screen() or "LIVE" in terminal.screen()
            for _ in range(2):
                client.good("gc")
            terminal.shows(r"^ +[\d.]+[KM]? +\d+ +[\d.]+[KM]?/s +\d+s .* parse_header server\.c:\d+$")
            assert client.good("stats")[0]["num_gc"] == 2
            terminal.keys("q")
            terminal.shows("left with 0")


def test_keys_sizes_and_end():
    with Server() as server:
        server.tell("serve")
        with top(server) as terminal:
            terminal.shows("LOST\\*")
            terminal.keys("b")
            terminal.shows("LIVE\\*")
            terminal.keys("g")
            terminal.shows("GROW\\*")
            terminal.keys("r")
            terminal.shows("RETAIN\\*")
            terminal.shows(r"^ +[\d.]+[KM]? +[\d.]+[KM]?  remember server\.c:\d+$")   # what lives, what it retains
            terminal.keys("h")
            terminal.shows("this help")
            terminal.keys("h")
            terminal.keys("c")
            terminal.shows("^cycle \\d+: ")
            check_size(terminal, 80, 24)
            for width, height in ((60, 12), (120, 40), (30, 5), (80, 24)):
                terminal.resize(width, height)
                wait_until(lambda: len(terminal.screen().split("\n")) in (height, height + 1), "the new size")
                terminal.shows("gcpre top")
                check_size(terminal, width, height)
            server.process.kill()
            terminal.shows(f"process {server.pid} has ended .*q: quit")
            terminal.shows("parse_header")      # the last that was known
            terminal.keys("q")
            terminal.shows("left with 0")
            assert "gcpre top" not in terminal.screen()     # the screen of before is back


def check_size(terminal, width, height):
    lines = terminal.screen().rstrip("\n").split("\n")
    assert len(lines) <= height and all(len(line) <= width for line in lines), lines


def test_interrupted():
    with Server() as server:
        with top(server) as terminal:
            terminal.shows("gcpre top")
            terminal.keys("C-c")
            terminal.shows("left with 130")
            assert "Traceback" not in terminal.screen()


def test_ascii():
    with Server() as server, top(server, "--ascii") as terminal:
        terminal.shows("gcpre top")
        assert terminal.screen().isascii()


def test_without_leaks():
    with Server(leaks="off", GCPRE_SAMPLE="off") as server, top(server) as terminal:
        terminal.shows("GCPRE_LEAKS=cycle")
        terminal.shows("^heap ")


def test_once():
    with Server() as server:
        server.tell("serve")
        client = server.client()
        client.good("gc")
        client.good("gc")
        done = tool("top", "--once", "--every", "0.2", server.pid, env={"COLUMNS": "80", "LINES": "24"})
        lines = done.stdout.splitlines()
        assert done.returncode == 0 and not done.stderr and len(lines) <= 24 and all(len(line) <= 80 for line in lines), done
        assert "parse_header server.c:" in done.stdout, done.stdout
        piped = tool("top", server.pid)
        assert piped.returncode == 1 and "--once" in piped.stderr


def test_commands():
    """The others, as text: each in a word or two of what it must say."""
    with Server() as server:
        server.client().good("gc")
        server.do("keep 100")
        kept = server.do("addresses")[0]
        for words, says in ((["stats"], r"^heap_alloc +\d"), (["memory"], r"^rss "), (["gc"], r"^cycle \d+: "),
                            (["mark", "a"], "^marked a"), (["diff", "a"], "^since a"), (["who", kept], "allocated block"),
                            (["stacks"], "1 thread"), (["set", "gogc=50"], "done"), (["sites", "-n", "1"], "^Live "),
                            (["leaks"], "lost|leak")):
            done = tool(words[0], server.pid, *words[1:])
            assert done.returncode == 0 and not done.stderr and re.search(says, done.stdout, re.M), (words, done)
        for words, says in ((["who", server.pid, "x"], "write: who"), (["diff", server.pid, "b"], "mark b"),
                            (["stats", 2**22 - 1], "there is no process"), (["stats", os.getpid()], "without libgcpre"),
                            (["mark", server.pid, "a b"], "blank"), (["set", server.pid, "leaks=0"], "gogc, memlimit, period and trace")):
            done = tool(*words)
            assert done.returncode == 1 and done.stderr.startswith("gcpre: ") and done.stderr.count("\n") == 1, done
            assert says in done.stderr, done.stderr


run_all(globals())
