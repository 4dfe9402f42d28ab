#!/usr/bin/env python3
# Advice on habits that are there, and none on those that only look like one: a function that frees what its last call allocated, one
# that frees by turns what another call of it allocated, a list that is kept, a vector that doubles. From a report and over the control
# socket, where all is seen and where samples are.
# config: default
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "helpers"))
from control import TOOL, Server

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define KEEP __attribute__((noinline, noclone)) static
static char *volatile sink;
// Worth it.
KEEP void scratch(int n) { char *p = malloc(40 + n % 20); memset(p, 1, 40); sink = p; free(p); }
static char *line;
static size_t length;
KEEP void append(const char *t) { size_t n = strlen(t); line = realloc(line, length + n + 1); memcpy(line + length, t, n + 1); length += n; }
static char *joined;
KEEP void join(const char *t)
{
    size_t n = joined ? strlen(joined) : 0;
    char *p = malloc(n + strlen(t) + 1);
    if (joined) memcpy(p, joined, n);
    strcpy(p + n, t);
    free(joined);
    joined = p;
}
struct node { struct node *next; char body[56]; } *list, *kept_list;
KEEP void push(void) { struct node *n = malloc(sizeof *n); n->next = list; list = n; }
KEEP void pop(void) { struct node *n = list; list = n->next; free(n); }
// Not worth it, or not so.
static char *kept, *turned;
KEEP void replace(int n) { free(kept); kept = malloc(30 + n % 7); sink = kept; }
KEEP void turn(int n) { if (n % 2) free(turned); else turned = malloc(30 + n % 7); sink = turned; }
KEEP void hold(void) { struct node *n = malloc(sizeof *n); n->next = kept_list; kept_list = n; }
static int *vector;
static size_t used, room;
KEEP void add(int n) { if (used == room) vector = realloc(vector, (room = room ? 2 * room : 4) * sizeof *vector); vector[used++] = n; }
int main(void)
{
    for (int i = 0; i < 20000; i++) {
        scratch(i), push(), push(), pop(), pop(), replace(i), turn(i), hold(), add(i);
        if (i % 4 == 0) append("some text, "), join("word ");
    }
    puts("ready");
    fflush(stdout);
    getchar();
    return 0;
}
"""
WANTED = {("stack", "scratch"), ("grow", "append"), ("copy", "join"), ("pool", "push")}


def kinds(text):
    heads = [line for line in text.splitlines() if line.startswith("Advice (") or "    #0 " in line]
    return {(head.split("(")[1].split(")")[0], frame.split(" in ")[1].split()[0])
            for head, frame in zip(heads, heads[1:]) if head.startswith("Advice (")}


def tool(*words):
    done = subprocess.run([TOOL, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout


subprocess.run(["gcc", "-O1", "-g", "-w", "-x", "c", "-", "-o", "program"], input=PROGRAM, text=True, check=True)
with Server(program="./program", leaks="exit", GCPRE_FORMAT="json") as server:
    assert kinds(tool("advise", server.pid)) == WANTED, tool("advise", server.pid)
    server.process.stdin.write("\n")
    server.process.stdin.flush()
    server.process.wait()
for command in (["advise", "report"], ["report", "report"]):
    assert kinds(tool(*command)) == WANTED, tool(*command)
named = [each["kind"] for view in json.loads(tool("report", "-f", "json", "report"))["views"]
         for process in view["processes"] for each in process["advice"]]
assert set(named) == {kind for kind, _ in WANTED}, named

# By samples of every 64 bytes the counts are estimates; what is no habit is none here either. Neighbours are not seen.
with Server(program="./program", leaks="off", GCPRE_SAMPLE="64") as server:
    seen = kinds(tool("advise", server.pid))
    assert seen <= WANTED and {("stack", "scratch"), ("pool", "push")} <= seen, tool("advise", server.pid)
