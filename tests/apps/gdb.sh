# gdb, and the program it traces: breakpoints, watchpoints, unwinding, its own Python, a crash.
. "$(dirname "$0")/prelude"
[ -x "$CACHE/program" ] || gcc -g -O0 -pthread -ffile-prefix-map="$APPS/=" "$APPS/gdb.c" -o "$CACHE/program"
gdb -nx --batch -ex 'starti' -ex kill "$CACHE/program" 2>&1 | grep -q 'Program stopped' || skip 'tracing is not permitted here'

# $head: `list` in main's frame. SIGSEGV passes unseen, as it may be a write barrier's; so the crash ends the program.
cat > commands <<'END'
set pagination off
set confirm off
set print thread-events off
set print inferior-events off
set width 0
directory /nowhere
handle SIGSEGV SIGUSR1 nostop noprint pass
break gdb.c:prepend if number == 13
run
backtrace
up
info locals
delete
tbreak gdb.c:sum if list == 0
continue
backtrace -3
frame function main
set $head = list
print *$head->next
python
item, texts = gdb.parse_and_eval("$head"), []
while item:
    texts.append(item["text"].string())
    item = item["next"]
print(len(texts), ",".join(texts))
frames, frame = 0, gdb.newest_frame()
while frame:
    frames, frame = frames + 1, frame.older()
print(frames, "frames")
end
frame 0
finish
print sum($head) * 2
delete
ptype struct item
continue
END

# addresses, process numbers and what gdb says about threads are not the program's result
clean() { sed -E 's/0x[0-9a-f]+/ADDRESS/g; /^\[|^Using host|^warning:|^$|debuginfod/d; s/process [0-9]+/process N/; s/(Thread|LWP) [0-9]+/\1 N/' "$@"; }
$PRELOAD gdb -nx --batch -x commands "$CACHE/program" > session 2> errors || say exit $?
clean session
clean errors >&2
say symbols "$($PRELOAD gdb -nx --batch -ex 'info functions item' -ex 'disassemble /s sum' -ex 'info scope main' "$CACHE/program" 2> /dev/null | clean | digest)"
if [ -z "$QUICK" ]; then
    say 'symbols of gdb' "$($PRELOAD gdb -nx --batch -ex 'info line main' -ex 'maint print msymbols' /usr/bin/gdb 2> /dev/null | clean | digest)"
fi
