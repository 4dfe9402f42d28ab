"""gcpre top: one screen about a running program, anew every second.

Three parts. A Watcher asks the program in a thread of its own, because an answer waits for a cycle, and publishes
Pictures; a Picture is what was known at one moment. draw() makes the lines of a screen from a Picture, and nothing
else: the same for curses, for --once, and for a program that has ended, whose last picture stays.
"""

import curses
import locale
import os
import shutil
import signal
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from . import live, symbols, words
from .console import Problem, printable
from .model import WRAPPER, Call

MOST_SITES = 200
KEPT = 400                  # points of the plots
GROWTH_WINDOW = 10          # looks at the living
ORDERS = {"l": "lost", "g": "growing", "b": "live", "r": "retained"}
BLOCKS = {True: " ▁▂▃▄▅▆▇█", False: " ....:::#"}
HELP = [
    "l g b r sort by what was lost, by growth, by living bytes, by what they retain",
    "c       collect now: a cycle proves what is lost",
    "h       this help                q   quit",
    "",
    "LOST, RATE   proven unreachable; the rate between the last two proofs",
    "PROOF        time since the last proof that it lost something",
    "LIVE, GROW   reachable bytes, and how fast they grow, where they do so",
    "             in cycle after cycle",
    "RETAIN       bytes that would go with the site's, or more (r)",
    "WHERE        the innermost function outside of the C library",
]


# ---- what is known

@dataclass
class Row:
    """One allocation site."""
    site: object
    lost: int = 0
    blocks: int = 0
    last_ns: int = 0
    rate: float = 0.0       # bytes lost a second
    living: int = 0
    growth: float = 0.0     # living bytes a second, from look to look
    suspect: float = 0.0    # the same since it began, of a site that grows in cycle after cycle
    retained: int = 0       # bytes that would go with them, while somebody wants to know
    holder: object = None   # of one of those lost last

    @property
    def where(self):
        calls = self.site.calls or [Call(frame) for frame in self.site.frames]    # without names as yet
        outside = [call for call in calls if not is_system(call) and not WRAPPER.fullmatch(call.function)]
        chosen = (outside or calls or [None])[0]
        return printable(words.spot(chosen)) if chosen else "(no stack is known)"


def is_system(call):
    """Whether it is the C library's: what called it is of interest."""
    return bool(call.frame.module) and call.frame.module.name.startswith(("libc.so", "libc-", "ld-linux", "libpthread"))


@dataclass
class Picture:
    stats: dict
    rows: list
    heap: list = field(default_factory=list)        # bytes, a point a look
    losses: list = field(default_factory=list)      # bytes a second
    allocation_rate: float = 0.0
    loss_rate: float = 0.0
    name: str = ""
    message: str = ""       # of the last key, or what is wrong
    sites_kept: bool = True
    ended: bool = False


class History:
    """What happened to each site from look to look."""

    def __init__(self):
        self.lost = {}      # site -> the last two different proofs as (last_ns, bytes)
        self.living = {}    # site -> deque of (at_ns, bytes)

    def loss_rate(self, site, since_ns, last_ns, lost):
        """Between the last two proofs that were seen, or from the proof before the first one on."""
        proofs = self.lost.setdefault(site, deque([(since_ns, 0)], maxlen=2))
        if last_ns > proofs[-1][0]:
            proofs.append((last_ns, lost))
        (begin, before), (end, after) = proofs[0], proofs[-1]
        return (after - before) * 1e9 / (end - begin) if end > begin else 0.0

    def growth(self, site, at_ns, living):
        points = self.living.setdefault(site, deque(maxlen=GROWTH_WINDOW))
        points.append((at_ns, living))
        (begin, before), (end, after) = points[0], points[-1]
        return (after - before) * 1e9 / (end - begin) if end > begin else 0.0


class Watcher:
    """Asks the program, in a thread; `picture` is replaced, never changed."""

    def __init__(self, options):
        self.options = options
        self.session = live.Session(options.pid, symbols.choose(options.symbolizer, False), options.symbols)
        self.history = History()
        self.rows = {}              # site -> Row
        self.points = deque(maxlen=KEPT)
        self.living_cost = 0.0      # seconds that the last look at the living took
        self.living_next = 0.0
        self.sites_kept = True
        self.retained_wanted = False
        self.before = None          # stats of the look before
        self.wanted, self.stopped = threading.Event(), threading.Event()
        self.collect = False
        self.message = ""
        self.picture = None

    # -- one look

    def look(self):
        """Everything new, and a picture of it. Names come at the end: looking them up may take seconds."""
        stats = self.session.ask("stats")[0]
        if self.sites_kept:
            self.look_at_sites(stats)
        self.show(stats)
        if self.session.unnamed():
            self.session.name_sites()
            self.show(stats)
        self.before = stats

    def look_at_sites(self, stats):
        try:
            for row in self.rows.values():
                row.lost = row.blocks = 0
            self.take_losses(self.session.ask(f"leaks {MOST_SITES}"))
            if time.monotonic() >= self.living_next:
                self.take_living(stats)
        except live.Refused as refused:
            self.sites_kept = False
            self.message = str(refused)

    def row(self, site):
        return self.rows.setdefault(site.index, Row(site))

    def take_losses(self, records):
        since = {}
        for each in records:
            if each["type"] != "lost" or "suppressed" in each or each["phase"] == "late":
                continue
            row = self.row(each["site"])
            row.lost += each["bytes"]
            row.blocks += each["blocks"]
            row.last_ns = each["last_ns"]
            row.holder = each.get("holder") or row.holder
            since[each["site"].index] = each["since_ns"]
        for index, since_ns in since.items():
            row = self.rows[index]
            row.rate = self.history.loss_rate(index, since_ns, row.last_ns, row.lost)

    def take_living(self, stats):
        """Walks the whole heap: takes at most a tenth of the time."""
        begin = time.monotonic()
        records = self.ask_for_living()
        for row in self.rows.values():
            row.living, row.suspect, row.retained = 0, 0.0, 0
        for each in records:
            row = self.row(each["site"])
            row.living, row.retained = each["bytes"], each.get("retained_bytes", 0)
            row.suspect = each.get("growth", {}).get("bytes_per_hour", 0) / 3600
        for index, row in self.rows.items():
            row.growth = self.history.growth(index, stats["at_ns"], row.living)
        end = time.monotonic()
        self.living_next = end + 9 * (end - begin)

    def ask_for_living(self):
        """With what they retain where that is wanted and can be told."""
        if self.retained_wanted:
            try:
                return self.session.ask(f"retained {MOST_SITES}")
            except live.Refused as refused:
                self.retained_wanted, self.message = False, str(refused)
        return self.session.ask(f"sites {MOST_SITES}")

    def want_retained(self, wanted):
        if wanted and not self.retained_wanted:
            self.living_next = 0.0
        self.retained_wanted = wanted
        self.wanted.set()

    def show(self, stats):
        span = stats["at_ns"] - self.before["at_ns"] if self.before else 0
        allocated = (stats["total_alloc"] - self.before["total_alloc"]) * 1e9 / span if span > 0 else 0.0
        recent = [row for row in self.rows.values() if still(row, stats)]
        loss_rate = sum(row.rate for row in recent)
        if not self.points or self.points[-1][0] != stats["at_ns"]:
            self.points.append((stats["at_ns"], stats["heap_alloc"], loss_rate))
        name = self.session.process.name if self.session.process else name_of(self.options.pid)
        self.picture = Picture(stats, [Row(**vars(row)) for row in self.rows.values()], [point[1] for point in self.points],
                               [point[2] for point in self.points], allocated, loss_rate, name, self.message, self.sites_kept)

    # -- the thread

    def run(self):
        try:
            while not self.stopped.is_set():
                if self.collect:
                    self.collect_now()
                self.look()
                self.wanted.wait(self.options.every)
                self.wanted.clear()
        except Problem as problem:
            self.end(str(problem))
        except Exception as error:  # a thread that dies silently would leave a screen that never changes
            self.end(f"{type(error).__name__}: {error}")

    def collect_now(self):
        self.collect = False
        try:
            cycle = self.session.ask("gc")[0]
            self.message = f"cycle {cycle['cycle']}: {words.size(cycle['dead_bytes'])} dead, stopped {cycle['stop_ns'] / 1e6:.2f} ms"
        except live.Refused as refused:
            self.message = str(refused)

    def end(self, why):
        last = self.picture or Picture({}, [])
        self.picture = Picture(**{**vars(last), "message": why, "ended": True})

    def ask_for_cycle(self):
        self.collect = True
        self.wanted.set()

    def start(self):
        threading.Thread(target=self.run, daemon=True).start()


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return "?"


def still(row, stats):
    """Whether its last proof was one of the last two cycles', roughly."""
    pace = stats["last_gc_ns"] / max(stats["num_gc"], 1)
    return row.lost > 0 and stats["last_gc_ns"] - row.last_ns <= 2 * pace + 1e9


# ---- the screen: lines of text with an attribute each

PLAIN, BOLD, REVERSE = range(3)


def duration(seconds):
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def age(ns):
    seconds = max(ns, 0) / 1e9
    return f"{seconds:.0f}s" if seconds < 100 else f"{seconds / 60:.0f}m" if seconds < 6000 else f"{seconds / 3600:.0f}h"


def plot(values, width, height, unicode):
    """Rows from the top; each column is one value, of the newest `width`."""
    ramp = BLOCKS[unicode]
    values = values[-width:]
    most = max(values, default=0) or 1
    levels = [round(value / most * height * (len(ramp) - 1)) for value in values]
    for line in reversed(range(height)):
        base = line * (len(ramp) - 1)
        yield "".join(ramp[min(max(level - base, 0), len(ramp) - 1)] for level in levels)


def header(picture, pid):
    stats = picture.stats
    percent = 100 * stats["gc_cpu_ns"] / (stats["cpu_ns"] or 1)
    goal = words.size(stats["heap_goal"]) if "heap_goal" in stats else "off"
    yield f"gcpre top   {picture.name} {pid}   up {duration(stats['at_ns'] / 1e9)}   barrier {stats['barrier']}", REVERSE
    yield (f"heap {words.size(stats['heap_alloc'])}   goal {goal}   live {words.size(stats['heap_live'])}   "
           f"rss {words.size(stats['rss_bytes'])}   {words.count(stats['threads'], 'thread')}"), PLAIN
    yield (f"{words.count(stats['num_gc'], 'cycle')} ({stats['num_forced_gc']} forced)   pause {stats['pause_last_ns'] / 1e6:.2f} ms, "
           f"longest {stats['pause_max_ns'] / 1e6:.2f}   collector {percent:.1f} % cpu"), PLAIN
    lost = f"lost {words.size(stats['lost_bytes'])}, {pace(picture.loss_rate)}" if "lost_bytes" in stats else "lost: not known"
    unheld = f"   would be {words.size(stats['heap_unheld'])}" if stats.get("heap_unheld", 0) > 2 * stats["heap_alloc"] else ""
    yield f"allocates {pace(picture.allocation_rate)}   {lost}{unheld}", BOLD
    trouble = stats.get("passive") or stats.get("doubt")
    if trouble:
        yield f"nothing is reclaimed: {trouble}", BOLD


def plots(picture, width, unicode, height):
    label = 9
    tops = [words.size(max(picture.heap, default=0)), *[""] * (height - 2), "heap"] if height > 1 else ["heap"]
    for top, line in zip(tops, plot(picture.heap, width - label, height, unicode)):
        yield f"{top:>{label - 1}} {line}", PLAIN
    for line in plot(picture.losses, width - label, 1, unicode):
        yield f"{'loss/s':>{label - 1}} {line}", PLAIN


def table(picture, order, height):
    if not picture.sites_kept:
        yield "No allocation sites are kept: start the program with GCPRE_LEAKS=cycle to see them.", PLAIN
        return
    key = {"lost": lambda row: (row.lost > 0, row.rate if still(row, picture.stats) else 0, row.lost, row.living),
           "growing": lambda row: (row.suspect, row.growth, row.living), "live": lambda row: row.living,
           "retained": lambda row: (row.retained, row.living)}[order]
    marks = {name: f"{title}{'*' if name == order else ''}" for name, title in
             (("lost", "LOST"), ("growing", "GROW"), ("live", "LIVE"), ("retained", "RETAIN"))}
    last = marks["retained" if order == "retained" else "growing"]
    yield f"{marks['lost']:>7} {'BLOCKS':>7} {'RATE':>8} {'PROOF':>5} {marks['live']:>7} {last:>8}  WHERE", REVERSE
    shown = [row for row in picture.rows if row.lost or row.living]
    lines = [line for row in sorted(shown, key=key, reverse=True)[:height - 1] for line in table_lines(row, picture.stats, order)]
    yield from ((line, PLAIN) for line in lines[:height - 1])


def table_lines(row, stats, order):
    yield table_line(row, stats, order)
    if order == "lost" and row.lost and row.holder:
        yield f"{'':9}last referenced from {printable(words.holder(row.holder))}"


def table_line(row, stats, order):
    lost = [brief(words.size(row.lost)), str(row.blocks), brief(words.rate(row.rate)) if still(row, stats) else "no more",
            age(stats["at_ns"] - row.last_ns)] if row.lost else ["", "", "", ""]
    growth = f"+{brief(words.rate(row.suspect))}" if row.suspect else ""
    living = brief(words.size(row.living)) if row.living else ""
    if order == "retained":
        growth = brief(words.size(row.retained)) if row.retained else ""
    return f"{lost[0]:>7} {lost[1]:>7} {lost[2]:>8} {lost[3]:>5} {living:>7} {growth:>8}  {row.where}"


def pace(rate):
    return words.rate(rate) if rate * 3600 >= 1 else "0 B/s"


def brief(text):
    """2.6 MB/s -> 2.6M/s"""
    return text.replace("under 1 B/h", "~0").replace(" ", "").replace("B", "", 1) if text[-2:-1] != " " else text.replace(" ", "")


def draw(picture, pid, width, height, order="lost", help_wanted=False, unicode=True):
    """At most `height` lines of at most `width` letters, as (text, attribute)."""
    if not picture or not picture.stats:
        return [(picture.message if picture else f"asking process {pid} ...", PLAIN)]
    lines = list(header(picture, pid))
    if height >= 16:
        lines += [*plots(picture, width, unicode, 4 if height >= 22 else 2)]
    if help_wanted:
        lines += [(text, PLAIN) for text in HELP]
    else:
        lines += table(picture, order, height - len(lines) - 1)
    lines = lines[:height - 1]
    lines += [("", PLAIN)] * (height - 1 - len(lines))
    foot = (f"{picture.message}   q: quit" if picture.ended else
            picture.message or "l lost   g growing   b living   r retained   c collect   h help   q quit")
    lines.append((foot, REVERSE if picture.ended else BOLD))
    return [(clip(text, width), attribute) for text, attribute in lines]


def clip(text, width):
    return text if len(text) <= width else text[:max(width - 1, 0)] + "~"


# ---- the terminal

class Screen:
    def __init__(self, window, watcher, unicode):
        self.window, self.watcher, self.unicode = window, watcher, unicode
        self.order, self.help_wanted = "lost", False

    def paint(self):
        height, width = self.window.getmaxyx()
        attributes = {PLAIN: curses.A_NORMAL, BOLD: curses.A_BOLD, REVERSE: curses.A_REVERSE}
        self.window.erase()
        # The last column stays free: a letter in the corner would scroll.
        lines = draw(self.watcher.picture, self.watcher.options.pid, width - 1, height, self.order, self.help_wanted, self.unicode)
        for number, (text, attribute) in enumerate(lines[:height]):
            if attribute == REVERSE:
                text = text.ljust(width - 1)
            try:
                self.window.addstr(number, 0, text if self.unicode else text.encode("ascii", "replace"), attributes[attribute])
            except curses.error:
                pass    # it became smaller meanwhile
        self.window.refresh()

    def key(self, code):
        """False: it is over."""
        letter = chr(code) if 0 <= code < 256 else ""
        if letter in ("q", "Q", "\x1b"):
            return False
        if letter in ORDERS:
            self.order, self.help_wanted = ORDERS[letter], False
            self.watcher.want_retained(self.order == "retained")
        if letter in ("h", "?"):
            self.help_wanted = not self.help_wanted
        if letter == "c":
            self.watcher.ask_for_cycle()
        if code == curses.KEY_RESIZE:
            curses.update_lines_cols()
        return True

    def run(self):
        self.window.timeout(200)
        painted = None
        code = curses.KEY_RESIZE
        while True:
            if code != -1 and not self.key(code):
                return
            if code != -1 or painted is not self.watcher.picture:
                painted = self.watcher.picture
                self.paint()
            code = self.window.getch()


def is_unicode(options):
    try:
        locale.setlocale(locale.LC_ALL, "")
    except locale.Error:
        pass
    return not options.ascii and locale.nl_langinfo(locale.CODESET).upper().replace("-", "") == "UTF8"


def once(options, unicode):
    watcher = Watcher(options)
    watcher.look()
    time.sleep(options.every)   # rates need two looks
    watcher.look()
    width, height = shutil.get_terminal_size((80, 24))
    text = "".join(line.rstrip() + "\n" for line, _ in draw(watcher.picture, options.pid, width, height, unicode=unicode)[:-1])
    sys.stdout.buffer.write(text.encode("utf-8" if unicode else "ascii", "replace"))
    sys.stdout.flush()
    return 0


def whole_screen(options, unicode):
    watcher = Watcher(options)      # before the screen: its problems are lines like anybody's

    def body(window):
        try:
            curses.curs_set(0)
        except curses.error:
            pass    # a terminal that cannot
        watcher.start()
        Screen(window, watcher, unicode).run()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    said, sys.stderr = sys.stderr, open(os.devnull, "w")    # warnings about symbols would spoil the screen
    try:
        curses.wrapper(body)
    except curses.error as error:
        raise Problem(f"the terminal {os.environ.get('TERM', '')} cannot be used ({error}): try --once") from None
    finally:
        sys.stderr = said
    return 0


def main(options):
    unicode = is_unicode(options)
    if not 0.05 <= options.every <= 3600:
        raise Problem("--every: give a number of seconds from 0.05 to 3600")
    if options.once:
        return once(options, unicode)
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        raise Problem("top needs a terminal: use --once")
    return whole_screen(options, unicode)
