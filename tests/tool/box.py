"""What each test gets: a folder, the program that reports are about, and gcpre."""

import functools
import json
import os
import subprocess
import tempfile
from pathlib import Path

import reports

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("GCPRE_TOOL", ROOT / "scripts/gcpre")).resolve()


class Skip(Exception):
    pass


class Box:
    def __init__(self, folder):
        self.folder = folder

    @property
    def program(self):
        return shared_program()

    def path(self, name):
        return self.folder / name

    def file(self, name, text):
        path = self.path(name)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def usual(self, name="usual.json", **more):
        return reports.usual(self.program, **more).write(self.path(name))

    def run(self, *arguments, **more):
        """gcpre with these arguments, as it ended. Local time is UTC, so that times can be compared."""
        environment = {**os.environ, "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1", **more.pop("env", {})}
        return subprocess.run([TOOL, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment, **more)

    def report(self, *arguments, says=None, status=0):
        """What gcpre report printed; it must have ended with this status and said nothing, or one line with `says`."""
        done = self.run("report", *arguments)
        said = done.stderr.decode()
        assert done.returncode == status, f"status {done.returncode}, wanted {status}: {said}"
        if says is None:
            assert not said, f"said: {said}"
        else:
            assert said.startswith("gcpre: ") and said.count("\n") == 1, f"said not one line: {said!r}"
            assert says in said, f"{says!r} is not in {said!r}"
        return done.stdout.decode()

    def json(self, *arguments, **more):
        return json.loads(self.report(*arguments, **more))

    def symbolizers(self):
        """Those that are installed: each must do."""
        found = [path for name in ("llvm-symbolizer", "addr2line") if (path := reports.have(name))]
        if not found:
            raise Skip("neither llvm-symbolizer nor addr2line is here")
        return found

    def tool(self, *names):
        """The path of the first of these that is installed; without one the test is left out."""
        path = reports.have(*names)
        if not path:
            raise Skip(f"no {' or '.join(names)} here")
        return path


@functools.cache
def shared_folder():
    return tempfile.TemporaryDirectory(prefix="gcpre-fixture.")


@functools.cache
def shared_program():
    return reports.Program(Path(shared_folder().name))
