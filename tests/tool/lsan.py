"""The grammar of LeakSanitizer's reports, and a strict reader of them. test_lsan_grammar (formats.py) shows it LeakSanitizer's own."""

import re

BUILD_ID = r"( \(BuildId: [0-9a-f]+\))?"
LEAK = re.compile(r"(Direct|Indirect) leak of (\d+) byte\(s\) in (\d+) object\(s\) allocated from:")
FRAME = re.compile(r"    #(\d+) (0x[0-9a-f]{12}) (?:in (\S.*?) )?"
                   rf"(?:([^\s(]\S*:\d+(?::\d+)?)| ?\((\S+)\+(0x[0-9a-f]+)\){BUILD_ID})")
SUMMARY = re.compile(r"SUMMARY: LeakSanitizer: (\d+) byte\(s\) leaked in (\d+) allocation\(s\)\.")
SUPPRESSION = re.compile(r" *(\d+) +(\d+) (\S+)")
RULE = "-" * 53


class LsanReport:
    """Reads the text as a strict parser of LeakSanitizer's reports would. `ours` are the indented lines without a #."""

    def __init__(self, text):
        self.lines = text.splitlines()
        self.leaks, self.ours, self.suppressions = [], [], []
        while self.lines and self.lines[0] in ("", "=" * 65):
            self.lines.pop(0)
        self.pid = int(self.take(re.compile(r"==(\d+)==ERROR: LeakSanitizer: detected memory leaks"))[1])
        self.take("")
        while LEAK.fullmatch(self.lines[0]):
            self.take_leak()
        if self.lines[0] == RULE:
            self.take_suppressions()
        total = self.take(SUMMARY)
        self.bytes, self.blocks = int(total[1]), int(total[2])
        self.rest = self.lines

    def take(self, wanted):
        line = self.lines.pop(0)
        match = line == wanted if isinstance(wanted, str) else wanted.fullmatch(line)
        assert match, f"not LeakSanitizer's layout: {line!r}, wanted {wanted if isinstance(wanted, str) else wanted.pattern!r}"
        return match

    def take_leak(self):
        head, frames = self.take(LEAK), []
        while self.lines[0].startswith("    #"):
            frame = self.take(FRAME)
            assert int(frame[1]) == len(frames), "frames are counted from 0"
            frames.append(frame)
        while re.match(r"    [^ #]", self.lines[0]):
            self.ours.append(self.lines.pop(0).strip())
        self.take("")
        self.leaks.append((head[1], int(head[2]), int(head[3]), frames))

    def take_suppressions(self):
        for line in (RULE, "Suppressions used:", "  count      bytes template"):
            self.take(line)
        while self.lines[0] != RULE:
            self.suppressions.append(self.take(SUPPRESSION).groups())
        self.take(RULE)
        self.take("")


def names(leak):
    return [frame[3] for frame in leak[3]]
