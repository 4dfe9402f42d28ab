#include "base/log.h"

#include "sys/syscall.h"

#include <errno.h>
#include <signal.h>

#include <signal.h>
#include <stdbool.h>
#include <string.h>

// What is being formatted: the text so far, and what one directive asks for.
struct output {
    char *at;
    char *end;
    size_t needed;
};

struct directive {
    int width;
    int precision;
    bool zero;
    bool is_long;
};

static void put(struct output *out, char c)
{
    if (out->at < out->end)
        *out->at++ = c;
    out->needed++;
}

static void put_padded(struct output *out, const char *text, size_t bytes, const struct directive *d)
{
    for (int i = (int)bytes; i < d->width; i++)
        put(out, d->zero ? '0' : ' ');
    for (size_t i = 0; i < bytes; i++)
        put(out, text[i]);
}

static void put_number(struct output *out, unsigned long value, bool negative, unsigned base,
                       const struct directive *d)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    struct directive rest = *d;
    if (negative && d->zero) { // the sign goes before the zeros
        put(out, '-');
        rest.width--;
    } else if (negative) {
        digits[--at] = '-';
    }
    put_padded(out, digits + at, sizeof digits - at, &rest);
}

static void put_fixed(struct output *out, double value, const struct directive *d)
{
    unsigned long scale = 1;
    struct directive fraction = {.width = d->precision, .zero = true};
    for (int i = 0; i < d->precision; i++)
        scale *= 10;
    if (!(value > 0)) // also not a number
        value = 0;
    unsigned long scaled = (unsigned long)(value * (double)scale + 0.5);
    put_number(out, scaled / scale, false, 10, &(struct directive){0});
    if (d->precision) {
        put(out, '.');
        put_number(out, scaled % scale, false, 10, &fraction);
    }
}

static void put_signed(struct output *out, long value, const struct directive *d)
{
    put_number(out, value < 0 ? 0UL - (unsigned long)value : (unsigned long)value, value < 0, 10, d);
}

static const char *parse(const char *f, struct directive *d)
{
    *d = (struct directive){.precision = 6};
    if (*f == '0') {
        d->zero = true;
        f++;
    }
    while (*f >= '0' && *f <= '9')
        d->width = d->width * 10 + (*f++ - '0');
    if (*f == '.')
        for (d->precision = 0, f++; *f >= '0' && *f <= '9'; f++)
            d->precision = d->precision * 10 + (*f - '0');
    for (; *f == 'l' || *f == 'z'; f++)
        d->is_long = true;
    return f;
}

size_t format_text_v(char *buffer, size_t bytes, const char *format, va_list args)
{
    struct output out = {buffer, bytes ? buffer + bytes - 1 : buffer, 0};
    for (const char *f = format; *f; f++) {
        struct directive d;
        const char *text;
        if (*f != '%') {
            put(&out, *f);
            continue;
        }
        f = parse(f + 1, &d);
        switch (*f) {
        case 's':
            text = va_arg(args, const char *);
            text = text ? text : "(null)";
            put_padded(&out, text, strlen(text), &d);
            break;
        case 'c': put(&out, (char)va_arg(args, int)); break;
        case 'd': put_signed(&out, d.is_long ? va_arg(args, long) : va_arg(args, int), &d); break;
        case 'u':
            put_number(&out, d.is_long ? va_arg(args, unsigned long) : va_arg(args, unsigned), false, 10, &d);
            break;
        case 'x':
            put_number(&out, d.is_long ? va_arg(args, unsigned long) : va_arg(args, unsigned), false, 16, &d);
            break;
        case 'p':
            put(&out, '0');
            put(&out, 'x');
            put_number(&out, (unsigned long)va_arg(args, void *), false, 16, &d);
            break;
        case 'f': put_fixed(&out, va_arg(args, double), &d); break;
        default: put(&out, *f);
        }
    }
    if (bytes)
        *out.at = 0;
    return out.needed;
}

size_t format_text(char *buffer, size_t bytes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t needed = format_text_v(buffer, bytes, format, args);
    va_end(args);
    return needed;
}

// A line of ours into a pipe without a reader, or a file at RLIMIT_FSIZE (OpenSSH sets 0), would end the program by a signal:
// it is blocked, and taken when the write brought it.
void log_to_stderr(const char *line, size_t bytes)
{
    const uint64_t fatal_signals = sys_sigbit(SIGPIPE) | sys_sigbit(SIGXFSZ);
    const struct timespec at_once = {0};
    uint64_t old;
    sys_sigprocmask(SIG_BLOCK, &fatal_signals, &old);
    ssize_t written = sys_write(2, line, bytes);
    uint64_t brought = written == -EPIPE ? sys_sigbit(SIGPIPE) : written == -EFBIG ? sys_sigbit(SIGXFSZ) : 0;
    if (brought & ~old)
        sys_call(SYS_rt_sigtimedwait, (long)&brought, 0, (long)&at_once, sizeof brought, 0, 0);
    sys_sigprocmask(SIG_SETMASK, &old, NULL);
}

void (*log_writer)(const char *line, size_t bytes) = log_to_stderr;

static void emit(bool prefixed, const char *format, va_list args)
{
    char line[LOG_LINE_BYTES];
    size_t at = prefixed ? format_text(line, sizeof line, "gcpre[%d]: ", sys_getpid()) : 0;
    at += format_text_v(line + at, sizeof line - at - 1, format, args);
    if (at > sizeof line - 2)
        at = sizeof line - 2;
    line[at++] = '\n';
    log_writer(line, at);
}

void log_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(true, format, args);
    va_end(args);
}

void log_line_v(const char *format, va_list args) { emit(true, format, args); }

void log_raw(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(false, format, args);
    va_end(args);
}

void fatal(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(true, format, args);
    va_end(args);
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } by_default = {0};
    uint64_t open = sys_sigbit(SIGABRT);
    sys_sigaction(SIGABRT, &by_default, NULL);
    sys_sigprocmask(SIG_UNBLOCK, &open, NULL);
    sys_tgkill(sys_getpid(), sys_gettid(), SIGABRT);
    sys_exit_group(134);
}
