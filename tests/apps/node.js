// Objects, buffers, streams, zlib, crypto, workers with shared memory, child processes, HTTP on loopback. Argument: rounds.
'use strict';
const crypto = require('crypto'), zlib = require('zlib'), http = require('http'), net = require('net'), fs = require('fs');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const { execFile } = require('child_process');
const { promisify } = require('util');
const { pipeline } = require('stream/promises');
const { once } = require('events');

const hash = (data) => crypto.createHash('sha1').update(data).digest('hex');
const report = (name, value) => console.log(`${name}: ${value}`);
const range = (n) => Array.from({ length: n }, (_, i) => i);

if (!isMainThread) {
    const { shared, id, rounds } = workerData, counter = new Int32Array(shared);
    let sum = 0;
    for (let i = 0; i < rounds; i++) {
        const table = Object.fromEntries(range(20).map((k) => [`k${k}`, Buffer.alloc(100 + k, id)]));
        sum += Buffer.concat(Object.values(table)).reduce((a, b) => a + b, 0);
        Atomics.add(counter, 0, 1);
    }
    const bytes = new Uint8Array(5000).fill(id);
    parentPort.postMessage({ sum, packed: zlib.deflateSync(bytes).length, bytes }, [bytes.buffer]);
    return;
}

const rounds = Number(process.argv[2]);

function objects() {
    const map = new Map(), weak = new WeakMap();
    let sum = 0;
    for (let i = 0; i < rounds * 10; i++) {
        const key = { id: i };
        weak.set(key, 'x'.repeat(i % 50) + i);
        map.set(i * 7919 % 10007, { key, list: range(i % 10), text: `${i}-${i * 3}` });
        if (i % 5 === 0) map.delete(i % 10007);
    }
    for (const { key, list, text } of map.values()) sum += weak.get(key).length + list.length + text.length;
    report('objects', `${map.size} ${sum}`);
    const text = JSON.stringify([...map.values()].sort((a, b) => a.key.id - b.key.id));
    report('json', hash(text) + ' ' + JSON.parse(text).length + ' ' + structuredClone(JSON.parse(text)).length);
    report('regex', hash(text.replace(/"(\w+)-(\d+)"/g, (_, a, b) => `<${b}|${a}>`)) + ' ' + [...text.matchAll(/\d+-(\d+)7"/g)].length);
    report('sort', hash(range(rounds * 5).map((n) => `${n * 31 % 9973}:${n}`).sort().join()));
    report('bigint', hash((3n ** BigInt(rounds * 3)).toString()));
    report('eval', range(rounds).map((n) => new Function('a', `const b = [${range(n % 20)}]; return a + b.length`)(n)).reduce((a, b) => a + b));
}

function buffers() {
    const parts = [];
    for (let i = 0; i < rounds; i++) {
        const buffer = Buffer.alloc(1 + i * 37 % 5000, i & 255);
        parts.push(i % 3 ? buffer.subarray(buffer.length >> 1) : Buffer.from(buffer.toString('base64')));
        if (parts.length > 200) parts.splice(0, 100);
    }
    report('buffers', hash(Buffer.concat(parts)));
    const memories = range(50).map((n) => { const m = new WebAssembly.Memory({ initial: 1 }); new Uint8Array(m.buffer).fill(n); return m; });
    report('wasm', memories.reduce((sum, m) => sum + new Uint8Array(m.buffer)[65535], 0));
}

async function compression() {
    const input = Buffer.from(range(rounds * 10).map((n) => `line ${n} ${n * 7919 % 1009}`).join('\n'));
    const methods = [[zlib.gzip, zlib.gunzip], [zlib.deflateRaw, zlib.inflateRaw], [zlib.brotliCompress, zlib.brotliDecompress]];
    const same = await Promise.all(range(12).map(async (n) => {
        const [pack, unpack] = methods[n % 3].map((f) => promisify(f)), part = input.subarray(n * 100);
        return part.equals(await unpack(await pack(part)));
    }));
    fs.writeFileSync('input', input);
    await pipeline(fs.createReadStream('input', { highWaterMark: 1000 }), zlib.createGzip(), zlib.createGunzip(), fs.createWriteStream('output'));
    report('zlib', same.join() + ' ' + fs.readFileSync('output').equals(input));
}

async function cryptography() {
    const keys = await Promise.all(range(8).map((n) => promisify(crypto.pbkdf2)(`secret${n}`, 'salt', 500, 32, 'sha256')));
    const sealed = keys.map((key, n) => {
        const cipher = crypto.createCipheriv('aes-256-gcm', key, Buffer.alloc(12, n));
        return Buffer.concat([cipher.update('message'.repeat(n * 100)), cipher.final(), cipher.getAuthTag()]);
    });
    const { privateKey, publicKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const valid = sealed.every((data) => crypto.verify('sha256', data, publicKey, crypto.sign('sha256', data, privateKey)));
    report('crypto', hash(Buffer.concat(sealed)) + ' ' + valid);
}

async function workers() {
    const shared = new SharedArrayBuffer(4);
    const answers = await Promise.all(range(4).map(async (id) => {
        const worker = new Worker(__filename, { workerData: { shared, id: id + 1, rounds: rounds >> 2 } });
        const [[message], [status]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]); // maybe both at once
        return `${message.sum}/${message.packed}/${message.bytes.length}/${status}`;
    }));
    report('workers', answers.join(' ') + ' ' + new Int32Array(shared)[0]);
    for (let n = 0; n < 6; n++) await new Worker('setInterval(() => Buffer.alloc(1000), 1)', { eval: true }).terminate();
}

async function network() {
    const server = http.createServer(async (request, response) => {
        const parts = [];
        for await (const part of request) parts.push(part);
        response.end(hash(Buffer.concat(parts)) + request.url);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 }), { port } = server.address();
    const post = async (n) => {
        const request = http.request({ port, host: '127.0.0.1', method: 'POST', path: `/${n}`, agent });
        request.end(Buffer.alloc(n * 211 % 70000, n));
        const [response] = await once(request, 'response');
        let text = '';
        for await (const part of response) text += part;
        return text;
    };
    report('http', hash((await Promise.all(range(rounds >> 3).map(post))).join()));
    agent.destroy();
    server.close();
    const echo = net.createServer((socket) => socket.pipe(socket)).listen('echo.sock');
    await once(echo, 'listening');
    const socket = net.connect('echo.sock');
    socket.end(Buffer.alloc(500000, 'echo'));
    let size = 0;
    for await (const part of socket) size += part.length;
    echo.close();
    report('socket', size);
}

async function rest() {
    const run = promisify(execFile);
    const program = (n) => `console.log(Object.keys(Object.fromEntries([...Array(${n}).keys()].map((k) => ["k" + k, { k }]))).length)`;
    const outputs = await Promise.all(range(4).map((n) => run(process.execPath, ['-e', program(1000 * (n + 1))])));
    report('children', outputs.map(({ stdout }) => stdout.trim()).join());
    async function* numbers() { for (let n = 0; n < rounds; n++) { if (n % 50 === 0) await new Promise(setImmediate); yield { n }; } }
    let sum = 0;
    for await (const { n } of numbers()) sum += n;
    const caught = await Promise.all(range(rounds).map((n) => Promise.reject(new Error(`e${n}`)).catch((e) => e.message.length)));
    report('promises', `${sum} ${caught.reduce((a, b) => a + b)}`);
    let collected = 0;
    const registry = new FinalizationRegistry(() => collected++);
    for (let n = 0; n < 100; n++) registry.register({ n, data: Buffer.alloc(10000) }, n);
    await new Promise((resolve) => setTimeout(resolve, 1));
    global.gc();
    while (collected < 90) { await new Promise((resolve) => setTimeout(resolve, 1)); global.gc(); }
    report('finalized', 'most');
}

(async () => {
    objects(); buffers();
    await compression(); await cryptography(); await workers(); await network(); await rest();
    process.exitCode = 5;
})();
