"""What the group `programs` works on: a folder of files that are the same on every machine."""
import json
import os
import random
import sqlite3
import subprocess

WORDS, KINDS = 1_000_000, 50_000
RECORDS, ROWS, FUNCTIONS, COMMITS = 12_000, 60_000, 700, 400

COUNT_AWK = """{ for (i = 1; i <= NF; i++) { count[$i]++; last[$i] = NR ":" i } line[NR] = toupper($1) " " $NF }
END { for (word in count) { total += count[word] * length(word); split(last[word], at, ":"); sum += at[1] } print total, sum, length(line) }
"""

COUNT_PL = """my (%lines, %letters);
while (<>) { for my $word (split) { push @{$lines{$word}}, $.; $letters{$_}++ for split //, $word; } }
my @most = sort { @{$lines{$b}} <=> @{$lines{$a}} || $a cmp $b } keys %lines;
print "$_ ", scalar @{$lines{$_}}, " ", join(",", @{$lines{$_}}[0 .. 1]), "\\n" for @most[0 .. 99];
print "$_ $letters{$_}\\n" for sort keys %letters;
"""

TALLY_PY = """import json
records = json.load(open("records.json"))
for turn in range(5):
    text = json.dumps(records, sort_keys=True)
    records = json.loads(text)
    by_city = {}
    for record in records:
        by_city.setdefault(record["city"], []).append(dict(record, tags=sorted(set(record["tags"]))))
print(len(text), sorted((city, len(of)) for city, of in by_city.items())[:20])
"""

QUERY_SQL = """create temp table busy as select city, count(*) as n, group_concat(substr(name, 1, 3)) as names from people group by city;
select city, n, length(names) from busy order by n desc, city limit 20;
select a.city, count(*), max(a.name || b.name) from people a join people b on a.friend = b.id group by a.city order by 1 limit 20;
select substr(name, 1, 2) as two, count(distinct city), sum(length(replace(name, 'a', 'bb'))) from people group by two order by 1;
"""


def _words(chance):
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["".join(chance.choices(letters, k=chance.randint(2, 10))) for _ in range(KINDS)]


def _text(chance, words):
    chosen = chance.choices(words, cum_weights=_weights(), k=WORDS)
    return "".join(" ".join(chosen[i:i + 8]) + "\n" for i in range(0, WORDS, 8))


def _weights():
    """After Zipf: the nth word is 1/n as frequent as the first."""
    total, sums = 0.0, []
    for n in range(1, KINDS + 1):
        total += 1 / n
        sums.append(total)
    return sums


def _records(chance, words):
    return [{"id": i, "name": " ".join(chance.sample(words, 2)), "city": chance.choice(words[:200]), "tags": chance.sample(words, 6),
             "at": {"x": chance.random(), "y": chance.random()}} for i in range(RECORDS)]


def _source(chance):
    """Functions that the compiler has something to do with: loops, branches, calls of earlier ones."""
    parts = ["#include <stddef.h>\n"]
    for i in range(FUNCTIONS):
        calls = "".join(f"        sum += part{chance.randrange(i)}(list, n / 2) ^ {chance.randrange(1000)};\n" for _ in range(min(i, 2)))
        parts.append(f"static unsigned part{i}(const unsigned *list, size_t n)\n{{\n    unsigned sum = {i};\n"
                     f"    for (size_t k = 0; k < n; k += {chance.randint(1, 4)})\n"
                     f"        sum = list[k] > sum ? sum * {chance.randint(3, 99)} + list[k] : sum - (list[k] >> {chance.randint(1, 7)});\n"
                     f"    if (n > {chance.randint(2, 50)}) {{\n{calls}    }}\n    return sum;\n}}\n")
    return "".join(parts) + f"unsigned whole(const unsigned *list, size_t n) {{ return part{FUNCTIONS - 1}(list, n); }}\n"


def _database(chance, words, path):
    with sqlite3.connect(path) as database:
        database.execute("create table people (id integer primary key, name text, city text, friend integer)")
        database.executemany("insert into people values (?, ?, ?, ?)", (
            (i, " ".join(chance.sample(words, 2)), chance.choice(words[:500]), chance.randrange(ROWS)) for i in range(ROWS)))


def _history(chance, words):
    """For git fast-import: commits that change one of twenty files each."""
    files = [chance.choices(words, k=200) for _ in range(20)]
    for n in range(COMMITS):
        file = files[n % len(files)]
        for _ in range(20):
            file[chance.randrange(len(file))] = chance.choice(words)
        body = "\n".join(file) + "\n"
        yield (f"commit refs/heads/main\ncommitter A <a@example.org> {1_000_000_000 + n} +0000\ndata 9\nchange {n % 10}\n\n"
               f"M 644 inline file{n % len(files)}\ndata {len(body)}\n{body}\n")


def _repository(chance, words, path):
    subprocess.run(["git", "init", "-q", "--bare", path], check=True)
    subprocess.run(["git", "-C", path, "fast-import", "--quiet"], input="".join(_history(chance, words)), text=True, check=True)


def make(folder):
    """Makes what is not there yet."""
    if os.path.exists(os.path.join(folder, "done")):
        return
    os.makedirs(folder, exist_ok=True)
    chance = random.Random(1)
    words = _words(chance)
    files = {"words.txt": _text(chance, words), "records.json": json.dumps(_records(chance, words)), "whole.c": _source(chance),
             "count.awk": COUNT_AWK, "count.pl": COUNT_PL, "tally.py": TALLY_PY, "query.sql": QUERY_SQL}
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    for name in ("people.db", "history.git"):
        subprocess.run(["rm", "-rf", os.path.join(folder, name)], check=True)
    _database(chance, words, os.path.join(folder, "people.db"))
    _repository(chance, words, os.path.join(folder, "history.git"))
    with open(os.path.join(folder, "done"), "w", encoding="utf-8"):
        pass
