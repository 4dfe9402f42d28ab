#!/usr/bin/env python3
# The control socket and what programs do: its place and modes, closing all descriptors, fork, exec, the ends of a process, calls
# that want a single thread, filters of system calls, other users, a set of files in its way.
# config: default uffd
# timeout: 240
import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from helpers.control import LIB, Client, Server, build_server, run_all, tool, wait_until


def gone(path):
    wait_until(lambda: not path.exists(), f"{path} is gone")


def test_modes():
    for mask in (0, 0o777):
        old = os.umask(mask)
        try:
            with Server(program=build_server()) as server:
                os.umask(old)
                server.client()
                assert stat.S_IMODE(server.path().stat().st_mode) == 0o600
                assert stat.S_ISSOCK(server.path().stat().st_mode)
                assert stat.S_IMODE(server.path().parent.stat().st_mode) == 0o700
        finally:
            os.umask(old)
        shutil.rmtree("run")


def test_off_by_default():
    with Server(GCPRE_CONTROL=None) as server:
        server.do("lose 1000")
        assert not server.path().exists() and not server.path().parent.exists()
        said = tool("stats", server.pid)
        assert said.returncode == 1 and "GCPRE_CONTROL=1" in said.stderr and said.stderr.count("\n") == 1, said


def test_tmp_without_runtime_folder():
    with Server(XDG_RUNTIME_DIR=None) as server:
        path = Path(f"/tmp/gcpre-{os.geteuid()}/{server.pid}.sock")
        wait_until(path.exists, "the socket is in /tmp")
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert tool("stats", server.pid).returncode == 0
        server.tell("exit")
        gone(path)


def test_not_the_programs():
    """The program does not see its descriptors, and cannot close them."""
    with Server(GCPRE_CONTROL=None) as server:
        without = int(server.do("descriptors")[0])
    with Server() as server:
        client = server.client()
        assert int(server.do("descriptors")[0]) == without
        server.do("closefrom")
        client.good("gc")
        server.client().good("stats")


def test_fork():
    with Server() as server:
        client = server.client()
        child = int(server.do("fork")[0])
        inner = server.client(child)
        assert inner.greeting == b"gcpre 1 %d\n" % child, inner.greeting
        assert client.good("stats")[0]["pid"] == server.pid and inner.good("stats")[0]["pid"] == child
        inner.good("gc")
        lost = wait_until(lambda: [each for each in inner.good("leaks") if each["type"] == "lost"] or inner.good("gc") and None,
                          "the child's losses")
        assert lost[0]["bytes"], lost
        os.kill(child, 9)
        client.good("gc")


def test_exec():
    with Server() as server:
        server.client().good("stats")
        server.tell("exec")
        assert server.process.stdout.readline() == "ready\n"
        assert server.client().good("stats")[0]["at_ns"] < 40e9
        server.client()
        server.tell("plain")    # another program, without the library: nobody listens at what is left
        wait_until(lambda: Path(f"/proc/{server.pid}/comm").read_text() == "sleep\n", "the other program runs")
        said = tool("stats", server.pid)
        assert said.returncode == 1 and "without libgcpre" in said.stderr, said.stderr


def test_ends():
    with Server() as server:
        server.client()
        server.do("lose 10")
        server.tell("exit")
        server.process.wait()
        assert not server.path().exists()
    for how in ("_exit", "kill"):
        with Server() as server:
            server.client()
            server.process.kill() if how == "kill" else server.tell("_exit")
            server.process.wait()
            left = server.path()
        with Server() as server:    # who comes next clears up
            server.client()
            assert not left.exists(), how


def test_closing_stdin_ends_main():
    with Server() as server:
        client = server.client()
        server.process.stdin.close()
        server.process.wait()
        assert server.process.returncode == 0 and not server.path().exists()
        try:
            assert client.ask("stats") is None
        except ConnectionError:
            pass


def test_single_thread():
    """Our threads end for unshare(CLONE_NEWUSER); the socket comes back."""
    with Server() as server:
        client = server.client()
        if server.do("single") != ["0"]:
            return  # not allowed here, with or without us
        try:
            assert client.receive() is None
        except ConnectionError:
            pass
        server.do("lose 1000")
        wait_until(server.path().exists, "the socket is back")
        again = server.client()     # who became nobody in its own view is still the same user to the kernel
        assert again.greeting.startswith(b"gcpre 1") or b"another user" in again.greeting, again.greeting


def test_seccomp():
    with Server() as server:
        client = server.client()
        server.do("seccomp")
        assert not server.path().exists()
        try:
            assert client.ask("stats") is None
        except ConnectionError:
            pass
        server.do("lose 10000")
        server.tell("exit")
        assert server.process.wait() == 0


def test_other_users():
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return
    with Server() as server:
        server.client()
        for path in (server.runtime, *server.runtime.rglob("*")):   # as if the modes did not protect it
            os.chmod(path, 0o777)
        other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        script = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
                  "sys.stdout.write(s.makefile().read())")
        os.chmod(".", 0o755)
        said = subprocess.run([*other, sys.executable, "-c", script, os.path.relpath(server.path())], capture_output=True, text=True)
        assert "another user's" in said.stdout and "gcpre 1" not in said.stdout, said
        server.client().good("stats")


def test_in_the_way():
    """A link where the folder should be is not followed; somebody who listens at the name keeps it."""
    victim = Path("victim")
    victim.mkdir(mode=0o755)
    shutil.rmtree("run", ignore_errors=True)
    Path("run").mkdir(mode=0o700)
    Path("run/gcpre").symlink_to(victim.resolve())
    with Server() as server:
        path = Path(f"/tmp/gcpre-{os.geteuid()}/{server.pid}.sock")
        wait_until(path.exists, "the socket is in /tmp instead")
        assert not list(victim.iterdir()) and stat.S_IMODE(victim.stat().st_mode) == 0o755
        server.tell("exit")
        server.process.wait()
    Path("run/gcpre").unlink()
    Path("run/gcpre").mkdir(mode=0o755)    # too open: put right
    # The number that the program will have is known to nobody; a shell takes the name of its own, and becomes the program.
    script = 'import os, socket, sys; os.makedirs("run/gcpre", exist_ok=True); s = socket.socket(socket.AF_UNIX); ' \
             's.bind(f"run/gcpre/{os.getpid()}.sock"); s.listen(); s.set_inheritable(True); os.execv(sys.argv[1], sys.argv[1:])'
    environment = {**os.environ, "LD_PRELOAD": "", "XDG_RUNTIME_DIR": str(Path("run").resolve())}
    library = {"LD_PRELOAD": str(LIB), "GCPRE_CONTROL": "1"}
    words = [f"{key}={value}" for key, value in library.items()]
    process = subprocess.Popen([sys.executable, "-c", script, shutil.which("env"), *words, build_server()], env=environment,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    said = process.stderr.readline()
    out = process.communicate("lose 1000\n")[0]
    assert out == "ok\n" and process.returncode == 0 and "no control socket" in said, (out, said)


def test_unlucky_folder():
    """Nowhere to put it: one line, and the program runs."""
    if os.geteuid() == 0:
        mine = Path(f"/tmp/gcpre-{os.geteuid()}")
        assert not mine.exists() or mine.is_dir()
    long = "/" + "x" * 3000
    with Server(XDG_RUNTIME_DIR=long) as server:
        path = Path(f"/tmp/gcpre-{os.geteuid()}/{server.pid}.sock")
        wait_until(path.exists, "the socket is in /tmp instead")
        probe = Client.try_to_connect(path)
        probe.good("stats")
        assert isinstance(probe.socket, socket.socket)
        server.tell("exit")
        gone(path)


run_all(globals())
