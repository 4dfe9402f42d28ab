# source: sed
# Automake's suite, without what runs under valgrind: a program runs under it or under us, since it replaces free, and malloc
# stays ours.
build() { settle && ./configure -q && make -s MAKEINFO=true && make -s check TESTS= MAKEINFO=true; }
check() { PATH=$PWD/without:$PATH make -k check MAKEINFO=true; }
