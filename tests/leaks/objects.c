// Objects of programs: handles that are closed by halves, counts of references, pools, arenas, observers, string builders.

#include "leaks.h"

struct file {
    char *name, *buffer;
    long position;
};

static OPAQUE struct file *open_file(const char *name)
{
    struct file *file = malloc(sizeof *file); // alloc: open_file
    file->name = strdup(name);                // alloc: open_file.name
    file->buffer = malloc(3000);              // alloc: open_file.buffer
    file->position = 0;
    return file;
}

static OPAQUE void close_file(struct file *file, bool leak)
{
    free(file->name);
    if (!leak)
        free(file->buffer);
    free(file);
}

// case: closed_by_half  direct 4 12000 open_file.buffer
static OPAQUE void closed_by_half(bool leak)
{
    for (int i = 0; i < 4; i++) {
        struct file *file = open_file("example");
        file->position = snprintf(file->buffer, 3000, "contents %d", i);
        printf("%ld\n", file->position);
        close_file(file, leak);
    }
}

// case: never_closed  direct 2 48 open_file  indirect 2 16 open_file.name  indirect 2 6000 open_file.buffer
static OPAQUE void never_closed(bool leak)
{
    struct file *one = open_file("example"), *two = open_file("another");
    printf("%s %s\n", one->name, two->name);
    if (!leak) {
        close_file(one, false);
        close_file(two, false);
    }
}

struct counted {
    int references;
    char *data;
};

static OPAQUE struct counted *make_counted(void)
{
    struct counted *object = malloc(sizeof *object); // alloc: make_counted
    object->references = 1;
    object->data = calloc(1, 500); // alloc: make_counted.data
    return object;
}

static OPAQUE void release(struct counted *object)
{
    if (--object->references > 0)
        return;
    free(object->data);
    free(object);
}

// One reference is taken too many, so that the last release is not the last.
// case: one_reference_too_many  direct 1 16 make_counted  indirect 1 500 make_counted.data
static OPAQUE void one_reference_too_many(bool leak)
{
    struct counted *object = make_counted();
    object->references += leak ? 2 : 1;
    release(object);
    release(object);
}

struct chunk {
    struct chunk *before;
    size_t used;
    char bytes[1000];
};

static struct chunk *arena;

static OPAQUE void *allocate(size_t bytes)
{
    if (!arena || arena->used + bytes > sizeof arena->bytes) {
        struct chunk *chunk = malloc(sizeof *chunk); // alloc: allocate
        chunk->before = arena;
        chunk->used = 0;
        arena = chunk;
    }
    arena->used += bytes;
    return arena->bytes + arena->used - bytes;
}

static OPAQUE void free_arena(bool leak)
{
    for (struct chunk *before; arena; arena = before) {
        before = leak ? NULL : arena->before;
        free(arena);
    }
}

// The program's own allocator frees its last chunk only.
// case: chunks_of_an_arena  direct 1 1016 allocate  indirect 3 3048 allocate
static OPAQUE void chunks_of_an_arena(bool leak)
{
    used(&arena);
    for (int i = 0; i < 50; i++)
        memset(allocate(96), i, 96);
    free_arena(leak);
    puts("freed");
}

// Objects in the arena own blocks outside; who frees the arena forgets them. Clean: the arena is kept, through its middle.
// case: owners_in_an_arena  direct 10 300 equip
static OPAQUE void equip(char **owner)
{
    *owner = malloc(30); // alloc: equip
    strcpy(*owner, "equipment");
}

static OPAQUE void owners_in_an_arena(bool leak)
{
    used(&arena);
    for (int i = 0; i < 10; i++)
        equip(allocate(96));
    if (leak)
        free_arena(false);
}

struct observer {
    void (*notify)(struct observer *observer, const char *what);
    struct observer *next;
    char *last;
};

static struct observer *observers;

static OPAQUE void note(struct observer *observer, const char *what)
{
    observer->last = strdup(what); // alloc: note
}

static OPAQUE void observe(void)
{
    struct observer *observer = malloc(sizeof *observer); // alloc: observe
    *observer = (struct observer){note, observers, NULL};
    observers = observer;
}

static OPAQUE void publish(const char *what, bool leak)
{
    for (struct observer *o = observers; o; o = o->next) {
        if (!leak)
            free(o->last);
        o->notify(o, what);
    }
}

// Each event replaces what the observer noted of the one before.
// case: events_noted  direct 6 32 note
static OPAQUE void events_noted(bool leak)
{
    used(&observers);
    observe();
    observe();
    publish("start", leak);
    publish("run", leak);
    publish("pause", leak);
    publish("stop", leak);
    puts(observers->last);
}

// Unregistered, but not freed.
// case: observer_unregistered  direct 1 24 observe  indirect 1 6 note
static OPAQUE void observer_unregistered(bool leak)
{
    used(&observers);
    observe();
    observe();
    publish("start", false);
    struct observer *leaving = observers;
    observers = leaving->next;
    leaving->next = NULL;
    puts(leaving->last);
    if (!leak) {
        free(leaving->last);
        free(leaving);
    }
}

// The text is grown by copying: each step forgets the text before.
// case: text_grown_by_copies  direct 5 30 join
static OPAQUE char *join(const char *text, char letter)
{
    size_t length = strlen(text);
    char *longer = malloc(length + 2); // alloc: join
    memcpy(longer, text, length);
    longer[length] = letter;
    longer[length + 1] = 0;
    return longer;
}

static char *built;

static OPAQUE void text_grown_by_copies(bool leak)
{
    built = join("ab", 'c');
    used(&built);
    for (char letter = 'd'; letter < 'i'; letter++) {
        char *before = built;
        built = join(before, letter);
        if (!leak)
            free(before);
    }
    puts(built);
}

static const struct leak_case cases[] = {
    {"closed_by_half", closed_by_half},
    {"never_closed", never_closed},
    {"one_reference_too_many", one_reference_too_many},
    {"chunks_of_an_arena", chunks_of_an_arena},
    {"owners_in_an_arena", owners_in_an_arena},
    {"events_noted", events_noted},
    {"observer_unregistered", observer_unregistered},
    {"text_grown_by_copies", text_grown_by_copies},
    {NULL, NULL},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
