/* A module for redis-server with a mistake often made: GREET answers with a text that it never frees.
 *
 *     GREET world   ->   "hello, world: it will be a fine day"
 *
 * Debian ships no redismodule.h, so the five functions used are declared here; redis hands them out by name, through
 * the function that every module finds in the first word of its context.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, ERR = 1, API_VERSION = 1, MODULE_VERSION = 1, TEXT_BYTES = 256 };

struct context;
struct text;
typedef int command_function(struct context *ctx, struct text **argv, int argc);

static int (*create_command)(struct context *, const char *name, command_function *, const char *flags, int,
                             int, int);
static void (*set_module)(struct context *, const char *name, int version, int api);
static const char *(*text_bytes)(const struct text *, size_t *length);
static int (*reply_with)(struct context *, const char *bytes, size_t length);
static int (*wrong_arity)(struct context *);

static char *greeting(const char *name, size_t length)
{
    char *text = malloc(TEXT_BYTES);
    if (text)
        snprintf(text, TEXT_BYTES, "hello, %.*s: %s", (int)length, name, "it will be a fine day");
    return text;
}

static int greet(struct context *ctx, struct text **argv, int argc)
{
    if (argc != 2)
        return wrong_arity(ctx);
    size_t length;
    const char *name = text_bytes(argv[1], &length);
    char *text = greeting(name, length);
    if (!text)
        return ERR;
    return reply_with(ctx, text, strlen(text)); /* redis copies it, and the block is lost */
}

int RedisModule_OnLoad(struct context *ctx, struct text **argv, int argc);

int RedisModule_OnLoad(struct context *ctx, struct text **argv, int argc)
{
    (void)argv, (void)argc;
    int (*get_function)(const char *name, void *function) = *(int (**)(const char *, void *))ctx;
    get_function("RedisModule_CreateCommand", &create_command);
    get_function("RedisModule_SetModuleAttribs", &set_module);
    get_function("RedisModule_StringPtrLen", &text_bytes);
    get_function("RedisModule_ReplyWithStringBuffer", &reply_with);
    get_function("RedisModule_WrongArity", &wrong_arity);
    set_module(ctx, "greet", MODULE_VERSION, API_VERSION);
    return create_command(ctx, "greet", greet, "readonly fast", 0, 0, 0) == OK ? OK : ERR;
}
