# Redis under load: snapshots by fork, append-only file with rewrite, restarts, a replica; one digest all along.
. "$(dirname "$0")/prelude"
keys=$(size 3000 15000)
port=$(free_port)

start() {                                       # start DIRECTORY PORT OPTIONS...
    mkdir -p "$1"
    $PRELOAD redis-server --bind 127.0.0.1 --port "$2" --dir "$1" --save '' --enable-debug-command yes \
        --io-threads 2 --lazyfree-lazy-user-del yes --activerehashing yes --logfile redis.log "${@:3}" &
    eventually ping "$2"
}
ping()   { [ "$(redis-cli -p "$1" ping)" = PONG ]; }
cli()    { redis-cli -p "$port" "$@"; }
info()   { cli info "$1" | tr -d '\r' | sed -n "s/^$2://p"; }
is()     { [ "$(info "$1" "$2")" = "$3" ]; }
bench()  { timeout 400 redis-benchmark -p "$port" --dbnum 1 -q -n "$(size 2000 10000)" -c 20 -P 4 -r 1000 -t "$1" | tr '\r' '\n' | grep -ci error || :; }

# all keys in order, each with its sorted contents, hashed by Lua inside the server; and the server's own digest
contents() {
    redis-cli -p "$1" eval "$(cat <<'LUA'
        local read = { string = 'GET', hash = 'HGETALL', list = 'LRANGE', set = 'SMEMBERS', zset = 'ZRANGE', stream = 'XLEN' }
        local keys, hash = redis.call('KEYS', '*'), ''
        table.sort(keys)
        for _, key in ipairs(keys) do
            local kind = redis.call('TYPE', key).ok
            local ranged = kind == 'list' or kind == 'zset'
            local value = ranged and redis.call(read[kind], key, 0, -1) or redis.call(read[kind], key)
            if kind == 'hash' or kind == 'set' then table.sort(value) end
            hash = redis.sha1hex(hash .. key .. cjson.encode(value))
        end
        return #keys .. ' ' .. hash
LUA
)" 0
    redis-cli -p "$1" debug digest
}

load() {                                        # load PART: commands, different in each part
    awk -v n="$keys" -v part="$1" 'BEGIN {
        for (i = part * n + 1; i <= part * n + n; i++) {
            printf "SET string:%d %s%d\n", i, substr("abcdefghijklmnopqrstuvwxyz", i % 20), i * 7919 % 100003
            printf "HSET hash:%d field:%d %d\nRPUSH list:%d item%d\nSADD set:%d member%d\n", i % 50, i, i * 3, i % 30, i, i % 40, i % 1777
            printf "ZADD zset:%d %d z%d\nAPPEND text:%d chunk%d\nSETBIT bits:%d %d 1\n", i % 20, i * 31 % 1009, i, i % 10, i, i % 5, i * 17 % 20000
            if (i % 5 == 0) printf "DEL string:%d\nLPOP list:%d\nXADD stream:%d %d-1 n %d\nINCRBY sum %d\n", i - 3, i % 30, i % 3, i + 1, i, i
            if (i % 11 == 0) printf "PFADD hll %d\nLTRIM list:%d 0 400\nHDEL hash:%d field:%d\nSETRANGE text:%d 10 overwritten\n", i, i % 30, i % 50, i - 50, i % 10
        }
    }' | cli --pipe | grep '^errors'
}

start data "$port"
server=$!
load 0
for test in set,get,incr lpush,rpop sadd,spop hset,zadd mset; do say "bench $test, errors" "$(bench $test)"; done > benchmarks &
benchmarks=$!
for part in 1 2 3; do
    eventually is persistence rdb_bgsave_in_progress 0
    cli bgsave > /dev/null
    load $part
done
wait $benchmarks
cat benchmarks
eventually is persistence rdb_bgsave_in_progress 0
say bgsave "$(info persistence rdb_last_bgsave_status)"
cli -n 1 flushdb async
say blocked "$(cli blpop nothing 0.05)"
say transaction "$(printf 'MULTI\nINCR counter\nINCR counter\nGET sum\nEXEC\n' | cli | tr '\n' ' ')"
say loaded "$(contents "$port" | tee digest)"
cli debug reload > /dev/null
say 'same after reload' "$(contents "$port" | cmp - digest && echo yes)"

replica=$(free_port)
start replica "$replica" --replicaof 127.0.0.1 "$port"
follower=$!
linked() { redis-cli -p "$replica" info replication | grep -q master_link_status:up && contents "$replica" | cmp -s - digest; }
eventually linked && say replica equal
stop $follower && say 'replica ended' $?

cli save
stop $server && say 'server ended' $?
start data "$port"
server=$!
say 'same after save and restart' "$(contents "$port" | cmp - digest && echo yes)"

cli config set appendonly yes
eventually is persistence aof_rewrite_in_progress 0
eventually is persistence aof_enabled 1
load 4
cli bgrewriteaof > /dev/null
load 5
eventually is persistence aof_rewrite_in_progress 0
say rewrite "$(info persistence aof_last_bgrewrite_status)"
say appended "$(contents "$port" | tee digest)"
stop $server && say 'server ended' $?
start data "$port" --appendonly yes
server=$!
say 'same after the append-only file' "$(contents "$port" | cmp - digest && echo yes)"
cli flushall
say empty "$(cli dbsize)"
stop $server && say 'server ended' $?
grep -c 'crashed\|BUG REPORT' {data,replica}/redis.log || :
