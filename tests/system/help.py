#!/usr/bin/env python3
# GCPRE_HELP=1 prints every variable with its default, and the program does not run. The defaults are the contract's.
# config: default
import os
import re
import subprocess
import sys

DEFAULTS = {
    "GOGC": "100", "MEMLIMIT": "off", "PERIOD": "120s", "STALE": "60s", "RECLAIM": "1", "FREE": "now", "ABORT": "0", "LEAKS": "off", "STACK": "30",
    "SUPPRESS": "", "EXITCODE": "0", "REPORT": "stderr", "FORMAT": "text", "TRACE": "0", "LOG": "stderr", "BARRIER": "auto",
    "WORKERS": "auto", "SCAN_ALIGN": "4", "SIGNAL": "URG", "PROBATION": "auto", "SAMPLE": "512KiB", "CHILDREN": "1",
    "CONTROL": "off", "STRESS": "0", "VERIFY": "0", "HELP": "",
    "STALE": "60s", "MINOR": "auto",  # beyond the contract
}
done = subprocess.run(["/bin/sh", "-c", "echo the program ran; exit 9"], capture_output=True, text=True,
                      env=os.environ | {"GCPRE_HELP": "1", "LD_PRELOAD": os.environ["GCPRE_LIB"]})
faults = []
if done.returncode != 0:
    faults.append(f"ended with {done.returncode}")
if "the program ran" in done.stdout or done.stderr:
    faults.append("the program ran, or stderr is not empty")
for name, default in DEFAULTS.items():
    if not re.search(rf"^.*\bGCPRE_{name}\b.*{re.escape(default)}", done.stdout, re.M):
        faults.append(f"no line names GCPRE_{name} with its default {default!r}")
for name in set(re.findall(r"\bGCPRE_([A-Z_]+)", done.stdout)) - set(DEFAULTS):
    faults.append(f"GCPRE_{name} is not in the contract")
print("\n".join(faults + ([done.stdout, done.stderr] if faults else [])))
sys.exit(bool(faults))
