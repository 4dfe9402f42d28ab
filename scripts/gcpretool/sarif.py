"""SARIF 2.1.0, for code scanning. A finding's fingerprint is its site's identity: the same over runs and addresses."""

import json
import urllib.parse
from collections import Counter

from . import words

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "gcpreSite/v1"
RULES = [
    ("lost-direct", "Lost memory", "No pointer to these blocks is left, so nothing can free them.", "error"),
    ("lost-indirect", "Memory lost with other memory", "Only lost blocks point at these blocks.", "warning"),
    ("lost-at-exit", "Memory lost at exit", "The last pointer to these blocks died in exit's handlers.", "note"),
    ("growing", "Growing memory", "These blocks are reachable, and blocks of ever more ages stay.", "warning"),
]
NAMES = [rule[0] for rule in RULES]


def render(views, what, top):
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run(view, what, top) for view in views]}
    return json.dumps(document) + "\n"


def run(view, what, top):
    if what == "growth":
        rows = [growing(row, view) for row in view.growth[:top]]
    else:
        rows = [lost(each, view) for each in view.findings[:top]]
    seen = Counter()
    for row in rows:    # several sites of one identity, e.g. two calls in one function: told apart by a count
        site = row["partialFingerprints"][FINGERPRINT]
        seen[site] += 1
        row["partialFingerprints"][FINGERPRINT] += f":{seen[site]}"
    return {"tool": {"driver": {"name": "gcpre", "version": "1", "rules": [rule(*each) for each in RULES]}},
            "automationDetails": {"id": f"gcpre/{view.process.name}/"}, "columnKind": "utf16CodeUnits",
            "invocations": [{"commandLine": " ".join(process.command), "processId": process.pid,
                             "executionSuccessful": process.end is not None} for process in view.processes],
            "results": rows}


def rule(name, short, full, level):
    return {"id": name, "shortDescription": {"text": short}, "fullDescription": {"text": full},
            "defaultConfiguration": {"level": level}}


def lost(finding, view):
    name = "lost-at-exit" if finding.late else f"lost-{finding.kind}"
    held = [f"last referenced from {words.holder(holder)}" for holder, _ in finding.holders[:1]]
    facts = [f"{words.size(finding.bytes)} in {words.count(finding.blocks, 'block')} lost",
             words.timeline(finding, view.process.begin_ns), *held]
    extra = {"suppressions": [{"kind": "external", "justification": f"leak:{finding.suppressed}"}]} if finding.suppressed else {}
    return result(name, finding.site, ", ".join(facts), finding.bytes, finding.blocks, extra)


def growing(row, view):
    text = f"{words.size(row.bytes)} in {words.count(row.blocks, 'block')} live, {words.growth(row, view.process.begin_ns)}"
    return result("growing", row.site, text, row.bytes, row.blocks, {})


def result(name, site, text, size, blocks, extra):
    culprit = site.culprit
    place = [location(culprit)] if culprit else []
    where = f", allocated in {words.spot(culprit)}" if culprit else ""
    index = NAMES.index(name)
    return {"ruleId": name, "ruleIndex": index, "level": RULES[index][3], "message": {"text": text + where},
            "locations": place, "partialFingerprints": {FINGERPRINT: site.identity},
            "stacks": [{"message": {"text": "allocated from"}, "frames": [stack_frame(call) for call in site.calls]}],
            "properties": {"bytes": size, "blocks": blocks}, **extra}


def stack_frame(call):
    module = {"module": call.frame.module.name} if call.frame.module else {}
    return {"location": location(call), **module}


def location(call):
    """A file and line where they are known, else the module and an address in it."""
    if call.file:
        physical = {"artifactLocation": {"uri": uri(call.file)}, "region": {"startLine": call.line}}
    elif call.frame.module:
        physical = {"artifactLocation": {"uri": uri(call.frame.module.path)},
                    "address": {"relativeAddress": call.frame.offset, "kind": "instruction"}}
    else:
        physical = {"address": {"absoluteAddress": call.frame.pc, "kind": "instruction"}}
    logical = {"logicalLocations": [{"fullyQualifiedName": call.function, "kind": "function"}]} if call.function else {}
    return {"physicalLocation": physical, "message": {"text": call.label}, **logical}


def uri(path):
    quoted = urllib.parse.quote(path.encode(errors="surrogateescape"))
    return f"file://{quoted}" if path.startswith("/") else quoted
