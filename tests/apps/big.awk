# A large C program, always the same: structs, switches, loops, floating point, strings. Variable: functions
function random(n) { seed = (seed * 16807) % 2147483647; return seed % n }
function pick(list,    parts, n) { n = split(list, parts, " "); return parts[1 + random(n)] }
BEGIN {
    seed = 4711
    print "#include <stdio.h>\n#include <string.h>\n#include <stdint.h>"
    for (s = 0; s < 20; s++)
        printf "struct s%d { int32_t a[%d]; double d; char name[%d]; struct s%d *next; uint64_t bits : %d; };\n", s, 1 + random(9), 4 + random(60), s, 1 + random(60)
    for (f = 0; f < functions; f++) {
        s = random(20)
        printf "/* %d */\n__attribute__((noinline)) static uint64_t f%d(uint64_t x, struct s%d *p, double d)\n{\n", f, f, s
        printf "    static const char *const names[] = {"
        for (i = 0; i <= random(8); i++) printf " \"name-%d-%d\",", f, random(1000)
        printf " };\n    uint64_t y = x ^ %dU, z = sizeof names / sizeof *names;\n", random(100000)
        for (i = 0; i < 4 + random(6); i++) {
            kind = random(6)
            if (kind == 0) printf "    for (int i = 0; i < %d; i++) { y += (x >> (i %% 13)) * %d; if (y %% %d == 3) y ^= z++; }\n", 3 + random(40), 1 + random(99), 2 + random(30)
            if (kind == 1) {
                printf "    switch (y %% %d) {\n", 5 + random(20)
                for (c = 0; c < 4 + random(9); c++) printf "    case %d: y = y %s %dU; %s;\n", c, pick("+ - * ^ | &"), 1 + random(9999), pick("break z++ p->d+=1.5 break")
                print "    default: z += y; }"
            }
            if (kind == 2) printf "    d = d * %d.%d + (double)(y %% 1000) / %d; p->d += d; z += (uint64_t)(int64_t)(d < 1e9 && d > -1e9 ? d : 0);\n", random(5), random(1000), 1 + random(70)
            if (kind == 3) printf "    p->a[0] ^= (int32_t)y; p->bits += z; memset(p->name, (int)(y & 63) + 32, sizeof p->name - 1); z += strlen(p->name);\n"
            if (kind == 4) printf "    { uint64_t t[%d]; for (unsigned i = 0; i < sizeof t / sizeof *t; i++) t[i] = y * i + z; for (unsigned i = 1; i < sizeof t / sizeof *t; i++) z ^= t[i] - t[i - 1]; }\n", 2 + random(30)
            if (kind == 5) printf "    z += (uint64_t)names[y %% (sizeof names / sizeof *names)][%d] * %d;\n", random(6), 1 + random(50)
        }
        if (f) { g = random(f); printf "    if (y & %d) { struct s%d q; memset(&q, 0, sizeof q); z += f%d(y >> 7, &q, d) & 0xffff; }\n", 1 + random(7), owner[g], g }
        owner[f] = s
        print "    return y * 31 + z;\n}"
    }
    print "int main(void)\n{\n    uint64_t sum = 0;"
    for (f = 0; f < functions; f++) printf "    { struct s%d q; memset(&q, 0, sizeof q); sum = sum * 131 + f%d(sum & 0xff, &q, %d.5); }\n", owner[f], f, random(9)
    print "    printf(\"%016llx\\n\", (unsigned long long)sum);\n    return 0;\n}"
}
