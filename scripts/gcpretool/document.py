"""The report as one JSON document: all of what was read, with names, and added up by site."""

import json

from . import advice, words

VERSION = 1


def render(views):
    document = {"version": VERSION, "generator": "gcpre", "views": [view_of(view) for view in views]}
    return json.dumps(document, indent=1) + "\n"


def view_of(view):
    sites = {}

    def site(each):
        sites.setdefault(each.exact, each)
        return each.exact

    body = {
        "name": view.name,
        "processes": [process_of(process) for process in view.processes],
        "lost": [finding_of(each, site) for each in view.findings],
        "live": [living_of(row, site) for row in view.living],
        "growing": [growing_of(row, site) for row in view.growth],
        "ways": [way_of(way, site) for way in view.ways.values()],
        "thread_leaks": [thread_of(leak, site) for group in view.thread_leaks for leak in group],
        "sum": {"lost_bytes": sum(each.bytes for each in view.lost), "lost_blocks": sum(each.blocks for each in view.lost),
                "late_bytes": sum(each.bytes for each in view.late), "late_blocks": sum(each.blocks for each in view.late),
                "live_bytes": sum(row.bytes for row in view.living)},
        "suppressions": [{"pattern": pattern, "blocks": blocks, "bytes": size}
                         for pattern, (blocks, size) in view.suppressed.items()],
    }
    body["sites"] = {key: site_of(each) for key, each in sites.items()}
    return body


def process_of(process):
    return {"pid": process.pid, "ppid": process.ppid, "exe": process.exe, "command": process.command,
            "unix_ns": process.begin_ns, "tier": process.tier, "sample_bytes": process.sample_bytes,
            "reclaim": process.reclaim, "forked": process.forked, "source": process.source, "end": process.end,
            "advice": [{"kind": each.kind, "text": each.text, "frames": [call_of(call) for call in each.site.calls]}
                       for each in advice.of(process)],
            "reclaimed_bytes": process.reclaimed_bytes, "held_bytes": process.held_bytes,
            "unheld_bytes": process.unheld_bytes, "cycles": process.cycles, "memory": process.memory}


def finding_of(finding, site):
    return {"site": site(finding.site), "class": finding.kind, "late": finding.late, "suppressed": finding.suppressed or None,
            "blocks": finding.blocks, "bytes": finding.bytes, "estimated_blocks": finding.weight,
            "estimated_bytes": finding.estimated_bytes, "first_ns": finding.first_ns,
            "last_ns": finding.last_ns, "bytes_per_second": finding.rate, "still_leaking": finding.still,
            "proofs": [{"cycle": loss.cycle, "since_ns": loss.since_ns, "at_ns": loss.at_ns, "phase": loss.phase,
                        "blocks": loss.blocks, "bytes": loss.bytes} for loss in finding.losses],
            "holders": [holder_of(holder, blocks, site) for holder, blocks in finding.holders],
            "examples": [{**example, "address": hex(example["address"])} for example in finding.examples]}


def holder_of(holder, blocks, site):
    place = {"heap": {"site": holder.site and site(holder.site), "offset": holder.offset},
             "global": {"module": holder.module and holder.module.path, "offset": hex(holder.offset),
                        "symbol": holder.symbol or None},
             "stack": {"tid": holder.tid}}.get(holder.kind, {"address": hex(holder.address)})
    return {"kind": holder.kind, "blocks": blocks, "cycle": holder.cycle, "text": words.holder(holder), **place}


def living_of(row, site):
    names = ["blocks", "bytes", "allocated_blocks", "allocated_bytes", "freed_blocks", "freed_bytes", "generations",
             "oldest_cycle", "first_bytes", "stale_blocks", "stale_bytes", "unwritten_ns", "retained"]
    weak = row.weak and {**vars(row.weak), "example": hex(row.weak.example)}
    return {"site": site(row.site), **{name: getattr(row, name) for name in names}, "weakly": weak}


def growing_of(row, site):
    return {"site": site(row.site), "blocks": row.blocks, "bytes": row.bytes, "grown_bytes": row.grown_bytes, "since_ns": row.since_ns,
            "bytes_per_second": row.rate, "generations": row.generations, "steps": row.steps, "confidence": row.confidence}


def way_of(way, site):
    root = way.root and {"kind": way.root.kind, "text": words.holder(way.root), "symbol": way.root.symbol or None}
    steps = [{"base": hex(step.base), "bytes": step.bytes, "site": step.site and site(step.site), "offset": step.offset,
              "blocks": step.blocks} for step in way.steps]
    return {"site": site(way.site), "base": hex(way.base), "problem": way.problem or None, "blocks": way.blocks,
            "left_out": way.left_out, "root": root, "steps": steps}


def thread_of(leak, site):
    names = ["tid", "name", "started_ns", "finished_ns", "stack_bytes"]
    return {"site": site(leak.site), **{name: getattr(leak, name) for name in names}}


def site_of(site):
    return {"identity": site.identity, "frames": [call_of(call) for call in site.calls]}


def call_of(call):
    module = call.frame.module
    return {"function": call.function or None, "file": call.file or None, "line": call.line or None,
            "inlined": call.inlined, "pc": hex(call.frame.pc), "offset": hex(call.frame.offset),
            "module": module.path if module else None, "build_id": module.build_id if module else None}
