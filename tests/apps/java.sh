# OpenJDK: the compiler compiles a program, two collectors run it; signals of its own, guard pages, big reservations.
. "$(dirname "$0")/prelude"
options="-Xmx256m -XX:-UsePerfData -XX:ErrorFile=$PWD/error.%p.log -Djava.io.tmpdir=$PWD"
$PRELOAD javac -J-XX:-UsePerfData -d classes "$APPS/java.java"
say classes "$(cat classes/*.class | digest)"
for collector in SerialGC G1GC; do
    $PRELOAD java $options -XX:+Use$collector -cp classes Work "$(size 300 3000)" || say $collector $?
done
say version "$($PRELOAD java $options -Xint -version 2>&1 | digest)"
$PRELOAD java $options -Xmx16m -XX:+UseSerialGC -cp classes Work 3000000 > /dev/null 2>&1 || say 'out of memory' $?
