// The tree of a flame graph, and where its nodes lie. No elements here: positions are parts of the width.
//
// A node is a call with all its callers: {name, place, value, depth, parent, children}. Its value is the bytes of all
// stacks that pass through it.

const NARROWEST = 0.0008;  // of the width: less than a pixel

function buildTree(view, weight) {
  const root = makeNode("all", "", null);
  for (const site of view.sites) {
    if (!(site[weight] > 0))
      continue;
    let node = root;
    node.value += site[weight];
    for (const index of site.stack.length ? site.stack : [-1]) {
      node = childOf(node, index, view.frames);
      node.value += site[weight];
    }
  }
  sortTree(root);
  return root;
}

function makeNode(name, place, parent) {
  return {name, place, value: 0, depth: parent ? parent.depth + 1 : 0, parent, children: [], byFrame: new Map()};
}

function childOf(node, index, frames) {
  let child = node.byFrame.get(index);
  if (!child) {
    const [name, place] = index < 0 ? ["(no stack is known)", ""] : frames[index];
    child = makeNode(name, place, node);
    node.byFrame.set(index, child);
    node.children.push(child);
  }
  return child;
}

// By name, so that the same calls lie at the same side in each graph.
function sortTree(root) {
  const open = [root];
  while (open.length) {
    const node = open.pop();
    node.children.sort((one, other) => one.name < other.name ? -1 : one.name > other.name ? 1 : other.value - one.value);
    open.push(...node.children);
  }
}

// What is seen when the graph shows `zoomed` in full width: [{node, left, width, above}], callers before calls, from left to right.
function layOut(zoomed) {
  const placed = [];
  for (let node = zoomed.parent; node; node = node.parent)
    placed.unshift({node, left: 0, width: 1, above: true});
  const open = [{node: zoomed, left: 0, width: 1, above: false}];
  while (open.length) {
    const at = open.pop();
    placed.push(at);
    let left = at.left;
    for (const child of at.node.children) {
      const width = at.width * child.value / at.node.value;
      if (width >= NARROWEST)
        open.push({node: child, left, width, above: false});
      left += width;
    }
  }
  return placed.sort((one, other) => one.node.depth - other.node.depth || one.left - other.left);
}

// Bytes of the stacks that contain a match, each stack once.
function matchedValue(node, wanted) {
  let sum = 0;
  const open = [node];
  while (open.length) {
    const at = open.pop();
    if (matches(`${at.name} ${at.place}`, wanted))
      sum += at.value;
    else
      open.push(...at.children);
  }
  return sum;
}

// Where an arrow key leads from a node, among those that are shown; the node itself where there is no way.
function neighbour(node, key, shown) {
  if (key === "ArrowUp")
    return node.parent || node;
  if (key === "ArrowDown") {
    const below = node.children.filter((child) => shown.has(child));
    return below.reduce((best, child) => best && best.value >= child.value ? best : child, null) || node;
  }
  const level = [...shown].filter((other) => other.depth === node.depth);
  return level[level.indexOf(node) + (key === "ArrowRight" ? 1 : -1)] || node;
}
