// Threads, collections, streams, direct buffers, deflaters, reflection, exceptions from signals, child processes.
// Every line printed is a checksum. Argument: rounds.
import java.io.*;
import java.lang.ref.*;
import java.math.BigInteger;
import java.net.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.function.*;
import java.util.regex.*;
import java.util.stream.*;
import java.util.zip.*;

class Work {
    static int rounds;

    static String digest(byte[] data) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(data));
    }

    static void report(String name, Object value) { System.out.println(name + ": " + value); }

    record Person(int id, String name, List<Integer> friends) { }

    static void collections() throws Exception {
        var people = IntStream.range(0, rounds * 20)
            .mapToObj(n -> new Person(n, "p" + n * 7919L % 1009, IntStream.range(0, n % 9).boxed().toList())).toList();
        var byName = people.parallelStream().collect(Collectors.groupingByConcurrent(Person::name, Collectors.summingLong(p -> p.id() + p.friends().size())));
        report("streams", digest(new TreeMap<>(byName).toString().getBytes()));
        var text = people.stream().map(Person::toString).collect(Collectors.joining(";"));
        var matcher = Pattern.compile("id=(\\d+)5, name=(p\\d)").matcher(text);
        report("regex", digest(matcher.replaceAll("<$2|$1>").getBytes()));
        report("bigint", digest(BigInteger.TWO.pow(rounds * 10).subtract(BigInteger.ONE).multiply(BigInteger.valueOf(rounds)).toByteArray()));
    }

    static void threads() throws Exception {
        var map = new ConcurrentHashMap<Integer, String>();
        var sum = new LongAdder();
        var pool = Executors.newFixedThreadPool(6);
        var results = new ArrayList<Future<Integer>>();
        for (int n = 0; n < rounds; n++) {
            int id = n;
            results.add(pool.submit(() -> {
                map.merge(id % 101, "x", (a, b) -> a.length() > 500 ? b : a + b);
                sum.add(id);
                return IntStream.range(0, 50).mapToObj(k -> id + ":" + k).mapToInt(String::length).sum();
            }));
        }
        long total = 0;
        for (var result : results) total += result.get();
        pool.shutdown();
        report("pool", total + " " + sum + " " + map.values().stream().mapToInt(String::length).sum());
        var joined = new AtomicLong();
        for (int n = 0; n < 200; n++) {
            var thread = new Thread(() -> joined.addAndGet(new byte[1000].length), "short-" + n);
            thread.start();
            thread.join();
        }
        report("short threads", joined);
        report("forkjoin", ForkJoinPool.commonPool().invoke(new RecursiveTask<Long>() {
            @Override protected Long compute() {
                var parts = IntStream.range(0, 500).mapToObj(k -> ForkJoinTask.adapt(() -> (long) "n".repeat(k).length())).toList();
                return ForkJoinTask.invokeAll(parts).stream().mapToLong(ForkJoinTask::join).sum();
            }
        }));
    }

    static void nativeMemory() throws Exception {
        var direct = new ArrayDeque<ByteBuffer>();
        long sum = 0;
        for (int n = 0; n < rounds; n++) {
            var buffer = ByteBuffer.allocateDirect(100 + n % 7000).order(ByteOrder.LITTLE_ENDIAN);
            buffer.putInt(0, n).put(buffer.capacity() - 1, (byte) n);
            direct.add(buffer);
            if (direct.size() > 100) { var old = direct.remove(); sum += old.getInt(0) + old.get(old.capacity() - 1); }
        }
        report("direct buffers", sum);
        var input = IntStream.range(0, rounds * 30).mapToObj(n -> "line " + n * 31 % 997).collect(Collectors.joining("\n")).getBytes();
        var same = IntStream.range(0, 24).parallel().allMatch(n -> {
            try {
                var deflater = new Deflater(n % 9 + 1);
                deflater.setInput(input);
                deflater.finish();
                var packed = new byte[input.length + 100];
                int size = deflater.deflate(packed);
                deflater.end();
                var inflater = new Inflater();
                inflater.setInput(packed, 0, size);
                var back = new byte[input.length];
                int got = inflater.inflate(back);
                inflater.end();
                return got == input.length && Arrays.equals(back, input);
            } catch (DataFormatException e) { throw new IllegalStateException(e); }
        });
        report("deflate", same);
        var file = Path.of("archive.zip");
        try (var zip = new ZipOutputStream(Files.newOutputStream(file))) {
            for (int n = 0; n < 50; n++) { zip.putNextEntry(new ZipEntry("entry" + n)); zip.write(input, 0, n * 100); }
        }
        try (var zip = new ZipFile(file.toFile())) {
            report("zip", zip.stream().mapToLong(ZipEntry::getSize).sum());
        }
        try (var channel = FileChannel.open(Path.of("mapped"), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            var mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20);
            for (int n = 0; n < 1 << 20; n += 4096) mapped.put(n, (byte) (n >> 12));
            report("mapped", IntStream.range(0, 256).map(n -> mapped.get(n * 4096)).sum());
        }
    }

    static int deep(int n) { return n == 0 ? 0 : 1 + deep(n - 1); }
    static int endless(int n) { return endless(n + 1) + 1; }

    static void signals() {
        int nulls = 0, zeros = 0;
        for (int n = 0; n < rounds * 10; n++) {
            try { Object o = n % 3 == 0 ? null : "text"; if (o.hashCode() == 1) nulls--; } catch (NullPointerException e) { nulls++; }
            try { zeros += 100 / (n % 4); } catch (ArithmeticException e) { zeros++; }
        }
        report("signals", nulls + " " + zeros + " " + deep(2000));
        try { endless(0); } catch (StackOverflowError e) { report("overflow", "caught"); }
    }

    static void references() throws Exception {
        var queue = new ReferenceQueue<byte[]>();
        var weak = IntStream.range(0, 200).mapToObj(n -> new WeakReference<>(new byte[1000], queue)).toList();
        for (int n = 0; n < 50 && weak.stream().anyMatch(r -> r.get() != null); n++) { System.gc(); Thread.sleep(1); }
        report("weak", weak.stream().filter(r -> r.get() != null).count());
        var cleaned = new CountDownLatch(100);
        var cleaner = Cleaner.create();
        for (int n = 0; n < 100; n++) cleaner.register(new Object(), cleaned::countDown);
        while (!cleaned.await(1, TimeUnit.MILLISECONDS)) System.gc();
        report("cleaned", 100 - cleaned.getCount());
    }

    static void network() throws Exception {
        try (var server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            var serving = new Thread(() -> {
                try {
                    for (int n = 0; n < 30; n++)
                        try (var socket = server.accept()) {
                            var line = new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine();
                            socket.getOutputStream().write(digest(line.getBytes()).getBytes());
                        }
                } catch (Exception e) { throw new IllegalStateException(e); }
            });
            serving.start();
            var answers = new StringBuilder();
            for (int n = 0; n < 30; n++)
                try (var socket = new Socket(server.getInetAddress(), server.getLocalPort())) {
                    socket.getOutputStream().write(("q".repeat(n * 50) + "\n").getBytes());
                    answers.append(new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII));
                }
            serving.join();
            report("sockets", digest(answers.toString().getBytes()));
        }
        var child = new ProcessBuilder("sh", "-c", "tr a-z A-Z; exit 6").start();
        try (var out = child.getOutputStream()) { out.write("to a child".getBytes()); }
        report("child", new String(child.getInputStream().readAllBytes()) + " " + child.waitFor());
    }

    public static void main(String[] arguments) throws Exception {
        rounds = Integer.parseInt(arguments[0]);
        collections();
        threads();
        nativeMemory();
        signals();
        references();
        network();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> report("shutdown", "hook")));
        System.exit(4);
    }
}
