"""What the tests of the control socket share: a program to look into, and a client of their own that trusts nothing."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
LIB = Path(os.environ.get("GCPRE_LIB", ROOT / "build/libgcpre.so")).resolve()
TOOL = ROOT / "scripts/gcpre"
PATIENCE = 40   # seconds: for a starved machine, never waited out where things work


def skip(why):
    print(why)
    sys.exit(77)


def wait_until(condition, what):
    """The first true value of condition()."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"never came true: {what}")


def build_server(name="server", *flags):
    folder = Path(os.environ.get("BUILD", ROOT / "build/tests/system"))
    folder.mkdir(parents=True, exist_ok=True)
    program, source = folder / f"control_{name}", HERE / f"{name}.c"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        fresh = program.with_suffix(f".{os.getpid()}")     # several tests may be at it
        subprocess.run(["gcc", "-std=gnu17", "-O1", "-g", *flags, "-Wall", "-Wextra", "-o", fresh, source], check=True)
        fresh.rename(program)
    return program


class Server:
    """The program, with the library and a control socket; commands go to its standard input."""

    def __init__(self, leaks="cycle", program=None, **env):
        self.runtime = Path("run").resolve()
        self.runtime.mkdir(mode=0o700, exist_ok=True)
        environment = {**os.environ, "LD_PRELOAD": str(LIB), "GCPRE_CONTROL": "1", "XDG_RUNTIME_DIR": str(self.runtime),
                       "GCPRE_LEAKS": leaks, "GCPRE_REPORT": "report", **env}
        self.process = subprocess.Popen(program if isinstance(program, list) else [program or build_server()], env={k: v for k, v in environment.items() if v is not None},
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        assert self.process.stdout.readline() == "ready\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdout, self.process.stderr, self.process.stdin):
            try:
                stream.close()
            except OSError:
                pass    # what it no longer reads

    def tell(self, line):
        """Without waiting for the answer."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def do(self, line):
        self.tell(line)
        answer = self.process.stdout.readline()
        assert answer.endswith("ok\n"), f"{line}: answered {answer!r}, status {self.process.poll()}"
        return answer.split()[:-1]

    def path(self, pid=None):
        return self.runtime / f"gcpre/{pid or self.pid}.sock"

    def client(self, pid=None):
        wait_until(self.path(pid).exists, "the socket is there")
        return wait_until(lambda: Client.try_to_connect(self.path(pid)), "the socket answers")


class Client:
    def __init__(self, connected):
        self.socket = connected
        self.socket.settimeout(PATIENCE)
        self.file = connected.makefile("rb")
        self.greeting = self.file.readline()

    @staticmethod
    def try_to_connect(path):
        made = socket.socket(socket.AF_UNIX)
        try:
            made.connect(os.path.relpath(path))     # an absolute one may be longer than an address holds
        except OSError:
            made.close()
            return None
        return Client(made)

    def send(self, request):
        self.socket.sendall(request if isinstance(request, bytes) else request.encode() + b"\n")

    def receive(self):
        """All records of an answer; the last is ok or error. None if the connection was closed."""
        records = []
        while line := self.file.readline():
            records.append(json.loads(line))
            if records[-1]["type"] in ("ok", "error"):
                return records
        return None

    def ask(self, request):
        self.send(request)
        return self.receive()

    def good(self, request):
        records = self.ask(request)
        assert records and records[-1] == {"type": "ok"}, f"{request}: {records and records[-1]}"
        return records[:-1]

    def bad(self, request, says):
        records = self.ask(request)
        assert records and records[-1]["type"] == "error", f"{request}: {records}"
        assert says in records[-1]["message"], f"{request}: {records[-1]['message']!r} does not say {says!r}"

    def close(self):
        self.file.close()
        self.socket.close()


def of_type(records, kind):
    return [record for record in records if record["type"] == kind]


def tool(*arguments, **more):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE + 20,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **more.pop("env", {})}, **more)


def needs(program):
    if not shutil.which(program):
        skip(f"{program} is not installed")


def run_all(namespace):
    """Every function test_NAME; says which failed."""
    failed = 0
    for name, function in list(namespace.items()):
        if not name.startswith("test_"):
            continue
        try:
            function()
        except (AssertionError, OSError, ValueError, KeyError) as error:
            failed += 1
            line = error.__traceback__.tb_next.tb_lineno
            print(f"{name}: line {line}: {type(error).__name__}: {error}")
    sys.exit(failed > 0)
