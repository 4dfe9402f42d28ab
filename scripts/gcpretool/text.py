"""The report as LeakSanitizer prints it, because parsers for that exist.

What it does not know stands in further lines that its parsers pass over: below a stack, indented and without a #, and
after the SUMMARY line. A view of living or growing sites has the same stacks below other headings.
"""

from . import advice, words
from .console import printable

RULE = "=" * 65
SHORT_RULE = "-" * 53
THREAD_RULE = "=" * 18
WORTH_TELLING = 64 << 10    # bytes that reclaiming saved


def render(views, what, top):
    shown = {"lost": lost, "live": living, "growth": growth, "alloc": allocated}[what]
    return "\n".join("\n".join(map(printable, shown(view, top))).rstrip("\n") + "\n" for view in views)


def lost(view, top):
    pid, findings = view.process.pid, view.lost
    if not findings:
        yield f"gcpre: {view.name}: nothing lost"
    else:
        yield from (RULE, f"=={pid}==ERROR: LeakSanitizer: detected memory leaks", "")
    for finding in findings[:top]:
        yield from leak(f"{finding.kind.capitalize()} leak of", finding, view)
    if top and len(findings) > top:
        yield from (f"Omitting {len(findings) - top} more leak(s).", "")
    yield from suppressions(view)
    if findings:
        yield (f"SUMMARY: LeakSanitizer: {sum(each.bytes for each in findings)} byte(s) leaked in "
               f"{sum(each.blocks for each in findings)} allocation(s).")
    yield from late(view)
    yield from growing(view, top)
    yield from weakly(view, top)
    for process in view.processes:
        yield from advised(process)
    yield from threads(view.thread_leaks, view.process)
    yield from notes(view)


def leak(heading, finding, view):
    yield f"{heading} {finding.bytes} byte(s) in {finding.blocks} object(s) allocated from:"
    yield from stack(finding.site)
    yield f"    {words.timeline(finding, view.process.begin_ns)}"
    if finding.weight != finding.blocks:
        yield f"    sampled: stands for about {words.size(finding.estimated_bytes)} in {finding.weight} objects"
    for holder, blocks in finding.holders[:3]:
        yield f"    last referenced from {words.holder(holder)}" + (f" ({words.count(blocks, 'object')})" if blocks > 1 else "")
    yield ""


def stack(site):
    if not site.calls:
        yield "    (no stack is known)"
    for number, call in enumerate(site.calls):
        yield f"    #{number} 0x{call.frame.pc:012x} {described(call)}"


def described(call):
    """in function file:line, or what is known of that. The two blanks without a function are LeakSanitizer's."""
    function = f"in {call.function}" if call.function else ""
    module = call.frame.module
    if call.file:
        return f"{function} {call.file}:{call.line}"
    if not module:
        return f"{function} (<unknown module>)"
    identity = f" (BuildId: {module.build_id})" if module.build_id else ""
    return f"{function} ({module.path}+{call.frame.offset:#x}){identity}"


def suppressions(view):
    if sums := view.suppressed:
        yield from (SHORT_RULE, "Suppressions used:", "  count      bytes template")
        yield from (f"{blocks:7} {size:10} {pattern}" for pattern, (blocks, size) in sums.items())
        yield from (SHORT_RULE, "")


def late(view):
    """After the SUMMARY, which does not count them."""
    if findings := view.late:
        size, blocks = sum(each.bytes for each in findings), sum(each.blocks for each in findings)
        yield from ("", f"Lost at exit: {size} byte(s) in {blocks} object(s) that died only in exit's handlers; "
                    "not in the sum above.", "")
        for finding in findings:
            yield f"Lost at exit {finding.bytes} byte(s) in {finding.blocks} object(s) allocated from:"
            yield from (*stack(finding.site), "")


def threads(groups, process):
    """In ThreadSanitizer's layout: what ended and was never joined, by where it was created."""
    for group in groups:
        leak, more = group[0], len(group) - 1
        yield from ("", THREAD_RULE, f"WARNING: libgcpre: thread leak (pid={process.pid})",
                    f"  Thread '{leak.name}' (tid={leak.tid}, finished) created at:")
        yield from stack(leak.site)
        times = [words.clock(ns, process.begin_ns) for ns in (leak.started_ns, leak.finished_ns)]
        yield f"    started {times[0]}, finished {times[1]}; its stack of {words.size(leak.stack_bytes)} stays"
        if more:
            yield from ("", f"  And {more} more similar thread leak{'s' if more > 1 else ''}.")
    if groups:
        size = sum(leak.stack_bytes for group in groups for leak in group)
        yield from ("", f"SUMMARY: libgcpre: {sum(map(len, groups))} thread(s) ended and were never joined; their stacks keep "
                    f"{size} byte(s) of address space.", THREAD_RULE)


def notes(view):
    for process in view.processes:
        if process.unheld_bytes > process.held_bytes + WORTH_TELLING:
            yield (f"gcpre: process {process.pid}: the heap would have grown to {words.size(process.unheld_bytes)}; "
                   f"held at {words.size(process.held_bytes)} by reclaiming {words.size(process.reclaimed_bytes)}")
        if process.tier != "full":
            every = f", one in {words.size(process.sample_bytes)}" if process.sample_bytes else ""
            yield f"gcpre: process {process.pid}: stacks of tier {process.tier}{every}: not all that was lost is here"
        if not process.end:
            yield f"gcpre: process {process.pid} did not end by itself, or still runs: this is what was proven until then"
        elif process.end["incomplete"]:
            yield (f"gcpre: process {process.pid}: this is what was proven until "
                   f"{words.clock(process.end['proven_ns'], process.begin_ns)}: {process.end['incomplete']}")


# ---- what lives

def living(view, top):
    rows = [row for row in view.living if row.bytes > 0]
    yield f"Live: {sum(row.bytes for row in rows)} byte(s) in {sum(row.blocks for row in rows)} object(s), {view.name}"
    yield ""
    for row in rows[:top]:
        yield f"Live {row.bytes} byte(s) in {row.blocks} object(s) allocated from:"
        retained = f"; retains {words.size(row.retained)} or more" if row.retained is not None else ""
        yield from (*stack(row.site), f"    {words.count(row.generations, 'generation')}; allocated {row.allocated_blocks}, "
                    f"freed {row.freed_blocks}{retained}")
        if row.stale_blocks:
            yield f"    {words.stale(row)}"
            yield from way_to(row.site, view)
        if row.weak:
            yield f"    {words.weakly(row.weak)}"
        yield ""
    yield from notes(view)


def allocated(view, top):
    """Sites whose blocks were all freed are among them where a running program was asked, and not in a file."""
    rows = sorted((row for row in view.living if row.allocated_bytes > 0), key=lambda row: -row.allocated_bytes)
    yield (f"Allocated: {sum(row.allocated_bytes for row in rows)} byte(s) in {sum(row.allocated_blocks for row in rows)} object(s), "
           f"{view.name}")
    yield ""
    for row in rows[:top]:
        yield f"Allocated {row.allocated_bytes} byte(s) in {row.allocated_blocks} object(s) by:"
        yield from (*stack(row.site), f"    freed {row.freed_blocks}; live {row.blocks:+}, {row.bytes:+} bytes", "")
    yield from notes(view)


def growth(view, top):
    yield f"Growing: {words.count(len(view.growth), 'site')}, {view.name}" + ("" if view.growth else "; that takes many cycles")
    yield from ("", *growing(view, top), *notes(view))


def growing(view, top):
    """Reachable, so no leaks, and after the SUMMARY."""
    retained = {row.site.exact: row.retained for row in view.living if row.retained is not None}
    for row in view.growth[:top]:
        yield f"Growing {row.bytes} byte(s) in {row.blocks} object(s) allocated from:"
        yield from (*stack(row.site), f"    {words.growth(row, view.process.begin_ns)}")
        if row.site.exact in retained:
            yield f"    retained {words.size(retained[row.site.exact])} or more at the end"
        yield from way_to(row.site, view)
        yield ""


def weakly(view, top):
    """Reachable too, though perhaps only so far."""
    for row in view.weak[:top]:
        yield f"Weakly held {row.weak.bytes} byte(s) in {row.weak.blocks} object(s) allocated from:"
        yield from (*stack(row.site), f"    of {words.count(row.blocks, 'object')} {words.weakly(row.weak)}", "")


def way_to(site, view):
    if way := view.ways.get(site.exact):
        yield "    its oldest block is held by"
        yield from (f"      {line}" for line in words.way(way))


def advised(process):
    for each in advice.of(process):
        yield f"Advice ({each.kind}) on what is allocated from:"
        yield from (*stack(each.site), f"    {each.text}", "")
