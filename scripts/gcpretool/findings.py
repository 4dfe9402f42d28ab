"""Adds up what belongs together: the views that every format shows.

A View is one process, or all of them merged. Its findings are the losses of one site and class; its growth and live
rows are sites, as they were told of last. Losses that died only in exit's handlers (phase `late`) are findings apart:
compilers drop live pointers before exit, so they say little. Order is LeakSanitizer's: direct first, then by bytes.
"""

from collections import Counter
from dataclasses import dataclass, field

from .model import Site, Weak


@dataclass(eq=False)
class Finding:
    site: Site
    kind: str           # direct, indirect
    late: bool
    suppressed: str     # pattern, or ""
    blocks: int = 0
    bytes: int = 0
    weight: int = 0
    estimated_bytes: int = 0    # what bytes stand for, when sampled
    losses: list = field(default_factory=list)
    end_ns: int = 0             # when the process was last heard of

    def add(self, loss, end_ns):
        self.blocks += loss.blocks
        self.bytes += loss.bytes
        self.weight += loss.weight
        self.estimated_bytes += loss.bytes * loss.weight // loss.blocks if loss.blocks else loss.bytes
        self.losses.append(loss)
        self.end_ns = max(self.end_ns, end_ns)

    @property
    def first_ns(self):
        return min(loss.since_ns for loss in self.losses)

    @property
    def last_ns(self):
        return max(loss.at_ns for loss in self.losses)

    @property
    def proofs(self):
        """Cycles that proved losses. One says nothing about a rate: all may have died at once."""
        return len({loss.at_ns for loss in self.losses})

    @property
    def rate(self):
        """Bytes a second; None if it cannot be told."""
        duration = self.last_ns - self.first_ns
        return self.estimated_bytes * 1e9 / duration if self.proofs > 1 and duration else None

    @property
    def still(self):
        """Whether it still leaks: at the pace seen, the next loss is not overdue by more than its own interval."""
        if self.proofs < 2:
            return False
        return self.end_ns - self.last_ns <= 2 * (self.last_ns - self.first_ns) / self.proofs

    @property
    def holders(self):
        """[(holder, blocks)], those of most blocks first; several cycles' sightings of one place are one."""
        places, blocks = {}, Counter()
        for loss in self.losses:
            if holder := loss.holder:
                place = (holder.kind, holder.site and holder.site.exact, holder.module and holder.module.name,
                         holder.offset, holder.tid, 0 if holder.site or holder.module else holder.address)
                places.setdefault(place, holder)
                blocks[place] += loss.blocks
        return [(places[place], count) for place, count in blocks.most_common()]

    @property
    def examples(self):
        return [example for loss in self.losses for example in loss.examples][:4]


@dataclass(eq=False)
class Living:
    """The living blocks of one site in the last snapshot, and how it came to that."""
    site: Site
    blocks: int = 0
    bytes: int = 0
    allocated_blocks: int = 0
    allocated_bytes: int = 0
    freed_blocks: int = 0
    freed_bytes: int = 0
    generations: int = 0
    oldest_cycle: int = 0
    first_bytes: int = 0        # in the first snapshot; 0 if the site came later
    stale_blocks: int = 0       # not written for long
    stale_bytes: int = 0
    unwritten_ns: int = 0
    stale_after_ns: int = 0     # what counts as long
    retained: int = None        # bytes that would go with it, at least; None: not known
    weak: Weak = None           # what no firm pointer holds

    def add(self, snapshot, first_bytes):
        for name in ("blocks", "bytes", "allocated_blocks", "allocated_bytes", "freed_blocks", "freed_bytes"):
            setattr(self, name, getattr(self, name) + getattr(snapshot, name))
        self.generations = max(self.generations, snapshot.generations)
        cycles = [cycle for cycle in (self.oldest_cycle, snapshot.oldest_cycle) if cycle]
        self.oldest_cycle = min(cycles, default=0)
        self.first_bytes += first_bytes
        if stale := snapshot.stale:
            self.stale_blocks += stale.blocks
            self.stale_bytes += stale.bytes
            self.unwritten_ns = max(self.unwritten_ns, stale.unwritten_ns)
            self.stale_after_ns = max(self.stale_after_ns, stale.after_ns)
        if snapshot.retained is not None:
            self.retained = (self.retained or 0) + snapshot.retained
        self.weak = snapshot.weak if not self.weak else self.weak.plus(snapshot.weak)


@dataclass(eq=False)
class Growing:
    """A site that grows: reachable blocks of ever more generations."""
    site: Site
    blocks: int = 0
    bytes: int = 0
    grown_bytes: int = 0        # since since_ns
    since_ns: int = 0
    rate: float = 0.0           # bytes a second
    generations: int = 0
    steps: int = 0
    confidence: int = 0         # percent

    def add(self, sighting):
        growth = sighting.growth
        self.blocks += sighting.blocks
        self.bytes += sighting.bytes
        self.grown_bytes += growth.bytes
        self.rate += growth.rate
        self.since_ns = min(self.since_ns or growth.since_ns, growth.since_ns)
        for name in ("generations", "steps", "confidence"):
            setattr(self, name, max(getattr(self, name), getattr(growth, name)))


@dataclass(eq=False)
class View:
    processes: list
    findings: list      # all, also late and suppressed
    living: list        # all sites of the last snapshots, largest first
    growth: list        # sites that grew up to the last that is known, those that grew most first

    @property
    def process(self):
        return self.processes[0]

    @property
    def name(self):
        names = dict.fromkeys(process.name for process in self.processes)
        pids = [str(process.pid) for process in self.processes]
        return f"{', '.join(names)} ({pids[0] if len(pids) == 1 else f'{len(pids)} processes'})"

    @property
    def lost(self):
        return [each for each in self.findings if not each.suppressed and not each.late]

    @property
    def late(self):
        return [each for each in self.findings if each.late and not each.suppressed]

    @property
    def stale(self):
        """Living sites of which blocks were not written for long, those with most bytes first."""
        return sorted((row for row in self.living if row.stale_blocks), key=lambda row: -row.stale_bytes)

    @property
    def weak(self):
        """Living sites of which some blocks are held weakly, those with most bytes first."""
        return sorted((row for row in self.living if row.weak), key=lambda row: -row.weak.bytes)

    @property
    def ways(self):
        """{exact of a site: the way to its oldest block}, of the first process that has one."""
        return {way.site.exact: way for process in reversed(self.processes) for way in process.ways}

    @property
    def thread_leaks(self):
        return threads_by_site(leak for process in self.processes for leak in process.threads.values())

    @property
    def suppressed(self):
        """{pattern: (blocks, bytes)}"""
        sums = {}
        for each in self.findings:
            if each.suppressed:
                blocks, size = sums.get(each.suppressed, (0, 0))
                sums[each.suppressed] = blocks + each.blocks, size + each.bytes
        return sums

    def chosen(self, what):
        return {"lost": self.lost, "live": self.living, "growth": self.growth, "alloc": self.living}[what]

    def weights(self, what):
        """[(site, blocks, bytes)]; of losses, what the sampled ones stand for; of growth, what came since it began."""
        if what == "lost":
            return [(each.site, each.weight, each.estimated_bytes) for each in self.lost]
        if what == "growth":
            return [(row.site, row.blocks, row.grown_bytes) for row in self.growth]
        if what == "alloc":
            return [(row.site, row.allocated_blocks, row.allocated_bytes) for row in self.living if row.allocated_bytes > 0]
        return [(row.site, row.blocks, row.bytes) for row in self.living if row.bytes > 0]


def threads_by_site(leaks):
    """Threads that nobody joined: a list of them for each site that created some, the most first."""
    groups = {}
    for leak in leaks:
        if not leak.suppressed:
            groups.setdefault(leak.site.exact, []).append(leak)
    return sorted(groups.values(), key=len, reverse=True)


def views(processes, merge):
    groups = [processes] if merge else [[process] for process in processes]
    return [View(group, findings_of(group), living_of(group), growth_of(group)) for group in groups if group]


def findings_of(processes):
    found = {}
    for process in processes:
        for loss in process.losses:
            late = loss.phase == "late"
            key = (loss.site.exact, loss.kind, late, loss.suppressed)
            finding = found.setdefault(key, Finding(loss.site, loss.kind, late, loss.suppressed))
            finding.add(loss, process.last_ns)
    return sorted(found.values(), key=lambda each: (each.late, each.kind != "direct", -each.bytes))


def living_of(processes):
    rows = {}
    for process in processes:
        moments = [snapshot.at_ns for snapshot in process.snapshots]
        first = {snapshot.site.exact: snapshot.bytes for snapshot in process.snapshots if snapshot.at_ns == moments[0]}
        for snapshot in process.snapshots:
            if snapshot.at_ns == moments[-1]:
                key = snapshot.site.exact
                rows.setdefault(key, Living(snapshot.site)).add(snapshot, first.pop(key, 0))
    return sorted(rows.values(), key=lambda row: -row.bytes)


def growth_of(processes):
    rows = {}
    for process in processes:
        last = {sighting.site.exact: sighting for sighting in process.sightings}
        for key, sighting in last.items():
            if sighting.growth:
                rows.setdefault(key, Growing(sighting.site)).add(sighting)
    return sorted(rows.values(), key=lambda row: -row.grown_bytes)
