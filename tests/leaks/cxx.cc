// C++: new and new[], containers of plain pointers, what an exception jumps over, released and cyclic smart pointers.

#include "leaks.h"
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

struct Point {
    double x, y, z;
};

struct Named {
    std::string name;
    explicit Named(const char *text) : name(text) {} // alloc: Named
};

// case: new_dropped  direct 1 24 make_point
static OPAQUE Point *make_point(double x)
{
    Point *point = new Point{x, 0, 1}; // alloc: make_point
    used(point);
    return point;
}

static OPAQUE void new_dropped(bool leak)
{
    Point *point = make_point(3);
    printf("%g\n", point->x + point->z);
    if (!leak)
        delete point;
}

// Elements with destructors: their count stands before them, the program's pointer is eight bytes into the block.
// Clean: only such a pointer is kept.
// case: array_with_destructors  direct 1 168 make_array
static Named *names;

static OPAQUE Named *make_array()
{
    Named *made = new Named[5]{Named("a"), Named("b"), Named("c"), Named("d"), Named("e")}; // alloc: make_array
    used(made);
    return made;
}

static OPAQUE void array_with_destructors(bool leak)
{
    names = make_array();
    used(&names);
    puts(names[4].name.c_str());
    if (leak)
        names = nullptr;
}

// The string's characters are too many to lie in the object.
// case: string_in_an_object  direct 1 32 make_named  indirect 1 51 Named
static OPAQUE Named *make_named()
{
    Named *named = new Named("fifty characters, and not one more, are in this t."); // alloc: make_named
    used(named);
    return named;
}

static OPAQUE void string_in_an_object(bool leak)
{
    Named *named = make_named();
    puts(named->name.c_str());
    if (!leak)
        delete named;
}

static std::vector<Point *> points;

// A vector of plain pointers owns nothing. Clean: the vector's buffer holds them.
// case: vector_of_pointers  direct 10 240 make_point
// lsan: clean  it looks after the destructors of static objects, when the vector is gone
// valgrind: clean  it looks after the destructors of static objects, when the vector is gone
static OPAQUE void vector_of_pointers(bool leak)
{
    for (int i = 0; i < 10; i++)
        points.push_back(make_point(i));
    used(&points);
    printf("%g\n", points.back()->x);
    if (leak)
        points.clear();
    for (size_t i = 0; leak && i < 10; i++)
        points.push_back(nullptr);
}

// case: vector_on_the_heap  direct 1 24 make_vector  indirect 1 400 make_vector.buffer
static OPAQUE std::vector<long> *make_vector()
{
    auto *made = new std::vector<long>(); // alloc: make_vector
    made->reserve(50);                    // alloc: make_vector.buffer
    made->push_back(1);
    used(made);
    return made;
}

static OPAQUE void vector_on_the_heap(bool leak)
{
    std::vector<long> *made = make_vector();
    printf("%zu\n", made->size());
    if (!leak)
        delete made;
}

// case: unique_ptr_released  direct 1 24 make_unique
static OPAQUE void make_unique(bool leak)
{
    std::unique_ptr<Point> point(new Point{1, 2, 3}); // alloc: make_unique
    used(point.get());
    printf("%g\n", point->y);
    if (leak)
        used(point.release());
}

static OPAQUE void check(int value)
{
    if (value > 2)
        throw std::runtime_error("too much");
}

// case: exception_between  direct 1 64 compute
static OPAQUE void compute(int value)
{
    char *scratch = new char[64]; // alloc: compute
    used(scratch);
    check(value);
    delete[] scratch;
}

static OPAQUE void exception_between(bool leak)
{
    try {
        compute(1);
        compute(leak ? 3 : 2);
    } catch (const std::exception &error) {
        puts(error.what());
    }
}

struct Half {
    Point *first;
    std::unique_ptr<Point> second;
    explicit Half(bool leak) : first(make_point(1)), second(make_point(2))
    {
        if (!leak)
            second.reset(std::exchange(first, nullptr));
        throw std::runtime_error("half made");
    }
    ~Half() { delete first; }
};

// A constructor throws: no destructor runs for the object, only for its members.
// case: constructor_throws  direct 1 24 make_point
static OPAQUE void constructor_throws(bool leak)
{
    try {
        Half half(leak);
    } catch (const std::exception &error) {
        puts(error.what());
    }
}

// A map that outlives every destructor: a reference leads to it.
static std::map<int, Point *> &by_number = *new std::map<int, Point *>;

// case: map_entry_erased  direct 1 24 make_point
static OPAQUE void map_entry_erased(bool leak)
{
    for (int i = 0; i < 5; i++)
        by_number[i] = make_point(i);
    if (!leak)
        delete by_number[3];
    by_number.erase(3);
    printf("%zu\n", by_number.size());
}

struct Person {
    std::shared_ptr<Person> friend_;
    std::weak_ptr<Person> acquaintance;
    char name[8];
};

// Both blocks hold counters and object in one; the elder stands for the cycle.
// case: shared_cycle  direct 1 56 make_friends  indirect 1 56 make_friends.second
static OPAQUE void make_friends(bool leak)
{
    auto one = std::make_shared<Person>(); // alloc: make_friends
    auto two = std::make_shared<Person>(); // alloc: make_friends.second
    one->friend_ = two;
    if (leak)
        two->friend_ = one;
    else
        two->acquaintance = one;
    printf("%ld\n", two.use_count());
}

struct First {
    virtual ~First() = default;
    long one = 1;
};

struct Second {
    virtual ~Second() = default;
    long two = 2;
};

struct Both : First, Second {
    long three = 3;
};

static Second *second_base;

// Clean: the pointer to the second base is a pointer into the middle.
// case: second_base  direct 1 40 make_both
static OPAQUE void make_both(bool leak)
{
    second_base = new Both; // alloc: make_both
    used(&second_base);
    printf("%ld\n", second_base->two);
    if (leak)
        second_base = nullptr;
}

static std::function<long()> counter;

// A closure too large for its holder owns a block; the pointer that it captured is not its own.
// case: captured_by_a_closure  direct 1 24 make_point
// lsan: clean  it looks after the destructors of static objects, when the closure is gone
// valgrind: clean  it looks after the destructors of static objects, when the closure is gone
static OPAQUE void captured_by_a_closure(bool leak)
{
    Point *point = make_point(5);
    counter = [point, a = 1L, b = 2L] { return a + b + long(point->x); };
    used(&counter);
    printf("%ld\n", counter());
    if (leak)
        counter = nullptr;
}

// case: nothrow_and_aligned  direct 1 100 allocate  direct 1 128 allocate.aligned
static OPAQUE void allocate(bool leak)
{
    void *plain = operator new(100, std::nothrow);            // alloc: allocate
    void *aligned = operator new(128, std::align_val_t{128}); // alloc: allocate.aligned
    used(plain);
    used(aligned);
    if (!leak) {
        operator delete(plain);
        operator delete(aligned, std::align_val_t{128});
    }
}

static const struct leak_case cases[] = {
    {"new_dropped", new_dropped},
    {"array_with_destructors", array_with_destructors},
    {"string_in_an_object", string_in_an_object},
    {"vector_of_pointers", vector_of_pointers},
    {"vector_on_the_heap", vector_on_the_heap},
    {"unique_ptr_released", make_unique},
    {"exception_between", exception_between},
    {"constructor_throws", constructor_throws},
    {"map_entry_erased", map_entry_erased},
    {"shared_cycle", make_friends},
    {"second_base", make_both},
    {"captured_by_a_closure", captured_by_a_closure},
    {"nothrow_and_aligned", allocate},
    {nullptr, nullptr},
};

int main(int argc, char **argv) { return run_case(cases, argc, argv); }
