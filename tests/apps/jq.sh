# jq: a large document through grouping, recursion, regular expressions and streams.
. "$(dirname "$0")/prelude"
make_document() {
    awk -v n="$1" 'BEGIN {
        printf "["
        for (i = 0; i < n; i++)
            printf "%s{\"id\":%d,\"name\":\"n%d\",\"score\":%d.%d,\"tags\":[\"t%d\",\"u%d\"],\"nested\":{\"a\":{\"b\":[%d,null,true]}}}", i ? "," : "",
                i, i * 7919 % 1009, i * 31 % 97, i % 10, i % 13, i % 7, i
        printf "]"
    }'
}
document=$(cached document.json make_document "$(size 2000 6000)")
jq_() { $PRELOAD jq "$@"; }

say identity "$(jq_ . "$document" | digest)"
say groups "$(jq_ -c 'group_by(.tags[0]) | map({key: .[0].tags[0], total: (map(.score) | add), ids: [.[].id] | length})' "$document" | digest)"
say sort "$(jq_ -c 'sort_by(.score, -.id) | unique_by(.name) | map(.id)' "$document" | digest)"
say reduce "$(jq_ 'reduce .[] as $x ({}; .[$x.tags[1]] += [$x.nested.a.b[0]]) | map_values(add)' "$document" | digest)"
say paths "$(jq_ -c '[paths(type == "boolean")] | length' "$document")"
say update "$(jq_ -c 'walk(if type == "number" then . * 2 else . end) | del(.[].tags[0]) | map(.nested.a.b |= map(select(. != null)))' "$document" | digest)"
say regex "$(jq_ -r '.[] | .name | capture("(?<first>n[1-5])(?<rest>\\d*)") | "\(.rest)\(.first)"' "$document" | digest)"
say stream "$(jq_ -c 'tostream' "$document" | jq_ -cn 'fromstream(inputs) | length')"
say lines "$(jq_ -c '.[]' "$document" | jq_ -s 'length')"
say formats "$(jq_ -r '.[] | [.id, .name] | @csv, @base64, @uri, @sh' "$document" | digest)"
say recursion "$(jq_ -n '[limit(2000; repeat(1))] | length, ([recurse(if . < 3000 then . + 1 else empty end)] | length)' <<< 0 2>&1 | digest)"
say functions "$(jq_ -n 'def fib: if . < 2 then . else (. - 1 | fib) + (. - 2 | fib) end; [range(18) | fib] | add')"
echo '{"broken": [1, 2' | jq_ . 2> /dev/null || say broken $?
