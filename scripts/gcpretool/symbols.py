"""Gives the frames of a report names, outside of the program: llvm-symbolizer, else addr2line.

One run of the symboliser a module, all its addresses at once: most of the time goes into reading the debug information.
A file on disk is believed only if its build-id is that of the module that ran: an upgraded library would give names
that are plausible and wrong. What cannot be named stays module and offset, and can be named later, elsewhere.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import elf
from .console import Problem, Progress, warn
from .model import Call

DEBUG_FOLDER = Path("/usr/lib/debug")


# ---- which file

class Finder:
    """Finds the files of a module: its own, or what was stripped off it, here or below the folders that were named."""

    def __init__(self, folders=()):
        self.folders = [Path(folder) for folder in folders]

    def candidates(self, module):
        """Separate debug files come first: the module beside them has been stripped."""
        if len(module.build_id) > 2:
            name = Path(".build-id", module.build_id[:2], module.build_id[2:] + ".debug")
            for folder in [*self.folders, DEBUG_FOLDER]:
                yield folder / name
        for folder in self.folders:
            yield folder / module.path.lstrip("/")
            yield folder / module.name
        yield Path(module.path)

    def find(self, module, begin_ns):
        """(path, None), or (None, why not)."""
        if not module.path.startswith("/"):
            return None, None   # [vdso], or a program that the kernel made no name for: nothing to say
        reason = "is gone"
        for path in self.candidates(module):
            if path.is_file():
                reason = mismatch(path, module, begin_ns)
                if not reason:
                    return str(path), None
        return None, reason


def mismatch(path, module, begin_ns):
    """Why this file is not the module that ran; None if it is."""
    try:
        found = elf.build_id(path)
    except (elf.BadElf, OSError) as error:
        return getattr(error, "strerror", None) or str(error)
    if found != module.build_id:
        return "is another build than the one that ran"
    if not found and path.stat().st_mtime_ns > begin_ns:
        return "has no build-id and was changed since"
    return None


# ---- symbolisers: each gives, for the addresses in order, lists of (function, file, line), innermost first

class LlvmSymbolizer:
    def __init__(self, path, debuginfod=False):
        self.debuginfod = debuginfod
        self.command = [path, "--functions=linkage", "--inlines", "--demangle", "--output-style=LLVM"]
        if debuginfod:
            self.command.append("--debuginfod")

    def names(self, target, addresses):
        return self.answers([*self.command, f"--obj={target}"], addresses)

    def names_by_build_id(self, build_id, addresses):
        return self.answers([*self.command, f"--build-id={build_id}"], addresses)

    def answers(self, command, addresses):
        """Two lines a call, an empty one after each address."""
        lines, calls = [], []
        for line in output_lines(command, addresses, self.debuginfod):
            if line:
                lines.append(line)
            elif lines:
                calls = [(known(function), *split_place(place, columns=True)) for function, place in zip(lines[::2], lines[1::2])]
                lines = []
                yield calls


class Addr2line:
    def __init__(self, path):
        self.command = [path, "-a", "-f", "-i", "-C"]

    def names(self, target, addresses):
        """The address in a line of its own, then two lines a call; the next address ends it."""
        address, lines = None, []
        for line in output_lines([*self.command, "-e", target], addresses, False):
            if line.startswith("0x") and len(lines) % 2 == 0:
                if address is not None:
                    yield self.calls(target, address, lines)
                address, lines = int(line, 16), []
            else:
                lines.append(line)
        if address is not None:
            yield self.calls(target, address, lines)

    def calls(self, target, address, lines):
        calls = [(known(function), *split_place(place)) for function, place in zip(lines[::2], lines[1::2])]
        if len(calls) == 1 and not calls[0][1]:     # no line: its name comes from the symbols, and may be the wrong one
            covering = elf.symbol_at(target, address, {elf.FUNCTION, elf.INDIRECT})
            return [calls[0] if covering else ("", "", 0)]
        return calls


def output_lines(command, addresses, network):
    """What a symboliser says. Its input is a file, so that neither side waits for the other."""
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    if not network:     # llvm-symbolizer would ask servers unasked
        environment.pop("DEBUGINFOD_URLS", None)
    with tempfile.TemporaryFile("w+") as questions:
        questions.writelines(f"{address:#x}\n" for address in addresses)
        questions.flush()
        questions.seek(0)
        with subprocess.Popen(command, stdin=questions, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              errors="surrogateescape", env=environment) as tool:
            yield from (line.rstrip("\n") for line in tool.stdout)


def known(name):
    return "" if name.startswith("??") else name


def split_place(place, columns=False):
    """("file", 12) of "file:12", "file:12:3" if it has columns, "file:12 (discriminator 4)"."""
    place = place.split(" (discriminator")[0]
    if columns:
        place = place.rpartition(":")[0]
    file, _, line = place.rpartition(":")
    return (file, int(line)) if line.isdigit() and int(line) and not file.startswith("??") else ("", 0)


def choose(wanted, debuginfod):
    """The symboliser to use; None if there shall be or is none."""
    if wanted == "none":
        return None
    path = shutil.which(wanted or "llvm-symbolizer")
    if wanted and not path:
        raise Problem(f"{wanted}: symboliser not found; install it, or leave --symbolizer away")
    if debuginfod:
        check_debuginfod(path)
    if path and "addr2line" not in os.path.basename(path):
        return LlvmSymbolizer(path, debuginfod)
    if path := path or shutil.which("addr2line"):
        return Addr2line(path)
    warn("neither llvm-symbolizer nor addr2line is installed: functions are shown as module+offset")
    return None


def check_debuginfod(path):
    if not os.environ.get("DEBUGINFOD_URLS"):
        raise Problem("--debuginfod: set DEBUGINFOD_URLS to the servers to ask")
    said = path and subprocess.run([path, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout
    if not said or b"--debuginfod" not in said:
        raise Problem("--debuginfod: needs an llvm-symbolizer that can ask servers (LLVM 15 or later, built with libcurl)")


# ---- all of it

class Symbols:
    def __init__(self, symboliser, finder):
        self.symboliser, self.finder = symboliser, finder
        self.found = {}     # (path, build-id) of a module -> (file, why there is none)
        self.calls = {}     # (module's key, offset) -> [(function, file, line)]

    def name(self, processes):
        """Fills the calls of every site, and the symbols of holders."""
        questions = self.questions(processes)
        with Progress("gcpre: looking up functions", sum(map(len, questions.values()))) as progress:
            for key, addresses in questions.items():
                self.ask(key, sorted(addresses), progress)
        for process in processes:
            for site in process.sites.values():
                site.calls = [call for frame in site.frames for call in self.calls_of(frame)]
            for holder in process.holders:
                if holder.module:
                    holder.symbol = self.variable(holder)

    def questions(self, processes):
        """Which addresses of which modules. Looks for the modules' files, and warns of those that do not fit."""
        questions = {}
        for process in processes:
            for module in process.modules.values():
                if key_of(module) not in self.found:
                    self.found[key_of(module)] = self.finder.find(module, process.begin_ns)
            for frame in (frame for site in process.sites.values() for frame in site.frames if frame.module):
                questions.setdefault(key_of(frame.module), set()).add(frame.offset)
        if self.symboliser:
            for key in questions:
                if self.found[key][1]:
                    warn(f"{key[0]} {self.found[key][1]}: its functions are shown as module+offset")
        return questions

    def ask(self, key, addresses, progress):
        file, build_id = self.found[key][0], key[1]
        if not self.symboliser:
            return
        if file:
            answers = self.symboliser.names(file, addresses)
        elif build_id and getattr(self.symboliser, "debuginfod", False):
            answers = self.symboliser.names_by_build_id(build_id, addresses)
        else:
            return
        for address, calls in zip(addresses, answers):
            self.calls[key, address] = calls
            progress.step()

    def calls_of(self, frame):
        """What the symboliser found, else the name that the library knew."""
        found = self.calls.get((key_of(frame.module), frame.offset)) if frame.module else None
        if not found or not found[-1][0]:
            return [Call(frame, frame.function)]
        last = len(found) - 1
        return [Call(frame, function, file, line, at < last) for at, (function, file, line) in enumerate(found)]

    def variable(self, holder):
        file = self.found[key_of(holder.module)][0] if self.symboliser else None
        found = elf.symbol_at(file, holder.offset, {elf.OBJECT, elf.TLS}) if file else None
        return (found[0] + (f"+{found[1]}" if found[1] else "")) if found else ""


def key_of(module):
    return module.path, module.build_id
