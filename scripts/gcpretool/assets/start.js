// Puts the page together, and again when another process is chosen.

function sumOf(view, key) {
  return view.sites.reduce((sum, site) => sum + site[key], 0);
}

function card(title, value) {
  return element("li", {}, title, element("b", {}, value));
}

function cardsOf(view) {
  const pauses = view.runs.flatMap((run) => run.cycles.map((row) => row[6]));
  const cards = [
    card(`lost, ${counted(sumOf(view, "lostBlocks"), "block")}`, inBytes(sumOf(view, "lost"))),
    card("sites that still leak", String(view.sites.filter((site) => site.still).length)),
    card("live", inBytes(sumOf(view, "live"))),
    card(`grown at ${counted(view.sites.filter((site) => site.growth).length, "site")} that grow`, inBytes(sumOf(view, "growth"))),
    card("live, not written for long", inBytes(sumOf(view, "stale"))),
  ];
  if (pauses.length)
    cards.push(card("longest pause", inSeconds(pauses.reduce((most, ns) => Math.max(most, ns), 0) / 1e9)));
  return cards;
}

function chooser(views, chosen) {
  if (views.length < 2)
    return [];
  const options = views.map((view, at) => element("option", {value: at, selected: at === chosen ? "" : null}, view.name));
  return [element("label", {}, "Process ",
    element("select", {change: (event) => show(views, Number(event.target.value))}, ...options))];
}

function show(views, chosen) {
  const view = views[chosen];
  document.getElementById("header").replaceChildren(
    element("h1", {}, view.name), element("p", {class: "quiet"}, `${view.command}, begun ${view.begun}`),
    ...chooser(views, chosen), ...view.notes.map((note) => element("p", {class: "note"}, note)),
    element("ul", {class: "cards"}, ...cardsOf(view)));
  new Flame(document.getElementById("flame"), view);
  showPlots(document.getElementById("plots"), view);
  new Sites(document.getElementById("sites"), view);
  showThreads(document.getElementById("threads"), view);
}

show(JSON.parse(document.getElementById("data").textContent), 0);
