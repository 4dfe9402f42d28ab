"""Reads the JSON lines of core/leak/FORMAT.md.

The rules of that file: unknown types and keys are passed over; a file may hold several processes, each begun by a
`process` line; a process that was killed may leave its last line cut off. Everything else that is not as described
is a Problem that names file and line, because a report made of half-understood input misleads.
"""

import json
import sys

from .console import Problem, warn
from .model import Frame, Growth, Holder, Loss, Module, Process, Sighting, Site, Snapshot, Stale, Step, ThreadLeak, Usage, Way, Weak

VERSION = 1
UNKNOWN_SITE = 0
NEEDED = object()
CYCLE_NUMBERS = ["begin_bytes", "end_bytes", "live_bytes", "dead_bytes", "dead_blocks", "goal_bytes", "mark_ns", "stop_ns",
                 "roots_bytes", "stacks_bytes", "rss_bytes"]
MEMORY_NUMBERS = ["live_bytes", "lost_bytes", "probation_bytes", "free_bytes", "fragment_bytes", "metadata_bytes",
                  "other_bytes"]
USAGE_NUMBERS = ["allocated_blocks", "allocated_bytes", "living_blocks", "all_blocks", "all_bytes", "largest_bytes", "in_call",
                 "resized", "moved", "grown_bytes", "grown_to_bytes", "regrown", "regrown_by_bytes", "copied_bytes"]
END_NUMBERS = ["lost_blocks", "lost_bytes", "suppressed_blocks", "suppressed_bytes", "late_blocks", "late_bytes"]


class Record:
    """One JSON object and where it stands. The getters check what they give."""

    def __init__(self, fields, place):
        self.fields, self.place = fields, place

    def wrong(self, text):
        return Problem(f"{self.place}: {text}; the file is damaged, or not from this version of libgcpre")

    def get(self, key, kinds, kind_name, default):
        value = self.fields.get(key, default)
        if value is NEEDED:
            raise self.wrong(f'{self.fields.get("type", "object")}: "{key}" is missing')
        if key in self.fields and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
            raise self.wrong(f'"{key}" is not {kind_name}')
        return value

    def number(self, key, default=NEEDED):
        value = self.get(key, (int, float), "a number", default)
        if not 0 <= value < 1 << 64:
            raise self.wrong(f'"{key}" is {value}, which cannot be')
        return int(value)

    def text(self, key, default=NEEDED):
        return self.get(key, (str,), "a string", default)

    def flag(self, key, default=False):
        return bool(self.get(key, (bool, int), "true or false", default))

    def address(self, key, default=NEEDED):
        value = self.get(key, (str, int), "an address", default)
        try:
            value = int(value, 16) if isinstance(value, str) else value
        except ValueError:
            raise self.wrong(f'"{key}" is not an address') from None
        if not 0 <= value < 1 << 64:
            raise self.wrong(f'"{key}" is not an address')
        return value

    def objects(self, key, default=NEEDED):
        items = self.get(key, (list,), "a list", default)
        if not all(isinstance(item, dict) for item in items):
            raise self.wrong(f'"{key}" is not a list of objects')
        return [Record(item, self.place) for item in items]

    def object(self, key):
        value = self.get(key, (dict,), "an object", None)
        return Record(value, self.place) if value is not None else None

    def numbers(self, keys):
        return {key: self.number(key, 0) for key in keys}


class Reader:
    """The processes of one file, whose lines may be mixed. `current` is the one that the line is of."""

    def __init__(self, name):
        self.name = name
        self.processes = []
        self.current = None
        self.by_pid = {}    # the last process of each number: one may come again
        self.dangling = 0   # mentions of sites and modules that no line described

    def take(self, record):
        kind = record.text("type")
        handler = getattr(self, f"take_{kind}", None) if kind.isidentifier() else None
        if not handler:
            return
        if kind != "process":
            self.current = self.by_pid.get(record.number("pid")) if "pid" in record.fields else self.current
            if not self.current:
                raise Problem(f'{record.place}: a "{kind}" line before any "process" line of its process: '
                              "the beginning of the file is missing")
        handler(record)

    def take_process(self, record):
        if (version := record.number("version")) > VERSION:
            raise Problem(f"{record.place}: version {version} of the format, this gcpre knows {VERSION}: "
                          "use the gcpre that came with the library")
        command = record.get("command", (list,), "a list", [])
        self.current = Process(
            pid=record.number("pid"), ppid=record.number("ppid", 0), exe=record.text("exe", ""),
            command=[str(word) for word in command], begin_ns=record.number("unix_ns", 0), tier=record.text("tier", "full"),
            sample_bytes=record.number("sample_bytes", 0), reclaim=record.flag("reclaim", True),
            forked=record.flag("forked"), source=self.name)
        self.processes.append(self.current)
        self.by_pid[self.current.pid] = self.current

    def take_module(self, record):
        self.current.modules[record.number("module")] = Module(
            path=record.text("path"), build_id=record.text("build_id", "").lower(), base=record.address("base"),
            low=record.address("lo", 0), high=record.address("hi", 0))

    def take_site(self, record):
        index = record.number("site")
        self.current.sites[index] = Site(index, [self.frame(each) for each in record.objects("frames")])

    def frame(self, record):
        return Frame(record.address("pc"), self.module(record), record.address("offset", 0), record.text("function", ""))

    def take_lost(self, record):
        blocks = record.number("blocks")
        at_ns = record.number("at_ns")
        kind, phase = record.text("class"), record.text("phase", "run")
        if kind not in ("direct", "indirect"):
            raise record.wrong(f'"class" is "{kind}"')
        self.current.losses.append(Loss(
            site=self.site(record), kind=kind, phase=phase, cycle=record.number("cycle", 0),
            since_ns=self.wall(record.number("since_ns", at_ns)), at_ns=self.wall(at_ns), blocks=blocks,
            bytes=record.number("bytes"), weight=record.number("weight", blocks),
            suppressed=record.text("suppressed", ""), examples=[self.example(each) for each in record.objects("examples", [])],
            holder=self.holder(record.object("holder"))))

    def example(self, record):
        return {"address": record.address("address"), **record.numbers(["bytes", "born_cycle"])}

    def holder(self, record):
        if not record:
            return None
        kind = record.text("kind")
        return Holder(kind, record.number("cycle", 0), site=self.site(record) if kind == "heap" else None,
                      module=self.module(record) if kind == "global" else None, offset=record.address("offset", 0),
                      tid=record.number("tid", 0), address=record.address("address", 0))

    def take_live(self, record):
        numbers = ["cycle", "allocated_blocks", "allocated_bytes", "freed_blocks", "freed_bytes", "generations", "oldest_cycle"]
        self.current.snapshots.append(Snapshot(
            site=self.site(record), at_ns=self.wall(record.number("at_ns")), blocks=record.number("blocks"),
            bytes=record.number("bytes"), **record.numbers(numbers), growth=self.growth(record.object("growth")),
            stale=self.stale(record.object("stale")), weak=self.weak(record.object("weakly")),
            retained=record.number("retained_bytes") if "retained_bytes" in record.fields else None))

    def take_growing(self, record):
        growth = None if record.flag("ended") else self.growth(record.object("growth") or record)
        self.current.sightings.append(Sighting(self.site(record), self.wall(record.number("at_ns")), record.number("blocks"),
                                               record.number("bytes"), growth))

    def take_path(self, record):
        self.current.ways.append(Way(
            self.site(record), record.address("base"), record.text("problem", ""), record.number("blocks", 0),
            record.number("left_out", 0), self.holder(record.object("root"))))

    def take_step(self, record):
        if not self.current.ways:
            raise record.wrong("a step of no path")
        self.current.ways[-1].steps.append(Step(
            record.address("base"), record.number("bytes"), self.site(record) if "site" in record.fields else None,
            record.number("offset") if "offset" in record.fields else None, record.number("blocks")))

    def take_usage(self, record):
        site = self.site(record)
        self.current.usages[site.index] = Usage(
            site=site, elapsed_s=record.number("at_ns") / 1e9, freed_at=[self.place(each) for each in record.objects("freed_at", [])],
            **record.numbers(USAGE_NUMBERS))

    def place(self, record):
        """A call that is no allocation's, as a site: it gets its name with them. No number is negative."""
        frame = self.frame(record)
        return self.current.sites.setdefault(-frame.pc, Site(-frame.pc, [frame]))

    def growth(self, record):
        return record and Growth(
            since_ns=self.wall(record.number("since_ns")), rate=record.number("bytes_per_hour", 0) / 3600, bytes=record.number("bytes"),
            **record.numbers(["generations", "steps", "confidence"]))

    def stale(self, record):
        return record and Stale(**record.numbers(["blocks", "bytes", "after_ns", "unwritten_ns"]))

    def weak(self, record):
        return record and Weak(example=record.address("example", 0),
                               **record.numbers(["blocks", "bytes", "inside", "unaligned", "stack"]))

    def take_cycle(self, record):
        self.current.cycles.append({"cycle": record.number("cycle"), "at_ns": self.wall(record.number("at_ns")),
                                    "forced": record.flag("forced"), **record.numbers(CYCLE_NUMBERS),
                                    "doubt": record.text("doubt", "")})

    def take_memory(self, record):
        self.current.memory.append({"at_ns": self.wall(record.number("at_ns")), "rss_bytes": record.number("rss_bytes", 0),
                                    **record.numbers(MEMORY_NUMBERS)})

    def take_thread_leak(self, record):
        """What a cycle told of may be taken back, and is told of again at the end."""
        thread = record.number("tid"), record.number("started_ns")
        if record.flag("joined"):
            self.current.threads.pop(thread, None)
        else:
            self.current.threads[thread] = self.thread_leak(record)

    def thread_leak(self, record):
        times = {key: self.wall(record.number(key)) for key in ("started_ns", "finished_ns")}
        return ThreadLeak(site=self.site(record), tid=record.number("tid"), name=record.text("name", ""), **times,
                          stack_bytes=record.number("stack_bytes", 0), suppressed=record.text("suppressed", ""), so_far=record.flag("so_far"))

    def take_end(self, record):
        self.current.threads = {thread: leak for thread, leak in self.current.threads.items() if not leak.so_far}
        self.current.end = {"at_ns": self.wall(record.number("at_ns")), "reason": record.text("reason", ""),
                            "incomplete": record.text("incomplete", ""),
                            "proven_ns": self.wall(record.number("proven_ns", 0)), **record.numbers(END_NUMBERS)}

    def wall(self, at_ns):
        return self.current.begin_ns + at_ns

    def site(self, record):
        """Index 0 and an index that was never described both give a site without a stack."""
        index = record.number("site")
        if index not in self.current.sites:
            self.dangling += index != UNKNOWN_SITE
            self.current.sites[index] = Site(index, [])
        return self.current.sites[index]

    def module(self, record):
        index = record.number("module", 0)
        module = self.current.modules.get(index)
        self.dangling += index != 0 and not module
        return module


# ---- files

def read(names):
    """All processes of these files, in their order; "-" is the standard input."""
    processes = [process for name in names for process in read_file(name)]
    for process in processes:
        process.snapshots.sort(key=lambda snapshot: snapshot.at_ns)
        process.cycles.sort(key=lambda cycle: cycle["at_ns"])
    return processes


def read_file(name):
    try:
        if name == "-":
            return read_lines(sys.stdin.buffer, "standard input")
        with open(name, "rb") as file:
            return read_lines(file, name)
    except OSError as error:
        raise Problem(f"{name}: {error.strerror}") from None


def read_lines(file, name):
    reader = Reader(name)
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        if (record := parse(line, f"{name}:{number}", reader.processes)) is not None:
            reader.take(record)
    if not reader.processes:
        raise Problem(f'{name}:1: there is no "process" line: is this a report that was written with GCPRE_FORMAT=json?')
    if reader.dangling:
        warn(f"{name}: {reader.dangling} mentions of stacks or modules that the file does not describe; shown as unknown")
    return reader.processes


def parse(line, place, before):
    """One line as a Record; None, after a warning, for the cut-off last line of a process that was killed."""
    try:
        fields = json.loads(line.decode(errors="surrogateescape"))
    except (ValueError, RecursionError):
        if before and not line.endswith(b"\n"):
            warn(f"{place}: the last line is cut off and is left out; the process was killed, or still writes")
            return None
        raise Problem(f"{place}: is not JSON: give a report that was written with GCPRE_FORMAT=json") from None
    if not isinstance(fields, dict) or not isinstance(fields.get("type"), str):
        raise Problem(f'{place}: is not an object with a "type": give a report that was written with GCPRE_FORMAT=json')
    return Record(fields, place)
