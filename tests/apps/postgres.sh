# PostgreSQL: initdb, SQL of every kind, pgbench by several clients, a crash, vacuum, dump and restore; as an
# unprivileged user, in an IPC namespace of its own where that is allowed, so that not even a kill leaves a segment.
. "$(dirname "$0")/prelude"
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)

mkdir pg
owner=()                        # the words that make us the owner
if [ "$(id -u)" = 0 ]; then
    chown postgres pg
    owner=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    unshare --ipc true 2> /dev/null && owner=(unshare --ipc "${owner[@]}")
fi
export PGHOST=$PWD/pg PGUSER=owner PGDATABASE=postgres HOME=$PWD/pg
[ ${#PGHOST} -lt 90 ] || export PGHOST=/tmp

start() {
    "${owner[@]}" $PRELOAD "$bin/postgres" -D pg/data -c unix_socket_directories="$PGHOST" &
    server=$!
    eventually "$bin/pg_isready" -t 60
}
sql()      { "$bin/psql" -XqAt -v ON_ERROR_STOP=1 "$@"; }
contents() {
    for table in person visit pgbench_accounts pgbench_branches pgbench_tellers; do
        say "$table" "$(sql -c "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM $table t")"
    done
    say history "$(sql -c "SELECT count(*), sum(delta), sum(aid::bigint * tid) FROM pgbench_history")"
}

"${owner[@]}" $PRELOAD "$bin/initdb" -D pg/data -U owner -A trust -E UTF8 --locale=C --no-sync > initdb.log
cat >> pg/data/postgresql.conf <<END
listen_addresses = ''
fsync = off
dynamic_shared_memory_type = mmap
shared_buffers = 32MB
max_parallel_workers = 4
autovacuum_naptime = 1s
log_min_messages = fatal
END
start
sql -v n="$(size 3000 20000)" -f "$APPS/postgres.sql"
"$bin/pgbench" -i -q -s "$(size 1 3)" 2> /dev/null
"$bin/pgbench" -n -c 4 -j 2 -t "$(size 100 1000)" --random-seed=7 | grep -E '^number of (transactions actually|failed)'
"$bin/pgbench" -n -c 4 -j 2 -C -S -M prepared -t "$(size 20 100)" --random-seed=8 | grep -E '^number of (transactions actually|failed)'
contents | tee before

sql -c 'VACUUM FULL ANALYZE' -c 'REINDEX DATABASE postgres' -c 'CHECKPOINT'
sql -c 'UPDATE visit SET city = city + 1' -c 'CREATE INDEX CONCURRENTLY late ON visit(note)' -c 'UPDATE visit SET city = city - 1'
stop $server QUIT || say 'server crashed on request' $?
start
contents | cmp - before && say recovered equal
"${owner[@]}" $PRELOAD "$bin/pg_dump" -h "$PGHOST" -U owner postgres > dump.sql
sql -c 'CREATE DATABASE restored'
sql -d restored -f dump.sql > /dev/null
PGDATABASE=restored contents | cmp - before && say restored equal
sql -c 'SELECT pg_terminate_backend(pg_backend_pid())' > /dev/null 2>&1 || say terminated $?
stop $server INT && say 'server ended' $?
