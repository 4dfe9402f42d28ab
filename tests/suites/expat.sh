# source: expat
# needs: autoconf automake libtool
# stress: 20
# One program runs every test of the parser and says how many there were; the round trips of its own documents go through xmlwf.
build() { cd expat && ./buildconf.sh && ./configure -q --without-docbook && make -s && make -s check TESTS=; }
check() { cd expat && make -k check; tests/runtests -v; }
