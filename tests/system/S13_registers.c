// Another thread holds the only pointer in one general register, or in its red zone, while we collect.
// cflags: -mno-red-zone
#include "check.h"

struct cell {
    uint64_t word;
    int ready, go;
};

/* Moves the word to its place, wipes the cell, waits, moves it back. rdi is the cell. */
#define HOLDER(name, take, give, ...)                                                                                  \
    static void name(struct cell *cell)                                                                                \
    {                                                                                                                  \
        __asm__ volatile(take "\n\tmovq $0,(%%rdi)\n\tmovl $1,8(%%rdi)\n1:\tpause\n\tcmpl $0,12(%%rdi)\n\tje 1b\n\t" give \
                         ::"D"(cell) : "memory", "cc", ##__VA_ARGS__);                                                 \
    }
#define IN_REGISTER(r) HOLDER(in_##r, "movq (%%rdi),%%" #r, "movq %%" #r ",(%%rdi)\n\txor %%" #r ",%%" #r, #r)
IN_REGISTER(rax) IN_REGISTER(rbx) IN_REGISTER(rcx) IN_REGISTER(rdx) IN_REGISTER(rsi) IN_REGISTER(r8) IN_REGISTER(r9)
IN_REGISTER(r10) IN_REGISTER(r11) IN_REGISTER(r12) IN_REGISTER(r13) IN_REGISTER(r14) IN_REGISTER(r15)
HOLDER(in_rbp, "pushq %%rbp\n\tmovq (%%rdi),%%rbp", "movq %%rbp,(%%rdi)\n\tpopq %%rbp")
#define IN_RED_ZONE(offset)                                                                                            \
    HOLDER(in_red_zone_##offset, "movq (%%rdi),%%rax\n\tmovq %%rax,-" #offset "(%%rsp)\n\txor %%eax,%%eax",             \
           "movq -" #offset "(%%rsp),%%rax\n\tmovq %%rax,(%%rdi)\n\tmovq $0,-" #offset "(%%rsp)\n\txor %%eax,%%eax", "rax")
IN_RED_ZONE(8) IN_RED_ZONE(64) IN_RED_ZONE(128)

#define PLACE(name) {#name, name}
static const struct {
    const char *name;
    void (*hold)(struct cell *);
} places[] = {
    PLACE(in_rax), PLACE(in_rbx), PLACE(in_rcx), PLACE(in_rdx), PLACE(in_rsi), PLACE(in_r8), PLACE(in_r9), PLACE(in_r10),
    PLACE(in_r11), PLACE(in_r12), PLACE(in_r13), PLACE(in_r14), PLACE(in_r15), PLACE(in_rbp),
    PLACE(in_red_zone_8), PLACE(in_red_zone_64), PLACE(in_red_zone_128),
};
static struct cell cells[COUNT(places)];

static void *body(void *index)
{
    places[(size_t)index].hold(&cells[(size_t)index]);
    return NULL;
}

NOINLINE static void fill(size_t i) { cells[i].word = (uintptr_t)herd_add(&held, (char *)malloc(120), 120); }

static void try_place(size_t i)
{
    fill(i);
    hidden block = held.at[held.count - 1];
    pthread_t thread = start(body, (void *)i);
    WAIT_UNTIL(GET(cells[i].ready));
    drop_and_collect();
    CHECK(is_allocated(block), "only %s: reclaimed", places[i].name);
    CHECK(is_whole(block, 120), "only %s: overwritten", places[i].name);
    SET(cells[i].go, 1);
    join(thread);
    CHECK(cells[i].word == ~block, "%s was changed", places[i].name);
    cells[i].word = 0;
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
