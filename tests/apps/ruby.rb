# Objects, strings, hashes, blocks, fibers, threads, forks, compaction and GC.stress. Argument: rounds.
require 'digest/md5'
require 'digest/sha1'
require 'json'
require 'objspace'
require 'set'
require 'socket'
require 'stringio'
require 'timeout'
require 'weakref'
require 'zlib'

ROUNDS = Integer(ARGV[0])
def report(name, *values) = puts("#{name}: #{values.join(' ')}")
def digest(value) = Digest::SHA1.hexdigest(value.to_s)

Point = Struct.new(:x, :y) { def +(other) = Point.new(x + other.x, y + other.y) }
report 'struct', (1..ROUNDS * 10).map { |n| Point.new(n, "#{n}".size) }.inject(:+).to_a

table = Hash.new { |hash, key| hash[key] = [] }
(1..ROUNDS * 10).each { |n| table["key#{n * 7919 % 1009}"] << { n: n, text: 'x' * (n % 70), sym: :"s#{n % 500}" } }
table.delete_if { |key, _| key.size == 5 }
text = JSON.generate(table)
report 'json', digest(text), JSON.parse(text).size, Marshal.load(Marshal.dump(table.to_a)) == table.to_a
report 'regex', text.scan(/"n":(\d+),"text":"(x*)"/).sum { |n, x| n.to_i * x.size }, digest(text.gsub(/x{5,}/) { |m| m.size.to_s })
words = (1..ROUNDS * 5).map { |n| (n * 48271 % 65537).to_s(36) + ('é' * (n % 5)) }
report 'sort', digest(words.sort_by { |w| [w.size, w.reverse] }), words.to_set.size, digest(words.group_by(&:size).transform_values(&:count).sort)
report 'strings', digest(words.each_with_object(+'') { |w, s| s << w.upcase << w.unpack('U*').pack('n*').unpack1('H*') })
report 'numbers', digest(3**(ROUNDS * 4)), (1..ROUNDS).sum { |n| Rational(1, n % 50 + 1) }, Complex(1, 2)**10
report 'errors', (1..ROUNDS).sum { |n| begin; raise ArgumentError, 'e' * (n % 30); rescue => e; e.message.size + e.backtrace.size; end }
report 'symbols', (1..ROUNDS).map { |n| "dynamic_#{n}".to_sym }.uniq.size

fibers = (1..200).map { |n| Fiber.new { |a| 10.times { |k| a = Fiber.yield("#{n}-#{k}-#{a}") }; a } }
report 'fibers', digest((1..9).flat_map { |k| fibers.map { |f| f.resume('z' * (k % 7)) } })
lazy = Enumerator.new { |y| n = 0; loop { y << (n += 1) } }.lazy.select(&:even?).map { |n| n * 3 }.reject { |n| n % 4 == 0 }
report 'lazy', lazy.first(ROUNDS).sum, [lazy.each_entry.next, (1..3).each_cons(2).to_a].flatten

queue, results = SizedQueue.new(10), Queue.new
crew = Array.new(4) { |id| Thread.new { while (job = queue.pop) do results << Digest::MD5.hexdigest("#{job}" * 30); Thread.pass if job % 9 == id end } }
(1..ROUNDS).each { |n| queue << n }
crew.size.times { queue << nil }
crew.each(&:join)
report 'threads', digest(Array.new(results.size) { results.pop }.sort)
report 'short threads', (1..100).map { |n| Thread.new { Thread.current[:held] = 'y' * n; Thread.current[:held].size }.value }.sum
report 'timeout', (begin; Timeout.timeout(0.02) { loop { [1] * 10 } }; rescue Timeout::Error; 'raised'; end)

packed = Zlib::Deflate.deflate(text, 9)
report 'zlib', Zlib.crc32(packed), Zlib::Inflate.inflate(packed) == text
gzipped = StringIO.new.tap { |io| Zlib::GzipWriter.wrap(io) { |gz| gz.mtime = 1; gz.write(text); gz.finish } }.string
report 'gzip', Zlib::GzipReader.new(StringIO.new(gzipped)).read == text
server = TCPServer.new('127.0.0.1', 0)
echo = Thread.new { 20.times { client = server.accept; client.write(digest(client.gets)); client.close } }
report 'sockets', digest((1..20).map { |n| TCPSocket.open('127.0.0.1', server.addr[1]) { |s| s.puts('q' * n * 100); s.read } })
echo.join

report 'forks', (1..8).map { |n| reader, writer = IO.pipe
                                 pid = fork { reader.close; GC.start; writer.write(digest((1..500).map { |k| "#{k}" * n })); exit!(n) }
                                 writer.close; out = reader.read; reader.close; Process.wait(pid); "#{out[0, 6]}/#{$?.exitstatus}" }
report 'commands', `printf %s output`, system('exit 3'), $?.exitstatus, IO.popen(%w[tr a-z A-Z], 'r+') { |io| io.write('upper'); io.close_write; io.read }

finalized = 0
ROUNDS.times { |n| ObjectSpace.define_finalizer(Object.new, proc { finalized += 1 }) }
GC.start
report 'finalizers', finalized > ROUNDS / 2
GC.compact
GC.verify_compaction_references(toward: :empty, double_heap: true)
report 'after compaction', digest(JSON.generate(table)), table.values.sum(&:size)
[table, words, text].each(&:clear)
GC.start
GC.stress = true
report 'stressed', digest((1..40).map { |n| { n => "#{n}" * 3 }.to_a.flatten.join(',') }), 'abc'.gsub(/b/) { |m| m * 3 }
GC.stress = false
exit 8
