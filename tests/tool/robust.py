"""Bad input gives one line that says where and what to do; nothing gives a traceback."""

import json
import os
import random
import re
import signal
import subprocess
import sys

import reports
from box import ROOT, TOOL

sys.path.insert(0, str(ROOT / "scripts"))
from gcpretool import cfi, console, elf, pprof, reader, suppress, unwind


def test_truncated_last_line(box):
    text = reports.Report(box.program).lost("short", 8).lost("inlined", 9).text()
    path = box.file("cut", text[:-20])
    output = box.report(path, says=f"{path}:{text.count(chr(10))}: the last line is cut off and is left out")
    assert "8 byte(s) leaked in 1 allocation(s)" in output


def test_truncated_anywhere(box):
    """However a killed process' file ends, what stands before is read; but a cut first line is no report."""
    text = reports.usual(box.program).text().encode()
    first = text.index(b"\n")
    whole = reads(box.file("r", text))
    for end in range(1, len(text), 97):
        processes = reads(box.file("r", text[:end]))
        assert bool(processes) == (end >= first), end
        if processes:
            assert len(processes[0].losses) <= len(whole[0].losses)


def reads(path):
    """The processes of a file, without its warnings; None for a Problem."""
    silent, reader.warn = reader.warn, lambda text: None
    try:
        return reader.read([str(path)])
    except console.Problem as problem:
        assert str(problem).startswith(str(path)), f"the line does not name the file: {problem}"
        return None
    finally:
        reader.warn = silent


def test_garbage(box):
    begin = '{"type":"process","version":1,"pid":1}\n'
    bad = {
        "not json\n": ":1: is not JSON: give a report that was written with GCPRE_FORMAT=json",
        "\x7fELF\0\1\2\n\xff\n": ":1: is not JSON",
        "[1]\n": ':1: is not an object with a "type"',
        "{}\n": ':1: is not an object with a "type"',
        "": ':1: there is no "process" line',
        "\n\n": ':1: there is no "process" line',
        '{"type":"site","site":1,"frames":[]}\n': ':1: a "site" line before any "process" line',
        '{"type":"process","version":1,"pid":1}\n{"type":"lost","blocks":1}\n': ':2: lost: "at_ns" is missing',
        '{"type":"process","version":1,"pid":1}\n{"type":\n{}\n': ":2: is not JSON",
        '{"type":"process","version":2,"pid":1}\n': ":1: version 2 of the format",
        '{"type":"process","version":1,"pid":"x"}\n': ':1: "pid" is not a number',
        '{"type":"process","version":1,"pid":true}\n': ':1: "pid" is not a number',
        '{"type":"process","version":1,"pid":-1}\n': ':1: "pid" is -1, which cannot be',
        '{"type":"process","version":1,"pid":NaN}\n': ':1: "pid" is nan, which cannot be',
        f'{begin}{{"type":"module","module":1,"path":"/x","base":"0xzz"}}\n': ':2: "base" is not an address',
        f'{begin}{{"type":"site","site":1,"frames":[3]}}\n': ':2: "frames" is not a list of objects',
        "[" * 100000 + "\n": ":1: is not JSON",
    }
    for text, says in bad.items():
        path = box.file("bad", text)
        assert box.report(path, says=f"gcpre: {path}{says}", status=1) == "", text[:80]


def test_bad_files(box):
    box.report(box.path("none"), says="none: No such file", status=1)
    box.report(box.folder, says="Is a directory", status=1)
    weird = box.path("new\nline")
    box.report(weird, says="new\\nline: No such file", status=1)


def test_unknown_is_passed_over(box):
    """Types and keys of later versions, keys that are absent: read as far as understood."""
    report = reports.usual(box.program)
    lines = [json.dumps({**json.loads(line), "later": {"a": [1]}}) for line in report.lines]
    lines[1:1] = ['{"type":"comet","tail":7}', '{"type":"not an identifier","x":1}', ""]
    path = box.file("r", "\n".join(lines) + "\n")
    assert box.report(path) == box.report(report.write(box.path("same")))
    short = box.file("short", '{"type":"process","version":1,"pid":7}\n{"type":"lost","at_ns":5,"site":0,"class":"direct",'
                     '"blocks":1,"bytes":8}\n')
    assert "Direct leak of 8 byte(s) in 1 object(s)" in box.report(short)
    for name in ("json", "folded", "speedscope", "sarif", "html", "prom", "suppressions"):
        assert box.report(short, "--format", name), name


def test_dangling_indices(box):
    path = box.file("r", '{"type":"process","version":1,"pid":7}\n{"type":"lost","at_ns":5,"site":3,"class":"direct",'
                    '"blocks":1,"bytes":8}\n')
    assert "(no stack is known)" in box.report(path, says="1 mentions of stacks or modules")


def test_paths_that_are_no_utf8(box):
    text = reports.Report(box.program, path="/no/\udcff").lost("short", 8).end().text()
    path = box.file("r", text.replace("\\udcff", "@@").encode().replace(b"@@", b"\xff"))
    for name in ("text", "json", "pprof", "folded", "speedscope", "sarif", "html", "prom", "suppressions"):
        done = box.run("report", path, "--format", name)
        assert done.returncode == 0 and done.stderr.count(b"\n") == 1 and b"is gone" in done.stderr, (name, done.stderr)


def test_damaged_lines(box):
    """Random damage to a line is read, or is a Problem that names the file; it is nothing else."""
    random.seed(1)
    text = reports.usual(box.program).text().encode()
    pieces = [b"", b"9", b'"', b"{", b"-", b"\xff", b"null", b"[]", b"e9", b"true"]
    problems = 0
    for _ in range(1500):
        damaged = bytearray(text)
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(damaged))
            damaged[at:at + random.randint(0, 3)] = random.choice(pieces)
        problems += reads(box.file("r", bytes(damaged))) is None
    assert 0 < problems < 1500


def test_damaged_values(box):
    """Every key of every line with every kind of value, through every format: a report, or one line."""
    original = reports.usual(box.program).lines
    seen = set()
    for at, line in enumerate(original):
        for key in json.loads(line):
            if (json.loads(line)["type"], key) in seen or key == "type":
                continue
            seen.add((json.loads(line)["type"], key))
            for value in (None, "", "x", 0, 2**63, 2**70, 0.5, [], {}, [{}], True):
                lines = [*original[:at], json.dumps({**json.loads(line), key: value}), *original[at + 1:]]
                processes = reads(box.file("r", "\n".join(lines)))
                if processes:
                    all_formats(processes)
    assert len(seen) > 40


def all_formats(processes):
    """Every format of what was read, in this process, unnamed."""
    from gcpretool import document, findings, page, prom, sarif, stacks, symbols, text
    symbols.Symbols(None, symbols.Finder()).name(processes)
    views = findings.views(processes, False)
    for what in ("lost", "live", "growth"):
        text.render(views, what, None)
        sarif.render(views, what, None)
        stacks.folded(views, what)
    for name in (document.render, page.render):
        name(views)
    pprof.render(views, "lost")
    prom.render(views, None)
    suppress.write(views, "lost")


def test_broken_pipe(box):
    """A reader that goes away is no reason to complain."""
    big = reports.Report(box.program)
    for number in range(3000):
        big.add("site", site=100 + number, frames=[{"pc": hex(number + 1), "module": 0, "function": f"function_{number}"}])
        big.sites[number] = 100 + number
        big.lost(number, 8)
    path = big.end().write(box.path("big"))
    for unbuffered in ("", "1"):
        with subprocess.Popen([TOOL, "report", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**os.environ, "PYTHONUNBUFFERED": unbuffered}) as tool:
            assert len(tool.stdout.read(10)) == 10
            tool.stdout.close()
            said = tool.stderr.read()
        assert said == b"" and tool.returncode == 141, (said, tool.returncode)


def test_interrupt(box):
    """Control-C while it reads: quiet, status 130. It surely reads once it has taken more than a pipe holds.

    The test itself may run in the background, where the signal is ignored.
    """
    with subprocess.Popen([TOOL, "report", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as tool:
        tool.stdin.write(b'{"type":"process","version":1,"pid":1}\n' + b'{"type":"other"}\n' * 100000)
        tool.stdin.flush()
        tool.send_signal(signal.SIGINT)
        said = tool.stderr.read()
    assert tool.wait() == 130 and said == b"", (tool.returncode, said)


def test_progress(box):
    """On a terminal and after a second only; it takes itself away. Time is the test's: nothing is measured."""

    class Stream:
        def __init__(self, terminal):
            self.text, self.terminal = "", terminal

        def write(self, text):
            self.text += text

        def flush(self):
            pass

        def isatty(self):
            return self.terminal

    class Impatient(console.Progress):
        PATIENCE, INTERVAL = 0, 0.001

    for kind, terminal, drawn in ((Impatient, True, True), (Impatient, False, False), (console.Progress, True, False)):
        stream = Stream(terminal)
        with kind("looking", 4, stream) as progress:
            progress.step()
            while drawn and "1/4" not in stream.text:
                pass
        assert (stream.text != "") == drawn and (not drawn or stream.text.endswith("\r\033[K")), (kind, stream.text)


def test_help(box):
    """Every command and every option says what it is for."""
    for command in ([], ["run"], ["report"]):
        done = box.run(*command, "--help", env={"COLUMNS": "200"})
        assert done.returncode == 0 and not done.stderr, command
        for line in done.stdout.decode().split("options:")[-1].splitlines():
            if re.match(r"  -", line):
                assert re.search(r"\S  +\S", line) or len(line) > 24, f"no help: {line}"
    text = box.run("report", "--help", env={"COLUMNS": "200"}).stdout.decode()
    for option in ("--format", "--output", "--what", "--diff", "--merge", "--suppress", "--symbols", "--symbolizer",
                   "--debuginfod", "--top", "--exitcode"):
        assert re.search(rf"{option}\b.*", text), option
    assert box.run("report", "--format", "xml", "x").returncode == 2


def test_patterns(box):
    """As LeakSanitizer's TemplateMatch decides them."""
    cases = [("foo", "a_foo_b", True), ("^foo", "a_foo", False), ("^foo", "foo_a", True), ("foo$", "a_foo", True),
             ("foo$", "foo_", False), ("a*b", "xaxxbx", True), ("a*b$", "axxbx", False), ("*", "x", True),
             ("^a*$", "abc", True), ("a.c", "abc", False), ("^$", "x", False)]
    for pattern, text, wanted in cases:
        assert bool(suppress.compiled(pattern).search(text)) == wanted, (pattern, text)


def test_varints(box):
    assert [pprof.varint(value) for value in (0, 127, 128, 300, 2**64 - 1)] == [
        b"\0", b"\x7f", b"\x80\1", b"\xac\2", b"\xff" * 9 + b"\1"]


def test_elf(box):
    """The build-id is the one that readelf shows, with sections and without; a damaged file is only that."""
    program = box.program
    assert elf.build_id(program.path) == program.build_id == elf.build_id(program.debug_file(box.path("debug")))
    data = bytearray(program.path.read_bytes())
    data[40:48], data[58:64] = bytes(8), bytes(6)   # no section table
    assert elf.build_id(box.file("bare", bytes(data))) == program.build_id
    assert elf.symbol_at(program.path, program.addresses["cache_head"] + 3, {elf.OBJECT}) == ("cache_head", 3)
    assert elf.symbol_at(program.path, program.addresses["cache_head"] + 8, {elf.OBJECT}) is None
    random.seed(2)
    for number in range(300):
        damaged = bytearray(program.path.read_bytes()[:random.randrange(1, 20000)])
        for _ in range(8):
            damaged[random.randrange(min(len(damaged), 4096))] = random.randrange(256)
        path = box.file(f"damaged{number}", bytes(damaged))
        try:
            elf.build_id(path)
        except elf.BadElf:
            pass
        elf.symbols(str(path))
        os.unlink(path)


# ---- unwind tables and stacks

class NoMemory:
    def word(self, address):
        return address * 7 & cfi.MASK


def test_damaged_unwind_tables(box):
    """Whatever a file holds, its tables give registers, or say that they cannot."""
    data = box.program.path.read_bytes()
    functions = [box.program.addresses[label] for label in ("at_take", "at_add_entry", "at_main")]
    good = cfi.Unwinder(data)
    for address in functions:
        registers, is_signal = good.step([4096] * cfi.REGISTERS, address, NoMemory())
        assert registers[cfi.RA] is not None and not is_signal
    random_numbers = random.Random(4)
    image = cfi.Image(data)
    _, offset, _ = next(each for each in image.loads if each[0] <= image.index < each[0] + each[2])
    begin = image.index - next(each[0] for each in image.loads if each[0] <= image.index < each[0] + each[2]) + offset
    understood = 0
    for _ in range(4000):
        damaged = bytearray(data)
        for _ in range(random_numbers.randint(1, 8)):
            damaged[random_numbers.randrange(begin, min(begin + 2000, len(data)))] = random_numbers.randrange(256)
        try:
            cfi.Unwinder(bytes(damaged)).step([4096] * cfi.REGISTERS, random_numbers.choice(functions), NoMemory())
            understood += 1
        except cfi.NoTable:
            pass
    assert 0 < understood < 4000, understood
    for end in range(0, len(data), 499):
        try:
            cfi.Unwinder(data[:end])
        except cfi.NoTable:
            pass


def test_expressions(box):
    """The one of every PLT stub: rsp + 8 + ((rip & 15) >= 11) * 8, and what none may do."""
    plt = bytes([0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22])
    registers = [0] * cfi.REGISTERS
    registers[cfi.RSP] = 1000
    for address, wanted in ((0x1000, 1008), (0x100a, 1008), (0x100b, 1016), (0x100f, 1016)):
        registers[cfi.RA] = address
        assert cfi.evaluate(plt, registers, NoMemory(), []) == wanted
    assert cfi.evaluate(bytes([0x09, 0xff, 0x38, 0x1c]), registers, NoMemory(), []) == cfi.MASK - 8
    for bad in (b"", b"\x06", b"\x22", b"\x08", b"\xff", b"\x12" * 9, b"\x31" * 100):
        try:
            cfi.evaluate(bad, registers, NoMemory(), [])
            raise AssertionError(f"{bad!r} has a value")
        except cfi.NoTable:
            pass


def test_memory_in_pieces(box):
    memory = unwind.Memory()
    memory.add(0x2000, bytes(range(16)))
    memory.add(0x1000, bytes(12))
    memory.add(0x100c, bytes([1] * 12))
    assert memory.word(0x2008) == int.from_bytes(bytes(range(8, 16)), "little")
    assert memory.word(0x1008) == 0x01010101 << 32, "across two pieces"
    for address in (0, 0xfff, 0x1011, 0x2009, 0x3000, cfi.MASK):
        try:
            memory.word(address)
            raise AssertionError(f"{address:#x} was never copied")
        except cfi.NoTable:
            pass
