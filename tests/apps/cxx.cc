// A threaded C++ program: containers, exceptions across frames, thread_local destructors, futures, shared and weak
// pointers, regular expressions, over-aligned objects. Every line printed is a checksum. Argument: rounds.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <new>
#include <numeric>
#include <regex>
#include <set>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

using Sum = std::uint64_t;

static Sum mix(Sum sum, Sum value) { return (sum ^ value) * 1099511628211u + (sum >> 29); }

static Sum mix(Sum sum, const std::string &text)
{
    for (char c : text) sum = mix(sum, static_cast<unsigned char>(c));
    return sum;
}

struct Random {
    Sum state = 88172645463325252u;
    Sum operator()(Sum below) { state ^= state << 13; state ^= state >> 7; state ^= state << 17; return state % below; }
};

static void report(const char *name, Sum sum) { std::printf("%s: %016llx\n", name, static_cast<unsigned long long>(sum)); }

// ---- containers

static Sum containers(int rounds)
{
    Random random;
    std::map<std::string, std::vector<int>> ordered;
    std::unordered_map<int, std::unique_ptr<std::string>> hashed;
    std::deque<std::list<int>> lists;
    std::set<std::pair<int, std::string>> pairs;
    for (int i = 0; i < rounds; i++) {
        int key = static_cast<int>(random(rounds / 4 + 1));
        ordered["key-" + std::to_string(key)].push_back(i);
        hashed[key] = std::make_unique<std::string>(key % 90, static_cast<char>('a' + key % 26));
        pairs.emplace(key % 100, std::string(40, static_cast<char>('A' + key % 26)));
        lists.emplace_back(key % 5, i);
        if (lists.size() > 50) lists.pop_front();
        if (i % 3 == 0) hashed.erase(static_cast<int>(random(rounds / 4 + 1)));
        if (i % 7 == 0 && !pairs.empty()) pairs.erase(pairs.begin());
    }
    Sum sum = lists.size();
    for (auto &[key, values] : ordered) sum = mix(mix(sum, key), std::accumulate(values.begin(), values.end(), Sum{}));
    for (int key = 0; key <= rounds / 4; key++)
        if (auto found = hashed.find(key); found != hashed.end()) sum = mix(sum, *found->second);
    for (auto &[number, text] : pairs) sum = mix(mix(sum, number), text);
    return sum;
}

// ---- exceptions: thrown through frames with destructors, rethrown, nested, carried to another thread

struct Trouble : std::runtime_error {
    std::vector<int> evidence;
    Trouble(const std::string &what, std::vector<int> e) : std::runtime_error(what), evidence(std::move(e)) {}
};

static std::atomic<long> guards;
struct Guard { std::unique_ptr<int[]> memory{new int[25]()}; Guard() { guards++; } ~Guard() { guards--; } };

static int dig(int depth, int n)
{
    Guard guard;
    if (depth == 0) throw Trouble("bottom " + std::to_string(n), std::vector<int>(static_cast<std::size_t>(n % 64), n));
    try {
        return dig(depth - 1, n) + guard.memory[3];
    } catch (Trouble &) {
        if (depth % 5 == 0) std::throw_with_nested(Trouble("level " + std::to_string(depth), {depth}));
        throw;
    }
}

static Sum unwound(const std::exception &e, Sum sum)
{
    sum = mix(sum, e.what());
    if (auto trouble = dynamic_cast<const Trouble *>(&e)) sum = mix(sum, trouble->evidence.size());
    try { std::rethrow_if_nested(e); } catch (const std::exception &inner) { sum = unwound(inner, sum); }
    return sum;
}

static Sum exceptions(int rounds)
{
    Sum sum = 1;
    for (int n = 0; n < rounds; n++) {
        try { dig(n % 20, n); } catch (const std::exception &e) { sum = unwound(e, sum); }
        auto carried = std::async(n % 10 ? std::launch::deferred : std::launch::async, dig, n % 7, n);
        try { carried.get(); } catch (const Trouble &t) { sum = mix(mix(sum, t.what()), t.evidence.size()); }
    }
    try {
        volatile std::size_t absurd = SIZE_MAX / 4;
        std::free(new char[absurd]);
    } catch (const std::bad_alloc &) { sum = mix(sum, 77); }
    return mix(sum, static_cast<Sum>(guards));
}

// ---- threads: a bounded queue, thread_local objects whose destructors hand over what they gathered

static std::mutex gathered_lock;
static std::map<int, Sum> gathered;

struct Gatherer {
    std::unordered_map<int, std::string> notes;
    ~Gatherer()
    {
        std::lock_guard hold(gathered_lock);
        for (auto &[key, note] : notes) gathered[key] += mix(1, note);
    }
};
static thread_local Gatherer gatherer;

template <typename T> class Queue {
    std::mutex lock;
    std::condition_variable changed;
    std::deque<T> items;
    bool closed = false;
public:
    void put(T item)
    {
        std::unique_lock hold(lock);
        changed.wait(hold, [&] { return items.size() < 32; });
        items.push_back(std::move(item));
        changed.notify_all();
    }
    void close() { std::lock_guard hold(lock); closed = true; changed.notify_all(); }
    bool get(T &item)
    {
        std::unique_lock hold(lock);
        while (!changed.wait_for(hold, std::chrono::milliseconds(1), [&] { return closed || !items.empty(); })) { }
        if (items.empty()) return false;
        item = std::move(items.front());
        items.pop_front();
        changed.notify_all();
        return true;
    }
};

static Sum pipeline(int rounds)
{
    Queue<std::unique_ptr<std::vector<std::string>>> texts;
    Queue<std::shared_ptr<std::function<Sum()>>> tasks;
    std::atomic<Sum> total{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; t++)
        threads.emplace_back([&] {
            std::unique_ptr<std::vector<std::string>> text;
            while (texts.get(text)) {
                gatherer.notes[std::stoi(text->front())] = text->back();
                tasks.put(std::make_shared<std::function<Sum()>>([held = std::shared_ptr(std::move(text))] {
                    return std::accumulate(held->begin(), held->end(), Sum{3}, [](Sum s, auto &line) { return mix(s, line); });
                }));
            }
        });
    std::thread consumer([&] {
        std::shared_ptr<std::function<Sum()>> task;
        while (tasks.get(task)) total += (*task)();
    });
    for (int n = 0; n < rounds; n++)
        texts.put(std::make_unique<std::vector<std::string>>(std::vector<std::string>{std::to_string(n), std::string(n % 300, 'x'), "end"}));
    texts.close();
    for (auto &thread : threads) thread.join();
    tasks.close();
    consumer.join();
    Sum sum = total;
    for (auto &[key, value] : gathered) sum = mix(mix(sum, key), value);
    return sum;
}

static Sum short_lived(int rounds)
{
    std::atomic<Sum> total{0};
    for (int n = 0; n < rounds; n += 4) {
        std::array<std::thread, 4> four;
        for (int t = 0; t < 4; t++)
            four[t] = std::thread([&total](std::unique_ptr<std::string> mine) {
                thread_local std::vector<std::string> local(20, *mine);
                total += mix(5, local.back());
            }, std::make_unique<std::string>(30 + (n + t) % 50, 'y'));
        for (auto &thread : four) thread.join();
    }
    return total;
}

// ---- ownership: a graph of shared and weak pointers under a reader-writer lock

struct Node { int id; std::vector<std::shared_ptr<Node>> down; std::weak_ptr<Node> up; alignas(128) char wide[128]; };

static Sum graph(int rounds)
{
    std::shared_mutex lock;
    auto root = std::make_shared<Node>(Node{0, {}, {}, {}});
    std::atomic<long> seen{0};
    std::thread writer([&] {
        for (int n = 1; n <= rounds; n++) {
            auto child = std::make_shared<Node>(Node{n, {}, root, {}});
            for (int k = 0; k < 4; k++) child->down.push_back(std::make_shared<Node>(Node{-n, {}, child, {}}));
            std::unique_lock hold(lock);
            if (root->down.size() > 100) root->down.erase(root->down.begin(), root->down.begin() + 50);
            root->down.push_back(std::move(child));
        }
    });
    std::thread reader([&] {
        for (int last = 0; last < rounds;) {
            std::shared_lock hold(lock);
            if (!root->down.empty()) last = root->down.back()->id;
            for (auto &node : root->down)
                if (auto up = node->down[2]->up.lock(); up != node) seen--;
        }
    });
    writer.join();
    reader.join();
    Sum sum = static_cast<Sum>(seen);
    for (auto &node : root->down) sum = mix(sum, static_cast<Sum>(node->id) + reinterpret_cast<std::uintptr_t>(node->wide) % 128);
    return sum;
}

// ---- text, variants, polymorphic allocators

static Sum text(int rounds)
{
    Sum sum = 9;
    std::regex pattern(R"((\w+)-(\d+)(?:\.(\d+))?)");
    for (int n = 0; n < rounds; n++) {
        std::ostringstream out;
        out << "item-" << n << '.' << n * 7 % 100 << " and last-" << std::hex << n;
        std::string line = out.str();
        for (std::sregex_iterator match(line.begin(), line.end(), pattern), end; match != end; ++match) sum = mix(sum, match->str(2));
        sum = mix(sum, std::regex_replace(line, pattern, "<$2:$1>"));
    }
    std::pmr::unsynchronized_pool_resource pool;
    std::pmr::vector<std::pmr::string> pooled(&pool);
    using Value = std::variant<int, std::string, std::vector<double>>;
    std::vector<Value> values;
    for (int n = 0; n < rounds; n++) {
        pooled.emplace_back(std::string(static_cast<std::size_t>(n % 200), 'p'));
        values.push_back(n % 3 == 0 ? Value(n) : n % 3 == 1 ? Value(std::string(n % 50, 'v')) : Value(std::vector<double>(n % 30, n)));
    }
    for (auto &value : values) sum = mix(sum, value.index() == 1 ? std::get<1>(value).size() : value.index());
    for (auto &string : pooled) sum = mix(sum, string.size());
    return sum;
}

int main(int, char **argv)
{
    int rounds = std::atoi(argv[1]);
    report("containers", containers(rounds * 4));
    report("exceptions", exceptions(rounds));
    report("pipeline", pipeline(rounds * 2));
    report("short-lived threads", short_lived(rounds / 2));
    report("graph", graph(rounds * 2));
    report("text", text(rounds));
    std::thread([] { gatherer.notes[-1] = "of a thread that outlives main's last statement"; }).detach();
    return 3;
}
