#!/usr/bin/env python3
# JSON reports of a program with hostile names: arguments of every byte and of any length, functions with names far too long for
# a line, a path in UTF-8 and one that is none. Every line is an object, every site that is referred to was told of.
# config: default
import json
import os
import pathlib
import subprocess
import sys

PROGRAM = """
#include <stdlib.h>
#include <string.h>
static void LONG(int depth) { if (depth) LONG(depth - 1); else memset(malloc(77), 1, 77); __asm__ volatile(""); }
static void cover(void) { volatile char dead[100000] = {0}; (void)dead[0]; }
int main(void) { LONG(200); cover(); return 0; }
""".replace("LONG", "long_" + 3000 * "x")

faults = []
for folder in (b"caf\xc3\xa9", b"caf\xe9\"\\\x01"):
    pathlib.Path(os.fsdecode(folder)).mkdir()
    program, report = folder + b"/program", folder + b"/report"
    subprocess.run(["gcc", "-O0", "-w", "-x", "c", "-", "-o", program], input=PROGRAM, text=True, check=True)
    for argument in (bytes(range(1, 256)), 100000 * b"\x01", 50000 * b"\xc3\xa9"):
        environment = os.environb | {b"LD_PRELOAD": os.environb[b"GCPRE_LIB"], b"GCPRE_LEAKS": b"exit", b"GCPRE_FORMAT": b"json",
                                     b"GCPRE_STACK": b"255", b"GCPRE_REPORT": report}
        done = subprocess.run([program, argument], env=environment, capture_output=True)
        lines = [json.loads(line) for line in pathlib.Path(os.fsdecode(report)).read_text(encoding="utf-8").splitlines()]
        os.unlink(report)
        what = f"{folder} {argument[:4]}"
        if done.returncode or done.stderr:
            faults.append(f"{what}: {done}")
        kinds = [line["type"] for line in lines]
        if kinds[0] != "process" or kinds[-1] != "end":
            faults.append(f"{what}: {kinds}")
        sites = {line["site"] for line in lines if line["type"] == "site"}
        lost = [line for line in lines if line["type"] == "lost" and line["bytes"] == 77]
        if len(lost) != 1 or lost[0]["site"] not in sites:
            faults.append(f"{what}: lost {lost}, sites {sites}")
        if folder == b"caf\xc3\xa9" and "/caf\u00e9/program" not in lines[0]["exe"]:
            faults.append(f"{what}: {lines[0]['exe']}")
if faults:
    sys.exit("\n".join(faults))
