# source: jq
# stress: 2000
# needs: libonig-dev autoconf automake libtool bison flex
build() { autoreconf -fi && ./configure -q --disable-docs && make -s && make -s check TESTS=; }
check() { PATH=$PWD/without:$PATH make -k check; }
