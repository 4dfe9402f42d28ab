"""Stacks with weights: Brendan Gregg's folded lines, and speedscope's JSON. Weights are bytes.

Several processes that are not merged keep apart: by a first frame in folded lines, as a profile each in speedscope.
"""

import json
from collections import Counter

SCHEMA = "https://www.speedscope.app/file-format-schema.json"
UNKNOWN = "(no stack is known)"


def labels(site):
    """From the root inwards, as both formats want it."""
    return [call.label for call in reversed(site.calls)] or [UNKNOWN]


def prefix(view, views):
    return [view.name] if len(views) > 1 else []


def sums(views, what):
    """{stack as a tuple of labels: bytes}"""
    found = Counter()
    for view in views:
        for site, _, size in view.weights(what):
            found[tuple(prefix(view, views) + labels(site))] += size
    return found


# ---- folded

def folded(views, what):
    return "".join(f"{line(stack)} {size}\n" for stack, size in sorted(sums(views, what).items()) if size)


def line(stack):
    """; and the end of the line are the only letters that mean something here."""
    return ";".join(label.replace(";", ":").replace("\n", " ") for label in stack)


# ---- speedscope

def speedscope(views, what):
    frames, profiles = {}, []
    for view in views:
        rows = view.weights(what)
        samples = [[frame_index(frames, call) for call in reversed(site.calls)] for site, _, _ in rows]
        weights = [size for _, _, size in rows]
        profiles.append({"type": "sampled", "name": f"{what}, {view.name}", "unit": "bytes", "startValue": 0,
                         "endValue": sum(weights), "samples": samples, "weights": weights})
    document = {"$schema": SCHEMA, "exporter": "gcpre", "name": f"gcpre {what}", "activeProfileIndex": 0,
                "shared": {"frames": [frame(key) for key in frames]}, "profiles": profiles}
    return json.dumps(document) + "\n"


def frame_index(frames, call):
    return frames.setdefault((call.label, call.file, call.line), len(frames))


def frame(key):
    name, file, line_number = key
    return {"name": name, **({"file": file, "line": line_number} if file else {})}
