# SQLite's shell: one big script on a database file, then dump, reload and backup, all equal.
. "$(dirname "$0")/prelude"

n=$(size 8000 20000)
$PRELOAD sqlite3 -batch -cmd ".parameter set :n $n" people.db < "$APPS/sqlite3.sql"

contents() { grep -v 'sqlite_stat' | digest; }
dumped=$($PRELOAD sqlite3 -batch people.db .dump | contents)
$PRELOAD sqlite3 -batch people.db .dump | $PRELOAD sqlite3 -batch reloaded.db
$PRELOAD sqlite3 -batch people.db '.backup copy.db'
say dump "$dumped"
say reloaded "$($PRELOAD sqlite3 -batch reloaded.db .dump | contents)"
say backup "$($PRELOAD sqlite3 -batch copy.db .dump | contents)"
say 'syntax error' "$($PRELOAD sqlite3 -batch people.db 'SELEC 1' 2>&1 || echo "status $?")"
