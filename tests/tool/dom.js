// As much of a browser's document as the page uses, so that node can run its scripts: elements, attributes, text,
// events that bubble, focus. It lays nothing out.

"use strict";

class Text {
  constructor(text) {
    this.textContent = text;
    this.children = [];
  }
}

class Element {
  constructor(document, tag) {
    this.document = document;
    this.tag = tag;
    this.attributes = new Map();
    this.children = [];
    this.listeners = new Map();
    this.parent = null;
    this.value = "";
    this.properties = new Map();
    this.style = {setProperty: (name, value) => this.properties.set(name, value)};
    this.classList = {
      toggle: (name, wanted) => {
        const names = new Set((this.getAttribute("class") || "").split(" ").filter(Boolean));
        if (wanted) names.add(name); else names.delete(name);
        this.setAttribute("class", [...names].join(" "));
      },
      contains: (name) => (this.getAttribute("class") || "").split(" ").includes(name),
    };
  }
  setAttribute(name, value) { this.attributes.set(name, String(value)); }
  getAttribute(name) { return this.attributes.has(name) ? this.attributes.get(name) : null; }
  removeAttribute(name) { this.attributes.delete(name); }
  append(...children) {
    for (const child of children) {
      const node = typeof child === "string" ? new Text(child) : child;
      if (!(node instanceof Element || node instanceof Text))
        throw new TypeError(`cannot append ${node}`);
      node.parent = this;
      this.children.push(node);
    }
  }
  replaceChildren(...children) {
    this.children = [];
    this.append(...children);
  }
  get textContent() { return this.children.map((child) => child.textContent).join(""); }
  set textContent(text) { this.children = [new Text(text)]; }
  addEventListener(name, listener) {
    if (typeof listener !== "function")
      throw new TypeError(`${name}: no listener`);
    this.listeners.set(name, [...(this.listeners.get(name) || []), listener]);
  }
  fire(name, fields = {}) {
    const event = {target: this, defaultPrevented: false, preventDefault() { this.defaultPrevented = true; }, ...fields};
    for (let at = this; at; at = name === "focus" ? null : at.parent)
      for (const listener of at.listeners.get(name) || [])
        listener(event);
    return event;
  }
  focus() {
    this.document.activeElement = this;
    this.fire("focus");
  }
  all(accepts) {
    const found = this.children.flatMap((child) => child instanceof Element ? child.all(accepts) : []);
    return accepts(this) ? [this, ...found] : found;
  }
}

class Document {
  constructor(ids) {
    this.activeElement = null;
    this.elements = new Map(ids.map((id) => [id, new Element(this, "div")]));
  }
  createElement(tag) { return new Element(this, tag); }
  createElementNS(space, tag) { return new Element(this, tag); }
  getElementById(id) { return this.elements.get(id) || null; }
}

module.exports = {Document};
