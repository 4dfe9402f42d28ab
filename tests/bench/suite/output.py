"""Files of a run: a CSV and charts for each group, and every single figure in runs.csv."""
import csv
import os
from statistics import median

from . import svg, tables

CAP = 3         # ratios beyond are cut in charts, with their number beside the bar


class Output:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def rows(self, name, header, rows):
        with open(self.path(name), "w", newline="") as f:
            writer = csv.writer(f)
            writer.writerow(header)
            writer.writerows(rows)

    def chart(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)


def write_runs(output, cells):
    output.rows("runs.csv", ("group", "name", "peer", "round", "status", "key", "value"), (
        (cell.row.group, cell.row.name, cell.peer.name, n, run.status, key, value)
        for cell in cells for n, run in enumerate(cell.runs, 1)
        for key, values in run.values.items() for value in values))


def write_group(output, grid):
    name = grid.group.name
    _write_medians(output, grid)
    for chart, text in CHARTS[name](grid):
        output.chart(f"{chart}.svg", text)


def _write_medians(output, grid):
    cells = list(grid.by_key.values())
    keys = list(dict.fromkeys(key for cell in cells for run in cell.runs for key in run.values))
    header = ["name", "peer", "status", "rounds", *keys]
    ratios = grid.group.name in ("patterns", "never-free")
    if ratios:
        header += [f"{key}_ratio" for key, _ in tables.METRICS]
    rows = []
    for cell in cells:
        row = [cell.row.name, cell.peer.name, cell.status, len(cell.runs), *map(cell.get, keys)]
        if ratios:
            row += [grid.ratio(cell.row.name, cell.peer, key) for key, _ in tables.METRICS]
        rows.append(row)
    output.rows(f"{grid.group.name}.csv", header, rows)


# ---- charts ----

def _compared(grid):
    peers = [peer for peer in grid.peers if peer.name != tables.BASE]
    names = [peer.name for peer in peers]
    for key, title in (("wall_s", "time"), ("peak_mib", "memory")):
        groups = [(row, [grid.ratio(row, peer, key) for peer in peers]) for row in grid.rows]
        groups.append(("geometric mean", [grid.geomean(p, grid.ratio, key) for p in peers]))
        yield (f"{grid.group.name}-{title}",
               svg.bars(f"{grid.group.title}: {title}, glibc = 1 (less is better)", names, groups,
                        CAP, one=True))


def _server(grid):
    names = [peer.name for peer in grid.peers]
    for row, kind in (("closed", "service"), ("schedule", "response")):
        if row in grid.rows:
            curves = [[grid.get(row, peer, f"{kind}_{point}_us", max if point == "max" else median)
                       for point in tables.POINTS] for peer in grid.peers]
            yield f"server-{row}", svg.lines(f"Server, {row}: {kind} time, µs", names,
                                             tables.POINTS, curves)


def _figures(chart, title, value):
    """Bars of one figure a cell."""
    def draw(grid):
        groups = [(row, [value(grid.cell(row, peer)) if grid.cell(row, peer) else None
                         for peer in grid.peers]) for row in grid.rows]
        yield chart, svg.bars(title, [peer.name for peer in grid.peers], groups)
    return draw


def _longest_pause(cell):
    return max(filter(None, (cell.get(key, max) for key in ("begin_ms", "stop_ms", "pause_ms"))),
               default=None)


# Names as in tables.GROWING.
_TIMES = (("whole cycle", "cycle ms"), ("processor time", "CPU ms"), ("final stop", "stop ms"), ("waiting for threads", "threads"),
          ("reading roots", "roots"), ("finding written pages", "written"), ("begin, one thread", "begin ms"))
_MEMORY = (("peak", "peak_mib"), ("resident", "resident_mib"), ("live", "live_mib"), ("page tables", "tables_mib"))


def _growth(grid):
    figures = dict(tables.GROWING)
    for sweep in tables.sweeps(grid):
        times = {name: sweep.points(figures[key]) for name, key in _TIMES}
        memory = {name: sweep.points(lambda cell, key=key: cell.get(key)) for name, key in _MEMORY}
        yield f"growth-{sweep.option}", svg.curves(f"A cycle, by {sweep.counted}", sweep.counted, "ms", times, ("whole cycle", "final stop"))
        yield f"growth-{sweep.option}-memory", svg.curves(f"Memory, by {sweep.counted}", sweep.counted, "MiB", memory, ("live",))


CHARTS = {
    "patterns": _compared,
    "never-free": _compared,
    "probation": _compared,
    "quarantine": _compared,
    "programs": _compared,
    "leaks": _compared,
    "limit": _compared,
    "idle": _compared,
    "pools": _compared,
    "server": _server,
    "pauses": _figures("pauses", "Longest pause, ms", _longest_pause),
    "mark": _figures("mark", "Marking, ns a node of 64 bytes",
                     lambda cell: tables.mark_figures(cell)["wall_ns"]),
    "barrier": _figures("barrier", "Random writes while marking runs: slow-down",
                        lambda cell: cell.get("slowdown")),
    "growth": _growth,
    "startup": _figures("startup", "Start-up of /bin/true: added µs",
                        lambda cell: cell.get("difference_us")),
}
