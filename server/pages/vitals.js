// host:vitals as figures with a minute of sparkline each; owns the last readings.

const READINGS = 60;
const SVG = "http://www.w3.org/2000/svg";

const percent = (value) => `${value.toFixed(value < 10 ? 1 : 0)} %`;
const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const gibibytes = (bytes) => (bytes / 2 ** 30).toFixed(1);

function duration(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(seconds)} s`;
}

// `plot` is drawn against `top`, the value at the upper edge; without one, against the largest seen.
const FIGURES = [
  { name: "CPU", plot: (d) => d.cpu_percent, top: () => 100, text: (d) => percent(d.cpu_percent) },
  {
    name: "Memory",
    plot: (d) => d.memory.percent,
    top: () => 100,
    text: (d) => `${gibibytes(d.memory.used_bytes)} of ${gibibytes(d.memory.total_bytes)} GiB`,
  },
  { name: "Gateway CPU", plot: (d) => d.gateway.cpu_percent, text: (d) => percent(d.gateway.cpu_percent) },
  { name: "Loop lag", plot: (d) => d.gateway.loop_lag_ms, text: (d) => `${d.gateway.loop_lag_ms.toFixed(1)} ms` },
  { name: "Load", text: (d) => d.load.map((load) => load.toFixed(2)).join("  ") },
  { name: "Gateway memory", text: (d) => mebibytes(d.gateway.rss_bytes) },
  { name: "Connections", text: (d) => String(d.gateway.connections) },
  { name: "Topics", text: (d) => String(d.gateway.topics) },
  { name: "Uptime", text: (d) => duration(d.gateway.uptime_s) },
];

export class Vitals {
  constructor(card, list, empty) {
    this.card = card;
    this.empty = empty;
    this.figures = FIGURES.map((figure) => new Figure(figure, list));
  }

  show({ data }) {
    this.empty.hidden = true;
    delete this.card.dataset.quiet;
    for (const figure of this.figures) figure.show(data);
  }
}

class Figure {
  constructor({ name, text, plot, top }, list) {
    Object.assign(this, { text, plot, top, readings: [] });
    const row = document.createElement("div");
    row.className = "figure";
    row.hidden = true;
    row.append(span("name", name), (this.value = span("value", "")));
    if (plot) row.append(this.sparkline());
    list.append((this.row = row));
  }

  sparkline() {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${READINGS - 1} 100`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    this.area = document.createElementNS(SVG, "polygon");
    this.line = document.createElementNS(SVG, "polyline");
    svg.append(this.area, this.line);
    return svg;
  }

  show(data) {
    this.row.hidden = false;
    this.value.textContent = this.text(data);
    if (!this.plot) return;
    this.readings.push(this.plot(data));
    if (this.readings.length > READINGS) this.readings.shift();
    this.draw(this.top ? this.top(data) : Math.max(1, ...this.readings));
  }

  draw(top) {
    // New readings come in at the right edge; y grows downwards, and 4 keeps the stroke inside.
    const first = READINGS - this.readings.length;
    const points = this.readings.map((value, index) => `${first + index},${(96 - 92 * Math.min(1, value / top)).toFixed(1)}`);
    this.line.setAttribute("points", points.join(" "));
    this.area.setAttribute("points", [`${first},100`, ...points, `${READINGS - 1},100`].join(" "));
  }
}

function span(className, text) {
  const made = document.createElement("span");
  made.className = className;
  made.textContent = text;
  return made;
}
