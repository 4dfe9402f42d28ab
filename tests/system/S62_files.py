#!/usr/bin/env python3
# Files that the library writes belong to the user alone (0600), and a symbolic link put in their place is not followed.
# config: default
import os
import pathlib
import stat
import subprocess
import sys

faults = []
for variable, more in (("GCPRE_LOG", {"GCPRE_TRACE": "1"}), ("GCPRE_REPORT", {"GCPRE_LEAKS": "exit"})):
    def run(path):
        env = os.environ | {"LD_PRELOAD": os.environ["GCPRE_LIB"], "GCPRE_STRESS": "1", variable: str(path)} | more
        return subprocess.run(["/bin/sh", "-c", "x=; for i in 1 2 3 4 5 6 7 8; do x=$x$x$i; done; echo output"], env=env,
                              capture_output=True, umask=0)

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
