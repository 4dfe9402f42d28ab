# tar, with gzip as its child: archives with links, long names, holes; listing, comparing, updating, extracting.
. "$(dirname "$0")/prelude"
tar_() { $PRELOAD tar --sort=name --owner=0 --group=0 --numeric-owner --format=gnu "$@"; }

words "$(size 3000 30000)" 17 > words
mkdir tree
split -l 30 -a 3 words tree/part.
long=$(printf 'deep-directory-name/%.0s' {1..12})
mkdir -p "tree/$long" tree/links
cp words "tree/$long/$(printf 'n%.0s' {1..150})"
ln tree/part.aaa tree/links/hard
ln -s "../$long" tree/links/soft
truncate -s 3M tree/hole
echo end >> tree/hole
chmod -R u=rwX,go=rX tree
find tree -exec touch -hd @1600000000 {} +

tar_ -cf plain.tar tree
say archive "$(digest < plain.tar)"
say sparse "$(tar_ -S -cf - tree | digest)"
say pax "$(tar_ --format=pax --pax-option=delete=atime,delete=ctime -cf - tree | digest)"
tar_ -I 'gzip -9n' -cf tree.tar.gz tree
say gzip "$(digest < tree.tar.gz)"
say listing "$(tar_ -tvzf tree.tar.gz | digest)"
mkdir out
$PRELOAD tar -xzf tree.tar.gz -C out --transform 's/part/piece/'
say extracted "$(cd out && find . -type f | sort | xargs sha256sum | digest)"
say link "$(readlink out/tree/links/soft)"
$PRELOAD tar --compare -f plain.tar && say compare equal
echo changed >> tree/part.aab
touch -d @1600000001 tree/part.aab
$PRELOAD tar --compare -f plain.tar > differs || say differs "$? $(cat differs)"
tar_ -uf plain.tar tree/part.aab
$PRELOAD tar --delete -f plain.tar tree/part.aac
say updated "$($PRELOAD tar -tf plain.tar | digest)"
for level in 1 6 9; do say "gzip -$level" "$($PRELOAD gzip -nc"$level" words | $PRELOAD gzip -dc | digest)"; done
