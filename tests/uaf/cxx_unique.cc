// A plain pointer to what a unique_ptr owns outlives the owner.
#include "uaf.h"
#include <memory>
#include <vector>

struct Account {
    long balance = 5;
    char owner[70] = "alice";
};

static Account *cached[THREADS];

static void *take_new(size_t size) { return memset(new char[size], 0, size); }

static bool scene(struct scene *s)
{
    const long balance = 1000000;
    std::vector<std::unique_ptr<Account>> accounts;
    begin(s, sizeof(Account), take_new);
    accounts.push_back(std::make_unique<Account>());
    cached[s->number] = accounts[0].get();
    watch(s, cached[s->number]);
    accounts.clear();
    groom(s, &balance, sizeof balance);
    return cached[s->number]->balance == balance;
}
