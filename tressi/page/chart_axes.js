/* The axes and the frame that all charts share. One of the pieces that `assets.charts_script` joins. */

const config = { displayModeBar: false, responsive: false, typesetMath: false, plotlyServerURL: "", locale: "en", doubleClick: "autosize" };

// Fingers scroll the page and point; a mouse draws the part that it wants to see.
const isTouched = window.matchMedia("(pointer: coarse)");

/* The room around what is drawn, in points of the screen. Plotly would measure every label and draw twice; as it is, labels
   have at most seven characters, a unit and a title apart, and charts that stand one below the other have their times so too. */
const margin = { l: 54, r: 34, t: 10, b: 30 };
const clockRoom = 14; // of the time of day below a second
const titleRoom = 20;

function axis(more) {
  const lines = { gridcolor: color("grid"), linecolor: color("line"), zerolinecolor: color("line") };
  const labels = { automargin: false, ticklabeloverflow: "allow", exponentformat: "SI", separatethousands: true };
  return { ...lines, ...labels, zeroline: false, ...more };
}

function layout(more) {
  return {
    font: { family: "system-ui, sans-serif", size: 12, color: color("text") },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin,
    hovermode: false,
    showlegend: false,
    dragmode: isTouched.matches ? false : "zoom",
    uirevision: "same",
    ...more,
  };
}

/* The vertical axis of these values: from zero, or logarithmic with marks that are round numbers. */
function scale(isLog, values) {
  if (!isLog) return { type: "linear", rangemode: "tozero" };
  const known = values.filter((value) => value > 0 && Number.isFinite(value));
  if (!known.length) return { type: "log" };
  const [least, most] = [Math.log10(smallest(known)), Math.log10(largest(known))];
  if (most - least < 0.7) return { type: "log" };
  const steps = most - least > 2.5 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let decade = Math.floor(least); decade <= Math.ceil(most); decade++) {
    ticks.push(...steps.map((step) => Number((step * 10 ** decade).toPrecision(6))));
  }
  return { type: "log", tickvals: ticks, ticktext: ticks.map((tick) => figureText(tick)) };
}

const smallest = (values) => values.reduce((low, value) => Math.min(low, value), Infinity);
const largest = (values) => values.reduce((high, value) => Math.max(high, value), -Infinity);

/* All time charts of a page have the same horizontal axis: that of the run, or of the part that was zoomed to. */
const zoom = { range: null, revision: 0 };

const timeRange = (seconds) => zoom.range ?? [Math.max(0, Math.floor(smallest(seconds) - 1)), largest(seconds)];
const timeMargin = () => ({ ...margin, b: margin.b + (clockText(0) ? clockRoom : 0) });

function timeAxis(seconds) {
  const [from, to] = timeRange(seconds);
  const range = Number.isFinite(from) && to > from ? { range: [from, to] } : {};
  const common = { ...range, uirevision: `zoom ${zoom.revision}`, tickangle: 0, showgrid: false };
  if (!range.range || !clockText(0)) return axis({ ...common, ticksuffix: " s", nticks: 8 });
  const tickvals = evenTicks(from, to, window.innerWidth < 600 ? 4 : 7);
  const isFine = tickvals.length < 2 || tickvals[1] - tickvals[0] < 60;
  return axis({ ...common, tickvals, ticktext: tickvals.map((t) => `${formats[1].format(t)} s<br>${clockText(t, isFine)}`) });
}

const tickSteps = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];

/* Round seconds between two, `most` of them at most, or one more. */
function evenTicks(from, to, most) {
  const step = tickSteps.find((one) => (to - from) / one <= most) ?? 86400 * Math.ceil((to - from) / 86400 / most);
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.max(0, Math.floor(to / step) - first + 1) }, (_, at) => (first + at) * step);
}

/* Lines of what a threshold allows, as far as they are in the chart's reach: one far above would press all else to the ground. */
function limitLines(spec, values) {
  const most = largest(values.filter((value) => value !== null && Number.isFinite(value)));
  const lines = (spec.limits ?? []).filter(({ value }) => value <= 3 * most);
  const shapes = lines.map(({ value }) => ({
    ...{ type: "line", xref: "paper", x0: 0, x1: 1, y0: value, y1: value },
    line: { color: color("bad"), width: 1.25, dash: "dot" },
  }));
  const annotations = lines.map(({ value, text }) => ({
    ...{ xref: "paper", x: 1, xanchor: "right", y: spec.log ? Math.log10(value) : value, yanchor: "bottom", showarrow: false },
    text: literal(text), font: { size: 11, color: color("bad") }, // without a ground, which would hide the newest seconds
  }));
  return { shapes, annotations };
}

/* Where to cut columns so that they hold what a zoom shows, and one more on either side. */
function bounds(seconds) {
  if (!zoom.range) return [0, seconds.length];
  const first = seconds.findIndex((t) => t >= zoom.range[0]);
  const behind = seconds.findIndex((t) => t > zoom.range[1]);
  return [Math.max(0, (first < 0 ? seconds.length : first) - 1), behind < 0 ? seconds.length : behind + 1];
}

const shaded = (spans, name) =>
  (spans ?? []).map(([from, to]) => ({
    type: "rect", layer: "below", xref: "x", yref: "paper", x0: from, x1: to, y0: 0, y1: 1,
    fillcolor: color(name), line: { width: 0 },
  }));

const shades = (spec) => [...shaded(spec.warmUp, "warm-up"), ...shaded(spec.saturated, "saturated")];

/* The index of the value that is nearest to `wanted` in a rising list, -1 in an empty one. */
function nearest(values, wanted) {
  const after = values.findIndex((value) => value >= wanted);
  if (after < 0) return values.length - 1;
  return after > 0 && wanted - values[after - 1] < values[after] - wanted ? after - 1 : after;
}

/* What is said of every second besides its figures. */
function remarks(spec, from, to) {
  const isIn = (spans) => (spans ?? []).some(([begin, end]) => begin < to && to <= end);
  return [
    ...(spec.markers ?? []).filter((one) => from < one.t && one.t <= to).map((one) => one.text),
    ...(isIn(spec.saturated) ? ["generator limited"] : []),
    ...(isIn(spec.warmUp) ? ["warm-up"] : []),
  ];
}

function shadeWords(spec) {
  const saturated = spec.saturated?.length ? ["generator limited in shaded seconds"] : [];
  return [...saturated, ...(spec.warmUp ?? []).map(([, to]) => `warm-up until ${figureText(to, "s")}`)];
}

const shadeKeys = (spec) => (spec.warmUp?.length ? [{ name: "warm-up", color: "muted", sign: "shade" }] : []);
