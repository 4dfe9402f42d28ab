"""The report: one function a group turns its cells into lines of text."""
import functools
import math
from statistics import median

from .catalogue import GROWTH, SUBJECT

METRICS = (("wall_s", "wall clock, seconds"), ("cpu_s", "CPU time, seconds"),
           ("peak_mib", "peak memory, MiB"))
BASE = "glibc"


def number(value):
    """Three digits that matter."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}"


def geomean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def layout(header, rows):
    """Columns as wide as needed: the first to the left, the others to the right."""
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines if i < len(line)) for i in range(len(header))]
    for n, line in enumerate(lines):
        cells = [cell.rjust(width) if i else cell.ljust(width)
                 for i, (cell, width) in enumerate(zip(line, widths))]
        yield "  ".join(cells).rstrip()
        if n == 0:
            yield "-" * (sum(widths) + 2 * (len(widths) - 1))


class Grid:
    """The cells of a group by row and peer."""

    def __init__(self, group, cells):
        self.group = group
        self.by_key = {(cell.row.name, cell.peer.name): cell for cell in cells}
        self.rows = list(dict.fromkeys(cell.row.name for cell in cells))
        self.peers = [peer for peer in group.peers
                      if any(name == peer.name for _, name in self.by_key)]

    def cell(self, row, peer):
        return self.by_key.get((row, peer.name))

    def get(self, row, peer, key, summary=median):
        cell = self.cell(row, peer)
        return cell.get(key, summary) if cell else None

    def ratio(self, row, peer, key):
        return self.ratio_to(BASE, row, peer, key)

    def ratio_to(self, base, row, peer, key):
        other = self.by_key.get((row, base))
        return quotient(self.get(row, peer, key), other.get(key) if other else None)

    def ratio_to_best(self, row, peer, key):
        others = [self.get(row, p, key) for p in self.peers if p.family != SUBJECT]
        return quotient(self.get(row, peer, key), min(filter(None, others), default=None))

    def geomean(self, peer, ratio, key):
        return geomean([r for r in (ratio(row, peer, key) for row in self.rows) if r])

    def lines_of(self, header, line):
        """A line for every cell that was right, and one word for every other."""
        rows = []
        for row in self.rows:
            for peer in self.peers:
                cell = self.cell(row, peer)
                if cell:
                    rows.append([f"{row}  {peer.name}", *([cell.status] if cell.bad else line(cell))])
        yield from layout(header, rows)


def quotient(value, base):
    return value / base if value and base else None


def times(ratio):
    return f"×{ratio:.2f}" if ratio else "-"


# ---- patterns and never-free: median and ratio to glibc ----

def _compared_cell(grid, row, peer, key):
    cell = grid.cell(row, peer)
    if cell is None:
        return "-"
    if cell.bad:
        return cell.status
    ratio = grid.ratio(row, peer, key)
    shown = number(cell.get(key))
    return shown if peer.name == BASE or not ratio else f"{shown} {times(ratio)}"


def compared(grid, against=()):
    """against: peers that the others are compared with as well."""
    for key, title in METRICS:
        rows = [[row, *(_compared_cell(grid, row, peer, key) for peer in grid.peers)]
                for row in grid.rows]
        for label, ratio in (("geomean / glibc", grid.ratio),
                             ("geomean / best peer", grid.ratio_to_best)):
            means = [grid.geomean(peer, ratio, key) for peer in grid.peers]
            if any(means):
                rows.append([label, *map(times, means)])
        for base in against:
            means = [grid.geomean(peer, functools.partial(grid.ratio_to, base), key) for peer in grid.peers]
            rows.append([f"geomean / {base}", *map(times, means)])
        yield from layout([title, *(peer.name for peer in grid.peers)], rows)
        yield ""


def quarantine(grid):
    yield from compared(grid, ("now",))


# ---- one line a cell ----

POINTS = ("p50", "p90", "p99", "p99.9", "p99.99", "max")


def server(grid):
    """Medians over the rounds; of the maxima, the largest."""
    rows = []
    for row in grid.rows:
        for kind in ("service", "response"):
            for peer in grid.peers:
                cell = grid.cell(row, peer)
                if cell and cell.bad and kind == "service":
                    rows.append([f"{row} {kind}  {peer.name}", cell.status])
                elif cell and cell.get(f"{kind}_p50_us"):
                    values = [cell.get(f"{kind}_{point}_us", max if point == "max" else median)
                              for point in POINTS]
                    rows.append([f"{row} {kind}  {peer.name}", *map(number, values),
                                 number(cell.get("peak_mib"))])
    yield from layout(["time of a request, µs", *POINTS, "MiB"], rows)


def pauses(grid):
    """Over all cycles of all rounds. The final stop is bdwgc's only one. Gaps: see gaps.h."""
    def line(cell):
        stop = "stop_ms" if cell.all("stop_ms") else "pause_ms"
        cycles = len(cell.all(stop)) / len(cell.runs)
        return [number(cycles), *(number(cell.get(key, summary)) for key, summary in (
            ("begin_ms", median), ("begin_ms", max), (stop, median), (stop, max),
            ("gap_p99_us", median), ("gap_p99.9_us", median), ("gap_max_us", max)))]
    yield from grid.lines_of(["pauses, ms", "cycles", "begin", "max", "stop", "max",
                              "gap p99 µs", "p99.9", "max"], line)


def mark_figures(cell):
    nodes, wall_ms = cell.get("nodes"), cell.get("collect_ms")
    traced_ms = [sum(cycle) for cycle in zip(*map(cell.all, ("begin_ms", "mark_ms", "stop_ms")))]
    per_node = 1e6 / nodes if nodes else 0
    return {"wall_ns": wall_ms * per_node if wall_ms else None,
            "trace_ns": median(traced_ms) * per_node if traced_ms and not cell.bad else None}


def mark(grid):
    """Per node of 64 bytes: by the clock around the call, and by the trace's three figures."""
    def line(cell):
        ns = mark_figures(cell)
        return [number(cell.get("nodes", lambda v: v[0] / 1e6)), number(ns["wall_ns"]),
                number(ns["trace_ns"]), number(quotient(64, ns["wall_ns"])),
                number(cell.get("stop_ms" if cell.all("stop_ms") else "pause_ms"))]
    yield from grid.lines_of(["marking", "million nodes", "wall ns/node", "trace ns/node", "GB/s",
                              "stop ms"], line)


def barrier(grid):
    def line(cell):
        return [number(cell.get(key)) for key in ("idle_write_ns", "marking_write_ns", "slowdown",
                                                  "collect_ms", "longest_idle_us",
                                                  "longest_marking_us")]
    yield from grid.lines_of(["random writes", "idle ns", "marking ns", "slow-down", "collection ms",
                              "longest 1000 idle µs", "marking µs"], line)


# ---- growth: a table for each thing that grows, with slopes ----

def _sum_of(*keys):
    """The median over the cycles of what these figures add up to."""
    def figure(cell):
        cycles = [] if cell.bad else [sum(parts) for parts in zip(*map(cell.all, keys))]
        return median(cycles) if cycles else None
    return figure


def _figure(key, summary=median):
    return lambda cell: cell.get(key, summary)


def _over_live(key):
    return lambda cell: quotient(cell.get(key), cell.get("live_mib"))


# What is seen of a cycle. Of the final stop: waiting for threads, reading roots, asking for written pages and reading them.
GROWING = (
    ("cycle ms", _figure("collect_ms")), ("CPU ms", _sum_of("assist_ms", "background_ms")),
    ("begin ms", _figure("begin_ms")), ("all", _figure("begin_all_ms")),
    ("stop ms", _figure("stop_ms")), ("max", _figure("stop_ms", max)), ("threads", _figure("stopping_ms")),
    ("roots", _figure("roots_ms")), ("written", _figure("written_ms")), ("KiB", _figure("written_kib")),
    ("resident/live", _over_live("resident_mib")), ("peak/live", _over_live("peak_mib")),
)


class Sweep:
    """The rows in which one thing grows, under the subject."""

    def __init__(self, grid, option, counted, values):
        self.option, self.counted = option, counted
        cells = [(value, grid.cell(f"{option}-{value}", grid.peers[0])) for value in values]
        self.cells = [(value, cell) for value, cell in cells if cell]
        self.right = [(value, cell) for value, cell in self.cells if not cell.bad]

    def points(self, figure):
        return [(value, figure(cell)) for value, cell in self.right]


def sweeps(grid):
    found = [Sweep(grid, *growing) for growing in GROWTH]
    return [sweep for sweep in found if sweep.cells]


def slope(first, last):
    """In log-log: 1 is linear, 0 does not grow."""
    (x1, y1), (x2, y2) = first, last
    return math.log(y2 / y1) / math.log(x2 / x1) if y1 and y2 and x1 != x2 else None


def growth(grid):
    for sweep in sweeps(grid):
        rows = [[str(value), *([cell.status] if cell.bad else [number(figure(cell)) for _, figure in GROWING])]
                for value, cell in sweep.cells]
        for label, begin in (("slope, first to last", 0), ("slope, last two", -2)):
            if len(sweep.right) > 1:
                slopes = [slope(points[begin], points[-1]) for points in
                          (sweep.points(figure) for _, figure in GROWING)]
                rows.append([label, *("-" if s is None else f"{s:.2f}" for s in slopes)])
        yield from layout([sweep.counted, *(name for name, _ in GROWING)], rows)
        yield ""


def startup(grid):
    """The spread is the distance of the quartiles of the difference."""
    def line(cell):
        return [number(cell.get(key)) for key in ("plain_us", "preloaded_us", "difference_us",
                                                  "spread_us")]
    yield from grid.lines_of(["process, µs", "plain", "preloaded", "difference", "spread"], line)


REPORTS = {"patterns": compared, "never-free": compared, "probation": compared, "quarantine": quarantine, "programs": quarantine, "leaks": compared,
           "limit": compared, "idle": compared, "pools": compared, "server": server, "pauses": pauses,
           "mark": mark, "barrier": barrier, "growth": growth, "startup": startup}
