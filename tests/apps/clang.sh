# clang: the same large program as gcc.sh; equal objects, equal bitcode, equal diagnostics.
. "$(dirname "$0")/prelude"
big=$(cached big.c awk -v functions="$(size 25 150)" -f "$APPS/big.awk")
ln -s "$big" big.c

for options in -O0 "-O2 -g -fdebug-compilation-dir=." "-O3 -march=x86-64-v3"; do
    $PRELOAD clang -std=gnu17 -w $options -c big.c -o big.o
    say "$options" "$(digest < big.o)"
done
$PRELOAD clang -std=gnu17 -w -O2 -flto -c big.c -o big.bc
say bitcode "$(digest < big.bc)"
$PRELOAD clang -std=gnu17 -w -O2 big.c -o big
say runs "$(./big)"
say tree "$($PRELOAD clang -std=gnu17 -w -fsyntax-only -Xclang -ast-dump big.c | sed 's/0x[0-9a-f]*//g' | digest)"
printf 'int f(int *p) { return undeclared + *p }\nint g(void) { return "text"; }\n' > wrong.c
$PRELOAD clang -Weverything -c wrong.c 2> complaints || say wrong "$? $(digest < complaints)"
