# source: tar
# Autotest; its generator would run again for a newer file.
build() { settle && FORCE_UNSAFE_CONFIGURE=1 ./configure -q && make -s; }
check() { make -C tests check TESTSUITEFLAGS=--color=never; }
