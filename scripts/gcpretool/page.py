"""One self-contained HTML page: flame graphs, plots over time, and a table of the sites.

The page is assets/page.html with the style, the scripts and the data put in; it asks for nothing else, which its
content security policy makes sure of. The scripts get the data as JSON, described by the functions below: a list of
views; in each `sites`, whose stacks are indices into `frames`, root first, and `runs`, the processes' courses over time.
"""

import json
from pathlib import Path

from . import words
from .console import Problem

ASSETS = Path(__file__).resolve().parent / "assets"
SCRIPTS = ["numbers.js", "tree.js", "flame.js", "plots.js", "sites.js", "threads.js", "start.js"]
POINTS = 1000   # of a plot: more than a screen shows


def render(views):
    title = "gcpre: " + ", ".join(view.name for view in views[:3]) + (", ..." if len(views) > 3 else "")
    text = asset("page.html")
    for mark, content in (("TITLE", escape(title)), ("STYLE", asset("page.css")), ("DATA", embedded(views)),
                          ("SCRIPT", "".join(asset(name) for name in SCRIPTS))):
        before, _, after = text.rpartition(f"@{mark}@")     # the last: what was put in before may hold anything
        text = before + content + after
    return text


def asset(name):
    try:
        return (ASSETS / name).read_text(encoding="utf-8")
    except OSError as error:
        raise Problem(f"{ASSETS / name}: {error.strerror}: install gcpre again (make install)") from None


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


def embedded(views):
    """No </script> can be in it, and no comment: both begin with <."""
    return json.dumps([view_of(view) for view in views], separators=(",", ":")).replace("<", "\\u003c")


# ---- the data

def view_of(view):
    frames = {}
    process = view.process
    return {
        "name": view.name, "command": " ".join(process.command), "begun": words.day(process.begin_ns),
        "notes": notes(view),
        "sites": [site_of(site, rows, frames, view) for site, rows in by_site(view).items()],
        "frames": [list(frame) for frame in frames],
        "runs": [run_of(each) for each in view.processes],
        "threads": [thread_group_of(group, process.begin_ns) for group in view.thread_leaks],
    }


def notes(view):
    for process in view.processes:
        if process.tier != "full":
            return [f"Stacks of tier {process.tier}: not every allocation is here."]
        if not process.end:
            return [f"Process {process.pid} did not end by itself, or still runs: this is what was proven until then."]
    return []


def by_site(view):
    """{site: (findings, living, growing)}; sites of one stack are one."""
    sites, rows = {}, {}
    for kind, items in (0, view.findings), (1, view.living), (2, view.growth):
        for item in items:
            site = sites.setdefault(item.site.exact, item.site)
            rows.setdefault(site, ([], [], []))[kind].append(item)
    return rows


def site_of(site, rows, frames, view):
    findings, living, growing = rows
    begin_ns, way = view.process.begin_ns, view.ways.get(site.exact)
    counted = [each for each in findings if not each.suppressed and not each.late]
    culprit = site.culprit
    return {
        "id": site.identity, "name": culprit.label if culprit else "(not known)", "place": culprit.place if culprit else "",
        "stack": [frames.setdefault((call.label, call.place), len(frames)) for call in reversed(site.calls)],
        "lost": sum(each.estimated_bytes for each in counted), "lostBlocks": sum(each.weight for each in counted),
        "live": sum(max(row.bytes, 0) for row in living), "liveBlocks": sum(max(row.blocks, 0) for row in living),
        "alloc": sum(max(row.allocated_bytes, 0) for row in living),
        "growth": sum(row.grown_bytes for row in growing),
        "stale": sum(row.stale_bytes for row in living),
        "retained": sum(row.retained or 0 for row in living),
        "generations": max((row.generations for row in living), default=0),
        "rate": max((each.rate or 0 for each in counted), default=0), "still": any(each.still for each in counted),
        "facts": [fact for each in findings for fact in facts(each, begin_ns)] +
                 [f"grows, and is reachable: {words.growth(row, begin_ns)}" for row in growing] +
                 [words.stale(row).replace("of them", "living blocks") for row in living if row.stale_blocks] +
                 [words.weakly(row.weak).replace("of them", "living blocks", 1) for row in living if row.weak],
        "way": words.way(way) if way else [],
    }


def facts(finding, begin_ns):
    kind = "lost at exit" if finding.late else f"{finding.kind} loss"
    yield (f"{kind}: {words.size(finding.bytes)} in {words.count(finding.blocks, 'block')}, "
           f"{words.timeline(finding, begin_ns)}" + (f", suppressed by {finding.suppressed}" if finding.suppressed else ""))
    for holder, blocks in finding.holders[:5]:
        yield f"last referenced from {words.holder(holder)} ({words.count(blocks, 'block')})"
    for example in finding.examples:
        yield f"for example {example['address']:#x}, {example['bytes']} bytes, allocated before cycle {example['born_cycle'] + 1}"


def thread_group_of(group, begin_ns):
    """Threads that one site created and nobody joined."""
    first, last = (words.clock(ns, begin_ns) for ns in (min(each.started_ns for each in group),
                                                        max(each.finished_ns for each in group)))
    return {"count": len(group), "names": sorted({each.name for each in group})[:5], "from": first, "to": last,
            "bytes": sum(each.stack_bytes for each in group),
            "stack": [f"{call.label} {call.place}" for call in group[0].site.calls]}


def run_of(process):
    """Rows over time, each begun by the seconds since the process began."""
    total, losses = 0, []
    for loss in sorted((each for each in process.losses if not each.suppressed), key=lambda each: each.at_ns):
        total += loss.bytes
        losses.append([seconds(loss.at_ns, process), total])
    keys = ["begin_bytes", "end_bytes", "live_bytes", "goal_bytes", "mark_ns", "stop_ns"]
    return {
        "name": f"{process.name} {process.pid}",
        "seconds": seconds(process.last_ns, process),
        "cycles": thin([[seconds(cycle["at_ns"], process), *(cycle[key] for key in keys)] for cycle in process.cycles]),
        "losses": thin(losses),
        "memory": {key: value for key, value in process.memory[-1].items() if key != "at_ns"} if process.memory else None,
    }


def seconds(at_ns, process):
    return max(0, at_ns - process.begin_ns) / 1e9


def thin(rows):
    """At most POINTS rows: the highest values of each stretch, because peaks are what one looks for."""
    stretch = -(-len(rows) // POINTS) or 1
    return [[max(column) for column in zip(*rows[at:at + stretch])] for at in range(0, len(rows), stretch)]
