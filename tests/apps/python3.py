"""Dictionaries, classes, cycles, JSON, regular expressions, threads, asyncio, ctypes callbacks, children.

Argument: rounds. Every line printed is a checksum."""

import array, asyncio, bisect, collections, ctypes, decimal, gc, hashlib, itertools, json, mmap, os, pickle, queue, random, re
import select, signal, socket, sqlite3, subprocess, sys, threading, time, weakref, zlib
import multiprocessing

ROUNDS = int(sys.argv[1])


def report(name, *values):
    text = repr(values)
    print(f"{name}: {text if len(text) < 60 else hashlib.sha1(text.encode()).hexdigest()}", flush=True)


def dictionaries():
    rng, table = random.Random(1), {}
    for i in range(ROUNDS * 5):
        table.setdefault(f"key{rng.randrange(ROUNDS)}", []).append({"i": i, "s": "x" * rng.randrange(60)})
        if i % 4 == 0:
            table.pop(f"key{rng.randrange(ROUNDS)}", None)
    text = json.dumps(table, sort_keys=True)
    again = json.loads(text)
    report("json", hashlib.sha1(text.encode()).hexdigest(), again == table, pickle.loads(pickle.dumps(table)) == table)
    counts = collections.Counter(re.findall(r"[a-z]+\d*(?=\W)", text))
    report("regex", counts.most_common(5), re.sub(r"(x+)", lambda m: str(len(m[1])), text)[:3000])


class Node:
    gone = 0

    def __init__(self, number):
        self.number, self.ring, self.payload = number, self, bytearray(number % 500)

    def __del__(self):
        Node.gone += 1


def cycles():
    held, weak = [], weakref.WeakValueDictionary()
    for number in range(ROUNDS):
        node = weak[number] = Node(number)
        if number % 5 == 0:
            held.append(node)
    del node
    gc.collect()
    report("cycles", Node.gone, len(weak), sum(len(node.payload) for node in held))
    generators = [(n * k for k in itertools.count()) for n in range(ROUNDS // 2)]
    report("generators", sum(next(g) + next(g) + next(g) for g in generators))
    errors = 0
    for number in range(ROUNDS):
        try:
            try:
                {}[number]
            except KeyError as inner:
                raise ValueError(str(number)) from inner
        except ValueError as outer:
            errors += outer.__cause__.args[0] + len(outer.__traceback__.tb_frame.f_code.co_name)
    report("errors", errors)


def numbers():
    decimal.getcontext().prec = 60
    total = sum((decimal.Decimal(n) / 7).sqrt() for n in range(ROUNDS))
    power = pow(3, ROUNDS * 4)
    report("numbers", str(total), str(power % 10**40), len(bin(power)))
    values = array.array("q", (n * n % 1009 for n in range(ROUNDS * 3)))
    ordered = []
    for value in values[:ROUNDS]:
        bisect.insort(ordered, (value, str(value)))
    packed = zlib.compress(values.tobytes(), 9)
    report("arrays", ordered[::97], zlib.decompress(packed) == values.tobytes())
    with mmap.mmap(-1, 1 << 16) as area:
        area.write(packed[:60000])
        report("mmap", area.find(packed[10:30], 0))


def threads():
    work, results = queue.Queue(20), queue.Queue()

    def worker():
        local = threading.local()
        while (item := work.get()) is not None:
            local.seen = getattr(local, "seen", ()) + (item,) if item % 50 else ()
            results.put(hashlib.sha256(str(item).encode() * 40).hexdigest()[:8])

    crew = [threading.Thread(target=worker) for _ in range(4)]
    for thread in crew:
        thread.start()
    for item in range(ROUNDS):
        work.put(item)
    for _ in crew:
        work.put(None)
    for thread in crew:
        thread.join()
    report("threads", sorted(results.queue))
    lengths = []
    for n in range(60):
        thread = threading.Thread(target=lambda n=n: lengths.append(len([object() for _ in range(n)])))
        thread.start()
        thread.join()
    report("short threads", lengths)


def callbacks():
    libc, compare = ctypes.CDLL(None), ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    values = (ctypes.c_int * 2000)(*(n * 7919 % 2003 for n in range(2000)))
    libc.qsort(values, len(values), ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
    report("qsort", list(values) == sorted(values))
    pointer = ctypes.POINTER(ctypes.c_char)         # not c_void_p: Python's integers hide an address in 30-bit digits
    libc.strdup.restype, libc.free.argtypes = pointer, [pointer]
    copies = [libc.strdup(b"kept by ctypes alone %d" % n) for n in range(ROUNDS)]
    junk = [bytes(n % 700) for n in range(ROUNDS)]
    report("strdup", [ctypes.string_at(copy) for copy in copies], len(junk))
    for copy in copies:
        libc.free(copy)


def network():
    async def serve(reader, writer):
        while line := await reader.readline():
            writer.write(hashlib.sha1(line).hexdigest().encode() + b"\n")
            await writer.drain()
        writer.close()

    async def client(port, number):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answers = []
        for n in range(10):
            writer.write(b"%d-%d" % (number, n) * 50 + b"\n")
            answers.append(await asyncio.wait_for(reader.readline(), 300))
        writer.close()
        return answers

    async def both():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        found = await asyncio.gather(*(client(port, n) for n in range(30)))
        server.close()
        return found

    report("asyncio", asyncio.run(both()))
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for n in range(50):
        left.send(bytes([n]) * (n * 20 + 1))
        assert right.recv(2000) == bytes([n]) * (n * 20 + 1)
    families = {entry[0].name for entry in socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)}
    report("sockets", families, select.select([right], [], [], 0.01)[0])


def signals():
    ticks = []
    signal.signal(signal.SIGALRM, lambda *_: ticks.append([n for n in range(30)]))
    signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
    start = time.monotonic()
    time.sleep(0.1)
    while len(ticks) < 10:
        signal.pause()
    signal.setitimer(signal.ITIMER_REAL, 0)
    report("signals", {len(tick) for tick in ticks}, time.monotonic() - start >= 0.1)


def database():
    db = sqlite3.connect(":memory:")
    db.create_function("reverse", 1, lambda text: text[::-1])
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)")
    db.executemany("INSERT INTO t VALUES(?, ?)", ((n, "row" * (n % 20)) for n in range(ROUNDS)))
    report("sqlite3", db.execute("SELECT sum(a), group_concat(reverse(b)) FROM t WHERE a % 3 = 1").fetchone())


def squares(numbers):
    table = {n: {"square": n * n, "text": str(n) * 20} for n in numbers}
    return sum(entry["square"] + len(entry["text"]) for entry in table.values())


def children():
    programs = [f"import json; print(sum(json.loads(json.dumps(list(range({n}))))))" for n in range(1000, 1006)]
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for program in programs]
    report("subprocess", [int(child.communicate()[0]) for child in running])
    for method in "fork", "spawn", "forkserver":
        with multiprocessing.get_context(method).Pool(2) as pool:
            report(method, pool.map(squares, [range(n, n + 300) for n in range(ROUNDS // 20)], chunksize=5))
    reader, writer = multiprocessing.Pipe()
    for n in range(10):
        pid = os.fork()
        if not pid:
            writer.send([squares(range(n)), "x" * n])
            os._exit(n)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == n
    report("forks", [reader.recv() for _ in range(10)])


if __name__ == "__main__":
    for part in dictionaries, cycles, numbers, threads, callbacks, network, signals, database, children:
        part()
    sys.exit(6)
