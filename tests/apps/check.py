"""What a run has to fulfil, and how a failure is told.

A run passes when its stdout and exit status are those of the run without the library, the library had nothing to
complain about, nobody dumped core, no process was left behind, and under GCPRE_STRESS at least one collection is on
record in the traces of the whole process tree.
"""

import ctypes
import difflib
import fcntl
import os
import re
import shlex
import shutil
import struct
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import job

HERE = Path(__file__).resolve().parent
PROGRAMS = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"      # as in prelude
MISSING = 77                                                    # a script's exit status from `skip`

COMPLAINT = re.compile(r"(lib)?gcpre\b|ERROR: ld\.so: object")
CYCLE = re.compile(r"gc \d+ @")
EXPECTED = {                # app -> regular expression of what the library may say about it, and why that is right
    "gdb": r"mprotect given up .*through /proc",    # it tries at its start whether it could write its own memory that way
}


@dataclass
class App:
    name: str
    quick: str              # N in the quick set, "-": not in it
    full: str               # N otherwise
    limit: float            # seconds
    needs: list             # programs, or patterns of absolute paths

    def __post_init__(self):
        self.limit = float(self.limit)

    def interval(self, quick):
        return self.quick if quick and self.quick != "-" else self.full

    def missing(self):
        return [need for need in self.needs
                if not (any(Path("/").glob(need[1:])) if need.startswith("/") else shutil.which(need, path=PROGRAMS))]


@dataclass
class Config:
    name: str
    set: str                # quick, full, or "-": only when named
    environment: list

    @property
    def has_library(self):
        return self is not REFERENCE and self.name != "plain"

    @property
    def is_stress(self):
        return "GCPRE_STRESS=N" in self.environment


REFERENCE = Config("reference", "-", [])


@dataclass
class Plan:
    root: Path              # everything that the runs write
    library: Path
    configs: list
    quick: bool
    check_trace: bool
    extra: list             # NAME=VALUE from --set
    limit: float | None     # from --limit


class Run:
    """One script in one configuration, and what it left."""

    def __init__(self, app, config, plan):
        self.app, self.config, self.folder = app, config, plan.root / app.name / config.name
        for name in "work", "trace":
            (self.folder / name).mkdir(parents=True)
        (self.folder / "trace").chmod(0o1777)           # a server that dropped its privileges traces, too
        self.limit = plan.limit if plan.limit and config is not REFERENCE else app.limit
        env = {"CACHE": str(plan.root / app.name / "cache"), "QUICK": "1" if plan.quick else "",
               "PRELOAD": " ".join(["env", *self.preload(plan)])}
        self.outcome = job.run(HERE / f"{app.name}.sh", self.folder / "work", env, self.limit,
                               self.folder / "stdout", self.folder / "stderr", str(plan.library))
        self.stdout = (self.folder / "stdout").read_bytes()
        self.stderr = (self.folder / "stderr").read_text(errors="replace").splitlines()
        self.logged = [line for trace in sorted((self.folder / "trace").iterdir())
                       for line in trace.read_text(errors="replace").splitlines()]
        self.cycles = sum(1 for line in self.logged if CYCLE.match(line))
        self.cores = [file for file in self.folder.glob("work/**/core*") if is_core(file)]

    def preload(self, plan):
        """The words that $PRELOAD adds to `env`."""
        if not self.config.has_library:
            return []
        interval = self.app.interval(plan.quick)
        chosen = [word.replace("=N", f"={interval}") for word in self.config.environment]
        trace = ["GCPRE_TRACE=1", f"GCPRE_LOG={self.folder}/trace/trace.%p"]
        return [f"LD_PRELOAD={plan.library}", *trace, *chosen, *plan.extra]


def is_core(file):
    return file.is_file() and file.open("rb").read(18)[16:] == b"\4\0"      # ELF's e_type: ET_CORE


def test_app(task):
    """All tests of one app, a line for each; their count by verdict."""
    app, plan = task
    missing = app.missing()
    if missing:
        return report("SKIP", app.name, "all", f"{' '.join(missing)} missing, see tests/apps/packages")
    (plan.root / app.name / "cache").mkdir(parents=True)
    reference = Run(app, REFERENCE, plan)
    if reference.outcome.status == MISSING:
        return report("SKIP", app.name, "all", reference.stderr[-1])
    wrong = complaints(reference, reference, plan)
    if reference.outcome.status != 0:
        wrong.append(f"exit status {reference.outcome.status} without the library")
    if wrong:
        return report("FAIL", app.name, "reference", failure(reference, wrong, plan))
    return sum((test_config(app, config, reference, plan) for config in plan.configs), Counter())


def test_config(app, config, reference, plan):
    run = Run(app, config, plan)
    wrong = complaints(run, reference, plan)
    if wrong:
        return report("FAIL", app.name, config.name, failure(run, wrong, plan))
    shutil.rmtree(run.folder, ignore_errors=True)
    return report("PASS", app.name, config.name, f"{run.outcome.seconds:6.1f} s {run.cycles:6} cycles")


def report(verdict, app, config, text):
    sys.stdout.write(f"{verdict}  {app:10} {config:14} {text}\n")
    sys.stdout.flush()
    return Counter([verdict])


# ---- verdict

def complaints(run, reference, plan):
    """All that is wrong with a run, in words; empty if it passed."""
    wrong, status, expected = [], run.outcome.status, reference.outcome.status
    if status is None:
        wrong.append(f"still running after {run.limit:.0f} s: {', '.join(run.outcome.hung) or 'nothing preloaded'}")
    elif status != expected:
        wrong.append(f"exit status {status}, without the library {expected}")
    if status is not None and run.stdout != reference.stdout:
        wrong.append("stdout differs:\n" + difference(reference.stdout, run.stdout))
    wrong += [f"the library says: {line}" for line in outspoken(run)[:5]]
    wrong += [f"core file: {core}" for core in run.cores]
    if status != expected and (status or 0) > 128 and not run.cores:
        wrong.append(f"no core file here; the kernel's core_pattern is {Path('/proc/sys/kernel/core_pattern').read_text().strip()}")
    wrong += [f"left behind: {process}" for process in run.outcome.left_behind]
    if run.config.is_stress and plan.check_trace and not run.cycles:
        wrong.append("no collection in any trace: library not loaded, or passive, or N too large for this program")
    return wrong


def outspoken(run):
    """What the library said and should not have."""
    allowed = EXPECTED.get(run.app.name, r"(?!)")
    return [line for line in run.stderr + run.logged if COMPLAINT.match(line) and not re.search(allowed, line)]


def difference(expected, actual):
    sides = [side.decode(errors="replace").splitlines() for side in (expected, actual)]
    lines = list(difflib.unified_diff(*sides, lineterm="", n=0))[2:]
    return "\n".join(["(- without, + with the library)"] + lines[:10] + ["..."] * (len(lines) > 10))


def failure(run, wrong, plan):
    """A failure in full: what is wrong, the last words on stderr, where the files are, how to run it alone."""
    name = "plain" if run.config is REFERENCE else run.config.name
    options = ["--quick"] * plan.quick + ["--no-trace-check"] * (not plan.check_trace)
    options += [word for value in plan.extra for word in ("--set", value)]
    alone = shlex.join(["tests/apps/run", *options, "--config", name, run.app.name])
    if "GCPRE_LIB" in os.environ:
        alone = f"GCPRE_LIB={shlex.quote(os.environ['GCPRE_LIB'])} {alone}"
    last_words = ["last lines on stderr:\n" + "\n".join(run.stderr[-12:])] * bool(run.stderr)
    details = wrong + last_words + [f"files: {run.folder}", f"alone: {alone}"]
    return "".join("\n    - " + detail.replace("\n", "\n        ") for detail in details)


# ---- what this kernel lacks

def lacks_uffd():
    """Why write-protection by userfaultfd cannot be had here, or None."""
    sys_userfaultfd, user_mode_only, uffdio_api, wp_async, wp_unpopulated = 323, 1, 0xC018AA3F, 1 << 15, 1 << 13
    fd = ctypes.CDLL(None, use_errno=True).syscall(sys_userfaultfd, os.O_CLOEXEC | user_mode_only)
    if fd < 0:
        return f"userfaultfd: {os.strerror(ctypes.get_errno())}"
    try:
        fcntl.ioctl(fd, uffdio_api, struct.pack("QQQ", 0xAA, wp_async | wp_unpopulated, 0))
        return None
    except OSError:
        return "userfaultfd without WP_ASYNC and WP_UNPOPULATED (Linux 6.7 has them)"
    finally:
        os.close(fd)
