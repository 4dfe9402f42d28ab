"""Builds the programs into build/bench/bin: plain, against bdwgc (-gc), with LeakSanitizer (-lsan) and in Go (-go)."""
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

CFLAGS = ("-std=gnu17", "-O2", "-g", "-Wall", "-Wextra", "-pthread",
          # a pair of malloc and free is what is measured: it must not be optimised away
          "-fno-builtin-malloc", "-fno-builtin-calloc", "-fno-builtin-realloc",
          "-fno-builtin-free", "-fno-builtin-aligned_alloc", "-fno-builtin-posix_memalign")
SUFFIX = {"plain": "", "bdwgc": "-gc", "go": "-go", "lsan": "-lsan"}


class BuildError(Exception):
    pass


def compiler():
    return os.environ.get("CC", "gcc")


def have_bdwgc():
    probe = subprocess.run([compiler(), "-x", "c", "-", "-o", os.devnull, "-lgc"], text=True,
                           input="#include <gc/gc.h>\nint main(void) { GC_INIT(); }\n",
                           capture_output=True)
    return probe.returncode == 0


def have_go():
    return shutil.which("go") is not None


class Builder:
    def __init__(self, sources, output):
        self.sources = sources
        self.bin = os.path.join(output, "bin")
        self.go = {"GO111MODULE": "off", "GOCACHE": os.path.join(output, "go-cache"),
                   "GOPATH": os.path.join(output, "go-path")}
        os.makedirs(self.bin, exist_ok=True)

    def path(self, program, kind="plain"):
        return os.path.join(self.bin, program + SUFFIX[kind])

    def build(self, wanted):
        """Builds all (program, kind) that are older than any source; two at a time."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda w: self._build_one(*w), sorted(wanted)))

    def _build_one(self, program, kind):
        target = self.path(program, kind)
        if os.path.exists(target) and os.path.getmtime(target) > self._newest_source():
            return
        done = subprocess.run(self._command(program, kind, target), capture_output=True, text=True,
                              env=dict(os.environ, **self.go))
        if done.returncode != 0:
            raise BuildError(f"cannot build {program} ({kind}):\n{done.stderr}")

    def _newest_source(self):
        return max(os.path.getmtime(os.path.join(self.sources, name))
                   for name in os.listdir(self.sources) if name.endswith((".c", ".h", ".go")))

    def _command(self, program, kind, target):
        source = os.path.join(self.sources, program)
        if kind == "go":
            return ["go", "build", "-o", target, source + ".go"]
        bdwgc = kind == "bdwgc"
        return [compiler(), *CFLAGS, *(["-DUSE_BDWGC"] if bdwgc else []),
                *(["-fsanitize=leak", "-fno-omit-frame-pointer"] if kind == "lsan" else []), source + ".c",
                "-o", target, "-lm", *(["-lgc"] if bdwgc else [])]
