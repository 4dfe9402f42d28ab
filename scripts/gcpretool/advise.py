"""gcpre advise FILE...: of reports. Of a running program it is a question like others (ask.py)."""

import argparse
import sys

from . import reader, symbols, text
from .console import printable


def main(arguments):
    it = argparse.ArgumentParser(prog="gcpre advise", allow_abbrev=False, usage="gcpre advise PID\n       gcpre advise [options] FILE...",
                                 description="What could be done better with the blocks of a site: of a running program, or from "
                                             "reports that were written with GCPRE_FORMAT=json.")
    it.add_argument("files", metavar="FILE", nargs="+", help="reports; - is the standard input")
    it.add_argument("--symbols", metavar="FOLDER", action="append", default=[],
                    help="look here too for the program's files and debug information; may be repeated")
    it.add_argument("--symbolizer", metavar="TOOL", help="llvm-symbolizer or addr2line, or none")
    options = it.parse_args(arguments)
    processes = reader.read(options.files)
    symbols.Symbols(symbols.choose(options.symbolizer, False), symbols.Finder(options.symbols)).name(processes)
    for process in processes:
        said = list(text.advised(process)) or [f"gcpre: {process.name} ({process.pid}): {nothing(process)}"]
        sys.stdout.write("".join(f"{printable(line)}\n" for line in said))
    return 0


def nothing(process):
    return "no advice" if process.usages else "no advice: how blocks are used is told at the end of a process, and was not"
