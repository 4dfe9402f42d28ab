# GCC: a large C program and a small one full of templates; equal objects, equal diagnostics, a program that runs.
. "$(dirname "$0")/prelude"
big=$(cached big.c awk -v functions="$(size 25 80)" -f "$APPS/big.awk")
ln -s "$big" big.c
ln -s "$APPS/cxx.cc" cxx.cc

for options in -O0 "-O2 -g -fdebug-prefix-map=$PWD=." -Os; do
    $PRELOAD gcc -std=gnu17 -w $options -c big.c -o big.o
    say "${options/$PWD/dir}" "$(digest < big.o)"
done
$PRELOAD gcc -std=gnu17 -w -O2 big.c -o big
say runs "$(./big) $(digest < big)"
say assembly "$($PRELOAD gcc -w -O3 -march=x86-64-v3 -S -o - big.c | digest)"
say preprocessed "$($PRELOAD gcc -E -dD big.c | digest)"
$PRELOAD gcc -std=gnu17 -w -O1 -flto=1 -frandom-seed=1 big.c -o big-lto
say lto "$(./big-lto)"

if [ -z "$QUICK" ]; then
    $PRELOAD g++ -std=gnu++17 -O1 -c cxx.cc -o cxx.o
    say c++ "$(digest < cxx.o)"
fi
printf 'int f(int *p) { int x; return p ? x + undeclared : *p; }\nstruct s { int a } ;\nint g(void) { return "text"; }\n' > wrong.c
$PRELOAD gcc -Wall -Wextra -O2 -c wrong.c 2> complaints || say wrong "$? $(digest < complaints)"
