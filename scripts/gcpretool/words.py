"""Sizes, times, places in words."""

import time

UNITS = ["B", "KB", "MB", "GB", "TB", "PB", "EB"]


def size(count):
    """1536 -> 1.5 KB; units of 1024."""
    for unit in UNITS:
        if count < 1000 or unit == UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024


def rate(count):
    return f"{size(count)}/s" if count >= 1 else f"{size(count * 3600)}/h" if count * 3600 >= 1 else "under 1 B/h"


def clock(ns, reference_ns):
    """Local time, with the day where it is another than that of the reference."""
    moment, reference = (time.localtime(min(each // 10**9, 1 << 40)) for each in (ns, reference_ns))
    return time.strftime("%H:%M:%S" if moment[:3] == reference[:3] else "%Y-%m-%d %H:%M:%S", moment)


def day(ns):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(min(ns // 10**9, 1 << 40)))


def timeline(finding, begin_ns):
    """since 14:02:11, 2.3 KB/s, still leaking"""
    first, last = clock(finding.first_ns, begin_ns), clock(finding.last_ns, begin_ns)
    if finding.proofs < 2:
        return f"between {first} and {last}" if first != last else f"at {last}"
    begun = f"since {first}" if finding.still else f"from {first} to {last}"
    pace = [rate(finding.rate)] if finding.rate is not None else []
    return ", ".join([begun, *pace, "still leaking" if finding.still else "no longer"])


def growth(row, begin_ns):
    """1.2 MB more since 14:02:11, 2.3 KB/s, 12 generations, confidence 80 %"""
    return (f"{size(row.grown_bytes)} more since {clock(row.since_ns, begin_ns)}, {rate(row.rate)}, "
            f"{count(row.generations, 'generation')}, confidence {row.confidence} %")


def stale(row):
    """24 of them (1.2 KB) were not written for 60 s or longer, one for 3 min"""
    return unwritten(row.stale_blocks, row.stale_bytes, row.stale_after_ns, row.unwritten_ns)


def unwritten(blocks, bytes_, after_ns, longest_ns):
    return (f"{blocks} of them ({size(bytes_)}) were not written for {duration(after_ns)} or longer, "
            f"one for {duration(longest_ns)}")


def weakly(weak):
    """2 of them (1.2 KB) held weakly: 1 by pointers into the block only, 1 by stacks or registers; for example 0x7f..."""
    hows = [(weak.inside, "by pointers into the block only"), (weak.unaligned, "by unaligned pointers"),
            (weak.stack, "by stacks or registers")]
    return (f"{weak.blocks} of them ({size(weak.bytes)}) held weakly: "
            f"{', '.join(f'{blocks} {how}' for blocks, how in hows if blocks)}; for example {weak.example:#x}")


def duration(ns):
    seconds = max(ns, 0) / 1e9
    return (f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 100 else
            f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h")


ON_STACKS = ("stack", "thread")     # where a word says more than the thread
ROOTS = {"mapping": "a word at {address} of memory that is no variable",
         "thread": "thread-local variables of thread {tid}",
         "registers": "a register of thread {tid}",
         "kernel": "the kernel: data of epoll, a timer, a queue or a signal",
         "pool": "an object pool",
         "protected": "a page of it that the program protected"}


def holder(holder):
    """What had the last pointer: struct at +16 allocated at read_conf conf.c:51"""
    if holder.kind == "heap":
        culprit = holder.site.culprit if holder.site else None
        return f"block at +{holder.offset}" + (f" allocated at {spot(culprit)}" if culprit else "")
    if holder.kind == "global":
        place = f"{holder.module.name}+{holder.offset:#x}" if holder.module else f"{holder.offset:#x}"
        return f"global {holder.symbol} ({place})" if holder.symbol else f"global at {place}"
    if holder.kind == "stack":
        return f"stack of thread {holder.tid}"
    if holder.kind in ROOTS:
        return ROOTS[holder.kind].format(tid=holder.tid, address=hex(holder.address))
    return f"{holder.address:#x} (register, kernel or other mapping)" if holder.address else "a register or the kernel"


def way(way):
    """The way to a block, a line for the root and each step."""
    if not way.root:
        return [way.problem or "no way to it was found"]
    word = f" (the word at {way.root.address:#x})" if way.root.kind in ON_STACKS else ""
    left_out = [f"({count(way.left_out, 'block')} in the middle are left out)"] if way.left_out else []
    return [holder(way.root) + word, *left_out, *map(step, way.steps)]


def step(step):
    """-> 999 times 16 bytes at +8, from make_node list.c:12, first 0x7f..."""
    times = f"{step.blocks} times " if step.blocks > 1 else ""
    leads_on = f" at +{step.offset}" if step.offset is not None else ""
    culprit = step.site.culprit if step.site else None
    made = f", from {spot(culprit)}" if culprit else ""
    return f"-> {times}{step.bytes} bytes{leads_on}{made}, {'first ' if times else ''}{step.base:#x}"


def spot(call):
    return f"{call.function} {call.place}" if call.function else call.where


def count(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"
