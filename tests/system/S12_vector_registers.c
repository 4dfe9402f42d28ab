// Another thread holds the only pointer in one vector, mask or MMX register while we collect.
#include "check.h"

struct cell {
    uint64_t lanes[8];
    int ready, go;
} __attribute__((aligned(64)));

/* Loads 64 bytes, wipes them, waits, stores them back: between there is the register only. */
#define HOLDER(name, load, store)                                                                                      \
    static void name(struct cell *cell)                                                                                \
    {                                                                                                                  \
        __asm__ volatile(load "\n\t.irp o,0,8,16,24,32,40,48,56\n\tmovq $0,\\o(%0)\n\t.endr\n\t"                        \
                         "movl $1,64(%0)\n1:\tpause\n\tcmpl $0,68(%0)\n\tje 1b\n\t" store                              \
                         ::"r"(cell) : "memory", "cc", "xmm0", "xmm5", "xmm15", "st");                                 \
    }
HOLDER(in_xmm0, "movdqu (%0),%%xmm0", "movdqu %%xmm0,(%0)")
HOLDER(in_xmm15, "movdqu (%0),%%xmm15", "movdqu %%xmm15,(%0)")
HOLDER(in_ymm5, "vmovdqu (%0),%%ymm5", "vmovdqu %%ymm5,(%0)\n\tvzeroupper")
HOLDER(in_ymm15, "vmovdqu (%0),%%ymm15", "vmovdqu %%ymm15,(%0)\n\tvzeroupper")
HOLDER(in_zmm0, "vmovdqu64 (%0),%%zmm0", "vmovdqu64 %%zmm0,(%0)\n\tvzeroupper")
HOLDER(in_zmm17, "vmovdqu64 (%0),%%zmm17", "vmovdqu64 %%zmm17,(%0)\n\tvpxorq %%zmm17,%%zmm17,%%zmm17")
HOLDER(in_zmm31, "vmovdqu64 (%0),%%zmm31", "vmovdqu64 %%zmm31,(%0)\n\tvpxorq %%zmm31,%%zmm31,%%zmm31")
HOLDER(in_k3, "kmovq (%0),%%k3", "kmovq %%k3,(%0)\n\tkxorq %%k3,%%k3,%%k3")
HOLDER(in_mm2, "movq (%0),%%mm2", "movq %%mm2,(%0)\n\tpxor %%mm2,%%mm2\n\temms")

static const struct {
    const char *name, *needs;
    void (*hold)(struct cell *);
    int lane;
} places[] = {
    {"xmm0", "", in_xmm0, 0}, {"xmm0 high", "", in_xmm0, 1}, {"xmm15", "", in_xmm15, 0}, {"ymm5 high", "avx", in_ymm5, 2},
    {"ymm15 high", "avx", in_ymm15, 3}, {"zmm0 high", "avx512", in_zmm0, 4}, {"zmm0 top", "avx512", in_zmm0, 7},
    {"zmm17", "avx512", in_zmm17, 0}, {"zmm17 top", "avx512", in_zmm17, 7}, {"zmm31 high", "avx512", in_zmm31, 4},
    {"zmm31 top", "avx512", in_zmm31, 7}, {"k3", "avx512", in_k3, 0}, {"mm2", "", in_mm2, 0},
};
static struct cell cells[COUNT(places)];

static void *body(void *index)
{
    places[(size_t)index].hold(&cells[(size_t)index]);
    return NULL;
}

static bool has(const char *needs)
{
    return !*needs || (strcmp(needs, "avx") == 0 ? __builtin_cpu_supports("avx") : __builtin_cpu_supports("avx512bw"));
}

NOINLINE static void fill(size_t i) { cells[i].lanes[places[i].lane] = (uintptr_t)herd_add(&held, (char *)malloc(120), 120); }

static void try_place(size_t i)
{
    if (!has(places[i].needs)) return;
    fill(i);
    hidden block = held.at[held.count - 1];
    pthread_t thread = start(body, (void *)i);
    WAIT_UNTIL(GET(cells[i].ready));
    drop_and_collect();
    CHECK(is_allocated(block), "only in %s: reclaimed", places[i].name);
    CHECK(is_whole(block, 120), "only in %s: overwritten", places[i].name);
    SET(cells[i].go, 1);
    join(thread);
    CHECK(cells[i].lanes[places[i].lane] == ~block, "%s was changed", places[i].name);
    cells[i].lanes[places[i].lane] = 0;
}

int main(void)
{
    herd_lose(&lost, 1000, RARE_SIZE);
    for (int round = 0; round < 2; round++, memset(cells, 0, sizeof cells))
        for (size_t i = 0; i < COUNT(places); i++) try_place(i);
    drop_and_collect();
    herd_check_gone(&lost);
    herd_check_gone(&held);
}
