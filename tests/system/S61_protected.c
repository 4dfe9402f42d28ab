// GCPRE_FREE=quarantine: small blocks that are freed while the program protects a page of theirs are neither touched nor used again, though
// dangling pointers lead the collector to them; when the page has its access back and the pointers are gone their memory is used again.
// env: GCPRE_FREE=quarantine
// needs-library: yes
#include "check.h"

enum { PAGE = 4096, MIDDLE = 20000, LITTLE = 100, LITTLES = 200, BLOCKS = 40 };

static char *volatile middle[BLOCKS], *volatile little[LITTLES];
static hidden places[BLOCKS], page_of_littles;

static char *page_in(char *p) { return (char *)(((uintptr_t)p + PAGE) & -(uintptr_t)PAGE); }

NOINLINE static void protect_and_free(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        middle[i] = branded((char *)malloc(MIDDLE), MIDDLE);
        places[i] = hide(middle[i]);
    }
    for (size_t i = 0; i < LITTLES; i++) little[i] = branded((char *)malloc(LITTLE), LITTLE);
    for (size_t i = 0; i < BLOCKS; i++) CHECK(mprotect(page_in(middle[i]), PAGE, i % 2 ? PROT_NONE : PROT_READ) == 0);
    char *page = page_in(little[LITTLES / 2]); // whole blocks of the last half lie there
    page_of_littles = hide(page);
    CHECK(mprotect(page, PAGE, PROT_READ) == 0);
    for (size_t i = 0; i < BLOCKS; i++) free(middle[i]);
    for (size_t i = 0; i < LITTLES; i++) free(little[i]);
}

NOINLINE static size_t reused(void)
{
    size_t count = 0;
    for (size_t n = 0; n < 400; n++) {
        char *p = (char *)memset(malloc(MIDDLE), 5, MIDDLE);
        for (size_t i = 0; i < BLOCKS; i++) count += hide(p) == places[i];
        free(p);
    }
    return count;
}

int main(void)
{
    protect_and_free();
    drop_and_collect();
    for (size_t i = 0; i < BLOCKS; i++) {
        CHECK(middle[i][0] == brand(middle[i]));
        middle[i] = NULL;
    }
    for (size_t i = 0; i < LITTLES; i++) little[i] = NULL;
    drop_and_collect();
    CHECK(reused() == 0, "a block with a protected page was used again");
    for (size_t i = 0; i < BLOCKS; i++) CHECK(mprotect(page_in(unhide(places[i])), PAGE, PROT_READ | PROT_WRITE) == 0);
    CHECK(mprotect(unhide(page_of_littles), PAGE, PROT_READ | PROT_WRITE) == 0);
    size_t count = 0;
    for (int i = 0; i < 20 && count == 0; i++) {
        drop_and_collect();
        count += reused();
    }
    CHECK(count > 0, "nothing is ever used again");
}
