"""gcpre stats, gc, leaks, ... PID: one question to a running program, and its answer as text or as JSON lines."""

import argparse
import json
import sys

from . import document, findings, live, model, symbols, text, words
from .console import Problem, printable, warn

HIDDEN = {"type", "pid"}


def positive(word):
    if not word.isascii() or not word.isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word} is not a number from 1 on")
    return int(word)


# ---- answers as text: each gives lines

def value_of(key, value):
    if key.endswith("_ns"):
        return f"{value / 1e6:.3f} ms" if value < 10**10 else f"{value / 1e9:.1f} s"
    if key.endswith("_bytes") or key in ("heap_alloc", "heap_live", "heap_goal", "next_gc", "heap_sys", "heap_peak", "heap_unheld", "total_alloc"):
        return f"{words.size(value)} ({value})" if value >= 1000 else f"{value} B"
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_table(session, records):
    for record in records:
        rows = [(key, value_of(key, value)) for key, value in record.items() if key not in HIDDEN]
        width = max(map(len, dict(rows)), default=0)
        yield from (f"{key:{width}}  {value}" for key, value in rows)


def as_memory(session, records):
    for record in records:
        total = record["rss_bytes"] or 1
        for key, value in record.items():
            if key.endswith("_bytes") and key != "rss_bytes":
                yield f"{key[:-6]:10} {words.size(value):>10} {100 * value / total:5.1f} %"
        yield f"{'rss':10} {words.size(record['rss_bytes']):>10}"


def as_cycle(session, records):
    for record in records:
        yield (f"cycle {record['cycle']}: {words.size(record['begin_bytes'])} before, {words.size(record['live_bytes'])} live, "
               f"{words.count(record['dead_blocks'], 'dead block')} ({words.size(record['dead_bytes'])}); "
               f"stopped {record['stop_ns'] / 1e6:.3f} ms, marked {record['mark_ns'] / 1e6:.3f} ms")
        if "doubt" in record:
            yield f"nothing was reclaimed: {record['doubt']}"


def as_leaks(session, records):
    """Direct losses first, then by bytes. Those of exit's handlers, and suppressed ones, are said to be that."""
    threads = [each["leak"] for each in of_type(records, "thread_leak")]
    growing, weak = of_type(records, "growing"), of_type(records, "live")
    lost = sorted(of_type(records, "lost"), key=lambda each: ("suppressed" in each, each["class"] != "direct", -each["bytes"]))
    for each in lost:
        kind = "Suppressed leak" if "suppressed" in each else f"{each['class'].capitalize()} leak"
        yield f"{kind} of {each['bytes']} byte(s) in {each['blocks']} object(s) allocated from:"
        yield from text.stack(each["site"])
        first, last = (words.clock(session.wall(each[key]), session.process.begin_ns) for key in ("since_ns", "last_ns"))
        yield f"    {words.rate(each['bytes_per_hour'] / 3600)} from {first} to {last}" + (
            f", {each['phase']}" if each["phase"] != "run" else "") + (
            f", suppressed by {each['suppressed']}" if "suppressed" in each else "")
        if "holder" in each:
            yield f"    last referenced from {words.holder(each['holder'])}"
        yield ""
    counted = [each for each in lost if "suppressed" not in each]
    if counted:
        yield (f"SUMMARY: {sum(each['bytes'] for each in counted)} byte(s) lost in "
               f"{sum(each['blocks'] for each in counted)} object(s) so far.")
    else:
        yield "nothing lost so far"
    yield from as_growing(session, growing)
    yield from as_weak(session, weak)
    yield from text.threads(findings.threads_by_site(threads), session.process)


def as_growing(session, records):
    for each in sorted(records, key=lambda each: -each["growth"]["bytes"]):
        yield ""
        yield f"Growing {each['bytes']} byte(s) in {each['blocks']} object(s), reachable, allocated from:"
        yield from (*text.stack(each["site"]), *more_of_site(session, each), f"    `who {session.pid} site:{each['site'].index}` tells why")


def as_weak(session, records):
    for each in sorted(records, key=lambda each: -each["weak"].bytes):
        yield ""
        yield f"Weakly held {each['weak'].bytes} byte(s) in {each['weak'].blocks} object(s) allocated from:"
        yield from (*text.stack(each["site"]), f"    of {words.count(each['blocks'], 'object')} {words.weakly(each['weak'])}")


def as_sites(session, records):
    for each in sorted(records, key=lambda each: (-each.get("retained_bytes", 0), "growth" not in each, -each["bytes"])):
        yield f"Live {each['bytes']} byte(s) in {each['blocks']} object(s) allocated from:"
        yield from text.stack(each["site"])
        if "retained_bytes" in each:
            yield f"    retains {words.size(each['retained_bytes'])}: with these blocks that much would go, or more"
        yield (f"    site:{each['site'].index}; {words.count(each['generations'], 'generation')}; allocated {each['allocated_blocks']}, "
               f"freed {each['freed_blocks']}")
        yield from more_of_site(session, each)
        yield ""


def more_of_site(session, each):
    if growth := each.get("growth"):
        yield (f"    grows: {words.size(growth['bytes'])} more since {words.clock(session.wall(growth['since_ns']), session.process.begin_ns)}, "
               f"{words.rate(growth['bytes_per_hour'] / 3600)}, {words.count(growth['generations'], 'generation')}, "
               f"confidence {growth['confidence']} %")
    if weak := each.get("weak"):
        yield f"    {words.weakly(weak)}"
    if stale := each.get("stale"):
        yield f"    {words.unwritten(stale['blocks'], stale['bytes'], stale['after_ns'], stale['unwritten_ns'])}"


def ask_leaks(session, request, most):
    """With what is held weakly, where every allocation is noted: that takes walks over the heap."""
    records = session.ask(request)
    try:
        return records + session.ask(f"weakly {most}" if most else "weakly")
    except live.Refused:
        return records


def moved(each, what):
    return each[what] - each[f"{what}_before"]


def as_diff(session, records):
    mark, changes = records[0], records[1:]
    yield (f"since {mark['name']}, {(mark['now_ns'] - mark['at_ns']) / 1e9:.1f} s ago: heap "
           f"{mark['heap_alloc'] - mark['heap_before']:+} bytes, {mark['total_alloc'] - mark['total_before']} allocated")
    yield f"{'lost':>12} {'live':>12}  allocated at"
    for each in sorted(changes, key=lambda each: (-moved(each, "lost_bytes"), -moved(each, "live_bytes"))):
        yield f"{moved(each, 'lost_bytes'):+12} {moved(each, 'live_bytes'):+12}  {place(each['site'])}"


def place(site):
    return words.spot(site.culprit) if site.culprit else "(no stack is known)"


def as_mark(session, records):
    yield f"marked {records[0]['name']}: {words.count(records[0]['sites'], 'site')}, heap {words.size(records[0]['heap_alloc'])}"


def as_who(session, records):
    """A block; the way to it, if it is one, with its steps."""
    for each in of_type(records, "who"):
        yield from as_block(each)
    for each in of_type(records, "path"):
        yield from as_path(each, of_type(records, "step"))


def of_type(records, kind):
    return [each for each in records if each["type"] == kind]


def as_block(each):
    if each["kind"] != "heap":
        more = f" of thread {each['tid']}" if "tid" in each else f" {each['lo']}-{each['hi']}" if "lo" in each else ""
        yield f"{each['address']}: not a heap block: {each['kind']}{more}"
        return
    yield f"{each['address']}: {each['state']} block {each['base']} of {each['bytes']} bytes, at +{each['offset']}"
    if "site" in each:
        yield f"{each['asked_bytes']} bytes asked for in cycle {each['born_cycle']}, allocated from:"
        yield from text.stack(each["site"])


def as_path(each, steps):
    looked = (f"{words.count(each['looked_blocks'], 'block')} and {words.size(each['looked_bytes'])} were looked at in "
              f"{each['took_ns'] / 1e6:.1f} ms, beside the program")
    if not each["found"]:
        yield f"why it is alive: {each.get('problem', 'no way to it was found; it may be lost')} ({looked})"
        return
    yield f"alive by way of {words.count(each['blocks'], 'block')} ({looked}):"
    yield from (f"    {line}" for line in words.way(way_of(each, steps)))


def way_of(path, steps):
    steps = [model.Step(int(each["base"], 16), each["bytes"], each.get("site"), each.get("offset"), each["blocks"]) for each in steps]
    return model.Way(None, int(path["base"], 16), "", path["blocks"], path["left_out"], path["root"], steps)


def ask_stuck(session):
    """{tid: record} of the threads that wait for ever. To know that takes a cycle."""
    try:
        return {each["tid"]: each for each in session.ask("stuck") if each["type"] == "stuck"}
    except live.Refused as refused:
        warn(f"which threads wait for ever is not known: {refused}")
        return {}


def as_stuck(each):
    made = f" that was allocated at {place(each['site'])}" if "site" in each else ""
    return f"    waits for ever: nobody else can reach the lock at {each['address']}, in a block{made}"


CALLS_MOST = 100    # that are shown of a stack
STATES = {"R": "running", "S": "sleeping", "D": "waiting, uninterruptible", "T": "stopped", "t": "traced", "Z": "ended", "X": "ended"}


def as_stacks(session, records):
    """As Go prints its goroutines: a thread, what it does, its stack."""
    threads = session.threads(records)
    for thread in threads:
        waits = f" in {thread.waits_in}" if thread.waits_in else ""
        yield f'thread {thread.tid} "{thread.name}", {STATES.get(thread.state, thread.state)}{waits}:'
        if thread.tid in session.stuck:
            yield as_stuck(session.stuck[thread.tid])
        if thread.not_stopped:
            yield f"    (no stack: {thread.not_stopped})"
        elif thread.site:
            yield from stack_of(thread)
        yield ""
    leaks = findings.threads_by_site([each["leak"] for each in records if each["type"] == "thread_leak"])
    yield words.count(len(threads), "thread")
    yield from text.threads(leaks, session.process)


def stack_of(thread):
    """A stack that is too long is cut in its middle: both ends say something."""
    calls = thread.site.calls
    for number, call in enumerate(calls):
        if number < CALLS_MOST // 2 or number >= len(calls) - CALLS_MOST // 2:
            yield f"    #{number} 0x{call.frame.pc:012x} {text.described(call)}"
        elif number == CALLS_MOST // 2:
            yield f"    ... {len(calls) - CALLS_MOST} more"
    if thread.end:
        yield f"    ({thread.end})"


def stacks_as_json(session, records):
    for thread in session.threads(records):
        frames = [document.call_of(call) for call in thread.site.calls] if thread.site else []
        yield {"type": "thread", "tid": thread.tid, "name": thread.name, "state": thread.state,
               "waits_in": thread.waits_in or None, "frames": frames, "complete": bool(thread.site) and not thread.end,
               "end": thread.end or thread.not_stopped or None, **({"stuck": True} if thread.tid in session.stuck else {})}


def as_advice(session, records):
    yield from list(text.advised(session.process)) or ["no advice"]


def as_nothing(session, records):
    yield "done"


# command: (how its answer is shown, further arguments as (name, help, type))
THREAD = ("thread", "only this thread", positive)
MOST = ("most", "only the N that have most", positive)
SURVEYS = {"retained": "with what would go with each site, sorted by that",
           "weakly": "where blocks are held by pointers into them, unaligned ones or stacks alone"}
COMMANDS = {
    "stats": (as_table, []),
    "memory": (as_memory, []),
    "gc": (as_cycle, []),
    "leaks": (as_leaks, [MOST]),
    "sites": (as_sites, [MOST]),
    "advise": (as_advice, []),
    "mark": (as_mark, [("NAME", "letters, digits, _ - .", str)]),
    "diff": (as_diff, [("NAME", "of the mark", str)]),
    "who": (as_who, [("ADDRESS", "0x7f..., or decimal; site:N: the oldest block of a site that `sites` lists", str)]),
    "stacks": (as_stacks, [THREAD]),
    "set": (as_nothing, [("SETTING", "gogc=N, memlimit=SIZE, period=TIME or trace=0|1", str)]),
}


# ---- the command line

def parser(command):
    it = argparse.ArgumentParser(prog=f"gcpre {command}", allow_abbrev=False,
                                 description="The program must run with GCPRE_CONTROL=1 (gcpre run --control -- ...).")
    it.add_argument("pid", metavar="PID", type=positive, help="of the running program")
    it.add_argument("--symbols", metavar="FOLDER", action="append", default=[],
                    help="look here too for the program's files and debug information; may be repeated")
    it.add_argument("--symbolizer", metavar="TOOL", help="llvm-symbolizer or addr2line, or none")
    if command == "top":
        it.add_argument("--once", action="store_true", help="print one screen and end")
        it.add_argument("--every", metavar="SECONDS", type=float, default=1.0, help="between two looks (1)")
        it.add_argument("--ascii", action="store_true", help="draw with ASCII letters only")
        return it
    it.add_argument("--json", action="store_true", help="the records as JSON lines")
    if command == "sites":
        either = it.add_mutually_exclusive_group()
        for name, about in SURVEYS.items():
            either.add_argument(f"--{name}", action="store_true", help=about)
    for name, about, kind in COMMANDS[command][1]:
        if name == "thread":
            it.add_argument("most", metavar="TID", nargs="?", type=kind, help=about)
        elif name == "most":
            it.add_argument("-n", "--top", dest="most", metavar="N", type=kind, help=about)
        else:
            it.add_argument("argument", metavar=name, type=kind, help=about)
    return it


def request_of(command, options):
    argument = getattr(options, "argument", None) or getattr(options, "most", None)
    command = next((survey for survey in SURVEYS if getattr(options, survey, False)), command)
    if argument is None:
        return command
    if any(letter.isspace() for letter in str(argument)):
        raise Problem(f"{argument}: has a blank or a newline in it")
    return f"{command} {str(argument).lower() if command == 'who' else argument}"


def ask_once(command, options):
    request = request_of(command, options)
    if options.json and command != "stacks":
        connection = live.Connection(options.pid)
        return "".join(json.dumps(record) + "\n" for record in connection.ask(request))
    session = live.Session(options.pid, symbols.choose(options.symbolizer, False), options.symbols)
    session.stuck = ask_stuck(session) if command == "stacks" else {}
    records = ask_leaks(session, request, options.most) if command == "leaks" else session.ask(request)
    if options.json:
        return "".join(json.dumps(record) + "\n" for record in stacks_as_json(session, records))
    session.name_sites()
    return "".join(printable(line) + "\n" for line in COMMANDS[command][0](session, records))


def main(arguments):
    command = arguments[0]
    if command == "advise" and any(word.isascii() and not word.isdigit() and (word == "-" or word[:1] != "-") for word in arguments[1:]):
        from . import advise    # of files
        return advise.main(arguments[1:])
    if command == "profile":
        from . import profile   # and all that writes reports
        return profile.main(arguments[1:])
    options = parser(command).parse_args(arguments[1:])
    if command == "top":
        from . import top   # curses: only for this one
        return top.main(options)
    sys.stdout.write(ask_once(command, options))
    sys.stdout.flush()
    return 0
