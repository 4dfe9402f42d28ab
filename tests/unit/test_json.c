// leak/json.h: every line is one object by RFC 8259, whatever the texts in it are.
#include "leak/json.h"

#include "unit.h"
#include "upcalls.h"

#include <stdio.h>
#include <string.h>

static char said[1 << 20];
static unsigned lines;

static void keep(const char *line, size_t bytes)
{
    ck_assert_uint_lt(bytes, sizeof said);
    memcpy(said, line, bytes);
    said[bytes] = 0;
    lines++;
}

static const struct {
    const char *text, *as;
} texts[] = {
    {"", ""},
    {"plain", "plain"},
    {"\"", "\\\""},
    {"\\", "\\\\"},
    {"\\u0041", "\\\\u0041"},
    {"a\nb\tc\001\033\x7f", "a\\u000ab\\u0009c\\u0001\\u001b\\u007f"},
    {"/", "/"},
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
     "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"}, // of two, three, four bytes
    {"\xef\xbf\xbd\xf4\x8f\xbf\xbf\xed\x9f\xbf", "\xef\xbf\xbd\xf4\x8f\xbf\xbf\xed\x9f\xbf"},
    {"\xe9t\xe9", "\\u00e9t\\u00e9"}, // Latin-1
    {"\x80\xbf", "\\u0080\\u00bf"},   // no beginning
    {"\xc0\xaf", "\\u00c0\\u00af"},   // not the shortest form
    {"\xc1\xbf", "\\u00c1\\u00bf"},
    {"\xe0\x9f\xbf", "\\u00e0\\u009f\\u00bf"},
    {"\xf0\x8f\xbf\xbf", "\\u00f0\\u008f\\u00bf\\u00bf"},
    {"\xed\xa0\x80", "\\u00ed\\u00a0\\u0080"},            // a surrogate
    {"\xf4\x90\x80\x80", "\\u00f4\\u0090\\u0080\\u0080"}, // beyond the last
    {"\xf5\x80\x80\x80\xff", "\\u00f5\\u0080\\u0080\\u0080\\u00ff"},
    {"\xc3", "\\u00c3"}, // cut off
    {"\xe2\x82", "\\u00e2\\u0082"},
    {"\xf0\x9f\x98", "\\u00f0\\u009f\\u0098"},
    {"\xc3\"", "\\u00c3\\\""},
    {"\xe2\x82\xc3\xa9", "\\u00e2\\u0082\xc3\xa9"},
};

START_TEST(texts_are_escaped)
{
    char expected[200];
    json_begin("x");
    json_string("text", texts[_i].text);
    ck_assert(json_end(keep));
    snprintf(expected, sizeof expected, "{\"type\":\"x\",\"text\":\"%s\"}\n", texts[_i].as);
    ck_assert_str_eq(said, expected);
}
END_TEST

// RFC 4648, section 10.
START_TEST(bytes_in_base64)
{
    static const char *const whole = "foobar";
    static const char *const as[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    char expected[100];
    json_begin("x");
    json_base64("data", (const unsigned char *)whole, (size_t)_i);
    ck_assert(json_end(keep));
    snprintf(expected, sizeof expected, "{\"type\":\"x\",\"data\":\"%s\"}\n", as[_i]);
    ck_assert_str_eq(said, expected);
    json_begin("x");
    json_base64("data", (const unsigned char *)"\xfb\xff\xfe", 3);
    ck_assert(json_end(keep));
    ck_assert_str_eq(said, "{\"type\":\"x\",\"data\":\"+//+\"}\n");
}
END_TEST

START_TEST(everything_has_its_commas)
{
    json_begin("all");
    json_number("n", UINT64_MAX);
    json_hex("h", 0x1f);
    json_bytes("b", (const unsigned char *)"\0\xff", 2);
    json_bool("t", true);
    json_open("list", '[');
    json_element("a");
    json_element("b");
    json_open(NULL, '{');
    json_bool("f", false);
    json_close('}');
    json_open(NULL, '[');
    json_close(']');
    json_close(']');
    json_number("last", 0);
    ck_assert(json_end(keep));
    ck_assert_str_eq(said,
                     "{\"type\":\"all\",\"n\":18446744073709551615,\"h\":\"0x1f\",\"b\":\"00ff\",\"t\":true,"
                     "\"list\":[\"a\",\"b\",{\"f\":false},[]],\"last\":0}\n");
}
END_TEST

START_TEST(a_line_that_is_too_long_is_left_out)
{
    static char text[300 * 1024];
    memset(text, 'x', sizeof text - 1);
    json_begin("long");
    json_string("text", text);
    ck_assert(!json_end(keep));
    ck_assert_uint_eq(lines, 0);
    text[200 * 1024] = 0;
    json_begin("long");
    json_string("text", text);
    ck_assert(json_end(keep));
    ck_assert_uint_eq(lines, 1);
    ck_assert_uint_eq(strlen(said), strlen(text) + strlen("{\"type\":\"long\",\"text\":\"\"}\n"));
}
END_TEST

START_TEST(objects_are_signed)
{
    json_sign(4711);
    json_begin("x");
    json_bool("yes", true);
    ck_assert(json_end(keep));
    ck_assert_str_eq(said, "{\"type\":\"x\",\"pid\":4711,\"yes\":true}\n");
    json_sign(0);
    json_begin("x");
    ck_assert(json_end(keep));
    ck_assert_str_eq(said, "{\"type\":\"x\"}\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *tcase = tcase_create("json");
    tcase_add_test(tcase, objects_are_signed);
    tcase_add_loop_test(tcase, texts_are_escaped, 0, sizeof texts / sizeof texts[0]);
    tcase_add_test(tcase, everything_has_its_commas);
    tcase_add_loop_test(tcase, bytes_in_base64, 0, 7);
    tcase_add_test(tcase, a_line_that_is_too_long_is_left_out);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
