// The table of sites: filter, sort by any column, and all that is known of a site below its row.

const COLUMNS = [
  {title: "Site", key: (site) => site.name, show: null},
  {title: "Lost", key: (site) => site.lost, show: (site) => site.lost ? inBytes(site.lost) : ""},
  {title: "Blocks", key: (site) => site.lostBlocks, show: (site) => site.lostBlocks || ""},
  {title: "Rate", key: (site) => site.rate, show: (site) => site.rate ? `${inBytes(site.rate)}/s` : ""},
  {title: "State", key: (site) => stateOf(site), show: (site) => stateOf(site)},
  {title: "Live", key: (site) => site.live, show: (site) => site.live ? inBytes(site.live) : ""},
  {title: "Blocks", key: (site) => site.liveBlocks, show: (site) => site.liveBlocks || ""},
  {title: "Not written", key: (site) => site.stale, show: (site) => site.stale ? inBytes(site.stale) : ""},
  {title: "Retained", key: (site) => site.retained, show: (site) => site.retained ? inBytes(site.retained) : ""},
  {title: "Generations", key: (site) => site.generations, show: (site) => site.generations || ""},
];
const SHOWN = 300;

function stateOf(site) {
  return [site.still ? "still leaking" : "", site.growth ? "growing" : ""].filter(Boolean).join(", ");
}

// Every word must be in the stack or the facts.
function filterSites(view, sites, wanted) {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  return sites.filter((site) => {
    const text = [site.id, ...site.stack.flatMap((index) => view.frames[index]), ...site.facts, ...site.way].join(" ").toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function sortSites(sites, column, descending) {
  const key = COLUMNS[column].key;
  const sign = descending ? -1 : 1;
  return [...sites].sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    return a < b ? -sign : a > b ? sign : other.lost - one.lost || other.live - one.live;
  });
}

class Sites {
  constructor(holder, view) {
    this.view = view;
    this.column = 1;
    this.descending = true;
    this.wanted = "";
    this.heads = COLUMNS.map((column, at) => element("th", {scope: "col"},
      element("button", {type: "button", click: () => this.sort(at)}, column.title)));
    this.body = element("tbody", {});
    this.count = element("span", {class: "quiet", "aria-live": "polite"});
    const filter = element("input", {type: "search", placeholder: "words in the stack", "aria-label": "filter the sites",
      input: (event) => this.filter(event.target.value)});
    holder.replaceChildren(element("div", {class: "bar"}, filter, this.count), element("div", {class: "scroll"},
      element("table", {}, element("thead", {}, element("tr", {}, ...this.heads)), this.body)));
    this.draw();
  }

  sort(column) {
    this.descending = this.column === column ? !this.descending : column !== 0;
    this.column = column;
    this.draw();
  }

  filter(wanted) {
    this.wanted = wanted;
    this.draw();
  }

  draw() {
    this.heads.forEach((head, at) => head.setAttribute("aria-sort",
      at !== this.column ? "none" : this.descending ? "descending" : "ascending"));
    const sites = sortSites(filterSites(this.view, this.view.sites, this.wanted), this.column, this.descending);
    this.count.textContent = sites.length > SHOWN ? `the first ${SHOWN} of ${sites.length} sites` : counted(sites.length, "site");
    this.body.replaceChildren(...sites.slice(0, SHOWN).flatMap((site) => this.rows(site)));
  }

  rows(site) {
    const details = element("tr", {hidden: ""});
    const toggle = () => {
      const opens = button.getAttribute("aria-expanded") !== "true";
      button.setAttribute("aria-expanded", String(opens));
      if (opens) {
        details.removeAttribute("hidden");
        details.replaceChildren(this.details(site));
      } else {
        details.setAttribute("hidden", "");
      }
    };
    const button = element("button", {type: "button", "aria-expanded": "false", click: toggle}, site.name,
      element("span", {class: "quiet"}, site.place === site.name ? "" : ` ${site.place}`));
    const cells = COLUMNS.slice(1).map((column) => element("td", {}, String(column.show(site))));
    return [element("tr", {}, element("td", {class: "name"}, button), ...cells), details];
  }

  details(site) {
    const calls = site.stack.map((index) => this.view.frames[index]).reverse();
    const stack = calls.map(([name, place]) => element("li", {class: "mono"}, place === name ? name : `${name} ${place}`));
    const facts = site.facts.map((fact) => element("li", {}, fact));
    const way = site.way.map((step) => element("li", {class: "mono"}, step));
    const held = way.length ? [element("b", {}, "Its oldest block is held by"), element("ol", {class: "way"}, ...way)] : [];
    return element("td", {class: "wide", colspan: COLUMNS.length}, element("b", {}, "Allocated from"), element("ol", {}, ...stack),
      element("ul", {}, ...facts), ...held, element("p", {class: "quiet"}, `site ${site.id}`));
  }
}
