/* Lines, steps and stacked areas over time. One of the pieces that `assets.charts_script` joins. */

const fallbackColors = ["achieved", "p99", "utilisation", "workers", "errors", "missed"];
const manyMarkers = 40;
const mostMarkers = 100; // in one direction
const markerKinds = [
  [true, "scaled up", "triangle-up"],
  [false, "scaled down", "triangle-down"],
  [null, "changed", "diamond"],
];

const secondsOf = (spec, one) => one?.t ?? spec.t; // a chart may have nothing to draw yet
const colorOf = (one, index) => one.color ?? fallbackColors[index % fallbackColors.length];
const unitOf = (spec, one) => one.unit ?? spec.unit;

const lineOf = (one, index) => ({
  color: color(colorOf(one, index)),
  width: one.y?.length > 300 ? 1.25 : 2,
  dash: one.dash ? "dash" : "solid",
  shape: one.step ? "vh" : "linear",
});

function timeCut(spec) {
  const [from, to] = bounds(spec.t);
  if (from === 0 && to === spec.t.length) return spec;
  const series = spec.series.map((one) => {
    const [first, behind] = one.t ? bounds(one.t) : [from, to];
    return { ...one, ...(one.t ? { t: one.t.slice(first, behind) } : {}), y: one.y.slice(first, behind) };
  });
  const [begin, end] = zoom.range;
  const markers = (spec.markers ?? []).filter((one) => begin <= one.t && one.t <= end);
  return { ...spec, t: spec.t.slice(from, to), series, markers };
}

/* Areas lie below the lines, so they come first. */
function timeTraces(spec, hidden) {
  const traces = spec.series.map((one, index) => ({
    type: "scatter",
    mode: "lines",
    name: literal(one.name),
    x: secondsOf(spec, one),
    y: one.stack ? one.y.map((value) => value ?? 0) : one.y,
    visible: hidden.has(one.name) ? "legendonly" : true,
    connectgaps: false,
    line: lineOf(one, index),
    ...(one.right ? { yaxis: "y2" } : {}),
    ...(one.stack ? areaOf(one, index) : {}),
  }));
  const isArea = (trace) => Boolean(trace.stackgroup);
  return [...traces.filter(isArea), ...traces.filter((trace) => !isArea(trace)), ...markerTraces(spec, hidden)];
}

// The edge in the colour of the page parts an area from the one above it, whatever their colours are.
const areaOf = (one, index) => ({
  stackgroup: one.stack, fillcolor: color(colorOf(one, index)), line: { color: color("surface"), width: 0.5 },
});

const markersOf = (spec, up) => (spec.markers ?? []).filter((one) => (one.up ?? null) === up);

/* Of marks that nobody could tell apart one is drawn; the cursor tells all of them. */
function apart(spec, markers) {
  const [from, to] = timeRange(spec.t);
  const least = (to - from) / mostMarkers;
  let last = -Infinity;
  return markers.length <= mostMarkers ? markers : markers.filter(({ t }) => t - last >= least && ((last = t), true));
}

// One trace for each direction, on the line of the first series, so that the legend tells what a triangle means.
function markerTraces(spec, hidden) {
  return markerKinds
    .map(([up, name, symbol]) => [apart(spec, markersOf(spec, up)), name, symbol])
    .filter(([markers]) => markers.length)
    .map(([markers, name, symbol]) => ({
      type: "scatter",
      mode: "markers",
      name,
      x: markers.map((one) => one.t),
      y: markers.map((one) => valueAt(spec, one.t)),
      visible: hidden.has(name) ? "legendonly" : true,
      cliponaxis: false,
      marker: { symbol, color: color("workers"), ...markerSize(markers.length) },
    }));
}

const markerSize = (count) =>
  count > manyMarkers ? { size: 6 } : { size: 9, line: { color: color("surface"), width: 1 } };

const markedLine = (spec) => spec.series.find((one) => one.marked) ?? spec.series[0];

// A second's row describes the end of that second; a step holds from the row before, a line rises between the two.
function valueAt(spec, t) {
  const line = markedLine(spec);
  const seconds = secondsOf(spec, line);
  const found = seconds.findIndex((second) => second >= t);
  const after = found < 0 ? seconds.length - 1 : found;
  const [before, value] = [line.y[after - 1], line.y[after] ?? 0];
  if (line.step || before === undefined || before === null || found < 0) return value;
  return value + ((before - value) * (seconds[after] - t)) / (seconds[after] - seconds[after - 1]);
}

function timeLayout(spec, hidden) {
  const ends = spec.series.map((one) => secondsOf(spec, one)).flatMap((seconds) => [seconds[0], seconds.at(-1)]);
  const left = spec.series.filter((one) => !one.right && !hidden.has(one.name)).flatMap((one) => one.y);
  const named = (title) => (title ? { title: { text: literal(title), standoff: 6 } } : {});
  const y = { ...scale(spec.log, left), ...named(spec.axis), fixedrange: true, ticksuffix: spec.unit === "%" ? " %" : "" };
  const drawnOver = { overlaying: "y", side: "right", showgrid: false, fixedrange: true, rangemode: "tozero" };
  const share = spec.rightUnit === "%" ? { range: [0, 105], tickvals: [0, 25, 50, 75, 100] } : {};
  const right = spec.series.some((one) => one.right);
  const limits = limitLines(spec, left);
  const room = { l: margin.l + (spec.axis ? titleRoom : 0), r: margin.r + (spec.rightAxis ? titleRoom : 0) };
  return layout({
    margin: { ...timeMargin(), ...room },
    xaxis: timeAxis(ends.filter(Number.isFinite)),
    yaxis: axis(y),
    ...(right ? { yaxis2: axis({ ...drawnOver, ...named(spec.rightAxis), ...share }) } : {}),
    shapes: [...shades(spec), ...limits.shapes],
    annotations: limits.annotations,
  });
}

function timeWords(spec) {
  const parts = spec.series.map((one) => {
    const unit = unitOf(spec, one);
    const values = one.y.filter((value) => value !== null && Number.isFinite(value));
    if (!values.length) return `${one.name}: no values`;
    const least = figureText(smallest(values));
    return `${one.name}: ${least} to ${figureText(largest(values), unit)}, at last ${figureText(values.at(-1), unit)}`;
  });
  const count = spec.markers?.length ?? 0;
  const marks = count ? [`${count} mark${count === 1 ? "" : "s"}`] : [];
  const limits = (spec.limits ?? []).map(({ text }) => `threshold ${text}`);
  return [...parts, ...marks, ...limits, ...shadeWords(spec)].join("; ");
}

function timeKeys(spec) {
  const sign = (one) => (one.stack ? "area" : one.dash ? "dashed" : "line");
  const lines = spec.series.map((one, index) => ({
    name: one.name, color: colorOf(one, index), sign: sign(one), isToggle: true, isHidden: one.hidden,
  }));
  const marks = markerKinds
    .filter(([up]) => markersOf(spec, up).length)
    .map(([, name, symbol]) => ({ name, color: "workers", sign: symbol, isToggle: true }));
  return [...lines, ...marks, ...shadeKeys(spec)];
}

function timeReading(spec, at, hidden) {
  const seconds = secondsOf(spec, spec.series[0]);
  const items = spec.series
    .map((one, index) => ({ one, index, value: one.y[one.t ? nearest(one.t, seconds[at]) : at] }))
    .filter(({ one, value }) => !hidden.has(one.name) && !(one.stack && !value))
    .map(({ one, index, value }) => ({ name: one.name, color: colorOf(one, index), value: figureText(value, unitOf(spec, one)) }));
  return { head: secondText(seconds[at]), items, notes: remarks(spec, seconds[at - 1] ?? -Infinity, seconds[at]) };
}

/* The vertical extents, in points of the screen, of what is drawn between two places of the screen. */
function timeExtents(spec, hidden, axes, from, to) {
  const extents = [];
  const heights = new Map();
  for (const one of spec.series) {
    if (hidden.has(one.name)) continue;
    const seconds = secondsOf(spec, one);
    const vertical = one.right ? axes.right : axes.y;
    let before = null;
    for (let at = 0; at < seconds.length; at++) {
      let value = one.y[at];
      if (one.stack) heights.set(at, (value = (heights.get(at) ?? 0) + (value ?? 0)));
      const x = axes.x(seconds[at]);
      const y = value === null ? null : vertical(value);
      if (x >= from && before !== null && y !== null) extents.push([Math.min(before, y), Math.max(before, y)]);
      if (x > to) break;
      before = y;
    }
  }
  return extents;
}

const overTime = {
  isOverTime: true,
  cut: timeCut,
  traces: timeTraces,
  layout: timeLayout,
  words: timeWords,
  keys: timeKeys,
  places: (spec) => secondsOf(spec, spec.series[0]),
  at: (spec, x) => nearest(secondsOf(spec, spec.series[0]), x),
  time: (spec, at) => secondsOf(spec, spec.series[0])[at],
  reading: timeReading,
  extents: timeExtents,
};
