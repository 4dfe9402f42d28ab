// GCPRE_SCAN_ALIGN=1: a pointer at any byte offset keeps its block.
// env: GCPRE_SCAN_ALIGN=1
#include "check.h"

char cells[600][32];  // not static: nothing reads them here
static void put(size_t i, char *p) { memcpy(cells[i] + i % 17, &p, sizeof p); }
static void drop(size_t i) { memset(cells[i], 0, sizeof cells[i]); }

int main(void)
{
    hazard(600, 90, put, drop);
}
