"""Suppressions in LeakSanitizer's format: lines `leak:pattern`, # begins a comment.

A pattern is looked for in the module's path, the function and the file of every call of a stack. * stands for anything,
^ at its beginning and $ at its end bind it there.

What only suppressed blocks held is suppressed with them: an indirect loss whose last holder lies in a block of a
suppressed site. Without a holder in the report an indirect loss needs a pattern of its own.
"""

import re

from .console import Problem


def read(path):
    """The patterns of a file: [(pattern, compiled)]."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return list(parse(file, path))
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}") from None


def parse(lines, path):
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if line and not line.startswith("#"):
            kind, _, pattern = line.partition(":")
            if kind != "leak" or not pattern:
                raise Problem(f"{path}:{number}: is no suppression: write leak:pattern")
            yield pattern, compiled(pattern)


def compiled(pattern):
    start = "^" if pattern.startswith("^") else ""
    body, end, _ = pattern.removeprefix("^").partition("$")
    return re.compile(start + ".*".join(map(re.escape, body.split("*"))) + (r"\Z" if end else ""))


def apply(patterns, processes):
    for process in processes:
        for loss in process.losses:
            loss.suppressed = loss.suppressed or matching(patterns, loss.site)
        for leak in process.threads.values():
            leak.suppressed = leak.suppressed or matching(patterns, leak.site)
        while spread(process.losses):
            pass


def matching(patterns, site):
    """The first pattern that a call of this stack matches, or ""."""
    for pattern, expression in patterns:
        for call in site.calls:
            texts = [call.frame.module.path if call.frame.module else "", call.function, call.file]
            if any(text and expression.search(text) for text in texts):
                return pattern
    return ""


def spread(losses):
    """Suppresses what the suppressed held; true if that was anything."""
    patterns = {loss.site: loss.suppressed for loss in losses if loss.suppressed}
    held = [loss for loss in losses if loss.kind == "indirect" and not loss.suppressed
            and loss.holder and loss.holder.site in patterns]
    for loss in held:
        loss.suppressed = patterns[loss.holder.site]
    return bool(held)


# ---- the other way: suppressions for what a report holds

def write(views, what):
    """`leak:function` for each finding's culprit, with what it stands for as a comment."""
    lines, known = ["# Written by gcpre report --format suppressions. A pattern is looked for in every call of a stack."], set()
    for view in views:
        for finding in view.chosen(what):
            culprit = finding.site.culprit
            lines.append(f"# {finding.bytes} bytes in {finding.blocks} blocks: "
                         + " < ".join(call.label for call in finding.site.calls[:6]))
            if not culprit or not culprit.function:
                lines.append(f"# no function is known; this leaves out all of the module: leak:{culprit.frame.module.name}"
                             if culprit and culprit.frame.module else "# no stack is known")
            elif culprit.function not in known:
                known.add(culprit.function)
                lines.append(f"leak:{culprit.function}")
    return "\n".join(line.replace("\n", " ") for line in lines) + "\n"
