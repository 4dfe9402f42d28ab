# sort: threads, external merges through temporary files and a compressor; and its relatives.
. "$(dirname "$0")/prelude"
input=$(cached words words "$(size 40000 250000)" 11)
sorted() { $PRELOAD sort "$@" "$input" | digest; }

say threads "$(sorted --parallel=2)"
say numeric "$(sorted --parallel=2 -k1,1nr)"
say stable "$(sorted --parallel=2 -s -k3,3 -k5.2,5.3r)"
say external "$(sorted --parallel=2 -S 1M -T . -k2)"
say compressed "$(sorted -S 2M -T . --compress-program=gzip -k4)"
say unique "$(sorted -u -k2,2 -f)"
say random "$(sorted -R --random-source="$input")"

$PRELOAD sort -k2,2 "$input" > a
$PRELOAD sort -k3,3 "$input" > b
say merge "$($PRELOAD sort -m -k2,2 a a | digest)"
say join "$($PRELOAD join -1 2 -2 3 -o 1.1,2.1,0 <(head -n 3000 a) <(head -n 3000 b) | digest)"
say uniq "$(cut -d' ' -f2 a | $PRELOAD uniq -c | digest)"
say tsort "$(cut -d' ' -f1 a | head -n 2000 | awk '{ print int($1 / 2), $1 }' | $PRELOAD tsort | digest)"
say shuf "$($PRELOAD shuf --random-source="$input" a | digest)"
$PRELOAD sort -c a 2> /dev/null || say unsorted $?
say 'temporary files' "$(find . -name 'sort*' | wc -l)"
