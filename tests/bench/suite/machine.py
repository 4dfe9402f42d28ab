"""The machine line: what the figures were measured on."""
import os
import platform
import subprocess

from .catalogue import PACKAGES


def _first_line(path, prefix=""):
    try:
        with open(path) as lines:
            for line in lines:
                if line.startswith(prefix):
                    return line.strip()
    except OSError:
        pass
    return ""


def _after_colon(line):
    return line.partition(":")[2].strip()


def memory_mib():
    return int(_after_colon(_first_line("/proc/meminfo", "MemTotal")).split()[0]) // 1024


def available_mib():
    return int(_after_colon(_first_line("/proc/meminfo", "MemAvailable")).split()[0]) // 1024


def huge_pages():
    shown = _first_line("/sys/kernel/mm/transparent_hugepage/enabled")
    return shown.partition("[")[2].partition("]")[0] or "unknown"


def version_of(family):
    found = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", PACKAGES[family]],
                           capture_output=True, text=True)
    return found.stdout.strip() if found.returncode == 0 else "?"


def describe(families):
    cpu = _after_colon(_first_line("/proc/cpuinfo", "model name")) or platform.machine()
    load = os.getloadavg()[0]
    yield (f"machine: {cpu}, {len(os.sched_getaffinity(0))} cores, {memory_mib()} MiB, "
           f"Linux {platform.release()}, transparent huge pages {huge_pages()}, load {load:.1f}")
    versions = [f"{family} {version_of(family)}" for family in families if family in PACKAGES]
    if versions:
        yield "peers: " + ", ".join(versions)
    tuned = [f"{name}={value}" for name, value in sorted(os.environ.items())
             if name.startswith("GCPRE_")]
    if tuned:
        yield "settings: " + " ".join(tuned)
