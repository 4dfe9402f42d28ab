"""Unwinds the stacks that a running program's library has copied, by the unwind tables of its files (cfi.py).

A Thread is what the library told of one; walk() finds its frames. A file is believed only if its build-id is that of the module. Where a
module has no tables (code that was made at run time) the frame pointer is tried. A stack ends well at a function that says that
nobody called it; otherwise `end` says why it ends there.
"""

import base64
import bisect
import struct
from dataclasses import dataclass, field
from pathlib import Path

from . import cfi, elf
from .cfi import RA, RSP, NoTable
from .console import Problem
from .model import Frame, Site

RBP = 6
WALK_MOST = 100000
SIGNAL = "<signal handler called>"
VDSO = "linux-vdso.so.1"


class Memory:
    """Pieces of one stack; words of 8 bytes."""

    def __init__(self):
        self.pieces = []    # (address, bytes), sorted

    def add(self, address, data):
        bisect.insort(self.pieces, (address, data))

    def word(self, address):
        at = bisect.bisect_right(self.pieces, address, key=lambda piece: piece[0]) - 1
        for begin, data in self.pieces[max(at, 0):at + 1]:
            if address + 8 <= begin + len(data):
                return struct.unpack_from("<Q", data, address - begin)[0]
        if 0 <= at < len(self.pieces) - 1 and self.joins(at):    # it lies across two of them
            begin, data = self.pieces[at]
            return struct.unpack("<Q", (data + self.pieces[at + 1][1])[address - begin:][:8].ljust(8, b"\0"))[0]
        raise NoTable("the stack beyond was not copied")

    def joins(self, at):
        return self.pieces[at][0] + len(self.pieces[at][1]) == self.pieces[at + 1][0]


@dataclass(eq=False)
class Thread:
    tid: int
    name: str
    state: str
    waits_in: str = ""
    not_stopped: str = ""
    registers: list = None      # as DWARF counts them; None: it was not stopped
    memory: Memory = field(default_factory=Memory)
    site: Site = None           # its frames; None: it was not stopped
    end: str = ""               # why the stack ends there; "": nobody called the last function


def threads_of(records):
    """The threads of an answer to `stacks`, in its order."""
    threads = {}
    for record in records:
        kind = record.fields["type"]
        if kind == "thread":
            tid = record.number("tid")
            threads[tid] = Thread(tid, record.text("name", ""), record.text("state", "?"), record.text("waits_in", ""),
                                  record.text("not_stopped", ""), registers_of(record))
        elif kind == "stack" and record.number("tid") in threads:
            try:
                data = base64.b64decode(record.text("data"), validate=True)
            except ValueError:
                raise record.wrong('"data" is not base64') from None
            threads[record.number("tid")].memory.add(record.address("address"), data)
    return list(threads.values())


def registers_of(record):
    words = record.get("registers", (list,), "a list", None)
    if words is None:
        return None
    try:
        registers = [int(word, 16) for word in words]
    except (TypeError, ValueError):
        registers = []
    if len(registers) != cfi.REGISTERS:
        raise record.wrong('"registers" are not 17 addresses')
    return registers


# ---- files

def own_vdso():
    """What the kernel maps into every process, from our own: no file has it. None if there is none."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        if line.endswith("[vdso]"):
            begin, end = (int(word, 16) for word in line.split()[0].split("-"))
            with open("/proc/self/mem", "rb") as memory:
                memory.seek(begin)
                return memory.read(end - begin)
    return None


class Tables:
    """The unwind tables of a process's modules, read when they are needed."""

    def __init__(self, pid, process, folders):
        self.pid, self.folders = pid, [Path(folder) for folder in folders]
        self.modules = sorted(process.modules.values(), key=lambda module: module.low)
        self.exe = process.exe
        self.found = {}

    def module_at(self, address):
        """The last that was told of, where one took another's place."""
        return next((module for module in reversed(self.modules) if module.low <= address < module.high), None)

    def of(self, module):
        """The Unwinder of a module. NoTable."""
        if module not in self.found:
            try:
                self.found[module] = self.open(module)
            except NoTable as reason:
                self.found[module] = reason
        if isinstance(self.found[module], NoTable):
            raise self.found[module]
        return self.found[module]

    def candidates(self, module):
        yield from (folder / module.path.lstrip("/") for folder in self.folders)
        yield from (folder / module.name for folder in self.folders)
        yield Path(f"/proc/{self.pid}/root{module.path}")
        if module.path == self.exe:
            yield Path(f"/proc/{self.pid}/exe")     # also when it was deleted or replaced
        yield Path(module.path)

    def open(self, module):
        if module.path == VDSO and (data := own_vdso()):
            return cfi.Unwinder(data)
        reason = "is gone"
        for path in self.candidates(module):
            try:
                if elf.build_id(path) == module.build_id:
                    return cfi.open_file(path)
                reason = "is another build than the one that runs"
            except NoTable as error:
                reason = str(error)
            except (elf.BadElf, OSError):
                pass
        raise NoTable(f"{module.path} {reason}")


# ---- walking

class Walk:
    def __init__(self, thread, tables):
        self.thread, self.tables = thread, tables
        self.registers = list(thread.registers)
        self.exact = True   # the address is that of the next instruction, not of a return
        self.places = []

    def all(self):
        """The frames, innermost first, and why they end."""
        end = ""
        try:
            while self.registers[RA] is not None and len(self.places) < WALK_MOST:
                self.places.append(self.frame())
                self.out()
        except NoTable as reason:
            end = str(reason)
        return self.places, end

    @property
    def address(self):
        return self.registers[RA] - (0 if self.exact else 1)

    def frame(self):
        module = self.tables.module_at(self.address)
        return Frame(self.address, module, self.address - module.base if module else 0)

    def out(self):
        """To the caller."""
        stack = self.registers[RSP]
        module = self.places[-1].module
        try:
            if not module:
                raise NoTable("code that belongs to no file")
            self.registers, self.exact = self.tables.of(module).step(self.registers, self.places[-1].offset, self.thread.memory)
        except NoTable as reason:
            self.registers = self.by_frame_pointer() or self.by_return_address(module)
            self.exact = False
            if not self.registers:
                raise reason
        if self.exact:
            self.places[-1].function = SIGNAL
        if self.registers[RA] == 0:
            self.registers[RA] = None
        if self.registers[RSP] == stack and not self.exact:
            raise NoTable("the stack does not go on")

    def by_frame_pointer(self):
        """Where rbp was pushed first, as compilers of many languages do."""
        frame = self.registers[RBP]
        try:
            if frame is None or frame < self.registers[RSP] or frame % 8:
                return None
            caller, back = self.thread.memory.word(frame), self.thread.memory.word(frame + 8)
        except NoTable:
            return None
        return self.caller(back, frame + 16, caller) if self.tables.module_at(back - 1) else None

    def by_return_address(self, module):
        """After a call of what is no code the stack pointer is where the call has left it."""
        if module or len(self.places) > 1:
            return None
        try:
            back = self.thread.memory.word(self.registers[RSP])
        except NoTable:
            return None
        return self.caller(back, self.registers[RSP] + 8, self.registers[RBP]) if self.tables.module_at(back - 1) else None

    def caller(self, back, stack, frame):
        registers = list(self.registers)
        registers[RA], registers[RSP], registers[RBP] = back, stack, frame
        return registers


def walk(thread, tables):
    """Fills site and end."""
    if thread.registers is not None:
        frames, thread.end = Walk(thread, tables).all()
        thread.site = Site(thread.tid, frames)


def all_threads(pid, records, process, folders):
    if not process:
        raise Problem(f"process {pid}: its answer names no process: use the gcpre that came with the library")
    threads = threads_of(records)
    tables = Tables(pid, process, folders)
    for thread in threads:
        walk(thread, tables)
    return threads
