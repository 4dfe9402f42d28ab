"""gcpre report: its options, and which module writes which format."""

import argparse
import sys

from . import diff, document, findings, pprof, prom, reader, sarif, stacks, suppress, symbols, text
from .console import write

FORMATS = {
    "text": "as LeakSanitizer prints it",
    "json": "one document: everything, with names",
    "pprof": "profile.proto, for go tool pprof",
    "folded": "stack lines for flamegraph.pl",
    "speedscope": "for speedscope.app",
    "sarif": "SARIF 2.1.0, for code scanning",
    "html": "one self-contained page",
    "prom": "metrics for Prometheus' textfile collector",
    "suppressions": "leak:function lines for what was found",
}
DIFFS = {"text": diff.as_text, "json": lambda before, after, what, _: diff.as_json(before, after, what),
         "folded": lambda before, after, what, _: diff.as_folded(before, after, what)}
DESCRIPTION = """Makes a readable report of the JSON lines that a program wrote with GCPRE_FORMAT=json
(gcpre run --leaks --format json --report FILE; without --report the report is made at once). Functions and lines are looked up now, in the
files of the program, if these are still the same build."""


def parser():
    epilog = "formats:\n" + "".join(f"  {name:13} {about}\n" for name, about in FORMATS.items())
    it = argparse.ArgumentParser(prog="gcpre report", description=DESCRIPTION, epilog=epilog, allow_abbrev=False,
                                 usage="gcpre report [options] FILE...\n       gcpre report [options] --diff A B",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    it.add_argument("files", metavar="FILE", nargs="*", help="reports; - is the standard input")
    it.add_argument("--format", "-f", choices=FORMATS, default="text", metavar="HOW", help="how it is written (default: text)")
    it.add_argument("-o", "--output", metavar="OUT", help="write into this file, whole or not at all (default: standard output)")
    it.add_argument("--what", choices=["lost", "live", "growth", "alloc"], default="lost",
                    help="lost memory (default), living memory by site, sites that grow, or what sites allocated; json, html, prom and pprof hold all")
    it.add_argument("--diff", nargs=2, metavar=("A", "B"), help="what changed from report A to report B (text, json, folded)")
    it.add_argument("--merge", action="store_true", help="add up all processes as if they were one")
    it.add_argument("--suppress", metavar="FILE", action="append", default=[],
                    help="leave out what these leak:pattern lines match; may be repeated")
    it.add_argument("--top", metavar="N", type=positive, help="only the N largest sites (text, sarif, prom)")
    it.add_argument("--symbols", metavar="FOLDER", action="append", default=[],
                    help="look here too for the program's files and .build-id/xx/yyy.debug; may be repeated")
    it.add_argument("--symbolizer", metavar="TOOL",
                    help="llvm-symbolizer or addr2line, or none (default: the first of these that is installed)")
    it.add_argument("--debuginfod", action="store_true",
                    help="let llvm-symbolizer fetch missing debug information from DEBUGINFOD_URLS (default: never)")
    it.add_argument("--exitcode", metavar="N", type=status, default=0,
                    help="exit status if lost memory is found that is not suppressed (default: 0)")
    return it


def positive(word):
    if not word.isascii() or not word.isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word} is not a number from 1 on")
    return int(word)


def status(word):
    if not word.isascii() or not word.isdigit() or int(word) > 255:
        raise argparse.ArgumentTypeError(f"{word} is not a number from 0 to 255")
    return int(word)


# ---- from files to views

def load(groups, options):
    """A list of views for each list of files. All are named together: a module's symbols are read once."""
    read = [reader.read(names) for names in groups]
    everything = [process for processes in read for process in processes]
    tool = symbols.choose(options.symbolizer, options.debuginfod)
    symbols.Symbols(tool, symbols.Finder(options.symbols)).name(everything)
    suppress.apply([pattern for name in options.suppress for pattern in suppress.read(name)], everything)
    return [findings.views(processes, options.merge) for processes in read]


def render(views, options):
    if options.format == "html":
        from . import page  # the only one that reads files of its own
        return page.render(views)
    return {
        "text": lambda: text.render(views, options.what, options.top),
        "json": lambda: document.render(views),
        "pprof": lambda: pprof.render(views, options.what),
        "folded": lambda: stacks.folded(views, options.what),
        "speedscope": lambda: stacks.speedscope(views, options.what),
        "sarif": lambda: sarif.render(views, options.what, options.top),
        "prom": lambda: prom.render(views, options.top),
        "suppressions": lambda: suppress.write(views, options.what),
    }[options.format]()


def check(options, it):
    if bool(options.files) == bool(options.diff):
        it.error("give FILE..., or --diff A B")
    if options.diff and options.format not in DIFFS:
        it.error(f"--diff can be written as {', '.join(DIFFS)}")
    if options.format == "pprof" and not options.output and sys.stdout.isatty():
        it.error("a pprof profile is no text: use -o FILE")


def main(arguments):
    it = parser()
    options = it.parse_args(arguments)
    check(options, it)
    if options.diff:
        before, views = load([[name] for name in options.diff], options)
        result = DIFFS[options.format](before, views, options.what, options.top)
    else:
        views, = load([options.files], options)
        result = render(views, options)
    write(result if isinstance(result, bytes) else result.encode(errors="backslashreplace"), options.output)
    return options.exitcode if any(view.lost for view in views) else 0
