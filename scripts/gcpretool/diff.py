"""What changed from one report to the next, site by site. Sites are the same when their identity is (model.py)."""

import json
from dataclasses import dataclass

from . import stacks, text, words
from .console import printable
from .model import Site


@dataclass(eq=False)
class Change:
    site: Site
    before: list    # blocks, bytes
    after: list

    @property
    def bytes(self):
        return self.after[1] - self.before[1]

    @property
    def blocks(self):
        return self.after[0] - self.before[0]

    @property
    def kind(self):
        if not any(self.before):
            return "new"
        if not any(self.after):
            return "gone"
        return "grew" if self.bytes > 0 else "shrank" if self.bytes < 0 else "same size"


def changes(before, after, what):
    """The sites that differ, the largest increase first."""
    found = {}
    for side, views in (("before", before), ("after", after)):
        for view in views:
            for site, blocks, size in view.weights(what):
                change = found.setdefault(site.identity, Change(site, [0, 0], [0, 0]))
                change.site = site
                sums = getattr(change, side)
                sums[0] += blocks
                sums[1] += size
    return sorted((each for each in found.values() if each.before != each.after), key=lambda each: (-each.bytes, -each.blocks))


def as_text(before, after, what, top):
    return "\n".join(map(printable, lines(changes(before, after, what), before, after, what, top))) + "\n"


def lines(found, before, after, what, top):
    old, new = (sum(size for view in views for _, _, size in view.weights(what)) for views in (before, after))
    yield f"{what}: {old} -> {new} byte(s), {new - old:+}; {words.count(len(found), 'site')} changed"
    yield ""
    for change in found[:top]:
        yield (f"{change.kind.capitalize()}: {change.before[1]} -> {change.after[1]} byte(s) ({change.bytes:+}), "
               f"{change.before[0]} -> {change.after[0]} object(s) ({change.blocks:+}), allocated from:")
        yield from (*text.stack(change.site), "")
    if top and len(found) > top:
        yield f"{len(found) - top} more left out"


def as_json(before, after, what):
    rows = [{"site": change.site.identity, "change": change.kind, "bytes_before": change.before[1],
             "bytes_after": change.after[1], "blocks_before": change.before[0], "blocks_after": change.after[0],
             "frames": [{"function": call.function or None, "file": call.file or None, "line": call.line or None,
                         "at": call.where} for call in change.site.calls]} for change in changes(before, after, what)]
    return json.dumps({"version": 1, "generator": "gcpre", "what": what, "changes": rows}, indent=1) + "\n"


def as_folded(before, after, what):
    """As difffolded.pl has it: stack, bytes before, bytes after."""
    old, new = stacks.sums(before, what), stacks.sums(after, what)
    return "".join(f"{stacks.line(stack)} {old[stack]} {new[stack]}\n" for stack in sorted({*old, *new}))
