/* A heat map of latencies over time: how many there were in each band of each second. One of the pieces that
   `assets.charts_script` joins.

   Band k holds [10^(k/10), 10^((k+1)/10)) microseconds: ten bands a decade. The axis counts in bands, so it is logarithmic.
   The colour is the logarithm of the count in a second: a single slow response among thousands of fast ones is seen. */

const mostColumns = 240;
const bandsADecade = 10;
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

function heatTraces({ edges, cells, lowest, highest }) {
  const rows = Array.from({ length: Math.max(0, highest - lowest + 1) }, (_, row) => lowest + row);
  // Of a column of several seconds the colour is that of their mean.
  const heights = cells.map((column, at) => {
    const seconds = Math.max(1e-3, edges[at + 1] - edges[at]);
    return new Map([...column].map(([band, count]) => [band, Math.log10(count / seconds)]));
  });
  const all = heights.flatMap((column) => [...column.values()]);
  const least = all.length ? smallest(all) : 0;
  return [{
    type: "heatmap",
    x: edges,
    y: [...rows, highest + 1],
    z: rows.map((band) => heights.map((column) => column.get(band) ?? null)),
    // With a gap plotly paints the cells one by one; without, it would want a style that the page's policy forbids.
    ygap: rows.length > 30 ? 0.01 : 1,
    zmin: least,
    zmax: Math.max(least + 1, all.length ? largest(all) : 0),
    colorscale: heatStops.map((stop, at) => [at / (heatStops.length - 1), color(`heat-${stop}`)]),
    showscale: false,
    hoverinfo: "skip",
  }];
}

function heatLayout(spec) {
  const { t, lowest, highest } = spec;
  const range = highest < lowest ? [0, 1] : [lowest, highest + 1];
  // Round numbers of milliseconds, as far apart as their texts need.
  const steps = range[1] - range[0] > 2 * bandsADecade ? [1] : [1, 2, 5];
  const ticks = [];
  for (let decade = Math.floor(range[0] / bandsADecade); decade * bandsADecade <= range[1]; decade++) {
    ticks.push(...steps.map((step) => bandsADecade * (decade + Math.log10(step))));
  }
  const y = { range, fixedrange: true, tickvals: ticks, ticktext: ticks.map(edgeText) };
  return layout({ xaxis: timeAxis(t), yaxis: axis(y), shapes: shades(spec) });
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
  traces: heatTraces,
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
