# source: pcre2
build() { settle && ./configure -q --enable-pcre2-16 --enable-pcre2-32 && make -s && make -s check TESTS= MAKEINFO=true; }
check() {
    make -k check
    for width in -8 -16 -32; do
        ./RunTest $width | sed -n "s/^  OK.*/&/p" | awk -v w="$width" '{ print "PASS: RunTest" w " " NR " " $0 }'
    done
}
