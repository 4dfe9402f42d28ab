"""How the tool speaks: problems, warnings, a progress bar, and output files that appear whole or not at all."""

import os
import stat
import sys
import tempfile
import threading
import time


class Problem(Exception):
    """Ends the command. Its text is the one line that the user gets, so it says what to do."""


def warn(text):
    print(f"gcpre: {printable(text)}", file=sys.stderr)


def printable(text):
    """On one line, and encodable: a path may hold newlines, and bytes that are no UTF-8."""
    text = str(text)
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def guarded(main, arguments):
    """main, without a traceback for what is no error of the tool."""
    try:
        return main(arguments)
    except Problem as problem:
        warn(problem)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:     # the reader has seen enough, e.g. head; Python's own flush at exit must not complain either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


# ---- output

def write(data, path=None):
    """Writes bytes to the standard output, or to a file."""
    if path is None or path == "-":
        sys.stdout.flush()
        rest = memoryview(data)
        while rest:     # with PYTHONUNBUFFERED a write may take less than it was given
            rest = rest[sys.stdout.buffer.write(rest):]
        sys.stdout.buffer.flush()
        return
    try:
        write_file(data, path)
    except OSError as error:
        raise Problem(f"{path}: cannot be written: {error.strerror}") from None


def write_file(data, path):
    """By a new file and rename: who reads path meanwhile (a metrics collector does) sees the old text or the new."""
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:  # a device or a pipe: it must stay what it is; a directory fails here
            file.write(data)
        return
    path = os.path.realpath(path)
    handle, temporary = tempfile.mkstemp(prefix=".gcpre.", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode_for(path))
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def mode_for(path):
    """The mode that an existing file has, else what the umask leaves."""
    if os.path.exists(path):
        return stat.S_IMODE(os.stat(path).st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


# ---- progress

class Progress:
    """A bar on the standard error while a with block runs: only on a terminal, only once a second has passed.

    A thread of its own draws it, because the work waits for another program. Both sides touch `done`; a stale value
    is only drawn late.
    """
    PATIENCE = 1.0
    INTERVAL = 0.25
    WIDTH = 40

    def __init__(self, title, total, stream=None):
        self.title, self.total, self.done = title, total, 0
        self.stream = stream or sys.stderr
        self.drawn = False
        self.finished = threading.Event()
        self.thread = threading.Thread(target=self.draw_until_finished, daemon=True)

    def __enter__(self):
        if self.stream.isatty():
            self.thread.start()
        return self

    def __exit__(self, *_):
        self.finished.set()
        if self.thread.ident:
            self.thread.join()
        if self.drawn:
            self.stream.write("\r\033[K")
            self.stream.flush()

    def step(self):
        self.done += 1

    def draw_until_finished(self):
        begin = time.monotonic()
        while not self.finished.wait(self.INTERVAL):
            if time.monotonic() - begin >= self.PATIENCE:
                self.draw()

    def draw(self):
        filled = self.WIDTH * self.done // max(self.total, 1)
        bar = "#" * filled + "." * (self.WIDTH - filled)
        self.stream.write(f"\r{self.title} [{bar}] {self.done}/{self.total}")
        self.stream.flush()
        self.drawn = True
