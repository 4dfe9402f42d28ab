#include "ctl/answer.h"

#include "base/bits.h"
#include "base/log.h"
#include "base/meta.h"
#include "leak/json.h"

#include <string.h>

enum { RESERVED = 4096 }; // for the last line

static struct answer answer;
static bool ended, cut;

void answer_begin(void)
{
    answer = (struct answer){0};
    ended = cut = false;
}

static bool grow(size_t bytes)
{
    size_t room = answer.room ? answer.room : 64 * KIB;
    while (room < answer.bytes + bytes)
        room *= 2;
    char *text = room <= ANSWER_BYTES_MOST ? meta_map(room) : NULL;
    if (!text)
        return false;
    if (answer.bytes)
        memcpy(text, answer.text, answer.bytes);
    answer_free(&(struct answer){answer.text, 0, answer.room});
    answer.text = text;
    answer.room = room;
    return true;
}

static void put(const char *line, size_t bytes)
{
    if (answer.bytes + bytes > answer.room && !grow(bytes))
        return;
    memcpy(answer.text + answer.bytes, line, bytes);
    answer.bytes += bytes;
}

void answer_put(const char *line, size_t bytes)
{
    cut |= answer.bytes + bytes + RESERVED > answer.room && !grow(bytes + RESERVED);
    if (!cut)
        put(line, bytes);
}

static void put_error(const char *message)
{
    json_begin("error");
    json_string("message", message);
    json_end(put);
}

void answer_ok(void)
{
    if (ended)
        return;
    ended = true;
    if (cut) {
        put_error("the answer was too long and is cut: ask for less, such as `sites 100`");
        return;
    }
    json_begin("ok");
    json_end(put);
}

void answer_error(const char *format, ...)
{
    char message[LOG_LINE_BYTES];
    va_list args;
    va_start(args, format);
    format_text_v(message, sizeof message, format, args);
    va_end(args);
    if (!ended)
        put_error(message);
    ended = true;
}

struct answer answer_take(void)
{
    answer_ok();
    struct answer taken = answer;
    answer = (struct answer){0};
    return taken;
}

void answer_free(struct answer *given)
{
    if (given->room)
        meta_unmap(given->text, given->room);
    *given = (struct answer){0};
}
