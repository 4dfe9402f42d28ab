#!/usr/bin/env python3
# What is told of an error with a block: where it was allocated and first freed, as far as that is known, and where the error was made.
# So many errors are told of, later ones are counted. With GCPRE_ABORT=1 the program ends at the first, as abort() ends it.
# config: default
import os
import re
import subprocess

PROGRAM = r"""
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static char *block;
static void make(size_t n) { block = malloc(n); }
static void drop(void) { free(block); }
static void again(void) { free(block); }
static void inside(void) { free(block + 20); }
static void resize(void) { block = realloc(block, 3000); }
static void measure(void) { printf("%zu\n", malloc_usable_size(block)); }
static void on_stack(void) { char array[100]; free(&array[40] - (size_t)&array[40] % 16); }
static void handled(int signal) { (void)!write(1, "handled\n", 8 * (signal == SIGABRT)); }
int main(int argc, char **argv)
{
    const char *what = argv[1];
    size_t bytes = strtoul(argv[2], NULL, 0);
    signal(SIGABRT, handled);
    for (int n = 0; n < (argc > 3 ? atoi(argv[3]) : 1); n++) {
        make(bytes);
        if (strcmp(what, "twice") == 0) drop(), again();
        if (strcmp(what, "inside") == 0) inside();
        if (strcmp(what, "resized") == 0) drop(), resize();
        if (strcmp(what, "measured") == 0) drop(), measure();
        if (strcmp(what, "stack") == 0) on_stack();
    }
    puts("went on");
}
"""
subprocess.run(["gcc", "-O0", "-g", "-fno-builtin", "-w", "-x", "c", "-", "-o", "program"], input=PROGRAM, text=True, check=True)

ALLOCATED, FREED = "it was allocated at", "was freed at"
NOW = {"GCPRE_FREE": "now"}
HELD = {"GCPRE_FREE": "quarantine"}
HUNT = {"GCPRE_LEAKS": "exit", "GCPRE_REPORT": "/dev/null"}
# what, bytes, settings, the line, and the functions told of under each heading: one (the caller) or two (a stack)
CASES = [
    ("twice", 100, NOW, "free.*this block is free already", {"is freed again at": ["again"]}),
    ("twice", 100, HELD, "free.*free already", {FREED: ["drop"], "is freed again at": ["again"]}),
    ("twice", 500000, HELD, "free.*free already", {FREED: ["drop"], "is freed again at": ["again"]}),
    ("twice", 100, NOW | HUNT, r"free.*free already; ignored \(100 bytes",
     {ALLOCATED: ["make", "main"], FREED: ["drop"], "is freed again at": ["again", "main"]}),
    ("twice", 100, HELD | HUNT, r"free.*free already; ignored \(100 bytes",
     {ALLOCATED: ["make", "main"], FREED: ["drop", "main"], "is freed again at": ["again", "main"]}),
    ("twice", 500000, HELD | HUNT, r"free.*free already; ignored \(500000 bytes",
     {ALLOCATED: ["make", "main"], FREED: ["drop", "main"], "is freed again at": ["again", "main"]}),
    ("twice", 500000, NOW, "free.*no block is there", {"is freed at": ["again"]}),
    ("inside", 100, NOW, "free.*into a block, 20 bytes behind its start", {"is freed at": ["inside"]}),
    ("inside", 100, HELD, "free.*into a block, 20 bytes behind its start", {"is freed at": ["inside"]}),
    ("inside", 100, NOW | HUNT, "free.*into a block, 20 bytes behind its start",
     {ALLOCATED: ["make", "main"], "is freed at": ["inside", "main"]}),
    ("resized", 100, NOW, "realloc.*this block is free", {"is resized at": ["resize"]}),
    ("resized", 100, HELD | HUNT, "realloc.*this block is free",
     {ALLOCATED: ["make", "main"], FREED: ["drop", "main"], "is resized at": ["resize", "main"]}),
    ("measured", 100, HELD, "malloc_usable_size.*this block is free", {FREED: ["drop"], "is measured at": ["measure"]}),
    ("stack", 100, NOW, "free.*lies on a thread's stack", {"is given to it at": ["on_stack"]}),
]

SYMBOLS = sorted((int(line.split()[0], 16), line.split()[2]) for line in
                 subprocess.run(["nm", "--defined-only", "program"], capture_output=True, text=True, check=True).stdout.splitlines())


def function(offset):
    return [name for address, name in SYMBOLS if address <= offset][-1]


def run(*arguments, **settings):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GCPRE_")}
    return subprocess.run(["./program", *map(str, arguments)], env=clean | settings | {"LD_PRELOAD": os.environ["GCPRE_LIB"]},
                          capture_output=True, text=True)


def told(stderr):
    """The first line of each report, and of the last the program's functions under each heading."""
    firsts, under, heading = [], {}, None
    for line in stderr.splitlines():
        text = re.fullmatch(r"gcpre\[\d+\]: (.*)", line)[1]
        if frame := re.fullmatch(r"    #\d+ 0x[0-9a-f]+ \((\S+)\+0x([0-9a-f]+)\)", text):
            if frame[1].endswith("/program"):
                under[heading].append(function(int(frame[2], 16)))
        elif text.startswith("  "):
            heading = text.strip()
            under[heading] = []
        else:
            firsts.append(text)
            under = {}
    return firsts, under


for what, size, settings, first, functions in CASES:
    done = run(what, size, **settings)
    firsts, under = told(done.stderr)
    assert done.returncode == 0 and "went on" in done.stdout, (what, settings, done)
    assert len(firsts) == 1 and re.match(first, firsts[0]), (what, settings, done.stderr)
    assert under.keys() == functions.keys(), (what, settings, done.stderr)
    for heading, wanted in functions.items():
        assert under[heading][:len(wanted)] == wanted, (what, settings, heading, done.stderr)

firsts, _ = told(run("twice", 100, 1234).stderr)
assert len(firsts) == 22 and [re.match(r"\d+ errors", text)[0] for text in firsts[20:]] == ["100 errors", "1000 errors"], firsts

for settings in (NOW, HELD, HELD | HUNT):
    done = run("twice", 100, 3, GCPRE_ABORT="1", **settings)
    firsts, under = told(done.stderr)
    assert done.returncode == -6 and done.stdout == "handled\n", done
    assert len(firsts) == 1 and under["is freed again at"][0] == "again", done.stderr
