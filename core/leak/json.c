#include "leak/json.h"

#include "base/bits.h"
#include "base/log.h"

#include <string.h>

#define LINE_BYTES (256 * KIB)
enum { DELETE = 0x7f };

static char line[LINE_BYTES];
static size_t used;
static bool first;
static uint64_t signed_by; // 0: nobody

static void put(const char *text, size_t bytes)
{
    if (used + bytes <= LINE_BYTES)
        memcpy(line + used, text, bytes);
    used += bytes;
}

static void put_char(char c) { put(&c, 1); }

// The bytes of the character outside ASCII that begins here, 0 when there is none (RFC 3629: the shortest form, no surrogates).
static size_t character_bytes(const unsigned char *at)
{
    size_t bytes = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    unsigned least = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80; // of the second byte
    unsigned most = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;
    if (at[0] < 0xc2 || at[0] > 0xf4 || at[1] < least || at[1] > most)
        return 0;
    for (size_t i = 2; i < bytes; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return bytes;
}

static void put_code(unsigned char c)
{
    char escape[8];
    put(escape, format_text(escape, sizeof escape, "\\u%04x", c));
}

static void put_escaped(const char *text)
{
    put_char('"');
    for (size_t bytes = 1; *text; text += bytes) {
        unsigned char c = (unsigned char)*text;
        bytes = c < 0x80 ? 1 : character_bytes((const unsigned char *)text);
        if (c == '"' || c == '\\')
            put_char('\\');
        if (!bytes || c < ' ' || c == DELETE)
            put_code(c);
        else
            put(text, bytes);
        bytes += !bytes;
    }
    put_char('"');
}

static void put_key(const char *key)
{
    if (!first)
        put_char(',');
    first = false;
    if (key) {
        put_escaped(key);
        put_char(':');
    }
}

void json_begin(const char *type)
{
    used = 0;
    first = true;
    put_char('{');
    json_string("type", type);
    if (signed_by)
        json_number("pid", signed_by);
}

void json_sign(uint64_t pid) { signed_by = pid; }

void json_number(const char *key, uint64_t value)
{
    char text[24];
    put_key(key);
    put(text, format_text(text, sizeof text, "%lu", value));
}

void json_hex(const char *key, uint64_t value)
{
    char text[24];
    put_key(key);
    put(text, format_text(text, sizeof text, "\"0x%lx\"", value));
}

void json_bytes(const char *key, const unsigned char *bytes, size_t count)
{
    char text[4];
    put_key(key);
    put_char('"');
    for (size_t i = 0; i < count; i++)
        put(text, format_text(text, sizeof text, "%02x", bytes[i]));
    put_char('"');
}

void json_base64(const char *key, const unsigned char *bytes, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    put_key(key);
    put_char('"');
    for (size_t i = 0; i < count; i += 3) {
        size_t left = count - i;
        uint32_t three = (uint32_t)bytes[i] << 16 | (left > 1 ? bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
                        left > 1 ? digits[three >> 6 & 63] : '=', left > 2 ? digits[three & 63] : '='};
        put(four, sizeof four);
    }
    put_char('"');
}

void json_string(const char *key, const char *text)
{
    put_key(key);
    put_escaped(text);
}

void json_element(const char *text) { json_string(NULL, text); }

void json_bool(const char *key, bool value)
{
    put_key(key);
    value ? put("true", 4) : put("false", 5);
}

void json_open(const char *key, char bracket)
{
    put_key(key);
    put_char(bracket);
    first = true;
}

void json_close(char bracket)
{
    put_char(bracket);
    first = false;
}

bool json_end(void (*write)(const char *, size_t))
{
    put("}\n", 2);
    if (used > LINE_BYTES)
        return false;
    write(line, used);
    return true;
}
