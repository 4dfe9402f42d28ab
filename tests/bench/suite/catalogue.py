"""What there is to measure: groups of rows (a program with its options) and the peers that run them.

All the driver knows about a program is in these tables; its work is described in its .c file.
"""
import os
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Peer:
    name: str                   # the column's title
    family: str                 # the name used with --peers
    build: str = "plain"        # plain, bdwgc or go
    preload: str = ""           # as in LD_PRELOAD
    options: tuple = ()         # added to the program's own
    settings: dict = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Row:
    group: str
    name: str
    program: str
    options: tuple = ()
    needs_mib: int = 0          # of memory; the row is left out where that is more than half of what is free

    @property
    def path(self):
        return f"{self.group}/{self.name}"

    @property
    def command(self):
        return " ".join((self.program, *self.options))


@dataclass(frozen=True)
class Group:
    name: str
    title: str
    peers: tuple
    rows: tuple
    once: bool = False          # the program repeats by itself what the driver repeats elsewhere
    traced: bool = False        # collectors write a line a cycle
    reference: bool = True      # the checksum under glibc is what every peer must reach
    preload_option: bool = False    # the library goes to the program as --preload=, not into it
    settings: dict = field(default_factory=dict, hash=False)


# Debian's package of each family, for the version shown and the advice when it is missing.
PACKAGES = {
    "glibc": "libc6", "jemalloc": "libjemalloc2", "mimalloc": "libmimalloc2.0",
    "tcmalloc": "libtcmalloc-minimal4", "bdwgc": "libgc-dev", "go": "golang-go",
}
FAMILIES = (*PACKAGES, "lsan", "gcpre")
SUBJECT = "gcpre"

_PRELOADS = {"glibc": "", "jemalloc": "libjemalloc.so.2", "mimalloc": "libmimalloc.so.2",
             "tcmalloc": "libtcmalloc_minimal.so.4"}


def subject_library(root):
    """The library under test. A name without a slash is left to the loader's search path."""
    library = os.environ.get("GCPRE_LIB") or os.path.join(root, "build", "libgcpre.so")
    return os.path.abspath(library) if "/" in library else library


def _rows(group, table):
    return tuple(Row(group, name, *_split(command)) for name, command in table)


def _split(command):
    program, *options = command.split()
    return program, tuple(options)


_PATTERNS = (
    ("replace-16", "replace --size=16"),
    ("replace-64", "replace --size=64"),
    ("replace-256", "replace --size=256"),
    ("replace-1024", "replace --size=1024"),
    ("lifetimes", "lifetimes"),
    ("lifetimes-2t", "lifetimes --threads=2"),
    ("lifo", "lifo"),
    ("batch-forward", "batch --order=forward"),
    ("batch-reverse", "batch --order=reverse"),
    ("batch-random", "batch --order=random"),
    ("batch-forward-2t", "batch --order=forward --threads=2"),
    ("batch-reverse-2t", "batch --order=reverse --threads=2"),
    ("batch-random-2t", "batch --order=random --threads=2"),
    ("larson-2t", "larson --threads=2"),
    ("ring-2t", "ring"),
    ("stress-2t", "stress --threads=2"),
    ("sharing-2t", "sharing --threads=2"),
    ("storm", "storm"),
    ("medium", "swap"),
    ("large", "swap --low=5000000 --high=25000000 --live=20 --steps=300"),
    ("realloc-strings", "realloc --shape=strings"),
    ("realloc-vectors", "realloc --shape=vectors"),
    ("calloc", "calloc"),
    ("aligned", "aligned"),
    ("fragment", "fragment"),
    ("store", "store"),
    ("bignum", "bignum"),
    ("nbody", "nbody"),
)

# Programs of Debian's, over files that suite/inputs.py makes.
_PROGRAMS = tuple((name, f"program --command={command}") for name, command in (
    ("sort", "sort,--parallel=1,words.txt"),
    ("gawk", "gawk,-f,count.awk,words.txt"),
    ("perl", "perl,count.pl,words.txt"),
    ("python", "python3,tally.py"),
    ("sqlite", "sqlite3,-batch,-init,query.sql,people.db,.quit"),
    ("gcc", "gcc,-O2,-S,whole.c,-o,/dev/stdout"),
    ("git", "git,-C,history.git,log,--stat,main"),
))

_NEVER_FREE = (
    ("trees", "trees"),
    ("trees-2t", "trees --threads=2"),
    ("gcbench", "gcbench"),
    ("churn", "churn"),
    ("strings", "strings"),
)

_SERVER = (
    ("closed", "server"),
    ("schedule", "server --rate=100000 --seconds=5"),
)

_PAUSES = (
    ("trees", "trees --gaps"),
    ("churn", "churn --gaps"),
    ("server", "server --rate=50000 --seconds=4 --gaps"),
)

_LEAKS = (
    ("deep", "deep --pairs=8000000"),
    ("lifo", "lifo"),
    ("lifetimes", "lifetimes"),
    ("lifetimes-2t", "lifetimes --threads=2"),
    ("store", "store"),
)

_POOLS = tuple((f"{threads}t", f"pool --threads={threads}") for threads in (1, 2, 4, 8))

_MARK = tuple((shape, f"mark --shape={shape}") for shape in
              ("tree-random", "tree-ordered", "pointers", "list-random", "data"))


# What grows: (option of the program, what is counted, its values). The other options stay as they are by themselves.
GROWTH = (
    ("live", "MiB that live", (64, 256, 1024, 4096, 8192)),
    ("threads", "threads", (1, 4, 16, 64, 256)),
    ("mappings", "mappings of a page", (10, 100, 1000, 10000)),
    ("dirty", "pages written in a millisecond", (1, 10, 100, 300, 1000)),
)
_AROUND_THE_LIVE = 1.25         # what a program takes for what lives in it, at most


def _growth_rows():
    for option, _, values in GROWTH:
        for value in values:
            needs = int(value * _AROUND_THE_LIVE) if option == "live" else 0
            yield Row("growth", f"{option}-{value}", "growth", (f"--{option}={value}",), needs)


def groups(root):
    library = subject_library(root)
    mallocs = tuple(Peer(name, name, preload=so) for name, so in _PRELOADS.items())
    subject = Peer(SUBJECT, SUBJECT, preload=library)
    freeing = tuple(Peer(p.name, p.family, preload=p.preload, options=("--free",)) for p in mallocs)
    subject_freeing = Peer("gcpre --free", SUBJECT, preload=library, options=("--free",))
    bdwgc = Peer("bdwgc", "bdwgc", build="bdwgc")
    go = Peer("go", "go", build="go")
    barriers = tuple(Peer(f"gcpre {kind}", SUBJECT, preload=library,
                          settings={"GCPRE_BARRIER": kind}) for kind in ("uffd", "mprotect", "none"))
    by_hand = {"GCPRE_GOGC": "off", "GCPRE_PERIOD": "off"}

    def tier(name, **settings):
        return Peer(name, SUBJECT, preload=library, settings={"GCPRE_REPORT": "/dev/null", **settings})

    tiers = (tier("no stacks", GCPRE_CONTROL="1", GCPRE_SAMPLE="off"), tier("sampled", GCPRE_CONTROL="1"),
             tier("caller", GCPRE_LEAKS="exit", GCPRE_STACK="1"), tier("every stack", GCPRE_LEAKS="exit"))
    probation = tuple(Peer(f"gcpre {n}", SUBJECT, preload=library, settings={"GCPRE_PROBATION": n}) for n in ("0", "auto", "1"))
    frees = tuple(Peer(mode, SUBJECT, preload=library, settings={"GCPRE_FREE": mode}) for mode in ("now", "quarantine", "ignore"))
    return (
        Group("patterns", "Programs that free", (*mallocs, subject), _rows("patterns", _PATTERNS)),
        Group("never-free", "Programs that never free (the mallocs run them with --free)",
              (*freeing, subject, subject_freeing, bdwgc, go), _rows("never-free", _NEVER_FREE),
              traced=True),
        Group("probation", "Condemned blocks wait for so many cycles", (mallocs[0], *probation),
              _rows("probation", (*_NEVER_FREE, _PATTERNS[4], _PATTERNS[-3])), reference=False),
        Group("quarantine", "What free() does", (mallocs[0], *frees), _rows("quarantine", _PATTERNS)),
        Group("programs", "Programs as they are, and what free() does", (*mallocs, *frees), _rows("programs", _PROGRAMS),
              settings={"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0", "PERL_HASH_SEED": "0", "LC_ALL": "C"}),
        Group("leaks", "Where blocks come from", (mallocs[0], *tiers, Peer("lsan", "lsan", build="lsan")),
              _rows("leaks", _LEAKS)),
        Group("limit", "More lives than the memory limit allows (the malloc runs it with --free)",
              (freeing[0], subject, Peer("gcpre 200MiB", SUBJECT, preload=library, settings={"GCPRE_MEMLIMIT": "200MiB"})),
              _rows("limit", (("garbage", "garbage"),)), traced=True),
        Group("idle", "A peak of 1 GiB, then 50 MiB live: until 80 MiB are resident",
              (freeing[0], subject, subject_freeing), _rows("idle", (("peak", "peak"),)), once=True),
        Group("pools", "Object pools: malloc and free, a list under a mutex, gcpre.h", (
            *(Peer(f"{name} {kind}", family, preload=so, options=(f"--kind={kind}",))
              for name, family, so in (("glibc", "glibc", ""), (SUBJECT, SUBJECT, library))
              for kind in ("malloc", "mutex")),
            Peer(f"{SUBJECT} pool", SUBJECT, preload=library, options=("--kind=pool",))), _rows("pools", _POOLS)),
        Group("server", "Server, microseconds a request",
              (*freeing, subject, subject_freeing, bdwgc), _rows("server", _SERVER), traced=True),
        Group("pauses", "Pauses", (freeing[0], subject, bdwgc, go), _rows("pauses", _PAUSES),
              traced=True),
        Group("mark", "Marking", (subject, bdwgc), _rows("mark", _MARK), once=True, traced=True,
              reference=False, settings=by_hand),
        Group("barrier", "Writing while marking runs", (*barriers, bdwgc),
              _rows("barrier", (("write", "barrier"),)), once=True, traced=True, reference=False,
              settings=by_hand),
        Group("growth", "What a cycle costs as something grows", (subject,), tuple(_growth_rows()), once=True, traced=True,
              reference=False, settings=by_hand),
        Group("startup", "Start-up of /bin/true", (*mallocs[1:], subject),
              _rows("startup", (("true", "startup"),)), once=True, reference=False,
              preload_option=True),
    )


def runs_on(row, peer):
    """Only one program was written a second time, in Go."""
    return peer.build != "go" or row.program == "trees"
