/* A heat map of latencies over time: how many there were in each band of each second. One of the pieces that
   `assets.charts_script` joins.

   Band k holds [10^(k/10), 10^((k+1)/10)) microseconds: ten bands a decade. The axis counts in bands, so it is logarithmic.
   The colour is the logarithm of the count in a second: a single slow response among thousands of fast ones is seen. */

const mostColumns = 240;
const bandsADecade = 10;
const finerOnPaper = 3;
const heatStops = [1, 2, 3, 4, 5, 6];

const edgeMs = (band) => 10 ** (band / bandsADecade - 3);
const edgeText = (band) => figureText(Number(edgeMs(band).toPrecision(3)));
const bandText = (band) => `${edgeText(band)} to ${edgeText(band + 1)} ms`;

/* What is drawn of bands: columns of one or more seconds, and only the rows that anything is in. */
function heatColumns(spec) {
  const { t, bands } = spec;
  const together = Math.max(1, Math.ceil(t.length / mostColumns));
  const edges = [Math.max(0, t.length ? t[0] - ((t[1] ?? t[0] + 1) - t[0]) : 0)];
  const cells = [];
  for (let at = 0; at < t.length; at += together) {
    edges.push(t[Math.min(at + together, t.length) - 1]);
    cells.push(summed(bands.slice(at, at + together)));
  }
  const used = cells.flatMap((column) => [...column.keys()]);
  return { ...spec, edges, cells, lowest: used.length ? smallest(used) : 0, highest: used.length ? largest(used) : -1 };
}

function summed(rows) {
  const column = new Map();
  for (const [first, ...counts] of rows.map((row) => row ?? [])) {
    counts.forEach((count, at) => count && column.set(first + at, (column.get(first + at) ?? 0) + count));
  }
  return column;
}

function heatCut(spec) {
  const [from, to] = bounds(spec.t);
  return heatColumns({ ...spec, t: spec.t.slice(from, to), bands: spec.bands.slice(from, to) });
}

/* The colours from few to many, as so many texts that a canvas takes. */
function heatColors(canvas) {
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const ramp = pen.createLinearGradient(0, 0, canvas.width, 0);
  heatStops.forEach((stop, at) => ramp.addColorStop(at / (heatStops.length - 1), color(`heat-${stop}`)));
  pen.fillStyle = ramp;
  pen.fillRect(0, 0, canvas.width, 1);
  const { data } = pen.getImageData(0, 0, canvas.width, 1);
  return Array.from({ length: canvas.width }, (_, at) => `rgb(${data[4 * at]} ${data[4 * at + 1]} ${data[4 * at + 2]})`);
}

function canvasOf(width, height) {
  return Object.assign(document.createElement("canvas"), { width: Math.max(1, width), height: Math.max(1, height) });
}

/* All cells as one picture, as many points wide and high as the screen has there: plotly's own heat map takes ten times as long,
   and is in a part of its script that is half as long again. */
function heatPicture({ edges, cells, lowest, highest }, [wide, high]) {
  const finer = document.documentElement.hasAttribute("data-paper") ? finerOnPaper : Math.max(1, window.devicePixelRatio);
  const canvas = canvasOf(Math.round(wide * finer), Math.round(high * finer));
  const colors = heatColors(canvasOf(256, 1));
  // Of a column of several seconds the colour is that of their mean.
  const heights = cells.map((column, at) => {
    const seconds = Math.max(1e-3, edges[at + 1] - edges[at]);
    return [...column].map(([band, count]) => [band, Math.log10(count / seconds)]);
  });
  const all = heights.flatMap((column) => column.map(([, height]) => height));
  const least = smallest(all);
  const reach = Math.max(1, largest(all) - least);
  const x = (t) => Math.round((canvas.width * (t - edges[0])) / (edges.at(-1) - edges[0]));
  const y = (band) => Math.round((canvas.height * (highest + 1 - band)) / (highest + 1 - lowest));
  const gap = highest - lowest >= 30 ? 0 : Math.round(finer);
  const pen = canvas.getContext("2d");
  heights.forEach((column, at) => {
    const [left, right] = [x(edges[at]), x(edges[at + 1])];
    for (const [band, height] of column) {
      const top = y(band + 1) + gap;
      pen.fillStyle = colors[Math.round(((colors.length - 1) * (height - least)) / reach)];
      pen.fillRect(left, top, right - left, y(band) - top);
    }
  });
  return canvas.toDataURL();
}

/* The picture, where the axes have what it shows; nothing where there is nothing to show. */
function heatImages(spec, [width, height]) {
  const { edges, lowest, highest } = spec;
  const [from, to] = timeRange(edges);
  const lasts = edges.at(-1) - edges[0];
  const room = timeMargin();
  const size = [((width - room.l - room.r) * lasts) / (to - from), height - room.t - room.b];
  if (highest < lowest || !size.every((one) => one > 0 && Number.isFinite(one))) return [];
  const place = { x: edges[0], sizex: lasts, y: highest + 1, sizey: highest + 1 - lowest };
  return [{ source: heatPicture(spec, size), ...place, xref: "x", yref: "y", sizing: "stretch", layer: "above" }];
}

function heatLayout(spec, _hidden, size) {
  const { lowest, highest } = spec;
  const range = highest < lowest ? [0, 1] : [lowest, highest + 1];
  // Round numbers of milliseconds, as far apart as their texts need.
  const steps = range[1] - range[0] > 2 * bandsADecade ? [1] : [1, 2, 5];
  const ticks = [];
  for (let decade = Math.floor(range[0] / bandsADecade); decade * bandsADecade <= range[1]; decade++) {
    ticks.push(...steps.map((step) => bandsADecade * (decade + Math.log10(step))));
  }
  const y = { range, fixedrange: true, tickvals: ticks, ticktext: ticks.map(edgeText) };
  return layout({ margin: timeMargin(), xaxis: timeAxis(spec.edges), yaxis: axis(y), shapes: shades(spec), images: heatImages(spec, size) });
}

function heatWords(spec) {
  const all = [...summed(spec.bands)];
  const count = all.reduce((sum, [, values]) => sum + values, 0);
  if (!count) return "no values";
  const [busiest] = all.reduce((most, one) => (one[1] > most[1] ? one : most));
  const told = `${figureText(count)} between ${edgeText(spec.lowest)} and ${edgeText(spec.highest + 1)} ms, most of them at ${bandText(busiest)}`;
  return [told, ...shadeWords(spec)].join("; ");
}

/* Of a column: how many it has in all, and the band that is pointed at, else the fullest one. */
function heatReading(spec, at, _hidden, row = null) {
  const column = spec.cells[at];
  const count = [...column.values()].reduce((sum, value) => sum + value, 0);
  const fullest = [...column].reduce((most, one) => (one[1] > most[1] ? one : most), [null, 0])[0];
  const band = row ?? fullest;
  const [from, to] = [spec.edges[at], spec.edges[at + 1]];
  const head = to - from > 1.5 ? `${figureText(Math.round(10 * from) / 10)} to ${secondText(to)}` : secondText(to);
  const name = row === null ? "fullest band" : "band";
  const found = band === null ? [] : [{ name, value: `${bandText(band)}: ${figureText(column.get(band) ?? 0)}` }];
  return { head, items: [...found, { name: "in all", value: figureText(count) }], notes: remarks(spec, from, to) };
}

const heatKeys = (spec) => [
  { name: "few", color: "heat-1", sign: "area" },
  { name: "many", color: "heat-6", sign: "area" },
  { name: "fullest band" },
  { name: "in all" },
  ...shadeKeys(spec),
];

function heatExtents({ edges, cells }, _hidden, axes, from, to) {
  const extents = [];
  cells.forEach((column, at) => {
    if (axes.x(edges[at + 1]) < from || axes.x(edges[at]) > to) return;
    for (const band of column.keys()) extents.push([axes.y(band + 1), axes.y(band)]);
  });
  return extents;
}

/* A column holds the seconds behind its left edge up to its right one. */
function heatColumnAt({ edges }, t) {
  const found = edges.findIndex((edge, index) => index > 0 && edge >= t - 1e-9);
  return found < 0 ? edges.length - 2 : found - 1;
}

const asHeat = {
  isOverTime: true,
  cut: heatCut,
  traces: () => [],
  layout: heatLayout,
  words: heatWords,
  keys: heatKeys,
  places: ({ edges }) => edges.slice(1).map((edge, at) => (edges[at] + edge) / 2),
  // A column holds the seconds behind its left edge up to its right one.
  at: heatColumnAt,
  time: ({ edges }, at) => edges[at + 1],
  rows: ({ lowest, highest }) => [lowest, highest],
  reading: heatReading,
  extents: heatExtents,
};
