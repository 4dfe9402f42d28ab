# bash: a script over the language; every subshell and command in it inherits the library.
. "$(dirname "$0")/prelude"
$PRELOAD bash "$APPS/bash.bash" "$(size 1500 30000)" || say exit $?
say 'here-string' "$($PRELOAD bash -c 'cat <<< "$(printf "%s-" {1..3000})"' | digest)"
