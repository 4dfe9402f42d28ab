// One JSON object as a line of text (RFC 8259), in a buffer of the collector thread's. Bytes of a text that are not UTF-8 come out as
// Latin-1.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void json_begin(const char *type); // {"type":"..."
// From now on every object has this `pid` behind its type; 0: none.
void json_sign(uint64_t pid);
void json_number(const char *key, uint64_t value);
void json_hex(const char *key, uint64_t value); // "0x..."
void json_bytes(const char *key, const unsigned char *bytes, size_t count);
void json_base64(const char *key, const unsigned char *bytes, size_t count); // RFC 4648, section 4
void json_string(const char *key, const char *text);
void json_bool(const char *key, bool value);
// Between them everything is inside of that key's list or object; key NULL: an element of a list.
void json_open(const char *key, char bracket);
void json_close(char bracket);
void json_element(const char *text); // a string of a list
// Ends the object and writes it as one line. A line that was too long is left out; false then.
bool json_end(void (*write)(const char *line, size_t bytes));
