#include "gc/doubt.h"

#include "base/log.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

enum { REASONS = 8, TEXT_BYTES = 384 };

static const char *reasons[REASONS];
static size_t count;
static char text[TEXT_BYTES], told[TEXT_BYTES];
static unsigned row; // of cycles that had reasons
static const char *_Atomic for_good;

void doubt_begin(void)
{
    row = count ? row + 1 : 0; // before this one
    count = 0;
    text[0] = 0;
}

static bool is_known(const char *why)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(reasons[i], why) == 0)
            return true;
    return false;
}

void doubt_for(const char *why)
{
    if (!why || count == REASONS || is_known(why))
        return;
    size_t used = strlen(text);
    format_text(text + used, TEXT_BYTES - used, count ? "; %s" : "%s", why);
    reasons[count++] = why;
}

bool doubt_some(void) { return count != 0; }

const char *doubt_text(void) { return count ? text : NULL; }

void doubt_tell(void)
{
    if (!count || row + 1 < DOUBT_ROW || strcmp(text, told) == 0)
        return;
    memcpy(told, text, TEXT_BYTES);
    log_line("nothing reclaimed in %d cycles: %s", DOUBT_ROW, text);
}

bool doubt_for_good(const char *why)
{
    const char *none = NULL;
    bool first = atomic_compare_exchange_strong(&for_good, &none, why);
    if (first)
        log_line("nothing will be reclaimed in this process: %s", why);
    return first;
}

bool doubt_is_for_good(void) { return atomic_load_explicit(&for_good, memory_order_seq_cst); }

const char *doubt_why_for_good(void) { return atomic_load(&for_good); }
