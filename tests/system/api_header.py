#!/usr/bin/env python3
# gcpre.h compiles without a warning in every language it names, and what was built against it runs with and without the library, whatever
# code model it has.
# config: default
import os
import pathlib
import subprocess
import sys

HEADER = pathlib.Path(__file__).resolve().parents[2] / "preload"
SOURCE = """
#include <gcpre.h>
#include <gcpre.h>
int main(int argc, char **argv)
{
    (void)argv;
    gcpre_collect();
    return gcpre_available() != argc - 1;
}
"""
LANGUAGES = [("gcc", "c", "c99"), ("gcc", "c", "c11"), ("gcc", "c", "gnu17"), ("g++", "c++", "c++11"), ("g++", "c++", "c++20"),
             ("clang", "c", "c99"), ("clang", "c", "gnu17"), ("clang++", "c++", "c++11")]
MODELS = {"gcc": ([], ["-O2"], ["-no-pie", "-fno-pie"]), "g++": ([], ["-no-pie", "-fno-pie", "-O2"]), "clang": ([], ["-O2"]), "clang++": ([],)}


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


failed = False
for compiler, language, standard in LANGUAGES:
    for model in MODELS[compiler]:
        built = run(compiler, "-x", language, f"-std={standard}", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wshadow", *model,
                    f"-I{HEADER}", "-", "-o", "program", input=SOURCE)
        codes = [] if built.returncode else [
            run("./program", *args, env={**os.environ, "LD_PRELOAD": preload}).returncode
            for args, preload in (([], ""), (["with"], os.environ["GCPRE_LIB"]))]
        if codes != [0, 0]:
            failed = True
            print(compiler, standard, *model, codes, built.stderr)
sys.exit(failed)
