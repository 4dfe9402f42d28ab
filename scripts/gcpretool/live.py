"""Talks to a running program through the control socket of the library (core/ctl/control.h).

A Connection asks and gets records, one dictionary a line. A Session also remembers what the records describe: sites and
modules come once a connection, before their first use, and are named as those of a report are.
"""

import json
import os
import pwd
import socket
from pathlib import Path
from types import SimpleNamespace

from . import symbols, unwind
from .console import Problem
from .reader import Reader, Record

PROTOCOL = 1
PATIENCE = 60.0     # seconds for an answer: a cycle of a large heap takes a while


class Refused(Problem):
    """The program answered that it cannot."""


class Gone(Problem):
    """The program has ended, or has closed the socket."""


# ---- finding the socket

def status_of(pid):
    """Its lines as a dictionary; a Problem when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(errors="replace")
    except OSError:
        raise Problem(f"there is no process {pid}") from None
    return {key: value.split() for key, _, value in (line.partition(":") for line in text.splitlines())}


def environment_of(pid):
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(os.fsdecode(word).partition("=")[::2] for word in words)


def candidates(pid, status):
    """Where the socket may be: as the program sees its files, and as we see ours."""
    user, name = int(status["Uid"][1]), f"{status.get('NSpid', [pid])[-1]}.sock"
    folders = [environment_of(pid).get("XDG_RUNTIME_DIR"), os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{user}"]
    places = [f"{folder}/gcpre" for folder in folders if folder and folder.startswith("/")] + [f"/tmp/gcpre-{user}"]
    for place in dict.fromkeys(places):
        for root in (f"/proc/{pid}/root", ""):
            yield root + place, name


def has_library(pid):
    """Whether the library is loaded there; None if that cannot be seen."""
    try:
        return "libgcpre" in Path(f"/proc/{pid}/maps").read_text(errors="replace")
    except OSError:
        return None


def connect_at(folder, name):
    """By a descriptor of the folder: a socket's address has room for 107 bytes."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(PATIENCE)
        try:
            made.connect(f"/proc/self/fd/{handle}/{name}")
            return made
        except OSError:
            made.close()
            raise
    finally:
        os.close(handle)


def connect(pid):
    status = status_of(pid)
    denied = False
    for folder, name in candidates(pid, status):
        try:
            return connect_at(folder, name)
        except PermissionError:
            denied |= not folder.startswith(f"/proc/{pid}/")
        except OSError:
            pass
    raise Problem(why_not(pid, int(status["Uid"][1]), denied))


def why_not(pid, user, denied):
    if user != os.geteuid() and os.geteuid() != 0:
        try:
            user = pwd.getpwuid(user).pw_name
        except KeyError:
            pass
        return f"process {pid} is {user}'s: only that user and root may look into it"
    if has_library(pid) is False:
        return f"process {pid} runs without libgcpre: start it with gcpre run --control -- ..."
    if denied:
        return f"process {pid}: its control socket may not be opened"
    return (f"process {pid} has no control socket: start it with GCPRE_CONTROL=1 (gcpre run --control -- ...); "
            "one that restricts its system calls has none")


# ---- asking

def is_alive(pid):
    try:
        return status_of(pid)["State"][0] not in "ZX"
    except Problem:
        return False


class Connection:
    def __init__(self, pid):
        self.pid = pid
        self.socket = connect(pid)
        self.file = self.socket.makefile("rb")
        self.greet()

    def greet(self):
        words = self.line().split()
        if words[:1] != [b"gcpre"]:     # its last words to one that it does not want
            self.record(b" ".join(words))
            raise Problem(f"process {self.pid}: what answers is not libgcpre")
        if not words[1].isdigit() or int(words[1]) != PROTOCOL:
            raise Problem(f"process {self.pid} speaks version {words[1].decode(errors='replace')} of the protocol, "
                          f"this gcpre knows {PROTOCOL}: use the gcpre that came with the library")

    def line(self):
        try:
            line = self.file.readline()
        except TimeoutError:
            raise Problem(f"process {self.pid} does not answer: it is stopped, or has no processor") from None
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            raise Gone(f"process {self.pid} has {'closed its control socket' if is_alive(self.pid) else 'ended'}")
        return line

    def record(self, line):
        try:
            fields = json.loads(line)
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or not isinstance(fields.get("type"), str):
            raise Problem(f"process {self.pid}: an answer is not JSON: use the gcpre that came with the library")
        if fields["type"] == "error":
            raise Refused(str(fields.get("message")))
        return fields

    def ask(self, request):
        """The records of the answer. Refused, with what was said, if it ended in an error."""
        try:
            self.socket.sendall(request.encode(errors="replace") + b"\n")
        except OSError:
            pass    # what it says instead, or that it has gone, is read next
        records = []
        while (fields := self.record(self.line()))["type"] != "ok":
            records.append(fields)
        return records

    def close(self):
        self.file.close()
        self.socket.close()


class Session:
    """A connection with names: the records `lost`, `live` and `change` get a Site instead of a number, and `thread_leak`
    the ThreadLeak."""

    def __init__(self, pid, symboliser=None, folders=()):
        self.connection = Connection(pid)
        self.pid = pid
        self.reader = Reader(f"process {pid}")
        self.symbols = symbols.Symbols(symboliser, symbols.Finder([*folders, f"/proc/{pid}/root"]))
        self.folders = folders
        self.named = set()
        self.unnamed_holders = []

    def ask(self, request):
        records = self.connection.ask(request)
        for fields in records:
            record = Record(fields, f"process {self.pid}")
            if fields["type"] in ("process", "module", "site", "usage"):
                self.reader.take(record)
                continue
            if fields["type"] == "thread_leak":
                fields["leak"] = self.reader.thread_leak(record)
            if "holder" in fields:
                fields["holder"] = self.reader.holder(record.object("holder"))
                self.unnamed_holders.append(fields["holder"])
            if "weakly" in fields:
                fields["weak"] = self.reader.weak(record.object("weakly"))
            if "site" in fields:
                fields["site"] = self.reader.site(record)
            elif fields["type"] == "path" and "root" in fields:
                fields["root"] = self.reader.holder(record.object("root"))
                self.unnamed_holders.append(fields["root"])
        return [fields for fields in records if fields["type"] not in ("process", "module", "site", "usage")]

    @property
    def process(self):
        return self.reader.current

    def unnamed(self):
        return [] if not self.process else [index for index in self.process.sites if index not in self.named]

    def name_sites(self):
        """Gives functions and lines to the sites that came since the last time, and names to the variables."""
        new = self.unnamed()
        if new or self.unnamed_holders:
            self.name({index: self.process.sites[index] for index in new})
            self.named.update(new)
            self.unnamed_holders.clear()

    def name(self, sites):
        self.symbols.name([SimpleNamespace(modules=self.process.modules, sites=sites, holders=self.unnamed_holders,
                                           begin_ns=self.process.begin_ns)])

    def threads(self, records):
        """The Threads of an answer to `stacks`, unwound and named."""
        place = f"process {self.pid}"
        threads = unwind.all_threads(self.pid, [Record(each, place) for each in records], self.process, self.folders)
        self.name({thread.tid: thread.site for thread in threads if thread.site})
        return threads

    def wall(self, at_ns):
        return self.process.begin_ns + at_ns

    def close(self):
        self.connection.close()
