# source: gzip
# Automake's suite, without what runs under valgrind (sed.sh says why).
build() { settle && ./configure -q && make -s MAKEINFO=true && make -s check TESTS= MAKEINFO=true; }
check() { PATH=$PWD/without:$PATH make -k check MAKEINFO=true; }
