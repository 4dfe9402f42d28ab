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
SPARE = (("#0b62d6", "#58a6ff"), ("#6ea8e8", "#2f6fb8"), ("#6e7781", "#9aa4af"))

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
                "polyline{fill:none;stroke-width:2}" + palette(0)
                + "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#0d1117}"
                ".grid{stroke:#30363d}.one{stroke:#9aa4af}" + palette(1) + "}")

    def finish(self, height):
        self.text(MARGIN, 26, self.title, kind="title")
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
