"""Bar and line charts as SVG, without a library. Colours follow the reader's light or dark scheme."""
import math
from xml.sax.saxutils import escape

# name: (light, dark); a name not listed takes the next spare colour
COLOURS = {
    "glibc": ("#6e7781", "#9aa4af"), "jemalloc": ("#bc6c00", "#e3a04f"),
    "mimalloc": ("#1a7f4b", "#4fc07f"), "tcmalloc": ("#8250df", "#b794f6"),
    "gcpre": ("#0b62d6", "#58a6ff"), "gcpre --free": ("#6ea8e8", "#2f6fb8"),
    "bdwgc": ("#c0362c", "#ff7b72"), "go": ("#0e8a9a", "#39c5cf"),
}
SPARE = (("#0b62d6", "#58a6ff"), ("#6ea8e8", "#2f6fb8"), ("#6e7781", "#9aa4af"), ("#c0362c", "#ff7b72"),
         ("#1a7f4b", "#4fc07f"), ("#8250df", "#b794f6"), ("#bc6c00", "#e3a04f"))

WIDTH, MARGIN, BAR, GAP, LABELS = 860, 16, 9, 8, 170


def _colours(series):
    spare = iter(SPARE * len(series))
    return [COLOURS.get(name) or next(spare) for name in series]


class Drawing:
    def __init__(self, title, series):
        self.title, self.series, self.parts = title, series, []
        self.top = 72

    def text(self, x, y, text, anchor="start", kind=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
                          f'class="{kind}">{escape(text)}</text>')

    def line(self, x1, y1, x2, y2, kind="grid"):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'class="{kind}"/>')

    def bar(self, x, y, width, nth):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" '
                          f'height="{BAR - 1}" class="fill{nth}"/>')

    def path(self, points, nth):
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{joined}" class="stroke{nth}"/>')
        self.parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" class="fill{nth}"/>'
                       for x, y in points]

    def _legend(self):
        x = MARGIN
        for nth, name in enumerate(self.series):
            self.parts.append(f'<rect x="{x}" y="42" width="10" height="10" class="fill{nth}"/>')
            self.text(x + 15, 51, name)
            x += 35 + 7 * len(name)

    def _style(self):
        def palette(which):
            return "".join(f".fill{n}{{fill:{pair[which]}}}.stroke{n}{{stroke:{pair[which]}}}"
                           for n, pair in enumerate(_colours(self.series)))
        return ("text{font:12px sans-serif;fill:#24292f}.title{font-size:15px;font-weight:600}"
                ".small{font-size:9px}.paper{fill:#fff}.grid{stroke:#d0d7de}.one{stroke:#57606a}"
                ".guide{stroke:#57606a;stroke-dasharray:2 4}polyline{fill:none;stroke-width:2}" + palette(0)
                + "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#0d1117}"
                ".grid{stroke:#30363d}.one,.guide{stroke:#9aa4af}" + palette(1) + "}")

    def finish(self, height, legend=True):
        self.text(MARGIN, 26, self.title, kind="title")
        if legend:
            self._legend()
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
                f'viewBox="0 0 {WIDTH} {height:.0f}"><style>{self._style()}</style>'
                f'<rect width="100%" height="100%" class="paper"/>{"".join(self.parts)}</svg>\n')


def _round_step(span):
    """A step of 1, 2 or 5 times a power of ten that cuts the span in four to ten."""
    step = 10 ** math.floor(math.log10(span))
    return next(step * part for part in (0.1, 0.2, 0.5, 1) if span / (step * part) <= 10)


def bars(title, series, groups, cap=None, one=False):
    """Horizontal bars. groups: [(label, [value or None for each series])]. What is longer than
    `cap` is cut there, with its number beside it. `one`: a line at 1, for ratios."""
    drawing = Drawing(title, series)
    values = [v for _, row in groups for v in row if v is not None and v > 0]
    if not values:
        return drawing.finish(drawing.top)
    end = min(max(values), cap) if cap else max(values)
    scale = (WIDTH - LABELS - 60) / end
    bottom = drawing.top + sum(BAR * len(row) + GAP for _, row in groups)
    step = _round_step(end)
    for n in range(int(end / step + 1e-9) + 1):
        x = LABELS + n * step * scale
        drawing.line(x, drawing.top - 4, x, bottom)
        drawing.text(x, bottom + 14, f"{n * step:g}", "middle")
    y = drawing.top
    for label, row in groups:
        drawing.text(LABELS - 8, y + BAR * len(row) / 2 + 4, label, "end")
        for nth, value in enumerate(row):
            if value is not None:
                length = max(0, min(value, end)) * scale
                drawing.bar(LABELS, y, length, nth)
                drawing.text(LABELS + length + 3, y + BAR - 1, f"{value:.3g}", kind="small")
            y += BAR
        y += GAP
    if one and end > 1:
        drawing.line(LABELS + scale, drawing.top - 4, LABELS + scale, bottom, "one")
    return drawing.finish(bottom + 24)


def lines(title, series, points, rows):
    """One line a series over the labels in `points`, on a logarithmic scale."""
    drawing = Drawing(title, series)
    values = [v for row in rows for v in row if v]
    if not values:
        return drawing.finish(drawing.top)
    low = math.floor(math.log10(min(values)))
    high = max(low + 1, math.ceil(math.log10(max(values))))
    height, left = 320, 70
    bottom = drawing.top + height

    def y_of(value):
        return bottom - (math.log10(value) - low) / (high - low) * height

    def x_of(nth):
        return left + nth * (WIDTH - left - 60) / max(1, len(points) - 1)

    for exponent in range(low, high + 1):
        drawing.line(left, y_of(10.0 ** exponent), WIDTH - MARGIN, y_of(10.0 ** exponent))
        drawing.text(left - 8, y_of(10.0 ** exponent) + 4, f"{10.0 ** exponent:g}", "end")
    for nth, label in enumerate(points):
        drawing.text(x_of(nth), bottom + 18, label, "middle")
    for nth, row in enumerate(rows):
        drawing.path([(x_of(i), y_of(v)) for i, v in enumerate(row) if v], nth)
    return drawing.finish(bottom + 30)


# ---- curves: both axes logarithmic ----

class _Axis:
    """Powers of ten from `low` to `high`, which are drawn at `begin` and `end`. It is cut where the values end if it is `tight`."""

    def __init__(self, values, begin, end, tight=False):
        exact = math.log10(min(values)), math.log10(max(values))
        self.low, self.high = exact if tight else (math.floor(exact[0]), math.ceil(exact[1]))
        self.high = max(self.high, self.low + 1e-9)
        self.begin, self.end = begin, end

    def at(self, value):
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.begin + part * (self.end - self.begin)

    def powers(self):
        return [10.0 ** n for n in range(math.ceil(self.low), math.floor(self.high) + 1)]


def _spread(wanted, distance, lowest):
    """Places near those wanted, in the same order, `distance` apart at least and none beyond `lowest`."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    places, last = {}, -math.inf
    for i in order:
        places[i] = last = max(wanted[i], last + distance)
    limit = lowest
    for i in reversed(order):
        places[i] = limit = min(places[i], limit)
        limit -= distance
    return [places[i] for i in range(len(wanted))]


def curves(title, x_unit, y_unit, series, guided=()):
    """series: {name: [(x, y or None or 0)]}. Each line has its name at its end; a dotted one shows what linear growth of the guided would be."""
    series = {name: [point for point in points if point[1]] for name, points in series.items()}
    series = {name: points for name, points in series.items() if points}
    drawing = Drawing(title, list(series))
    if not series:
        return drawing.finish(drawing.top)
    left, right, bottom = 70, WIDTH - LABELS, drawing.top + 380
    everything = [point for points in series.values() for point in points]
    xs = sorted({x for x, _ in everything})
    x_axis, y_axis = _Axis(xs, left, right, tight=True), _Axis([y for _, y in everything], bottom, drawing.top)
    for power in y_axis.powers():
        drawing.line(left, y_axis.at(power), right, y_axis.at(power))
        drawing.text(left - 8, y_axis.at(power) + 4, f"{power:g}", "end")
    for x in xs:
        drawing.line(x_axis.at(x), drawing.top, x_axis.at(x), bottom)
        drawing.text(x_axis.at(x), bottom + 18, f"{x:g}", "middle")
    drawing.text(left, drawing.top - 14, y_unit)
    drawing.text((left + right) / 2, bottom + 38, x_unit, "middle")
    for name in guided:
        if name in series:
            _guide(drawing, x_axis, y_axis, series[name])
    ends = [y_axis.at(points[-1][1]) for points in series.values()]
    for nth, (place, (name, points)) in enumerate(zip(_spread(ends, 15, bottom), series.items())):
        drawing.path([(x_axis.at(x), y_axis.at(y)) for x, y in points], nth)
        drawing.text(right + 12, place + 4, name, kind=f"fill{nth}")
    return drawing.finish(bottom + 52, legend=False)


def _guide(drawing, x_axis, y_axis, points):
    (x1, y1), (x2, _) = points[0], points[-1]
    x2 = min(x2, x1 * 10 ** y_axis.high / y1)       # to the upper edge
    drawing.line(x_axis.at(x1), y_axis.at(y1), x_axis.at(x2), y_axis.at(y1 * x2 / x1), "guide")
    drawing.text(x_axis.at(x2) - 12, y_axis.at(y1 * x2 / x1) - 5, "linear", "end", "small")
