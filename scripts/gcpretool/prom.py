"""Prometheus' text exposition: the sums, and only the largest sites, because each is a time series.

Written by -o for a node exporter's textfile collector, which must never see half a file (console.write_file).
"""

PREFIX = "gcpre_"
QUANTILES = [0.5, 0.99, 1]
SITES = 10


def render(views, top):
    metrics = [leaked, leaked_blocks, late, live, heap, goal, cycles, pauses, site_leaked, site_live, site_growth, site_stale]
    lines = []
    for metric in metrics:
        name, kind, about = metric.__doc__.split(": ", 2)
        samples = [PREFIX + sample for view in views for sample in metric(view, common(view, views), top or SITES)]
        if samples:
            lines += [f"# HELP {PREFIX}{name} {about}", f"# TYPE {PREFIX}{name} {kind}", *samples]
    return "\n".join(lines) + "\n"


def common(view, views):
    """Labels that tell the processes apart. A process id is one only where it is needed: it makes new series."""
    labels = {"program": view.process.name}
    if len(views) > 1:
        labels["pid"] = str(view.process.pid)
    return labels


def sample(name, labels, value):
    pairs = ",".join(f'{key}="{escape(text)}"' for key, text in labels.items())
    return f"{name}{{{pairs}}} {value:.9g}" if isinstance(value, float) else f"{name}{{{pairs}}} {value}"


def escape(text):
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


# ---- the metrics; the first line of each says name: type: help

def leaked(view, labels, _):
    """leaked_bytes_total: counter: Bytes of memory proven lost and not suppressed."""
    for kind in ("direct", "indirect"):
        size = sum(each.estimated_bytes for each in view.lost if each.kind == kind)
        yield sample("leaked_bytes_total", {**labels, "class": kind}, size)


def leaked_blocks(view, labels, _):
    """leaked_blocks_total: counter: Blocks of memory proven lost and not suppressed."""
    for kind in ("direct", "indirect"):
        blocks = sum(each.weight for each in view.lost if each.kind == kind)
        yield sample("leaked_blocks_total", {**labels, "class": kind}, blocks)


def late(view, labels, _):
    """late_bytes_total: counter: Bytes that were lost only in the handlers of exit."""
    yield sample("late_bytes_total", labels, sum(each.estimated_bytes for each in view.late))


def live(view, labels, _):
    """live_bytes: gauge: Bytes reachable at the last cycle."""
    if any(process.cycles for process in view.processes):
        yield sample("live_bytes", labels, last(view, "live_bytes"))


def heap(view, labels, _):
    """heap_bytes: gauge: Bytes of the heap after the last cycle."""
    if any(process.cycles for process in view.processes):
        yield sample("heap_bytes", labels, last(view, "end_bytes"))


def goal(view, labels, _):
    """gc_goal_bytes: gauge: Size of the heap at which the next cycle begins."""
    if any(process.cycles for process in view.processes):
        yield sample("gc_goal_bytes", labels, last(view, "goal_bytes"))


def cycles(view, labels, _):
    """gc_cycles_total: counter: Cycles of the collector."""
    yield sample("gc_cycles_total", labels, sum(len(process.cycles) for process in view.processes))


def pauses(view, labels, _):
    """gc_pause_seconds: summary: Time that a cycle kept the program's threads stopped."""
    times = sorted(cycle["stop_ns"] / 1e9 for process in view.processes for cycle in process.cycles)
    for quantile in QUANTILES if times else []:
        at = min(len(times) - 1, int(quantile * len(times)))
        yield sample("gc_pause_seconds", {**labels, "quantile": str(quantile)}, times[at])
    yield sample("gc_pause_seconds_sum", labels, float(sum(times)))
    yield sample("gc_pause_seconds_count", labels, len(times))


def site_leaked(view, labels, top):
    """site_leaked_bytes_total: counter: Bytes lost by the sites that lost most."""
    sums = {}
    for site, _, size in view.weights("lost"):
        known = sums.setdefault(site.identity, [site, 0])
        known[1] += size
    for site, size in sorted(sums.values(), key=lambda pair: -pair[1])[:top]:
        yield sample("site_leaked_bytes_total", {**labels, **place(site)}, size)


def site_live(view, labels, top):
    """site_live_bytes: gauge: Bytes that live of the sites with most."""
    sums = {}
    for row in view.living:
        known = sums.setdefault(row.site.identity, [row.site, 0])
        known[1] += row.bytes
    for site, size in sorted(sums.values(), key=lambda pair: -pair[1])[:top]:
        yield sample("site_live_bytes", {**labels, **place(site)}, size)


def site_growth(view, labels, top):
    """site_growth_bytes_per_second: gauge: Growth of the sites whose reachable memory grows from cycle to cycle."""
    sums = {}
    for row in view.growth:
        known = sums.setdefault(row.site.identity, [row.site, 0.0])
        known[1] += row.rate
    for site, rate in sorted(sums.values(), key=lambda pair: -pair[1])[:top]:
        yield sample("site_growth_bytes_per_second", {**labels, **place(site)}, rate)


def site_stale(view, labels, top):
    """site_stale_bytes: gauge: Bytes that live and were not written for long, of the sites with most."""
    sums = {}
    for row in view.stale:
        known = sums.setdefault(row.site.identity, [row.site, 0])
        known[1] += row.stale_bytes
    for site, size in sorted(sums.values(), key=lambda pair: -pair[1])[:top]:
        yield sample("site_stale_bytes", {**labels, **place(site)}, size)


def place(site):
    culprit = site.culprit
    return {"site": site.identity, "function": culprit.label if culprit else "", "place": culprit.place if culprit else ""}


def last(view, key):
    return sum(process.cycles[-1][key] for process in view.processes if process.cycles)
