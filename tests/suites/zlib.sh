# source: zlib
# stress: 1
# Three programs of its own, and round trips of every file in the tree.
build() { ./configure > configure.out && make -s; }
check() {
    for program in ./example ./examplesh ./example64; do
        if "$program" > /dev/null; then echo "PASS: $program"; else echo "FAIL: $program"; fi
    done
    for file in *.c *.h ChangeLog; do
        for level in 1 6 9; do
            if ./minigzip -$level < "$file" | ./minigzip -d | cmp -s - "$file"; then echo "PASS: $file $level"; else echo "FAIL: $file $level"; fi
        done
    done
}
