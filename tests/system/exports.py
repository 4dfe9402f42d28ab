#!/usr/bin/env python3
# The library exports the whole malloc family, and nothing that exports.allowed does not name.
# config: default
import fnmatch
import os
import pathlib
import subprocess
import sys

allowed = [line for line in pathlib.Path(__file__).with_name("exports.allowed").read_text().split("\n")
           if line and not line.startswith("#")]
listing = subprocess.run(["nm", "-D", "--defined-only", "--without-symbol-versions", os.environ["GCPRE_LIB"]],
                         check=True, capture_output=True, text=True).stdout
exported = {line.split()[-1] for line in listing.splitlines()}
surplus = sorted(name for name in exported if not any(fnmatch.fnmatchcase(name, pattern) for pattern in allowed))
missing = sorted(name for name in allowed if "*" not in name and name not in exported)
for title, names in (("not allowed", surplus), ("missing", missing)):
    if names:
        print(f"{title}: {' '.join(names)}")
sys.exit(bool(surplus or missing))
