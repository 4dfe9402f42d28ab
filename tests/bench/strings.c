/* strings: text put together from strings that are never changed. Words are joined one by one to a
 * line, the line is put into capitals and turned round, and the last lines are kept. Each kept
 * line must still have the sum of letters that was computed without memory. */
#include "heap.h"
#include <ctype.h>

enum { WORDS_MAX = 24, WORD_MAX = 12, KEPT = 20000 };

struct line { char *text; uint64_t letters; };

static struct line *kept;

static char *string_new(size_t length)
{
    char *s = new_data(length + 1);
    s[length] = '\0';
    return s;
}

static char *word_new(struct rng *rng, uint64_t *letters)
{
    size_t length = rng_between(rng, 1, WORD_MAX);
    char *word = string_new(length);
    for (size_t i = 0; i < length; i++) {
        word[i] = (char)('a' + i + length);
        *letters += toupper(word[i]);
    }
    return word;
}

static char *joined(char *left, char *right)
{
    size_t left_length = strlen(left), right_length = strlen(right);
    char *s = string_new(left_length + 1 + right_length);
    memcpy(s, left, left_length);
    s[left_length] = ' ';
    memcpy(s + left_length + 1, right, right_length);
    drop(left);
    drop(right);
    return s;
}

static char *capitals(char *text)
{
    size_t length = strlen(text);
    char *s = string_new(length);
    for (size_t i = 0; i < length; i++)
        s[i] = (char)toupper(text[i]);
    drop(text);
    return s;
}

static char *turned(char *text)
{
    size_t length = strlen(text);
    char *s = string_new(length);
    for (size_t i = 0; i < length; i++)
        s[i] = text[length - 1 - i];
    drop(text);
    return s;
}

static struct line line_new(struct rng *rng)
{
    struct line line = { 0 };
    line.text = word_new(rng, &line.letters);
    for (uint64_t words = rng_below(rng, WORDS_MAX); words > 0; words--)
        line.text = joined(line.text, word_new(rng, &line.letters));
    line.text = turned(capitals(line.text));
    return line;
}

static uint64_t line_end(struct line *line)
{
    uint64_t letters = 0;
    if (!line->text)
        return 0;
    for (const char *c = line->text; *c; c++)
        letters += *c == ' ' ? 0 : *c;
    if (letters != line->letters)
        fail("a line has letters of %lu instead of %lu", letters, line->letters);
    drop(line->text);
    return letters;
}

int main(int argc, char **argv)
{
    heap_options(argc, argv);
    long lines = scaled(option("lines", 800000, "lines made"));
    heap_begin();

    struct rng rng = { 12 };
    uint64_t sum = 0;
    kept = new_table(KEPT, sizeof *kept);
    for (long i = 0; i < lines; i++) {
        struct line *place = &kept[rng_below(&rng, KEPT)];
        sum = 31 * sum + line_end(place);
        *place = line_new(&rng);
    }
    for (long i = 0; i < KEPT; i++)
        sum = 31 * sum + line_end(&kept[i]);
    drop(kept);
    heap_end();
    result_checksum(sum);
}
