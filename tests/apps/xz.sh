# xz: threads with large buffers; every preset's round trip.
. "$(dirname "$0")/prelude"
input=$(cached words words "$(size 8000 80000)" 13)

for options in "-0 -T1" "-3 -T2 --block-size=512KiB" "-6 -T2 --block-size=2MiB" "-2e -T2 --check=sha256 --format=xz"; do
    $PRELOAD xz $options -c "$input" > packed.xz
    say "$options" "$(digest < packed.xz) $($PRELOAD xz -dc -T2 packed.xz | cmp - "$input" && echo same)"
    $PRELOAD xz -t packed.xz
    $PRELOAD xz --robot --list packed.xz | grep ^totals
done
say lzma "$($PRELOAD xz --format=lzma -4 -c "$input" | $PRELOAD xz -dc | digest)"
say delta "$($PRELOAD xz --delta=dist=4 --lzma2=dict=1MiB,mode=fast -c "$input" | digest)"

for try in 1 2 3 4 5; do cp "$input" "copy$try"; done
$PRELOAD xz -T2 -1 copy?
say many "$($PRELOAD xz -dc copy?.xz | digest)"
head -c 20000 packed.xz > cut.xz
$PRELOAD xz -dc cut.xz > /dev/null 2> complaint || say truncated "$? $(cat complaint)"
