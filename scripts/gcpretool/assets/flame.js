// The flame graph: callers above, what they call below, as wide as the bytes.
//
// One tab stop; arrow keys walk from call to call, Enter or a click zooms, Escape goes back. The line below the graph
// says what is focused or pointed at, for screen readers too.

const GRAPHS = [
  ["lost", "Lost", "Nothing was lost."],
  ["live", "Live", "The report has no snapshot of living memory."],
  ["alloc", "Allocated", "The report does not say what was allocated."],
  ["growth", "Growing", "No site was seen to grow; that takes many cycles."],
];
const ROW_REM = 1.5;

class Flame {
  constructor(holder, view) {
    this.view = view;
    this.wanted = "";
    this.graph = element("div", {class: "graph", role: "tree", "aria-label": "flame graph", keydown: (event) => this.key(event)});
    this.status = element("p", {class: "status mono", "aria-live": "polite"});
    this.found = element("span", {class: "quiet", "aria-live": "polite"});
    this.buttons = GRAPHS.map(([weight, title]) =>
      element("button", {type: "button", click: () => this.show(weight)}, title));
    const search = element("input", {type: "search", placeholder: "function or file", "aria-label": "search in the flame graph",
      input: (event) => this.search(event.target.value)});
    const back = element("button", {type: "button", click: () => this.zoomOut()}, "Back (Esc)");
    holder.replaceChildren(element("div", {class: "bar"}, ...this.buttons, search, back, this.found), this.graph, this.status,
      element("p", {class: "quiet"}, "Click or Enter zooms, Escape goes back, arrow keys walk."));
    this.show((GRAPHS.find(([weight]) => view.sites.some((site) => site[weight] > 0)) || GRAPHS[0])[0]);
  }

  show(weight) {
    this.weight = weight;
    this.root = buildTree(this.view, weight);
    this.zoomed = this.root;
    this.before = [];
    this.current = this.root;
    this.buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(GRAPHS[at][0] === weight)));
    this.draw();
  }

  draw() {
    this.elements = new Map();
    if (this.root.value === 0) {
      const empty = GRAPHS.find(([weight]) => weight === this.weight)[2];
      this.graph.replaceChildren(element("p", {class: "quiet"}, empty));
      this.graph.style.setProperty("height", "auto");
      this.status.textContent = "";
      this.found.textContent = "";
      return;
    }
    const placed = layOut(this.zoomed);
    const depth = placed.reduce((deepest, at) => Math.max(deepest, at.node.depth), 0);
    this.graph.replaceChildren(...placed.map((at) => this.frame(at)));
    this.graph.style.setProperty("height", `${(depth + 1) * ROW_REM}rem`);
    this.mark();
    this.tell(this.current);
  }

  frame({node, left, width, above}) {
    const made = element("div", {class: above ? "frame above" : "frame", role: "treeitem", "aria-level": node.depth + 1,
      "aria-label": this.describe(node), title: this.describe(node), tabindex: node === this.current ? 0 : -1,
      click: () => this.zoom(node), focus: () => this.focused(node), mouseenter: () => this.tell(node)}, node.name);
    made.style.setProperty("left", `${left * 100}%`);
    made.style.setProperty("width", `${width * 100}%`);
    made.style.setProperty("top", `${node.depth * ROW_REM}rem`);
    made.style.setProperty("--hue", String(hueOf(node.name)));
    this.elements.set(node, made);
    return made;
  }

  describe(node) {
    const share = `${inBytes(node.value)}, ${inPercent(node.value, this.root.value)}`;
    return `${node.name}${node.place && node.place !== node.name ? ` ${node.place}` : ""}: ${share}`;
  }

  tell(node) {
    this.status.textContent = this.describe(node);
  }

  focused(node) {
    const before = this.elements.get(this.current);
    if (before)
      before.setAttribute("tabindex", "-1");
    this.current = node;
    this.elements.get(node).setAttribute("tabindex", "0");
    this.tell(node);
  }

  zoom(node) {
    if (node !== this.zoomed)
      this.before.push(this.zoomed);
    this.goTo(node);
  }

  zoomOut() {
    if (this.before.length)
      this.goTo(this.before.pop());
  }

  goTo(node) {
    this.zoomed = node;
    this.current = node;
    this.draw();
    const made = this.elements.get(node);
    if (made)
      made.focus();
  }

  key(event) {
    if (this.root.value === 0)
      return;
    if (event.key === "Enter" || event.key === " ")
      this.zoom(this.current);
    else if (event.key === "Escape")
      this.zoomOut();
    else if (event.key === "Home")
      this.elements.get(this.root).focus();
    else if (event.key.startsWith("Arrow"))
      this.elements.get(neighbour(this.current, event.key, new Set(this.elements.keys()))).focus();
    else
      return;
    event.preventDefault();
  }

  search(wanted) {
    this.wanted = wanted.trim();
    this.mark();
  }

  mark() {
    for (const [node, made] of this.elements)
      made.classList.toggle("match", matches(`${node.name} ${node.place}`, this.wanted));
    const sum = matchedValue(this.root, this.wanted);
    this.found.textContent = this.wanted ? `${inBytes(sum)}, ${inPercent(sum, this.root.value)} match` : "";
  }
}
