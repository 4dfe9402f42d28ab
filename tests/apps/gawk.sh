# GNU awk: one program over a text, with machine and with arbitrary-precision numbers.
. "$(dirname "$0")/prelude"
input=$(cached words words "$(size 8000 40000)" 5)
$PRELOAD gawk -f "$APPS/gawk.awk" "$input"
say bignum "$($PRELOAD gawk -M -f "$APPS/gawk.awk" "$input" | digest)"
say sorted "$($PRELOAD gawk '{ a[NR] = $0 } END { asort(a); for (i = 1; i in a; i++) print a[i] }' "$input" | digest)"
$PRELOAD gawk 'BEGIN { exit 5 }' || say exit $?
