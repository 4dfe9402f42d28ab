# Guile: the Boehm collector, conservative too and stopping threads by signals of its own, in one process with ours.
. "$(dirname "$0")/prelude"
export GUILE_AUTO_COMPILE=0 GUILE_WARN_DEPRECATED=no
$PRELOAD guile --no-auto-compile "$APPS/guile.scm" "$(size 1500 4000)" || say exit $?
