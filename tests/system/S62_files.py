#!/usr/bin/env python3
# Files that the library writes belong to the user alone (0600), and a symbolic link put in their place is not followed.
# config: default
import os
import pathlib
import stat
import subprocess
import sys

# Allocates until the file is there, three seconds at most: a cycle needs the collector's thread to get a processor.
SCRIPT = """
n=0 x=
while [ $n -lt 300 ] && ! [ -f "$1" -a ! -L "$1" -a -s "$1" ]; do
    n=$((n + 1)) x=$x$n
    [ $((n % 10)) -ne 0 ] || sleep 0.1
    [ ! -L "$1" ] || [ $n -lt 50 ] || break
done
echo output
"""
faults = []
for variable, more in (("GCPRE_LOG", {"GCPRE_TRACE": "1"}), ("GCPRE_REPORT", {"GCPRE_LEAKS": "exit"})):
    def run(path):
        env = os.environ | {"LD_PRELOAD": os.environ["GCPRE_LIB"], "GCPRE_STRESS": "1", variable: str(path)} | more
        return subprocess.run(["/bin/sh", "-c", SCRIPT, "sh", path], env=env, capture_output=True, umask=0)

    path = pathlib.Path(variable.lower())
    done = run(path)
    if done.returncode != 0 or done.stdout != b"output\n":
        faults.append(f"{variable}: status {done.returncode}, {done.stdout}")
    if path.exists() and stat.S_IMODE(path.stat().st_mode) != 0o600:
        faults.append(f"{variable}: mode {stat.S_IMODE(path.stat().st_mode):o}")
    if variable == "GCPRE_LOG" and not path.exists():
        faults.append(f"{variable}: no file was written")
    victim = pathlib.Path(f"victim-{variable}")
    victim.write_text("precious")
    link = pathlib.Path(f"link-{variable}")
    link.symlink_to(victim)
    done = run(link)
    if done.returncode != 0 or done.stdout != b"output\n":
        faults.append(f"{variable} as a link: status {done.returncode}, {done.stdout}")
    if victim.read_text() != "precious":
        faults.append(f"{variable}: a symbolic link was followed")
print("\n".join(faults))
sys.exit(bool(faults))
