// A request to the control socket as somebody else wrote it: it is taken with everything in range, or costs one clear line (SOUNDNESS
// S63). Each line of the input is a request.
#include "ctl/request.h"

#include "fuzz.h"

#include <string.h>

static void check_word(const char *word, bool name)
{
    CLAIM(memchr(word, 0, REQUEST_WORD_MOST + 1));
    for (; *word; word++)
        CLAIM(*word > ' ' && *word <= '~' && (!name || *word != '='));
}

static void check_taken(const struct request *r)
{
    CLAIM(r->command < COMMANDS);
    check_word(r->name, true);
    check_word(r->value, false);
    if (r->command == COMMAND_SET)
        CLAIM(*r->name && *r->value);
    if (r->command == COMMAND_MARK || r->command == COMMAND_DIFF)
        CLAIM(*r->name && !*r->value && !strpbrk(r->name, "/\"\\"));
}

static void check_refused(const char *complaint)
{
    CLAIM(*complaint && memchr(complaint, 0, REQUEST_COMPLAINT_BYTES));
    for (; *complaint; complaint++)
        CLAIM(*complaint >= ' ' && *complaint <= '~');
}

static void check_line(const unsigned char *line, size_t bytes)
{
    struct request request;
    char complaint[REQUEST_COMPLAINT_BYTES],
        *exact = malloc(bytes ? bytes : 1); // a byte read too far is noticed
    memcpy(exact, line, bytes);
    if (request_parse(exact, bytes, &request, complaint))
        check_taken(&request);
    else
        check_refused(complaint);
    free(exact);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    while (size) {
        const unsigned char *newline = memchr(data, '\n', size);
        size_t bytes = newline ? (size_t)(newline - data) : size, step = newline ? bytes + 1 : bytes;
        check_line(data, bytes);
        data += step;
        size -= step;
    }
    return 0;
}
