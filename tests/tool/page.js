// node page.js PAGE: runs the scripts of a page on dom.js, uses it as a person with a keyboard does, and checks.

"use strict";

const assert = require("assert");
const fs = require("fs");
const vm = require("vm");
const {Document} = require("./dom.js");

const page = fs.readFileSync(process.argv[2], "utf8");
const ids = [...page.matchAll(/ id="([a-z-]+)"/g)].map((match) => match[1]);
const data = page.match(/<script type="application\/json" id="data">(.*?)<\/script>/s)[1];
const script = page.match(/<script>\n(.*?)<\/script>/s)[1];

function open() {
  const document = new Document(ids);
  document.getElementById("data").textContent = data;
  const context = vm.createContext({document});
  vm.runInContext(script, context, {filename: "page"});
  return {document, context};
}

const {document, context} = open();
const part = (id) => document.getElementById(id);
const ofClass = (id, name) => part(id).all((each) => each.classList.contains(name));
const frames = () => ofClass("flame", "frame");
const frameOf = (name) => frames().find((frame) => frame.textContent === name);
const button = (id, text) => part(id).all((each) => each.tag === "button" && each.textContent.startsWith(text))[0];
const press = (key) => document.activeElement.fire("keydown", {key});
const wide = (frame) => parseFloat(frame.properties.get("width"));
const near = (one, other) => Math.abs(one - other) < 0.01;

// the flame graph of what was lost: 48 + 500 direct, 960 indirect
assert.deepStrictEqual(new Set(frames().map((frame) => frame.textContent)),
  new Set(["all", "main", "read_config", "parse_header", "take", "add_entry", "xmalloc"]));
assert(near(wide(frameOf("all")), 100));
assert(near(wide(frameOf("parse_header")), 100 * 500 / 1508), "width is the share of the bytes");
assert.strictEqual(frames().filter((frame) => frame.getAttribute("tabindex") === "0").length, 1, "one tab stop");

// keyboard: down from the root to the widest, Enter zooms, Escape goes back
frameOf("all").focus();
press("ArrowDown");
assert.strictEqual(document.activeElement.textContent, "main");
press("ArrowDown");
assert.strictEqual(document.activeElement.textContent, "read_config", "the widest call comes first");
press("ArrowLeft");
assert.strictEqual(document.activeElement.textContent, "add_entry", "the order is that of the names");
press("ArrowRight");
press("Enter");
assert(near(wide(frameOf("read_config")), 100), "Enter zooms");
assert(frameOf("main").classList.contains("above"));
assert.strictEqual(document.activeElement, frameOf("read_config"), "the focus stays");
assert(press("Escape").defaultPrevented);
assert(near(wide(frameOf("read_config")), 100 * 1460 / 1508), "Escape goes back");
frameOf("parse_header").fire("click");
assert(near(wide(frameOf("take")), 100), "a click zooms");
assert(ofClass("flame", "status")[0].textContent.includes("500 B, 33.2 %"));
button("flame", "Back").fire("click");

// search
const search = part("flame").all((each) => each.tag === "input")[0];
search.fire("input", {target: {value: "XMALLOC"}});
assert.deepStrictEqual(ofClass("flame", "match").map((frame) => frame.textContent), ["xmalloc"]);
assert(part("flame").textContent.includes("960 B, 63.7 % match"));
search.fire("input", {target: {value: ""}});
assert.strictEqual(ofClass("flame", "match").length, 0);

// the other graphs
button("flame", "Live").fire("click");
assert(ofClass("flame", "status")[0].textContent.includes("706 B"));
button("flame", "Growing").fire("click");
assert(ofClass("flame", "status")[0].textContent.includes("350 B"));

// plots: heap, pauses, marking, lost; no coordinate is NaN
const lines = part("plots").all((each) => each.tag === "polyline");
assert.strictEqual(lines.length, 7);
for (const line of lines)
  assert(/^\d+\.\d,\d+\.\d( \d+\.\d,\d+\.\d)+$/.test(line.getAttribute("points")), line.getAttribute("points"));
assert(part("plots").textContent.includes("threads stopped: up to 3.00 ms"));

// sites: sorted by what was lost, filtered by words, details with holder
const rows = () => ofClass("sites", "name").map((cell) => cell.textContent.split(" ")[0]);
assert.deepStrictEqual(rows(), ["add_entry", "take", "add_entry"]);
button("sites", "Lost").fire("click");
assert.deepStrictEqual(rows(), ["add_entry", "take", "add_entry"].reverse());
const filter = part("sites").all((each) => each.tag === "input")[0];
filter.fire("input", {target: {value: "parse_ main"}});
assert.deepStrictEqual(rows(), ["take"]);
filter.fire("input", {target: {value: "cache_head 11:06:50"}});
assert.deepStrictEqual(rows(), ["add_entry"], "the holder is found too");
const row = button("sites", "add_entry");
row.fire("click");
assert.strictEqual(row.getAttribute("aria-expanded"), "true");
assert(part("sites").textContent.includes("last referenced from global cache_head"));
filter.fire("input", {target: {value: "0x20000"}});
assert.deepStrictEqual(rows(), ["add_entry"], "so is the way to its oldest block");
button("sites", "add_entry").fire("click");
assert(part("sites").textContent.includes("Its oldest block is held byglobal cache_head"));
assert(part("sites").textContent.includes("2 living blocks (100 B) held weakly"));
filter.fire("input", {target: {value: "not written"}});
assert.deepStrictEqual(rows(), ["add_entry"]);
filter.fire("input", {target: {value: "no such word"}});
assert.deepStrictEqual(rows(), []);

// an empty view, and one whose stacks are deeper than a recursion could go
const empty = {name: "e", command: "", begun: "", notes: [], sites: [], frames: [], runs: [], threads: []};
context.show([empty, empty], 1);
assert(part("flame").textContent.includes("Nothing was lost."));
press("Escape");
const deep = {...empty, frames: [["f", "x.c:1"]], sites: [{...JSON.parse(data)[0].sites[0], stack: Array(20000).fill(0), lost: 7}]};
context.show([deep], 0);
assert.strictEqual(frames().length, 20001);

// threads that nobody joined: there only where there are some
assert.strictEqual(part("threads-part").hidden, true);
const group = {count: 2, names: ["worker"], from: "11:00:00", to: "11:00:05", bytes: 16 << 20, stack: ["serve a.c:3", "main a.c:9"]};
context.show([{...empty, threads: [group]}], 0);
assert.strictEqual(part("threads-part").hidden, false);
assert(part("threads").textContent.includes("2 threads (worker), 11:00:00 to 11:00:05: 16.0 MB of stacks, created at serve a.c:3"));

// numbers
assert.strictEqual(context.inBytes(1536), "1.5 KB");
assert.strictEqual(context.inSeconds(0.0025), "2.50 ms");
console.log("ok");
