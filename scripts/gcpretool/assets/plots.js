// Lines over time, as SVG. Each plot says its range in words too.

const PLOT = {width: 640, height: 220, left: 62, right: 12, top: 12, bottom: 26};
const PLOTS = [
  {title: "Heap", rows: "cycles", words: inBytes,
    lines: [["before a cycle", 1, "two"], ["after it", 2, "one"], ["live", 3, "three"], ["goal", 4, "four"]]},
  {title: "Pauses", rows: "cycles", words: (ns) => inSeconds(ns / 1e9), lines: [["threads stopped", 6, "two"]]},
  {title: "Marking", rows: "cycles", words: (ns) => inSeconds(ns / 1e9), lines: [["beside the program", 5, "one"]]},
  {title: "Lost, added up", rows: "losses", words: inBytes, lines: [["lost", 1, "two"]]},
];
const MEMORY_NAMES = {rss_bytes: "resident", live_bytes: "live", lost_bytes: "lost", probation_bytes: "in probation",
  free_bytes: "free", fragment_bytes: "slack in slots", metadata_bytes: "of the collector", other_bytes: "other"};

function showPlots(holder, view) {
  const figures = view.runs.flatMap((run) => PLOTS.filter((plot) => run[plot.rows].length > 0)
    .map((plot) => figureOf(plot, run, view.runs.length > 1)));
  const memory = view.runs.filter((run) => run.memory).map((run) => memoryLine(run, view.runs.length > 1));
  const none = figures.length || memory.length ? [] : [element("p", {class: "quiet"}, "The report has no cycles.")];
  holder.replaceChildren(element("div", {class: "plots"}, ...figures), ...memory, ...none);
}

function figureOf(plot, run, named) {
  const rows = run[plot.rows];
  const highest = plot.lines.reduce((most, [, column]) => Math.max(most, highestOf(rows, column)), 0);
  const ranges = plot.lines.map(([name, column]) => `${name}: up to ${plot.words(highestOf(rows, column))}`);
  const title = named ? `${plot.title}, ${run.name}` : plot.title;
  const image = drawing("svg", {viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, role: "img",
    "aria-label": `${title}. ${ranges.join(", ")}`}, ...axes(plot, run.seconds, highest),
    ...plot.lines.map(([, column, style]) =>
      drawing("polyline", {class: `line ${style}`, points: pointsOf(rows, column, run.seconds, highest)})));
  const keys = plot.lines.map(([, , style], at) => element("span", {class: `key ${style}`}, ranges[at]));
  return element("figure", {}, element("figcaption", {}, element("b", {}, title)), image, element("div", {class: "quiet"}, ...keys));
}

function highestOf(rows, column) {
  return rows.reduce((most, row) => Math.max(most, row[column]), 0);
}

function across(seconds, last) {
  return PLOT.left + (PLOT.width - PLOT.left - PLOT.right) * (last > 0 ? Math.min(1, seconds / last) : 0);
}

function upwards(value, highest) {
  return PLOT.height - PLOT.bottom - (PLOT.height - PLOT.top - PLOT.bottom) * (highest > 0 ? value / highest : 0);
}

function pointsOf(rows, column, last, highest) {
  const ends = rows.length === 1 ? [[last, ...rows[0].slice(1)]] : [];   // one point alone would not be seen
  return [...rows, ...ends].map((row) =>
    `${across(row[0], last).toFixed(1)},${upwards(row[column], highest).toFixed(1)}`).join(" ");
}

function axes(plot, last, highest) {
  const parts = [];
  for (const share of [0, 0.5, 1]) {
    const y = upwards(share * highest, highest);
    const x = across(share * last, last);
    parts.push(drawing("path", {class: "axis", d: `M${PLOT.left} ${y}H${PLOT.width - PLOT.right}`}),
      drawing("text", {x: PLOT.left - 6, y: y + 4, "text-anchor": "end"}, plot.words(share * highest)),
      drawing("text", {x, y: PLOT.height - 8, "text-anchor": share === 1 ? "end" : share ? "middle" : "start"}, inSeconds(share * last)));
  }
  return parts;
}

function memoryLine(run, named) {
  const parts = Object.entries(MEMORY_NAMES).filter(([key]) => run.memory[key]).map(([key, name]) => `${name} ${inBytes(run.memory[key])}`);
  return element("p", {}, element("b", {}, named ? `Memory, ${run.name}: ` : "Memory: "), parts.join(", "));
}
