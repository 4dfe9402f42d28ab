# A threaded C++ program, compiled here without the library and run with it.
. "$(dirname "$0")/prelude"
[ -x "$CACHE/cxx" ] || g++ -std=gnu++17 -O2 -pthread "$APPS/cxx.cc" -o "$CACHE/cxx"
$PRELOAD "$CACHE/cxx" "$(size 1200 12000)" || say exit $?
