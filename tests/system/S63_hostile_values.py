#!/usr/bin/env python3
# Nonsense in any variable: exactly one line on stderr that names it, the program's output and status unchanged;
# an unknown GCPRE_ name likewise; good values say nothing.
# config: default
import os
import subprocess
import sys

LONG = "9" * 100000
NUMBERS = ["nonsense", "-1", "1e99", "99999999999999999999999999", "0x", "1 2", "%n%s%n", "\x01\x7f", LONG, "../../etc/passwd"]
WORDS = ["nonsense", "on off", "%n%s", "\x01\x7f", LONG, ",", "../x"]
BAD = {
    "GOGC": NUMBERS, "MEMLIMIT": [*NUMBERS, "12XiB"], "PERIOD": [*NUMBERS, "5 parsecs"], "RECLAIM": [*NUMBERS, "2"], "FREE": WORDS, "ABORT": NUMBERS,
    "LEAKS": [*WORDS, "exit,nonsense"], "STACK": NUMBERS, "EXITCODE": [*NUMBERS, "256"], "FORMAT": WORDS, "TRACE": NUMBERS,
    "BARRIER": WORDS, "WORKERS": NUMBERS, "SCAN_ALIGN": [*NUMBERS, "0", "3", "16"], "SIGNAL": [*WORDS, "KILL", "STOP", "SEGV", "0", "99"],
    "PROBATION": NUMBERS, "SAMPLE": NUMBERS, "CHILDREN": [*NUMBERS, "7"], "CONTROL": WORDS, "STRESS": NUMBERS, "VERIFY": [*NUMBERS, "7"],
    "FOO": ["1", "%n"], "GOGCC": ["100"], "": ["1"], "SUPPRESS": ["/nonexistent/file"], "LOG": ["/nonexistent/directory/log"],
    "REPORT": ["/nonexistent/directory/report"],
}
GOOD = {
    "GOGC": ["off", "1", "100000"], "MEMLIMIT": ["off", "512MiB", "1GiB", "100000000"], "PERIOD": ["off", "1s", "120s"], "RECLAIM": ["0", "1"],
    "FREE": ["now", "quarantine", "ignore"], "ABORT": ["0", "1"], "STACK": ["1", "30"], "EXITCODE": ["0", "23"], "FORMAT": ["text", "json"],
    "BARRIER": ["auto", "none"], "WORKERS": ["auto", "1", "4"], "SCAN_ALIGN": ["1", "4", "8"], "SIGNAL": ["URG", "USR2"],
    "PROBATION": ["auto", "0", "3"], "SAMPLE": ["off", "1MiB"], "CHILDREN": ["0", "1"], "STRESS": ["0", "1000"], "VERIFY": ["0", "1"],
}
faults = []


def run(name, value, lines):
    env = os.environ | {"LD_PRELOAD": os.environ["GCPRE_LIB"], f"GCPRE_{name}": value}
    done = subprocess.run(["/bin/sh", "-c", "echo output; exit 3"], env=env, capture_output=True, timeout=30)
    said = done.stderr.decode(errors="replace").splitlines()
    about = f"GCPRE_{name}={value[:30]!r}"
    if done.returncode != 3 or done.stdout != b"output\n":
        faults.append(f"{about}: status {done.returncode}, output {done.stdout[:60]}")
    if len(said) != lines or any(f"GCPRE_{name}" not in line or len(line) > 300 for line in said):
        faults.append(f"{about}: expected {lines} line(s) naming it, got {[line[:100] for line in said[:4]]}")


for table, lines in ((BAD, 1), (GOOD, 0)):
    for name, values in table.items():
        for value in values:
            run(name, value, lines)
print("\n".join(faults))
sys.exit(bool(faults))
