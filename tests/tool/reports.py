"""Reports as the library writes them (core/leak/FORMAT.md), about tests/tool/fixture.c, made without the library."""

import json
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "fixture.c"
BEGIN_NS = 1795000000 * 10**9
SECOND = 10**9

# Sites that the tests use, innermost label first.
STACKS = {
    "inlined": ["at_take", "at_read_config", "at_main"],
    "wrapped": ["at_xmalloc", "at_add_entry", "at_read_config", "at_main"],
    "short": ["at_add_entry", "at_main"],
}


class Program:
    """The fixture, compiled: where its labels are, and which line each name stands in."""

    def __init__(self, folder, flags=("-g",), name="fixture"):
        self.path = folder / name
        subprocess.run(["gcc", "-O1", *flags, "-fPIE", "-pie", "-Wl,--build-id", "-o", self.path, SOURCE], check=True)
        listing = subprocess.run(["nm", self.path], check=True, stdout=subprocess.PIPE, text=True).stdout
        self.addresses = {words[-1]: int(words[0], 16) for words in map(str.split, listing.splitlines()) if len(words) == 3}
        # As symbols the labels would be the functions' names for llvm-symbolizer.
        subprocess.run(["objcopy", "--wildcard", "--strip-symbol=at_*", self.path], check=True)
        notes = subprocess.run(["readelf", "-n", self.path], check=True, stdout=subprocess.PIPE, text=True).stdout
        self.build_id = re.search(r"Build ID: ([0-9a-f]+)", notes)[1]
        marks = re.finditer(r"// line: (\w+)", text := SOURCE.read_text())
        self.lines = {mark[1]: text.count("\n", 0, mark.start()) + 1 for mark in marks}

    def stripped(self, folder):
        """A copy without symbols, for reports that name the copy."""
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["strip", "-o", folder / self.path.name, self.path], check=True)
        return folder / self.path.name

    def debug_file(self, folder):
        """What was stripped off, as distributions lay it down."""
        target = folder / ".build-id" / self.build_id[:2] / f"{self.build_id[2:]}.debug"
        target.parent.mkdir(parents=True)
        subprocess.run(["objcopy", "--only-keep-debug", self.path, target], check=True)
        return target


class Report:
    """Collects lines. Each method adds one; what is not given has a usual value."""

    def __init__(self, program, pid=4711, base=0x555555554000, path=None, build_id=None, **process):
        self.program, self.pid, self.base, self.lines = program, pid, base, []
        self.path = str(path or program.path)
        self.add("process", version=1, ppid=1, exe=self.path, command=[self.path, "-v"], unix_ns=BEGIN_NS,
                 **{"tier": "full", "sample_bytes": 0, "reclaim": True, "forked": False, **process})
        self.add("module", module=1, path=self.path, build_id=program.build_id if build_id is None else build_id,
                 base=hex(base), lo=hex(base), hi=hex(base + 0x5000))
        self.sites = {}

    def add(self, kind, **fields):
        self.lines.append(json.dumps({"type": kind, "pid": self.pid, **fields}))
        return self

    def site(self, name):
        """The index of a site of STACKS; its line goes before its first use."""
        if name not in self.sites:
            self.sites[name] = len(self.sites) + 1
            frames = [{"pc": hex(self.base + offset), "module": 1, "offset": hex(offset)}
                      for offset in (self.program.addresses[label] for label in STACKS[name])]
            self.add("site", site=self.sites[name], frames=frames)
        return self.sites[name]

    def lost(self, site, size, blocks=1, at=10, since=0, **more):
        fields = {"cycle": at, "at_ns": at * SECOND, "since_ns": since * SECOND, "class": "direct", "phase": "run",
                  "examples": [{"address": "0x100000010040", "bytes": size // blocks, "born_cycle": 1}], **more}
        return self.add("lost", site=self.site(site), blocks=blocks, bytes=size, **fields)

    def live(self, site, size, blocks=1, at=20, **more):
        fields = {"cycle": at, "allocated_blocks": blocks + 2, "allocated_bytes": size + 20, "freed_blocks": 2,
                  "freed_bytes": 20, "generations": 1, "oldest_cycle": 1, **more}
        return self.add("live", site=self.site(site), at_ns=at * SECOND, blocks=blocks, bytes=size, **fields)

    def growing(self, site, size, blocks=1, at=20, **more):
        growth = {"since_ns": 2 * SECOND, "since_cycle": 2, "bytes": size // 2, "generations": 16, "steps": 17,
                  "bytes_per_hour": 7200, "confidence": 51}
        return self.add("growing", site=self.site(site), cycle=at, at_ns=at * SECOND, blocks=blocks, bytes=size,
                        **(more or {"growth": growth}))

    def way(self, site, name, *steps, **more):
        """From a variable of the program by steps of (site, bytes, offset, blocks)."""
        root = {"kind": "global", "module": 1, "address": hex(self.base + self.program.addresses[name]),
                "offset": self.program.addresses[name]}
        self.add("path", site=self.site(site), base=f"{0x10000 * len(steps):#x}", found=True, took_ns=5, looked_blocks=9,
                 looked_bytes=99, blocks=sum(blocks for *_, blocks in steps), left_out=0, root=root, **more)
        for at, (made, size, offset, blocks) in enumerate(steps, 1):
            leads_on = {} if offset is None else {"offset": offset}
            self.add("step", base=f"{0x10000 * at:#x}", bytes=size, site=self.site(made), blocks=blocks, **leads_on)
        return self

    def thread_leak(self, site, tid, started=1, finished=2, **more):
        fields = {"at_ns": 20 * SECOND, "name": "worker", "stack_bytes": 8 << 20, **more}
        return self.add("thread_leak", site=self.site(site), tid=tid, started_ns=started * SECOND,
                        finished_ns=finished * SECOND, **fields)

    def cycle(self, number, at, stop_ms=1, **more):
        return self.add("cycle", cycle=number, at_ns=at * SECOND, stop_ns=stop_ms * 10**6, mark_ns=5 * 10**6, forced=False,
                        begin_bytes=9000 + number, end_bytes=5000, live_bytes=4000, dead_bytes=4000, dead_blocks=7,
                        goal_bytes=10000, roots_bytes=100, stacks_bytes=50, rss_bytes=90000, **more)

    def end(self, at=20, **more):
        return self.add("end", at_ns=at * SECOND, reason="exit", **more, lost_blocks=0, lost_bytes=0, suppressed_blocks=0,
                        suppressed_bytes=0, late_blocks=0, late_bytes=0)

    def text(self):
        return "".join(f"{line}\n" for line in self.lines)

    def write(self, path):
        path.write_text(self.text())
        return path


def usual(program, **process):
    """Two direct sites, one indirect, one that died late, living sites of which one grows, three cycles."""
    report = Report(program, **process)
    for number, at in enumerate((5, 10, 15), 1):
        report.cycle(number, at, stop_ms=number)
    report.lost("short", 48, 1, holder={"cycle": 1, "kind": "global", "module": 1,
                                        "offset": program.addresses["cache_head"]})
    report.lost("inlined", 200, 2, at=10, since=5).lost("inlined", 300, 3, at=15, since=10)
    report.lost("wrapped", 960, 20, at=15, **{"class": "indirect"},
                holder={"cycle": 2, "kind": "heap", "site": report.site("short"), "offset": 16})
    report.lost("wrapped", 77, 1, at=20, phase="late")
    report.live("wrapped", 100, 2, at=10, generations=1).live("inlined", 5, 1, at=10)
    report.live("wrapped", 700, 14, at=20, generations=7, retained_bytes=2048, stale={
        "blocks": 3, "bytes": 150, "after_ns": 2 * SECOND, "unwritten_ns": 190 * SECOND}, weakly={
        "blocks": 2, "bytes": 100, "inside": 1, "unaligned": 0, "stack": 1, "example": "0x100000070040"}).live("inlined", 6, 2, at=20)
    report.growing("short", 48, 3, at=8).growing("wrapped", 600, 12, at=15).growing("wrapped", 700, 14)
    report.growing("short", 48, 1, at=16, ended=True)
    report.way("wrapped", "cache_head", ("short", 72, 16, 1), ("wrapped", 50, 0, 13), ("wrapped", 50, None, 1))
    report.add("memory", at_ns=20 * SECOND, rss_bytes=90000, live_bytes=706, lost_bytes=0, probation_bytes=0,
               free_bytes=80000, fragment_bytes=94, metadata_bytes=9000, other_bytes=200)
    return report.end()


def have(*tools):
    return next((path for tool in tools if (path := shutil.which(tool))), None)
