"""Debian's redis-server with a module that leaks (greet.c), under load, while its memory is sampled.

For scripts/demo, which draws what is measured, and run-check, which asserts it.
"""

import os
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIB = Path(os.environ.get("GCPRE_LIB", ROOT / "build/libgcpre.so")).resolve()
MODULE = ROOT / "build/demo/greet.so"
LOST_BYTES = 256  # by each GREET
KEYS = 10_000
SAMPLE_S = 0.005
DEADLINE_S = 60


def build_module():
    MODULE.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-O2", "-g", "-shared", "-fPIC", "-o", MODULE, ROOT / "tests/demo/greet.c"], check=True)


class Server:
    """A redis-server of its own, on a socket in a directory of its own, with some data that must not change."""

    def __init__(self, library=None, **variables):
        self.folder = tempfile.TemporaryDirectory(prefix="gcpre-demo-")
        self.path = Path(self.folder.name)
        self.socket, self.trace = self.path / "socket", self.path / "trace"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GCPRE_")}
        if library:
            environment |= {"LD_PRELOAD": str(library), "GCPRE_TRACE": "1", "GCPRE_LOG": str(self.trace)} | variables
        options = {"port": "0", "unixsocket": self.socket, "dir": self.path, "loadmodule": MODULE,
                   "save": "", "appendonly": "no", "enable-debug-command": "yes"}
        command = ["redis-server", *(word for name, value in options.items() for word in (f"--{name}", value))]
        self.log = (self.path / "log").open("w+")
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log)

    def __enter__(self):
        try:
            self.wait_until_ready()
            self.ask("DEBUG", "POPULATE", KEYS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()
        self.folder.cleanup()

    def wait_until_ready(self):
        deadline = time.monotonic() + DEADLINE_S
        while self.ask("PING", check=False) != "PONG":
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"redis-server did not start:\n{self.output()}")
            time.sleep(0.01)

    def ask(self, *words, check=True):
        command = ["redis-cli", "-s", self.socket, *map(str, words)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=check)
        return done.stdout.strip()

    def load(self, requests):
        """Sends so many GREETs; gives [(seconds, bytes resident)] and the requests served in a second."""
        with Sampler(self.process.pid) as sampler:
            command = ["redis-benchmark", "-s", self.socket, "-n", str(requests), "-c", "4", "-P", "32", "--csv",
                       "GREET", "world"]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return sampler.samples, float(re.search(r'^"GREET world","([\d.]+)"', done.stdout, re.M)[1])

    def has_mapped(self, library):
        return str(library) in Path(f"/proc/{self.process.pid}/maps").read_text()

    def trace_lines(self):
        return self.trace.read_text().splitlines() if self.trace.exists() else []

    def stop(self):
        """Ends in good order; gives the exit status."""
        self.ask("SHUTDOWN", "NOSAVE", check=False)
        return self.process.wait(DEADLINE_S)

    def output(self):
        self.log.flush()
        return (self.path / "log").read_text()


class Sampler:
    """Notes the resident memory of a process, from entering to leaving."""

    def __init__(self, pid):
        self.statm = Path(f"/proc/{pid}/statm")
        self.samples, self.done, self.begun = [], threading.Event(), time.monotonic()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.note()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self.note()

    def run(self):
        while not self.done.wait(SAMPLE_S):
            self.note()

    def note(self):
        pages = int(self.statm.read_text().split()[1])
        self.samples.append((time.monotonic() - self.begun, pages * os.sysconf("SC_PAGE_SIZE")))
