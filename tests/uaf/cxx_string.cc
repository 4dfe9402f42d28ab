// A string_view of a string that is gone.
#include "uaf.h"
#include <string>
#include <string_view>

static void *take_new(size_t size) { return memset(new char[size], 0, size); }

static bool scene(struct scene *s)
{
    begin(s, 61, take_new);
    auto *path = new std::string(60, 'x');
    std::string_view view = *path;
    watch(s, (void *)view.data());
    delete path;
    groom(s, "/etc/shadow", 11);
    return view.substr(0, 11) == "/etc/shadow";
}
