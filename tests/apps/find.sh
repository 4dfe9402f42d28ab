# find, xargs and grep over a tree of small files, two processes at a time.
. "$(dirname "$0")/prelude"
words "$(size 6000 25000)" 31 > words
mkdir -p tree/{a,b,c}/{x,y}/{1,2,3}
split -l 20 -a 3 words tree/f
n=0
dirs=(tree/*/*/*)
for file in tree/f*; do mv "$file" "${dirs[n++ % ${#dirs[@]}]}/name with blank $n.txt"; done
mkfifo tree/pipe
ln -s ../words tree/link
find tree -exec touch -hd @1600000000 {} +
sorted() { sort | digest; }

say names "$($PRELOAD find tree -name '*blank*7.txt' -printf '%p %s %y %m\n' | sorted)"
say expression "$($PRELOAD find tree \( -type d -name y -prune \) -o -size -3k -regex '.*[13579].txt' ! -newermt 2021-01-01 -print | sorted)"
say exec "$($PRELOAD find tree -type f -exec cksum {} + | sorted)"
say execdir "$($PRELOAD find tree/a -name '*1.txt' -execdir echo {} \; | sorted)"
say xargs "$($PRELOAD find tree -type f -print0 | $PRELOAD xargs -0 -n 25 -P 2 cksum | sorted)"
say replaced "$(seq 300 | $PRELOAD xargs -I@ -P 2 echo 'number @ of 300' | sorted)"
say status "$(seq 5 | $PRELOAD xargs -n1 sh -c 'exit $(($0 == 3))' || echo $?)"
say grep "$($PRELOAD grep -rhE '(ing|ment).*\b[a-c]{2}' tree --include='*.txt' | sorted)"
say perl "$($PRELOAD grep -hoP '\b(\w)\w*?(?=\1ng)' words | digest)"
say patterns "$(cut -d' ' -f2 words | head -n 2000 | $PRELOAD grep -cwFf - words)"
say backreference "$($PRELOAD grep -cE '([a-z]{3}).*\1.*\1' words)"
say case "$(LC_ALL=C.UTF-8 $PRELOAD grep -ci 'MENT[A-Z]* é*' words)"
$PRELOAD grep -q nothing-like-this words || say none $?
