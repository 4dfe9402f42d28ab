# Perl: one program over the language, then a one-liner as a filter between two others.
. "$(dirname "$0")/prelude"
$PRELOAD perl "$APPS/perl.pl" "$(size 1500 12000)"
input=$(cached words words "$(size 5000 50000)" 3)
say filter "$($PRELOAD perl -lane '$n{$_}++ for @F; END { print "$_ $n{$_}" for sort keys %n }' < "$input" | digest)"
