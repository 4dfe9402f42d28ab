"""Runs one script to its end, or to its limit, and leaves no process behind.

The calling process is a child subreaper: whatever a script starts, however it detaches itself, stays a descendant of
ours and is found through /proc. So a worker runs one job at a time. What outlives a script is ended and named.
"""

import ctypes
import os
import resource
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
TICK = 0.01         # seconds between two looks at /proc or at a child
GRACE = 10          # seconds that ending processes get, for core files and for a script's own clean-up


@dataclass
class Outcome:
    status: int | None = None           # exit status, negative for a signal, None: ran past its limit
    seconds: float = 0.0
    hung: list = field(default_factory=list)
    left_behind: list = field(default_factory=list)


def become_reaper():
    """Once in each worker: adopt orphans, end with the driver, keep core files."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: exit(1))
    signal.signal(signal.SIGINT, lambda *_: None)       # the driver hears it, and ends us
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def run(script, work, env, limit, stdout, stderr, library):
    """Runs a bash script in `work`; `library` tells which processes shall dump core when the limit is passed."""
    outcome, start = Outcome(), time.monotonic()
    with open(stdout, "wb") as out, open(stderr, "wb") as err:
        process = subprocess.Popen(["bash", str(script)], cwd=work, env=env, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=err, start_new_session=True)
    try:
        outcome.status = wait_for(process, start + limit)
        outcome.seconds = time.monotonic() - start
        if outcome.status is None:
            outcome.hung = abort_hung(library)
            signal_one(process.pid, signal.SIGTERM)
            wait_for(process, time.monotonic() + GRACE)
        elif not reaped_all(time.monotonic() + GRACE):
            outcome.left_behind = [name_of(pid) for pid in descendants()]
    finally:
        kill_all()
        process.returncode = process.returncode or 0    # reaped by us
    return outcome


def wait_for(process, deadline):
    """Exit status of `process`, or None when the deadline passes; reaps adopted orphans on the way."""
    while time.monotonic() < deadline:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == process.pid:
            return os.waitstatus_to_exitcode(status)
        if pid == 0:
            time.sleep(TICK)
    return None


def reaped_all(deadline):
    """True once no child is left: a stopped daemon may take a moment to go."""
    while time.monotonic() < deadline:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if pid == 0:
            time.sleep(TICK)
    return False


def kill_all():
    while True:
        for pid in descendants():
            signal_one(pid, signal.SIGKILL)
        if reaped_all(time.monotonic() + 10 * TICK):
            return


def abort_hung(library):
    """A hang is best understood from a core file: SIGABRT to those descendants that have the library mapped and wait
    for no child that has it too (one core in a folder overwrites another, and a parent's tells nothing)."""
    tree = descendants()
    preloaded = {pid for pid in tree if maps(pid, library)}
    youngest = preloaded - {tree[pid] for pid in preloaded}
    names = [name_of(pid) for pid in youngest]
    for pid in youngest:
        signal_one(pid, signal.SIGABRT)
    return names


def maps(pid, library):
    try:
        return library in Path(f"/proc/{pid}/maps").read_text(errors="replace")
    except OSError:
        return False


def signal_one(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def descendants():
    """All living descendants of this process, parents first: pid -> parent."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if state != "Z":
                children.setdefault(int(parent), []).append(int(entry.name))
    found, unvisited = {}, [os.getpid()]
    for parent in unvisited:
        found.update((pid, parent) for pid in children.get(parent, []))
        unvisited += children.get(parent, [])
    return found


def name_of(pid):
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        command = "gone meanwhile"
    return f"{pid} ({command})"
