"""Who looks at a run of a program: the library, or a tool that the expectations are tested with.

Each gives findings of the same form: blocks and bytes by class, function and line.
"""

import json
import os
import re
import shutil
import subprocess
import threading
import xml.etree.ElementTree
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
LIB = Path(os.environ.get("GCPRE_LIB", ROOT / "build/libgcpre.so")).resolve()
RUNTIME = re.compile(r"(libc|libstdc\+\+|libgcc_s|liblsan|ld-linux-x86-64|vgpreload_\S*)\.so\b")
SYSTEM_HEADER = re.compile(r"/usr/(include|lib)/")


class Group(NamedTuple):
    """What is added up: losses of one class that were allocated at one place."""

    kind: str  # direct or indirect, with "suppressed" before it where it is
    function: str
    place: str  # file:line

    def line(self, numbers):
        blocks, size = numbers
        return f"{self.kind} {blocks} {'?' if size is None else size} {self.function} {self.place}"


class Findings(dict):
    """The sums of a run, by group."""

    def count(self, group, blocks, size):
        before = self.get(group, (0, 0))
        self[group] = (before[0] + blocks, before[1] + size)


# ---- from addresses to lines

class Symbols:
    """Functions and lines of ELF addresses, inlined frames too; every module is asked for many addresses at once."""

    def __init__(self):
        self.known, self.lock = {}, threading.Lock()
        llvm = shutil.which("llvm-symbolizer")
        self.tool = [llvm, "--output-style=GNU"] if llvm else ["addr2line"]

    def learn(self, addresses):
        """Addresses are pairs of a module's path and an offset."""
        wanted = {}
        for module, offset in addresses:
            if (module, offset) not in self.known and not RUNTIME.search(module) and os.path.exists(module):
                wanted.setdefault(module, set()).add(offset)
        for module, offsets in wanted.items():
            self.ask(module, sorted(offsets))

    def ask(self, module, offsets):
        done = subprocess.run([*self.tool, "-a", "-f", "-i", "-C", "-e", module, *(hex(o) for o in offsets)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        lines, frames = iter(done.stdout.splitlines()), None
        for line in lines:
            if line.startswith("0x"):
                frames = []
                with self.lock:
                    self.known[module, int(line, 16)] = frames
            elif frames is not None:
                frames.append((function_name(line), next(lines, "??").split(" (discriminator")[0]))

    def first_own(self, stack):
        """Function and file:line of the first frame that is neither the runtime libraries' nor a system header's."""
        for module, offset in stack:
            if RUNTIME.search(module):
                continue
            for function, place in self.known.get((module, offset), [("??", f"{module}+{offset:#x}")]):
                if not SYSTEM_HEADER.match(place):
                    return function, os.path.basename(place)
        return "??", " < ".join(f"{os.path.basename(module)}+{offset:#x}" for module, offset in stack) or "no stack"


def function_name(text):
    """The plain name: without namespace, template arguments, parameters and what the compiler appends to clones."""
    plain = re.sub(r"<[^<>]*>", "", re.sub(r"\(.*", "", text))
    return re.sub(r"\.(constprop|isra|part|cold).*", "", plain).split("::")[-1].strip()


SYMBOLS = Symbols()


# ---- the library, and the tools that the expectations are tested with

class Library:
    """Reads the JSON lines that core/leak/FORMAT.md describes."""

    folder, cflags = "plain", []

    def __init__(self, extra):
        self.extra = extra

    def available(self):
        return None if LIB.exists() else f"{LIB} does not exist: make it, or name another in GCPRE_LIB"

    def environment(self, case, _, reports):
        return ({"LD_PRELOAD": str(LIB), "GCPRE_LEAKS": "exit", "GCPRE_FORMAT": "json"} | self.extra
                | ({"GCPRE_REPORT": f"{reports}/%p"} if reports else {})
                | ({"GCPRE_SUPPRESS": str(case.patterns)} if case.suppress else {}))

    def command(self, _):
        return []

    def read(self, reports):
        """Returns the findings and the complaints about the reports as such."""
        processes, findings = processes_of(reports), Findings()
        for process in processes:
            for group, blocks, size in process.losses():
                findings.count(group, blocks, size)
        return findings, complaints_about(processes)

    def view(self, expected):
        return expected


def processes_of(reports):
    return [Process(path) for path in sorted(reports.iterdir())]


def complaints_about(processes):
    complaints = [text for process in processes for text in process.complaints]
    ended = any(process.ended for process in processes)
    return complaints or ([] if ended else ["no report says that its process has ended"])


class Process:
    """The report of one process."""

    def __init__(self, path):
        self.modules, self.sites, self.lost, self.complaints, self.ended = {}, {}, [], [], False
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                self.take(json.loads(line))
            except (ValueError, KeyError) as error:
                self.complaints.append(f"line {number} of a report: {error!r}: {line[:200]}")

    def take(self, line):
        match line["type"]:
            case "module":
                self.modules[line["module"]] = line["path"]
            case "site":
                self.sites[line["site"]] = [self.address(frame) for frame in line["frames"]]
            case "lost" if line["phase"] != "late":
                self.lost.append(line)
            case "end":
                self.ended = True
                self.check_sums(line)

    def address(self, frame):
        """Module and offset; code of no module keeps its address."""
        module = self.modules.get(frame["module"], "no module")
        return module, int(frame["offset" if frame["module"] else "pc"], 16)

    def check_sums(self, end):
        for what, wanted in (("lost", False), ("suppressed", True)):
            chosen = [line for line in self.lost if ("suppressed" in line) == wanted]
            for unit in ("blocks", "bytes"):
                found, said = sum(line[unit] for line in chosen), end[f"{what}_{unit}"]
                if found != said:
                    self.complaints.append(f"{what}_{unit} is {said} in the last line, the lines before sum to {found}")

    def losses_by_module(self):
        for line in self.lost:
            stack = self.sites.get(line["site"], [])
            own = [module for module, _ in stack if not RUNTIME.search(module)]
            yield line["class"], line["blocks"], line["bytes"], own[0] if own else "no module"

    def losses(self):
        stacks = [self.sites.get(line["site"], []) for line in self.lost]
        SYMBOLS.learn(frame for stack in stacks for frame in stack)
        for line, stack in zip(self.lost, stacks):
            kind = "suppressed " * ("suppressed" in line) + line["class"]
            yield Group(kind, *SYMBOLS.first_own(stack)), line["blocks"], line["bytes"]


class LeakSanitizer:
    """Knows no classes of cycles (it calls all their blocks indirect), so only the sums of both classes are compared.

    Words that earlier calls left on the stack hide leaks from it: when leaking twins run, it looks at no stack or register.
    """

    folder, cflags = "lsan", ["-fsanitize=leak"]
    LEAK = re.compile(r"(?:Direct|Indirect) leak of (\d+) byte\(s\) in (\d+) object\(s\) allocated from:\n((?: +#.*\n)*)")

    def available(self):
        return None

    def environment(self, case, twin, reports):
        options = {"exitcode": 0, "log_path": f"{reports}/log", "fast_unwind_on_malloc": 0,
                   "allocator_may_return_null": 1, "stack_trace_format": "'    #%n %p (%m+%o)'"}
        if case.suppress:
            options["suppressions"] = case.patterns
        options |= {"use_stacks": 0, "use_registers": 0} if twin == "leak" else {"use_unaligned": 1}
        return {"LSAN_OPTIONS": ":".join(f"{name}={value}" for name, value in options.items())}

    def command(self, _):
        return []

    def read(self, reports):
        found = [leak for path in reports.iterdir() for leak in self.LEAK.findall(path.read_text())]
        stacks = [[(module, int(offset, 16)) for module, offset in re.findall(r"\((.*)\+(0x\w+)\)", text)]
                  for *_, text in found]
        SYMBOLS.learn(frame for stack in stacks for frame in stack)
        findings = Findings()
        for (size, blocks, _), stack in zip(found, stacks):
            findings.count(Group("lost", *SYMBOLS.first_own(stack)), int(blocks), int(size))
        return findings, []

    def view(self, expected):
        sums, unknown = Findings(), set()
        for group, (blocks, size) in expected.items():
            if not group.kind.startswith("suppressed"):
                group = group._replace(kind="lost")
                sums.count(group, blocks, size or 0)
                unknown |= {group} if size is None else set()
        return {group: (blocks, None if group in unknown else size) for group, (blocks, size) in sums.items()}


class Valgrind:
    """Calls a block that only an interior pointer leads to possibly lost: not looked at. It gets no suppressions."""

    folder, cflags = "plain", []

    def available(self):
        return None if shutil.which("valgrind") else "valgrind is not installed"

    def environment(self, *_):
        return {}

    def command(self, reports):
        return ["valgrind", "--quiet", "--run-libc-freeres=no", "--leak-check=full", "--leak-resolution=high",
                "--show-leak-kinds=definite,indirect", "--read-inline-info=yes", "--num-callers=30",
                "--xml=yes", f"--xml-file={reports}/%p"]

    def read(self, reports):
        findings = Findings()
        for path in reports.iterdir():
            text = path.read_text()
            if "</valgrindoutput>" not in text:  # a child that ended by _exit in the middle of another's report
                continue
            for error in xml.etree.ElementTree.fromstring(text).iter("error"):
                if error.findtext("kind", "").startswith("Leak_"):
                    self.count(findings, error)
        return findings, []

    def count(self, findings, error):
        kind = {"Leak_DefinitelyLost": "direct", "Leak_IndirectlyLost": "indirect"}[error.findtext("kind")]
        text = error.findtext("xwhat/text").replace(",", "")
        size = re.search(r"\((\d+) direct", text) or re.match(r"(\d+)", text)
        group = Group(kind, *self.first_own(error.find("stack")))
        findings.count(group, int(error.findtext("xwhat/leakedblocks")), int(size[1]))

    def first_own(self, stack):
        for frame in stack.iter("frame"):
            if not RUNTIME.search(frame.findtext("obj", "")) and not SYSTEM_HEADER.match(frame.findtext("dir", "") + "/"):
                return function_name(frame.findtext("fn", "??")), f"{frame.findtext('file')}:{frame.findtext('line')}"
        return "??", "no frame of the program"

    def view(self, expected):
        merged = Findings()
        for group, (blocks, size) in expected.items():
            merged.count(group._replace(kind=group.kind.split()[-1]), blocks, size or 0)
        return {group: (numbers[0], numbers[1] or expected.get(group, numbers)[1]) for group, numbers in merged.items()}


TOOLS = {"lsan": LeakSanitizer, "valgrind": Valgrind}
