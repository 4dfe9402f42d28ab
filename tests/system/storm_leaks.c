// The storm while leaks are hunted: every block has a note, every cycle looks at what it condemned.
// env: GCPRE_LEAKS=exit,cycle GCPRE_FORMAT=json GCPRE_REPORT=/dev/null
// timeout: 180
#include "storm.c"
