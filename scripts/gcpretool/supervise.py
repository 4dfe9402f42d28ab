"""gcpre run --leaks: runs a program, and makes the report of what it lost when it has ended.

The program keeps the standard streams, the terminal and the process group that gcpre has, and its exit status, or the signal that ended
it, becomes gcpre's. The library writes JSON lines into a folder, each process a file; they are added up.

Signals. All that can be are blocked and taken one by one, so none is lost. What somebody sent to gcpre is sent on; what the terminal sent
went to the program too. When the terminal stops the program, gcpre stops, and goes on with it; who stops it by SIGSTOP continues it himself,
and gcpre, which cannot know when, waits.
"""

import os
import resource
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from . import findings, reader, report, symbols
from .console import Problem, printable, warn, write

FROM_KERNEL = 0x80      # si_code of what a terminal sends
OWN = {signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT,
       signal.SIGSYS}
STOPPED_BY_TERMINAL = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
IGNORED_BY_PYTHON = [signal.SIGPIPE, signal.SIGXFSZ]


def run(program, command, environment, layout, output):
    """The exit status for gcpre. When a signal ended the program, the same ends this process."""
    if layout == "pprof" and not output:
        warn("a pprof profile is no text: use --output FILE")
        return 2
    folder = tempfile.mkdtemp(prefix="gcpre.")
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    taken = signal.valid_signals() - OWN
    before = signal.pthread_sigmask(signal.SIG_BLOCK, taken)
    try:
        pid, status = watch(program, command, {**environment, "GCPRE_FORMAT": "json", "GCPRE_REPORT": f"{folder}/%p"}, before, taken)
    except OSError as error:
        warn(f"{program}: {error.strerror}")
        clear(folder, False)
        return 126
    afterwards(folder, pid, layout, output, before)
    return end_as(status)


# ---- while it runs

def watch(program, command, environment, mask, taken):
    """(process id, wait status). The signals that are taken are blocked; the program has the mask."""
    sys.stderr.flush()
    pid = os.posix_spawn(program, command, environment, setsigmask=mask, setsigdef=IGNORED_BY_PYTHON)
    while (status := next_event(pid, taken)) is None:
        pass
    return pid, status


def next_event(pid, taken):
    """One signal; the wait status once the program has ended, else None."""
    info = signal.sigwaitinfo(taken)
    if info.si_signo != signal.SIGCHLD:
        if info.si_code != FROM_KERNEL:
            os.kill(pid, info.si_signo)     # it is there: nobody has waited for it
        return None
    who, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
    if who and os.WIFSTOPPED(status):
        if os.WSTOPSIG(status) in STOPPED_BY_TERMINAL:
            os.kill(os.getpid(), signal.SIGSTOP)
            os.kill(pid, signal.SIGCONT)
        return None
    return status if who else None


def end_as(status):
    if not os.WIFSIGNALED(status):
        return os.waitstatus_to_exitcode(status)
    number = os.WTERMSIG(status)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))  # the program's own is enough
    sys.stderr.flush()
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


# ---- afterwards

def afterwards(folder, pid, layout, output, mask):
    """Reports, and clears up. The program has run: nothing here changes the exit status."""
    kept = True
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)    # what came when the program had ended, comes now
        kept = tell(folder, pid, layout, output)
    except OSError as error:
        warn(f"no report: {error.filename or folder}: {error.strerror}{kept_in(folder)}")
    except KeyboardInterrupt:
        warn(f"interrupted: what the program lost is in {folder} (gcpre report)")
    clear(folder, kept)


def clear(folder, kept):
    if not kept or not any(Path(folder).glob("*")):
        shutil.rmtree(folder, ignore_errors=True)


def kept_in(folder):
    return f" (the lines are kept: {folder})" if os.path.isdir(folder) else ""


def tell(folder, pid, layout, output):
    """Writes the report; whether the folder must stay. What goes wrong here is said, and changes no exit status."""
    try:
        processes = processes_of(folder, pid)
        if not processes:
            warn("no report: the program ran without the library, or ended by _exit or a signal before anything was proven")
            return False
        name(processes)
        result = report.render(findings.views(processes, True), SimpleNamespace(format=layout, what="lost", top=None))
        give(result if isinstance(result, bytes) else result.encode(errors="backslashreplace"), output)
        return any(warn_of(process, folder) for process in processes if still_runs(process, pid))
    except Problem as problem:
        warn(f"{problem}{kept_in(folder)}")
        return True


def processes_of(folder, pid):
    """The program's own first. An image that another was executed over is left out where it had nothing to tell."""
    paths = sorted(Path(folder).iterdir(), key=lambda path: (path.name != str(pid), path.name))
    processes = [process for path in paths if path.stat().st_size for process in reader.read([str(path)])]
    later = {id(one) for one, other in zip(processes, processes[1:]) if one.pid == other.pid}
    return [process for process in processes if id(process) not in later or process.losses]


def name(processes):
    symbols.Symbols(symbols.choose(None, False), symbols.Finder()).name(processes)


def give(data, output):
    """To the standard error, where nobody takes it for the program's output, or into a file."""
    if output:
        write(data, output)
        return
    sys.stderr.flush()
    try:
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()
    except OSError as error:
        raise Problem(f"the report cannot be written: {error.strerror}") from None


def still_runs(process, pid):
    if process.end or process.pid == pid:
        return False
    try:
        os.kill(process.pid, 0)
        return True
    except OSError:
        return False


def warn_of(process, folder):
    warn(printable(f"process {process.pid} ({process.name}) still runs: gcpre report {folder}/{process.pid}, when it has ended"))
    return True
