"""What scripts/gcpre does with the JSON lines of a leak report (core/leak/FORMAT.md).

The way of a report: reader makes processes (model) out of lines, symbols names the frames of their sites, suppress
marks what is to be left out, findings adds up what belongs together into views, and one module a format writes them.
command holds the options.
"""
