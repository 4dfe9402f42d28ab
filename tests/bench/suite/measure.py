"""Runs a program under a peer, and says what came of it: a status and figures by name.

A program prints lines of `key value`; the launcher adds wall_s, cpu_s, peak_mib and how it ended.
A collector's trace adds cycles, in the layout of Go's gctrace.
"""
import os
import re
import subprocess
from collections import defaultdict
from statistics import median

from . import inputs

EXIT_WRONG = 3          # bench.h
TRACE = re.compile(r"^gc \d+ @[\d.]+s \d+%: ([\d.]+)\+([\d.]+)\+([\d.]+) ms clock, "
                   r"([\d.]+)\+([\d.]+)/([\d.]+)/", re.MULTILINE)
TRACE_KEYS = ("begin_ms", "mark_ms", "stop_ms", "begin_all_ms", "assist_ms", "background_ms")
# Settings of other allocators and loaders that would make the comparison something else.
FOREIGN = re.compile(r"^(LD_|MALLOC_|GLIBC_TUNABLES|JE_|MIMALLOC_|TCMALLOC_|GC_|GODEBUG|GOGC|GOMAXPROCS"
                     r"|GOMEMLIMIT|GCPRE_LIB$)")


class Run:
    """One run: status `ok`, or one word for what went wrong; `why` explains it."""

    def __init__(self, stdout, stderr, trace):
        self.values = defaultdict(list)
        self.checksum = None
        self.status, self.why = "crash", "the launcher gave no result"
        for line in stdout.splitlines():
            key, _, rest = line.partition(" ")
            if key == "checksum":
                self.checksum = rest
            elif key == "absent":
                self.absent = rest
            elif key == "end":
                self._end(rest, stderr)
            else:
                self._value(key, rest)
        if self.status == "ok" and hasattr(self, "absent"):
            self.status, self.why = "absent", f"there is no {self.absent}"
        elif self.status == "ok" and self.checksum is None:
            self.status, self.why = "wrong", "no checksum was printed"
        for cycle in TRACE.findall(trace):
            for key, text in zip(TRACE_KEYS, cycle):
                self.values[key].append(float(text))

    def _value(self, key, text):
        try:
            value = float(text)
        except ValueError:
            return
        self.values[key].append(value)

    def _end(self, how, stderr):
        kind, _, number = how.partition(" ")
        last = (stderr.strip().splitlines() or ["no message"])[-1]
        if kind == "signal":
            self.status, self.why = "crash", f"signal {number}; {last}"
        elif kind != "exit":
            self.status, self.why = kind, f"stopped by the driver: {kind}"
        elif int(number) == 0:
            self.status, self.why = "ok", ""
        else:
            self.status = "wrong" if int(number) == EXIT_WRONG else "crash"
            self.why = f"exit code {number}; {last}"

    @classmethod
    def left_out(cls, why):
        run = cls("", "", "")
        run.status, run.why = "absent", why
        return run

    def expect(self, checksum):
        if self.status == "ok" and self.checksum != checksum:
            self.status, self.why = "wrong", f"checksum {self.checksum} instead of {checksum}"


class Cell:
    """All runs of one row under one peer. It is as good as its worst run."""

    def __init__(self, row, peer):
        self.row, self.peer, self.runs = row, peer, []

    @property
    def bad(self):
        return next((run for run in self.runs if run.status != "ok"), None)

    @property
    def status(self):
        return self.bad.status if self.bad else "ok"

    @property
    def path(self):
        return f"{self.row.path} {self.peer.name}"

    def all(self, key):
        return [value for run in self.runs for value in run.values.get(key, ())]

    def get(self, key, summary=median):
        """The median (or another summary) over all runs; None if there is none, or it is bad."""
        values = self.all(key)
        return summary(values) if values and not self.bad else None


class Runner:
    def __init__(self, builder, output, percent, timeout_s, memory_mib):
        self.builder = builder
        self.traces = os.path.join(output, "trace")
        self.percent, self.timeout_s, self.memory_mib = percent, timeout_s, memory_mib
        self.inputs = os.path.join(output, "inputs")
        os.makedirs(self.traces, exist_ok=True)

    def make_inputs(self):
        inputs.make(self.inputs)

    def too_large(self, row):
        """Why the row cannot be run here, or nothing."""
        needed = row.needs_mib * self.percent // 100
        if needed > self.memory_mib:
            return f"it needs {needed} MiB, more than half of the memory that is free ({2 * self.memory_mib} MiB)"
        return ""

    def run(self, group, row, peer):
        log = os.path.join(self.traces, f"{row.group}-{row.name}-{peer.name}.log".replace(" ", ""))
        if os.path.exists(log):
            os.remove(log)
        settings = dict(group.settings, **peer.settings)
        if group.traced:
            settings.update(GCPRE_TRACE="1", GCPRE_LOG=log, GODEBUG="gctrace=1")
        done = subprocess.run(self._command(group, row, peer, settings), env=environment(),
                              cwd=self.inputs if os.path.isdir(self.inputs) else None, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace")
        trace = done.stderr
        if os.path.exists(log):
            with open(log, errors="replace") as lines:
                trace = lines.read()
        return Run(done.stdout, done.stderr, trace if group.traced else "")

    def _command(self, group, row, peer, settings):
        options = [f"--percent={self.percent}", *row.options, *peer.options]
        if group.preload_option:
            options.append(f"--preload={peer.preload}")
        elif peer.preload:
            settings["LD_PRELOAD"] = peer.preload
        return [self.builder.path("launch"), str(self.timeout_s), str(self.memory_mib),
                *(f"{name}={value}" for name, value in settings.items()),
                "--", self.builder.path(row.program, peer.build), *options]


def environment():
    return {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}


def can_preload(library):
    """The loader only warns about a library that it cannot preload, and goes on without."""
    probe = subprocess.run(["/bin/true"], env={"LD_PRELOAD": library}, capture_output=True, text=True)
    return probe.returncode == 0 and "cannot be preloaded" not in probe.stderr
