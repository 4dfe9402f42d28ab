// The C library's own heap buffers: stdio in all its forms, directories, the resolver, the password file, pipes to programs.
#include "cold.h"
#include <dirent.h>
#include <glob.h>
#include <netdb.h>
#include <pwd.h>

enum { LINES = 400 };

static void c_fgets(void)
{
    FILE *file = fopen("lines", "r");
    char line[100], expected[100];
    for (int i = 0; i < LINES; i++) {
        snprintf(expected, sizeof expected, "line %d of the file\n", i);
        CHECK(fgets(line, sizeof line, file) && strcmp(line, expected) == 0, "line %d is %s", i, line);
    }
    fclose(file);
}
static void c_getline(void)
{
    FILE *file = fopen("lines", "r");
    char *line = NULL;
    size_t size = 0, count = 0;
    while (getline(&line, &size, file) > 0) count++;
    CHECK(count == LINES && !ferror(file));
    free(line), fclose(file);
}
static void c_fscanf(void)
{
    FILE *file = fopen("lines", "r");
    for (int i = 0, n; i < LINES; i++) CHECK(fscanf(file, "line %d of the file ", &n) == 1 && n == i);
    rewind(file);
    char *words = NULL;
    CHECK(fscanf(file, "%m[^\n]", &words) == 1 && strcmp(words, "line 0 of the file") == 0);
    free(words), fclose(file);
}
static void c_fread(void)
{
    FILE *file = fopen("lines", "r");
    char *b = cold();
    CHECK(setvbuf(file, cold(), _IOFBF, 700) == 0 && fread(b, 1, 3000, file) == 3000 && memcmp(b, "line 0", 6) == 0);
    fclose(file);
}
static void c_fwrite(void)
{
    FILE *file = tmpfile();
    char line[40];
    for (int i = 0; i < 300; i++) fprintf(file, "%d %s\n", i, "written");
    rewind(file);
    for (int i = 0, n; i < 300; i++) CHECK(fgets(line, sizeof line, file) && sscanf(line, "%d", &n) == 1 && n == i);
    fclose(file);
}
static void c_popen(void)
{
    FILE *file = popen("echo one; echo two", "r");
    char line[10] = "";
    CHECK(file && fgets(line, 10, file) && strcmp(line, "one\n") == 0 && fgets(line, 10, file) && strcmp(line, "two\n") == 0);
    CHECK(pclose(file) == 0);
}
static void c_opendir(void)
{
    DIR *dir = opendir("many");
    int count = 0;
    for (struct dirent *e; (e = readdir(dir));) count += e->d_name[0] == 'f';
    CHECK(count == 300, "%d entries", count);
    closedir(dir);
}
static void c_scandir(void)
{
    struct dirent **list;
    int count = scandir("many", &list, NULL, alphasort);
    CHECK(count == 302 && strcmp(list[2]->d_name, "f000") == 0);
    for (int i = 0; i < count; i++) free(list[i]);
    free(list);
}
static void c_glob(void)
{
    glob_t found;
    CHECK(glob("many/f1*", 0, NULL, &found) == 0 && found.gl_pathc == 100 && strcmp(found.gl_pathv[99], "many/f199") == 0);
    globfree(&found);
}
static void c_getaddrinfo(void)
{
    struct addrinfo *list = NULL, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    int error = getaddrinfo("localhost", "80", &hints, &list); // reads a hosts file, if there is one
    CHECK(error == EAI_NONAME || error == EAI_AGAIN || (error == 0 && list->ai_family == AF_INET), "%s", gai_strerror(error));
    if (list) freeaddrinfo(list);
}
static void c_getpwnam(void)
{
    struct passwd *user = getpwnam("root");
    CHECK(user && user->pw_uid == 0);
    struct passwd *entry = cold(), *result;
    CHECK(getpwuid_r(0, entry, cold(), 4096, &result) == 0 && result && strcmp(result->pw_name, "root") == 0);
}
static void c_allocated_results(void)
{
    char *cwd = getcwd(NULL, 0), *path = realpath("lines", NULL), *text = NULL;
    size_t size;
    CHECK(cwd && path && strncmp(cwd, path, strlen(cwd)) == 0);
    FILE *memory = open_memstream(&text, &size);
    for (int i = 0; i < 1000; i++) fputs("0123456789", memory);
    CHECK(fclose(memory) == 0 && size == 10000 && memcmp(text + 9990, "0123456789", 10) == 0);
    free(cwd), free(path), free(text);
}

static const struct cold_call calls[] = {
    COLD(fgets), COLD(getline), COLD(fscanf), COLD(fread), COLD(fwrite), COLD(popen), COLD(opendir), COLD(scandir), COLD(glob),
    COLD(getaddrinfo), COLD(getpwnam), COLD(allocated_results),
};

int main(void)
{
    FILE *file = fopen("lines", "w");
    for (int i = 0; i < LINES; i++) fprintf(file, "line %d of the file\n", i);
    fclose(file);
    CHECK(system("mkdir many && cd many && touch $(seq -f 'f%03g' 0 299)") == 0);
    cold_run(calls, COUNT(calls));
}
