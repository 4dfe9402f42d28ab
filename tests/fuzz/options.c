// The environment as somebody else wrote it: whatever is in a GCPRE_ variable costs one clear line at most and changes nothing
// else (SOUNDNESS S63). The input is a list of variables, one a line; what stands behind '%' is expanded as a file's name too.
#include "base/options.h"

#include "base/log.h"

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

enum { MOST = 32 };

static size_t lines;

// A line is a line: without control characters (what is above ASCII may be a name), ended, of the promised length.
static void check_line(const char *line, size_t bytes)
{
    lines++;
    CLAIM(bytes > 0 && bytes <= LOG_LINE_BYTES && line[bytes - 1] == '\n');
    for (size_t i = 0; i + 1 < bytes; i++)
        CLAIM((unsigned char)line[i] >= ' ' && line[i] != 0x7f);
}

static size_t split(char *text, char **envp)
{
    size_t count = 0;
    for (char *line = strtok(text, "\n"); line && count < MOST; line = strtok(NULL, "\n"))
        envp[count++] = line;
    envp[count] = NULL;
    return count;
}

// Whatever was written, what is in force makes sense.
static void check_ranges(void)
{
    CLAIM(options.gogc == -1 || (options.gogc >= 1 && options.gogc <= 100000));
    CLAIM(options.stack_frames >= 1 && options.stack_frames <= 255);
    CLAIM(options.exit_code >= 0 && options.exit_code <= 255);
    CLAIM(options.scan_align == 1 || options.scan_align == 4 || options.scan_align == 8);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static struct options before;
    static bool known;
    char *text = malloc(size + 1), *envp[MOST + 1], path[64];
    if (!known)
        before = options;
    known = true;
    options = before;
    log_writer = check_line;
    memcpy(text, data, size);
    text[size] = 0;
    lines = 0;
    size_t count = split(text, envp);
    options_init(envp, false);
    CLAIM(lines <= count);
    check_ranges();
    for (size_t i = 0; i < count; i++)
        if (strchr(envp[i], '%') && options_expand_path(envp[i], path, sizeof path))
            CLAIM(memchr(path, 0, sizeof path));
    free(text); // options_init keeps no pointer into it
    return 0;
}
