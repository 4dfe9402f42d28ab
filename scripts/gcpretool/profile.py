"""gcpre profile PID: a running program's memory by allocation site, in every format that a report has.

At once: all so far, as a report at exit would say. With --seconds: the difference of two looks, so what was allocated meanwhile, what of it
lives, what was lost. A site's living bytes may then be fewer than before: pprof and text show that, the other formats leave it out.
"""

import argparse
import sys
import time
from dataclasses import dataclass, replace

from . import findings, live, report, symbols
from .console import Problem, warn, write
from .model import Snapshot
from .reader import Record

SITES_MOST = 5000   # an answer has 16 MiB
FORMATS = ["text", "json", "pprof", "folded", "speedscope", "html"]
COUNTS = ["blocks", "bytes", "allocated_blocks", "allocated_bytes", "freed_blocks", "freed_bytes"]


def seconds(word):
    try:
        value = float(word)
    except ValueError:
        value = 0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{word} is not a number of seconds")
    return value


def parser():
    it = argparse.ArgumentParser(prog="gcpre profile", allow_abbrev=False,
                                 description="Where a running program's memory comes from. It must run with GCPRE_CONTROL=1 "
                                             "(gcpre run --control -- ...).")
    it.add_argument("pid", metavar="PID", type=report.positive, help="of the running program")
    it.add_argument("--seconds", metavar="N", type=seconds, help="what happens in this time (default: all since the start)")
    it.add_argument("--format", "-f", choices=FORMATS, default="text", metavar="HOW",
                    help=f"{', '.join(FORMATS)} (default: text)")
    it.add_argument("-o", "--output", metavar="OUT", help="write into this file, whole or not at all (default: standard output)")
    it.add_argument("--what", choices=["alloc", "live", "lost"],
                    help="what sites allocated (default with --seconds), what lives (default else), what was lost; "
                         "json, html and pprof hold all")
    it.add_argument("-n", "--top", metavar="N", type=report.positive, help="only the N largest sites (text)")
    it.add_argument("--symbols", metavar="FOLDER", action="append", default=[],
                    help="look here too for the program's files and debug information; may be repeated")
    it.add_argument("--symbolizer", metavar="TOOL", help="llvm-symbolizer or addr2line, or none")
    return it


# ---- looks

@dataclass
class Look:
    at_ns: int      # wall clock
    living: dict    # site's index: Snapshot
    lost: dict      # (site's index, class, phase, suppressed by): Loss


def look(session):
    at_ns = session.ask("stats")[0]["at_ns"]
    records = session.connection.ask(f"profile {SITES_MOST}")
    reader = session.reader
    for fields in records:
        reader.take(Record(fields, f"process {session.pid}"))
    process, at_ns = session.process, session.wall(at_ns)
    living = {each.site.index: replace(each, at_ns=at_ns) for each in process.snapshots}
    lost = {(each.site.index, each.kind, each.phase, each.suppressed): each for each in process.losses}
    process.snapshots, process.losses = [], []
    if len(living) == SITES_MOST:
        warn(f"process {session.pid} has more allocation sites: only the {SITES_MOST} that allocated most are shown")
    return Look(at_ns, living, lost)


def difference(before, after):
    """What came between two looks."""
    nothing = Snapshot(None, 0, 0, *[0] * 6, 0, 0)
    living = {}
    for index, now in after.living.items():
        then = before.living.get(index, nothing)
        changes = {name: getattr(now, name) - getattr(then, name) for name in COUNTS}
        if any(changes.values()):
            living[index] = replace(now, **changes)
    lost = {}
    for key, now in after.lost.items():
        then = before.lost.get(key)
        if not then or now.blocks > then.blocks:
            lost[key] = replace(now, **{name: getattr(now, name) - (getattr(then, name) if then else 0)
                                        for name in ("blocks", "bytes", "weight")})
    return Look(after.at_ns, living, lost)


def wait(session, duration):
    """An interrupt ends it early, and the profile is of that time."""
    end = time.monotonic() + duration
    try:
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.5))
            if not live.is_alive(session.pid):
                raise live.Gone(f"process {session.pid} has ended: the profile needs it until the end of its time")
    except KeyboardInterrupt:
        warn("interrupted: the profile ends here")


def taken(session, options):
    """(the look that is shown, when its time began)"""
    first = look(session)
    if not options.seconds:
        return first, session.process.begin_ns
    wait(session, options.seconds)
    return difference(first, look(session)), first.at_ns


def main(arguments):
    it = parser()
    options = it.parse_args(arguments)
    options.what = options.what or ("alloc" if options.seconds else "live")
    if options.format == "pprof" and not options.output and sys.stdout.isatty():
        it.error("a pprof profile is no text: use -o FILE")
    session = live.Session(options.pid, symbols.choose(options.symbolizer, False), options.symbols)
    shown, begin_ns = taken(session, options)
    session.name_sites()
    process = replace(session.process, begin_ns=begin_ns, snapshots=list(shown.living.values()), losses=list(shown.lost.values()))
    if not process.sites:
        raise Problem(f"process {options.pid}: nothing was allocated that has a site yet")
    result = report.render(findings.views([process], False), options)
    write(result if isinstance(result, bytes) else result.encode(errors="backslashreplace"), options.output)
    return 0
