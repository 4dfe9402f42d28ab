#!/usr/bin/env python3
# gcpre run --leaks: the report, with lines, when the program has ended; and the program notices nothing of who started it.
# timeout: 240
# config: default
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
from helpers.control import LIB, TOOL, build_server, run_all, tool, wait_until

PROGRAM = build_server("runner", "-O0")
LEAK = r"Direct leak of (\d+) byte\(s\) in 1 object\(s\) allocated from:\n    #0 0x[0-9a-f]+ in lose \S*runner\.c:\d+\n"


def command(*arguments, options=()):
    return [str(TOOL), "run", "--leaks", "--lib", str(LIB), *options, "--", str(PROGRAM), *arguments]


def run(*arguments, options=(), **more):
    more = {"stdin": subprocess.DEVNULL, **more}
    return subprocess.run(command(*arguments, options=options), capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": os.getcwd()}, **more)


def left_over():
    return list(Path.cwd().glob("gcpre.*"))


def start(*arguments, **more):
    process = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": os.getcwd()}, **more)
    return process


def test_report():
    done = run("lose", "echo", "status=7", stdin=None, input="some input\n")
    assert done.returncode == 7 and done.stdout == "some input\n", done
    assert re.search(LEAK, done.stderr)[1] == "100", done.stderr
    assert "SUMMARY: LeakSanitizer: 100 byte(s) leaked in 1 allocation(s)." in done.stderr and not left_over()


def test_nothing_lost():
    done = run()
    assert done.returncode == 0 and re.fullmatch(r"gcpre: control_runner \(\d+\): nothing lost\n", done.stderr), done.stderr


def test_children_are_added():
    done = run("child", "child", "lose")
    assert done.returncode == 0, done
    assert sorted(re.findall(LEAK, done.stderr)) == ["100"], done.stderr
    assert "Direct leak of 100 byte(s) in 2 object(s)" in done.stderr, "both children's"
    assert "SUMMARY: LeakSanitizer: 200 byte(s) leaked in 3 allocation(s)." in done.stderr and "==ERROR" in done.stderr


def test_exec():
    """What another image is executed over has nothing to tell."""
    done = subprocess.run([str(TOOL), "run", "--leaks", "--lib", str(LIB), "--", "/bin/sh", "-c", f"exec {PROGRAM} lose status=3"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 3 and re.search(LEAK, done.stderr), done
    assert "did not end by itself" not in done.stderr, done.stderr


def test_formats():
    done = run("lose", options=["--format", "json", "--output", "out.json"])
    assert done.returncode == 0 and not done.stderr, done
    assert json.loads(Path("out.json").read_text())["views"][0]["sum"]["lost_bytes"] == 100
    done = run("lose", options=["--format", "folded"])
    assert re.search(r"^.*main;lose 100$", done.stderr, re.M) and not done.stdout, done
    done = run("lose", options=["--format", "html", "-o", "out.html"])
    assert Path("out.html").read_text().endswith("</html>\n")
    done = run("lose", "status=4", options=["--exitcode", "23"])
    assert done.returncode == 23, done


def test_library_writes_itself():
    done = run("lose", options=["--report", "own.%p", "--format", "json"])
    path, = Path.cwd().glob("own.*")
    assert done.returncode == 0 and not done.stderr and path.read_text().startswith('{"type":"process"'), done
    done = run("lose", options=["--leaks-live"])
    assert "detected memory leaks" in done.stderr and "runner.c" not in done.stderr, done.stderr


def test_errors():
    for options, says in ((["--format", "pprof"], "--output FILE"), (["--report", "x", "--format", "html"], "--format html"),
                          (["--report", "x", "-o", "y"], "--output")):
        done = run("lose", options=options)
        assert done.returncode != 0 and says in done.stderr and done.stderr.count("\n") == 1, done
    done = run("lose", "status=5", options=["-o", "/no/such/folder/file"])
    assert done.returncode == 5 and "cannot be written" in done.stderr and len(left_over()) == 1, done
    shutil.rmtree(left_over()[0])
    static = subprocess.run(["gcc", "-static", "-x", "c", "-", "-o", "static"], input="int main(void) { return 9; }", text=True)
    if static.returncode == 0:
        done = subprocess.run([str(TOOL), "run", "--leaks", "--lib", str(LIB), "--", "./static"], capture_output=True, text=True)
        assert done.returncode == 9 and "no report" in done.stderr, done


def test_ended_by_a_signal():
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
        done = run("lose", f"kill={int(number)}")
        assert done.returncode == -number, done
    assert not left_over()


def test_signals_are_passed_on():
    process = start("catch", "lose", "wait=3", stdin=subprocess.DEVNULL)
    assert process.stdout.readline() == "ready\n"
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
        assert process.stdout.readline().startswith("signal "), "two of one kind at once would be one"
    out, said = process.communicate(timeout=60)
    assert process.returncode == 0 and out == "interrupts 1 terminations 2\n" and "in lose" in said, (out, said)


def test_stopped_and_continued():
    process = start("catch", "continued", stdin=subprocess.DEVNULL)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTSTP)
    who, status = os.waitpid(process.pid, os.WUNTRACED)
    assert who == process.pid and os.WIFSTOPPED(status), "gcpre stops when the program does"
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 0


def test_stopped_by_somebody():
    """Who stops the program alone continues it alone."""
    process = start("catch", "continued", stdin=subprocess.DEVNULL)
    assert process.stdout.readline() == "ready\n"
    program = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
    os.kill(program, signal.SIGSTOP)
    wait_until(lambda: Path(f"/proc/{program}/stat").read_text().rpartition(")")[2].split()[0] == "T", "it stops")
    time.sleep(0.2)     # gcpre has heard of it, probably
    os.kill(program, signal.SIGCONT)
    try:
        wait_until(lambda: process.poll() is not None, "gcpre ends with it")
    finally:
        process.kill()
    assert process.wait() == 0


def test_no_report_to_read():
    """The program's own end counts, whatever becomes of the report."""
    done = subprocess.run([str(TOOL), "run", "--leaks", "--lib", str(LIB), "--", "/bin/sh", "-c", 'LD_PRELOAD= rm -r "$TMPDIR"/gcpre.*; exit 3'],
                          capture_output=True, text=True, timeout=60, env={**os.environ, "TMPDIR": os.getcwd()})
    assert done.returncode == 3 and re.search(r"^gcpre: no report: \S+: No such file or directory\n\Z", done.stderr, re.M), done


def test_interrupted_at_the_end():
    """An interrupt that came when the program had ended, and was not taken yet."""
    code = f"""
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)   # whoever runs the tests may ignore it
sys.path.insert(0, {str(TOOL.parent)!r})
from gcpretool import supervise
one = supervise.next_event
def next_event(pid, taken):
    status = one(pid, taken)
    if status is not None: os.kill(os.getpid(), signal.SIGINT)
    return status
supervise.next_event = next_event
sys.exit(supervise.run("/bin/sh", ["sh", "-c", "exit 3"], dict(os.environ), "text", None))
"""
    done = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "TMPDIR": os.getcwd()})
    assert done.returncode == 3 and "interrupted" in done.stderr and "Traceback" not in done.stderr, done


def test_on_a_terminal():
    """An interrupt from the keyboard comes once, and the terminal is the program's."""
    pid, master = pty.fork()
    if pid == 0:
        os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": os.getcwd()}
        words = command("catch", "tty", "wait=20", "status=6")
        os.execv(words[0], words)
    said = read_until(master, b"ready")
    assert b"tty 1 1 1" in said, said
    for number in range(1, 21):     # one at a time: two at once would be one
        os.write(master, b"\x03")
        said += read_until(master, b"signal %d\r\n" % number)
        time.sleep(0.02)
        assert b"signal %d\r\n" % number in said and b"signal %d\r\n" % (number + 1) not in said, said
    said += read_until(master, b"nothing lost")
    assert b"interrupts 20 terminations 0" in said, said
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 6
    os.close(master)


def read_until(master, wanted):
    said = b""

    def more():
        nonlocal said
        if select.select([master], [], [], 0.1)[0]:
            try:
                said += os.read(master, 4096)
            except OSError:     # it has ended
                raise AssertionError(f"it never said {wanted}: {said}") from None
        return wanted in said
    wait_until(more, f"it says {wanted}")
    return said


def test_dispositions():
    assert run("pipe").stdout == "pipe default\n"
    done = subprocess.run([str(TOOL), "run", "--lib", str(LIB), "--", str(PROGRAM), "pipe"], capture_output=True, text=True)
    assert done.stdout == "pipe default\n", done


def test_a_daemon_stays():
    """Its lines stay where it writes them, and the report says where that is."""
    process = start("daemon", stdin=subprocess.DEVNULL)
    said = process.stderr.read()    # until the daemon has closed it
    assert process.wait(60) == 0 and "detected memory leaks" in said, said
    daemon = re.search(r"process (\d+) \(control_runner\) still runs: gcpre report (\S+), when it has ended", said)
    assert daemon, said
    lines = Path(daemon[2]).read_text()
    os.kill(int(daemon[1]), signal.SIGKILL)
    assert f'"pid":{daemon[1]}' in lines
    shutil.rmtree(Path(daemon[2]).parent)


def test_help():
    done = tool("run", "--help")
    assert "--leaks" in done.stdout and "--output" in done.stdout and "speedscope" in done.stdout, done.stdout


run_all(globals())
