"""What could be done better with the blocks of a site, from the `usage` records: few sites, those where it is worth it.

Each kind of advice is one function: it gives a sentence with figures, or None. The first that has something to say of a
site wins. What is seen are habits, no proofs: a sentence says what was seen, and what would do.
"""

from dataclasses import dataclass

from . import words
from .model import Site

ON_STACK_BYTES = 1024       # more is not put on a stack unasked
ON_STACK = 0.9              # of the blocks were freed in their call; some frees are not seen (core/leak/usage.h)
WORTH_IT = 0.01             # of all allocations
BUSY = 0.05
MOSTLY = 0.95
ENOUGH = 1000               # blocks, before a habit is one
SMALL_STEP = 1 / 8          # of what a block grows to


@dataclass(eq=False)
class Advice:
    kind: str       # stack, grow, copy, pool
    site: Site
    text: str


def of(process):
    """What is worth it, most allocations first."""
    found = [(usage, kind, said) for usage in process.usages.values() for kind, said in [judge(usage)] if said]
    return [Advice(kind, usage.site, said) for usage, kind, said in sorted(found, key=lambda each: -each[0].allocated_blocks)]


def judge(usage):
    for kind, judged in KINDS.items():
        if said := judged(usage):
            return kind, said
    return "", None


def share(usage):
    return usage.allocated_blocks / max(usage.all_blocks, 1)


def pace(usage):
    """12000 of 40000 allocations, 600 a second"""
    a_second = usage.allocated_blocks / max(usage.elapsed_s, 1e-3)
    return (f"{usage.allocated_blocks} of all {usage.all_blocks} allocations ({100 * share(usage):.0f} %), "
            f"{a_second:.0f} a second")


# ---- what is seen

def function_of(site):
    """Of the innermost frame: the function as it was compiled, whatever was inlined into it."""
    innermost = [call for call in site.calls if call.frame is site.frames[0]] if site.frames else []
    return innermost[-1].function if innermost else ""


def freed_by_its_allocator(usage):
    """Behind the allocation, in the same function. Before it a function may free what an earlier call of it allocated."""
    name, place = function_of(usage.site), usage.site.frames[0].pc if usage.site.frames else 0
    return name and usage.freed_at and all(function_of(each) == name and each.frames[0].pc > place and
                                           each.frames[0].module is usage.site.frames[0].module for each in usage.freed_at)


def stack(usage):
    if (usage.allocated_blocks < ENOUGH or share(usage) < WORTH_IT or usage.largest_bytes > ON_STACK_BYTES
            or usage.in_call < ON_STACK * usage.allocated_blocks or not freed_by_its_allocator(usage)):
        return None
    return (f"{pace(usage)}: {100 * min(usage.in_call / usage.allocated_blocks, 1):.0f} % seen freed by the call of "
            f"{function_of(usage.site)} that allocated them, none larger than {words.size(usage.largest_bytes)}: "
            "a local variable or array would do")


def copies_much(usage):
    return usage.copied_bytes >= max(1 << 20, WORTH_IT * usage.all_bytes)


def grow(usage):
    if (usage.resized < ENOUGH or usage.grown_bytes > SMALL_STEP * usage.grown_to_bytes
            or not (copies_much(usage) or share(usage) >= WORTH_IT)):
        return None
    return (f"realloc let blocks grow {usage.resized} times, by {words.size(usage.grown_bytes / usage.resized)} to "
            f"{words.size(usage.grown_to_bytes / usage.resized)} on average; {usage.moved} of them were moved, which copied "
            f"{words.size(usage.copied_bytes)}: let the capacity double each time")


def copy(usage):
    if usage.regrown < max(ENOUGH, usage.allocated_blocks / 2) or not copies_much(usage):
        return None
    return (f"{usage.regrown} blocks gave way to one that was {words.size(usage.regrown_by_bytes / usage.regrown)} larger on average, "
            f"allocated just before they were freed; about {words.size(usage.copied_bytes)} copied: keep room to grow, and let it double")


def pool(usage):
    equal = usage.allocated_bytes == usage.allocated_blocks * usage.largest_bytes
    if (not equal or usage.allocated_blocks < 10 * ENOUGH or share(usage) < BUSY or usage.largest_bytes > 4096
            or usage.living_blocks > (1 - MOSTLY) * usage.allocated_blocks):
        return None
    return (f"{pace(usage)}, all of {words.size(usage.largest_bytes)}, and {usage.living_blocks} are left: "
            "keep those that are given back in a list of its own (a pool), and take them from there")


KINDS = {"stack": stack, "grow": grow, "copy": copy, "pool": pool}
