# Ruby: a conservative collector with compaction above ours, its own signals, timer thread and machine stacks.
. "$(dirname "$0")/prelude"
$PRELOAD ruby --disable-gems "$APPS/ruby.rb" "$(size 800 5000)" || say exit $?
say jit "$($PRELOAD ruby --disable-gems --yjit -e 'def f(n) = n < 2 ? n : f(n - 1) + f(n - 2); puts f(20)' 2>&1 | digest)"
