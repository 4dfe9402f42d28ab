// The same while leaks are hunted: items that pools drop are told from losses while threads swap them.
// env: GCPRE_LEAKS=exit,cycle GCPRE_FORMAT=json GCPRE_REPORT=/dev/null
// timeout: 180
// needs-library: yes
#include "api_pool_storm.c"
