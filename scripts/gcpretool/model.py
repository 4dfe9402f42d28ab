"""What a report is made of, as the library wrote it (reader.py) and with names (symbols.py).

A Process has modules and sites; its losses, snapshots, cycles point at them. A Site is a stack of Frames, as unwound;
its calls are the same stack as people read it: a Frame is one Call, or several where functions were inlined.

Identity. A site's index means nothing outside its process, and its addresses nothing outside its build. Two sites are
the same when their calls have the same names: module and function where one is known, else module, build-id and
offset. `identity` is the hash of that, and survives restarts, other addresses, and edits elsewhere in the program.
`exact` adds file and line: for adding up several processes, where two calls of one function stay two sites.
"""

import functools
import hashlib
import os
import re
from dataclasses import dataclass, field

# Functions that allocate for whoever calls them: never the culprit of a leak.
WRAPPER = re.compile(r"(_*(lib[cx]_)?|x|xx|zz?|g_|ck_|safe_|my_|__interceptor_|sqlite3_?|mem_?|do_)?"
                     r"(malloc|calloc|realloc|reallocarray|memalign|aligned_alloc|posix_memalign|valloc|"
                     r"strdup|strndup|memdup|asprintf|vasprintf)(_?n|0|0_n|_n|_or_die|_array)?"
                     r"|operator new(\[\])?(\(.*)?|_Zn[wa].*")


@dataclass(eq=False)
class Module:
    path: str
    build_id: str
    base: int
    low: int
    high: int

    @property
    def name(self):
        return os.path.basename(self.path) or "?"


@dataclass(eq=False)
class Frame:
    pc: int
    module: Module = None   # None: not known
    offset: int = 0         # an address of the module's ELF file
    function: str = ""      # what the library knew


@dataclass(eq=False)
class Call:
    frame: Frame
    function: str = ""
    file: str = ""
    line: int = 0
    inlined: bool = False   # its code stands in that of the call after it

    @property
    def where(self):
        """For people, where a function's name is missing: module and offset."""
        return f"{self.frame.module.name}+{self.frame.offset:#x}" if self.frame.module else f"{self.frame.pc:#x}"

    @property
    def label(self):
        return self.function or self.where

    @property
    def place(self):
        """file:line, shortened, or module+offset."""
        return f"{os.path.basename(self.file)}:{self.line}" if self.file else self.where

    def names(self):
        """What stays the same when the program is started again, and built again if it has symbols."""
        if self.function:
            return self.frame.module.name if self.frame.module else "", self.function
        if self.frame.module:
            return self.frame.module.name, self.frame.module.build_id, self.frame.offset
        return "?",  # an address in no module means nothing the next time


@dataclass(eq=False)
class Site:
    index: int
    frames: list
    calls: list = field(default_factory=list)   # symbols.py fills it

    @functools.cached_property
    def identity(self):
        return digest([call.names() for call in self.calls])

    @functools.cached_property
    def exact(self):
        return digest([(*call.names(), call.file, call.line or call.frame.offset) for call in self.calls])

    @property
    def culprit(self):
        """The innermost call that is more than an allocator's wrapper; None if there is no stack."""
        named = [call for call in self.calls if call.function and not WRAPPER.fullmatch(call.function)]
        return (named or self.calls or [None])[0]


def digest(names):
    return hashlib.sha256(repr(names).encode(errors="backslashreplace")).hexdigest()[:16]


@dataclass(eq=False)
class Holder:
    """Where the last pointer to a lost block was seen."""
    kind: str               # heap, global, stack, other
    cycle: int = 0
    site: Site = None       # heap
    module: Module = None   # global
    offset: int = 0         # heap: of the word in the block; global: an address of the ELF file
    tid: int = 0            # stack
    address: int = 0        # other
    symbol: str = ""        # global: symbols.py fills it, "name" or "name+8"


@dataclass(eq=False)
class Loss:
    site: Site
    kind: str               # direct, indirect
    phase: str              # run, exit, late
    cycle: int
    since_ns: int           # wall clock: the proof before
    at_ns: int              # wall clock: the proof
    blocks: int
    bytes: int
    weight: int             # blocks that these stand for: more than blocks when sampled
    suppressed: str         # pattern, or ""
    examples: list
    holder: Holder = None


@dataclass(eq=False)
class Growth:
    """What makes a site a suspect: its rise so far (core/leak/growth.h)."""
    since_ns: int           # wall clock
    bytes: int              # grown since
    generations: int        # spells of the rise that blocks are left from
    steps: int              # walks that found more
    rate: float             # bytes a second
    confidence: int         # percent


@dataclass(eq=False)
class Sighting:
    """A site that grows at one moment, or, without growth, that does no longer."""
    site: Site
    at_ns: int
    blocks: int
    bytes: int
    growth: Growth = None


@dataclass(eq=False)
class Stale:
    """Those of the living blocks that were not written for long."""
    blocks: int
    bytes: int
    after_ns: int           # what counts as long
    unwritten_ns: int       # of the one that was written longest ago


@dataclass(eq=False)
class Weak:
    """Those of the living blocks that no firm pointer holds (core/leak/weak.h)."""
    blocks: int
    bytes: int
    inside: int             # blocks that only pointers into them hold
    unaligned: int          # unaligned ones
    stack: int              # stacks and registers
    example: int            # address of one

    def plus(self, other):
        names = ("blocks", "bytes", "inside", "unaligned", "stack")
        return Weak(*(getattr(self, name) + getattr(other, name) for name in names), self.example) if other else self


@dataclass(eq=False)
class Snapshot:
    """The living blocks of one site at one moment."""
    site: Site
    cycle: int
    at_ns: int
    blocks: int
    bytes: int
    allocated_blocks: int
    allocated_bytes: int
    freed_blocks: int
    freed_bytes: int
    generations: int
    oldest_cycle: int
    growth: Growth = None
    stale: Stale = None
    retained: int = None    # bytes that would go with it, at least; None: not known
    weak: Weak = None


@dataclass(eq=False)
class Step:
    """A block on a way, or so many alike of which it is the first."""
    base: int
    bytes: int
    site: Site              # None: not known
    offset: int             # of the word that leads on; None: of the last
    blocks: int


@dataclass(eq=False)
class Way:
    """From a root to the oldest block of a site that is a suspect."""
    site: Site
    base: int
    problem: str            # why there is none, or ""
    blocks: int = 0
    left_out: int = 0       # of them, in the middle
    root: Holder = None     # None: no way was found
    steps: list = field(default_factory=list)


@dataclass(eq=False)
class Usage:
    """How the blocks of a site were used until a moment: core/leak/usage.h."""
    site: Site
    elapsed_s: float
    freed_at: list          # Sites of one frame
    allocated_blocks: int
    allocated_bytes: int
    living_blocks: int
    all_blocks: int         # of all sites
    all_bytes: int
    largest_bytes: int
    in_call: int
    resized: int
    moved: int
    grown_bytes: int
    grown_to_bytes: int
    regrown: int
    regrown_by_bytes: int
    copied_bytes: int


@dataclass(eq=False)
class ThreadLeak:
    """A thread that ended and that nobody joined; its stack stays."""
    site: Site              # where it was created
    tid: int
    name: str
    started_ns: int         # wall clock
    finished_ns: int        # wall clock
    stack_bytes: int
    suppressed: str         # pattern, or ""
    so_far: bool            # a cycle told of it, and not the end


@dataclass(eq=False)
class Process:
    pid: int
    ppid: int
    exe: str
    command: list
    begin_ns: int           # wall clock
    tier: str
    sample_bytes: int
    reclaim: bool
    forked: bool
    source: str             # the file that it was read from
    modules: dict = field(default_factory=dict)
    sites: dict = field(default_factory=dict)
    losses: list = field(default_factory=list)
    snapshots: list = field(default_factory=list)
    sightings: list = field(default_factory=list)   # of growth, in their order
    usages: dict = field(default_factory=dict)      # by the site's index: the last
    ways: list = field(default_factory=list)        # at the end
    cycles: list = field(default_factory=list)   # the records as they are, at_ns by the wall clock
    memory: list = field(default_factory=list)
    threads: dict = field(default_factory=dict)     # ThreadLeaks by tid and start
    end: dict = None        # None: it was killed, or still runs

    @property
    def name(self):
        return os.path.basename(self.exe) or "?"

    @property
    def holders(self):
        """All places where pointers were seen."""
        return [each.holder for each in self.losses if each.holder] + [way.root for way in self.ways if way.root]

    @property
    def reclaimed_bytes(self):
        return sum(each["dead_bytes"] for each in self.cycles if self.reclaim and not each["doubt"])

    @property
    def held_bytes(self):
        """The heap at its largest, as cycles saw it."""
        return max((each["begin_bytes"] for each in self.cycles), default=0)

    @property
    def unheld_bytes(self):
        """What it would have grown to if nothing had been reclaimed; the program did the same until the last cycle."""
        return self.reclaimed_bytes + (self.cycles[-1]["end_bytes"] if self.cycles else 0)

    @property
    def last_ns(self):
        """The last that is known of it, by the wall clock."""
        known = [self.begin_ns, *(each.at_ns for each in self.losses[-1:] + self.snapshots[-1:] + self.sightings[-1:]),
                 *(each["at_ns"] for each in self.cycles[-1:] + self.memory[-1:]), (self.end or {}).get("at_ns", 0)]
        return max(known)
