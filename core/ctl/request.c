#include "ctl/request.h"

#include "base/log.h"

#include <string.h>

enum argument { NONE, NAME, PLACE, COUNT, SETTING };
enum { WORDS_MOST = 3 };

struct word {
    const char *text;
    size_t bytes;
};

struct rule {
    enum argument argument;
    size_t least, most;
};

#define COMMAND(name, word, argument, least, most, ...) {argument, least, most},
static const struct rule rules[COMMANDS] = {
#include "ctl/commands.def"
};
#undef COMMAND

#define COMMAND(name, word, argument, least, most, arguments, meaning) {word, arguments, meaning},
const struct command_help request_commands[COMMANDS] = {
#include "ctl/commands.def"
};
#undef COMMAND

// Words between blanks, at most WORDS_MOST are kept; returns how many there are.
static size_t split(const char *line, size_t bytes, struct word *words)
{
    size_t count = 0;
    for (size_t at = 0; at < bytes;) {
        size_t end = at;
        while (end < bytes && line[end] != ' ')
            end++;
        if (end > at && count < WORDS_MOST)
            words[count] = (struct word){line + at, end - at};
        count += end > at;
        at = end + 1;
    }
    return count;
}

static bool is_printable(const char *line, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (line[i] < ' ' || line[i] > '~')
            return false;
    return true;
}

static bool is(const struct word *w, const char *text)
{
    return strlen(text) == w->bytes && memcmp(text, w->text, w->bytes) == 0;
}

static unsigned digit_of(char c)
{
    return c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static bool parse_number(const struct word *w, uint64_t *value)
{
    bool hex = w->bytes > 2 && w->text[0] == '0' && w->text[1] == 'x';
    uint64_t base = hex ? 16 : 10, number = 0;
    for (size_t i = hex ? 2 : 0; i < w->bytes; i++) {
        unsigned digit = digit_of(w->text[i]);
        if (digit >= base || __builtin_mul_overflow(number, base, &number) ||
            __builtin_add_overflow(number, digit, &number))
            return false;
    }
    *value = number;
    return true;
}

static bool is_name_letter(char c)
{
    return digit_of(c) < 10 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
           c == '.';
}

static bool copy(const struct word *w, char out[REQUEST_WORD_MOST + 1])
{
    if (!w->bytes || w->bytes > REQUEST_WORD_MOST)
        return false;
    memcpy(out, w->text, w->bytes);
    out[w->bytes] = 0;
    return true;
}

static bool parse_name(const struct word *w, char out[REQUEST_WORD_MOST + 1])
{
    for (size_t i = 0; i < w->bytes; i++)
        if (!is_name_letter(w->text[i]))
            return false;
    return copy(w, out);
}

// KEY=VALUE, or KEY VALUE. Keys are written in either case.
static bool parse_setting(const struct word *words, size_t count, struct request *out)
{
    struct word key = words[0], value = count > 1 ? words[1] : (struct word){words[0].text, 0};
    const char *equals = memchr(key.text, '=', key.bytes);
    if (count == 1 && equals) {
        value = (struct word){equals + 1, key.bytes - (size_t)(equals + 1 - key.text)};
        key.bytes = (size_t)(equals - key.text);
    }
    if (!parse_name(&key, out->name) || !copy(&value, out->value))
        return false;
    for (char *c = out->name; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 'a' - 'A') : *c;
    return true;
}

// An address, or site:N.
static bool parse_place(const struct word *w, struct request *out)
{
    static const char prefix[] = "site:";
    size_t skipped = sizeof prefix - 1;
    out->is_site = w->bytes > skipped && memcmp(w->text, prefix, skipped) == 0;
    struct word number = out->is_site ? (struct word){w->text + skipped, w->bytes - skipped} : *w;
    return parse_number(&number, &out->number);
}

static bool parse_arguments(const struct word *words, size_t count, struct request *out)
{
    switch (count ? rules[out->command].argument : NONE) {
    case NONE: return true;
    case NAME: return parse_name(&words[0], out->name);
    case PLACE: return parse_place(&words[0], out);
    case COUNT: return parse_number(&words[0], &out->number) && out->number;
    case SETTING: return parse_setting(words, count, out);
    }
    return false;
}

bool request_parse(const char *line, size_t bytes, struct request *out,
                   char complaint[REQUEST_COMPLAINT_BYTES])
{
    struct word words[WORDS_MOST];
    *out = (struct request){.command = COMMAND_HELP};
    size_t count = is_printable(line, bytes) ? split(line, bytes, words) : 0;
    while (count && out->command < COMMANDS && !is(&words[0], request_commands[out->command].word))
        out->command++;
    if (!count || out->command == COMMANDS) {
        format_text(complaint, REQUEST_COMPLAINT_BYTES, "no such command: `help` lists what there is");
        return false;
    }
    const struct rule *rule = &rules[out->command];
    if (count - 1 >= rule->least && count - 1 <= rule->most && parse_arguments(words + 1, count - 1, out))
        return true;
    const struct command_help *help = &request_commands[out->command];
    format_text(complaint, REQUEST_COMPLAINT_BYTES, "write: %s%s%s", help->word, *help->arguments ? " " : "",
                help->arguments);
    return false;
}
