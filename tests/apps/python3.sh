# Python with its own allocator above ours (arenas by mmap), then with every object a block of ours.
. "$(dirname "$0")/prelude"
for allocator in pymalloc malloc; do
    say allocator "$allocator"
    $PRELOAD PYTHONMALLOC="$allocator" python3 "$APPS/python3.py" "$(size 1000 30000)" || say exit $?
done
