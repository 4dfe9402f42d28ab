# Emacs in batch: a dumped heap, tagged pointers and a conservative collector in blocks of ours.
. "$(dirname "$0")/prelude"
$PRELOAD emacs -Q --batch -l "$APPS/emacs.el" "$(size 500 4000)" || say exit $?
