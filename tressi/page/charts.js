/* Charts of a page: plain values in, a Plotly chart out, in the page's colours, for eyes, keyboards and screen readers alike.

   Needs Plotly and style.css. Runs under a policy without `unsafe-inline` and `unsafe-eval`. The last of the pieces that
   `assets.charts_script` joins into one script.

     tressiCharts.timeChart(element, {title, unit, t, series, markers, saturated, warmUp, log, logSwitch,
                                      axis, rightAxis, rightUnit, limits})
     tressiCharts.heatMap(element, {title, unit, t, bands: [[first, n, n, …], …], saturated, warmUp, markers})
     tressiCharts.percentileChart(element, {title, series: [{name, color, points: [[percentile, ms], …]}], log, logSwitch})
     tressiCharts.extend(element, {t, y: [[…], …], markers, saturated}, keep)     more seconds for a time chart
     tressiCharts.forget(element)                                                 empty the element again
     tressiCharts.panels(columns, {t, markers, saturated, warmUp, isFlow, …})     specs of {rate, latency, heat, workers}, each
                                                                                  null without anything to show: chart_panels.js
     tressiCharts.latencySeries(columns, hasFailures, isFlow)                     series of those that the columns have
     tressiCharts.failureSeries(failures)                                         a stacked series for each status and kind
     tressiCharts.sparkline(element, values, tone)                                a small line, without plotly
     tressiCharts.plain(text)                                                     control characters as code points
     tressiCharts.redraw()                                                        all that is drawn, once more and now
     tressiCharts.showAll()                                                       end a zoom, which is of all time charts

   A series is {name, color, y, t, step, dash, stack, right, unit, hidden, marked}: those with the same `stack` are areas one on
   the other, one with `right` is of the right axis, one that is `hidden` is drawn once its entry in the legend is pressed,
   and the marks are on the one that is `marked`. `t` is seconds since the start; a series may have its own `t`. A `y` of null
   is a gap. `color` is a name of style.css, without its dashes. `bands` are the timeline's own; a row may be null or empty.
   A marker is {t, text, up}: `text` is lines of why, `up` whether workers were added (null: neither).
   `limits` are lines across, {value, text} each. `saturated` and `warmUp` are lists of [from, to]. `logSwitch` gives the reader a switch of the scale; `log` is how it begins.
   Drawing into the same element again updates it and keeps what was zoomed, switched or hidden. All time charts of a page
   have one axis, one zoom and one cursor. */

const drawn = new Map(); // element → what it was drawn from, to draw it again when colours or sizes change
const queue = new Set();
let drawings = 0;

// --------------------------------------------------------------------------------------------------------------- elements

function text(tag, className, content) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = plain(content);
  return element;
}

function swatch(name, sign) {
  const element = text("i", `swatch ${sign}`, "");
  element.style.color = `var(--${name})`;
  return element;
}

function frame(element) {
  element.replaceChildren();
  const figure = {
    head: text("div", "chart-head", ""), title: text("p", "chart-title", ""), when: text("span", "chart-when", ""),
    area: text("div", "plot-area", ""), plot: text("div", "plot", ""), line: text("div", "cursor", ""), box: text("div", "box", ""),
    legend: text("ul", "legend", ""), spoken: text("p", "spoken", ""),
    hidden: new Set(), known: new Set(), values: new Map(), entries: "", log: null,
  };
  figure.head.append(figure.title, figure.when);
  figure.area.append(figure.plot, figure.line, figure.box);
  element.append(figure.head, figure.area, figure.legend, figure.spoken);
  figure.line.hidden = figure.box.hidden = true;
  figure.box.setAttribute("aria-hidden", "true"); // what it has is said by `spoken`
  figure.spoken.setAttribute("aria-live", "polite");
  figure.plot.setAttribute("role", "application");
  figure.plot.setAttribute("aria-roledescription", "chart");
  figure.plot.tabIndex = 0;
  figure.plot.addEventListener("keydown", (event) => step(event, element));
  figure.plot.addEventListener("blur", hideCursor);
  listenToPointers(element, figure.area);
  sizes.observe(figure.plot);
  return figure;
}

/* The switch of the scale, once a chart wants one. */
function switchOf(element, figure, isLog) {
  const label = text("label", "chart-switch", "");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = Boolean(isLog);
  box.addEventListener("change", () => {
    figure.log = box.checked;
    drawAgain(element);
  });
  label.append(box, "log scale");
  figure.head.append(label);
  figure.switch = box;
}

/* Entries that can be pressed show and hide their line; an entry stays the same element for as long as the entries do. */
function showLegend(element, figure, keys) {
  const entries = keys.map((key) => `${key.name}\t${key.color}\t${key.sign}`).join("\n");
  for (const key of keys) {
    if (key.isHidden && !figure.known.has(key.name)) figure.hidden.add(key.name);
    figure.known.add(key.name);
  }
  if (entries === figure.entries) return;
  figure.entries = entries;
  figure.values.clear();
  figure.legend.replaceChildren(...keys.map((key) => entryOf(element, figure, key)));
}

function entryOf(element, figure, { name, color: colored, sign, isToggle }) {
  const item = text("li", "", "");
  const entry = text(isToggle ? "button" : "span", "entry", "");
  const value = text("span", "entry-value", "");
  if (sign) entry.append(swatch(colored, sign));
  entry.append(text("span", "", name), value);
  figure.values.set(name, { element: value, room: 0 });
  item.append(entry);
  if (!isToggle) return item;
  const show = () => entry.setAttribute("aria-pressed", String(!figure.hidden.has(name)));
  entry.type = "button";
  entry.addEventListener("click", () => {
    if (!figure.hidden.delete(name)) figure.hidden.add(name);
    show();
    drawAgain(element);
  });
  show();
  return item;
}

// ---------------------------------------------------------------------------------------------------------------- drawing

function draw(element, spec, kind) {
  const before = drawn.get(element);
  const figure = before?.kind === kind ? before.figure : frame(element);
  const shown = { ...kind.cut(spec), log: figure.log ?? spec.log };
  const one = { element, spec, shown, kind, figure };
  drawn.set(element, one);
  figure.title.textContent = plain(spec.unit ? `${spec.title}, ${spec.unit}` : spec.title);
  if (spec.logSwitch && !figure.switch) switchOf(element, figure, spec.log);
  showLegend(element, figure, kind.keys(shown));
  figure.plot.setAttribute("aria-label", plain(`${spec.title}. ${kind.words(shown)}. Arrow keys read point by point.`));
  figure.size = [figure.plot.clientWidth || 600, figure.plot.clientHeight || 270];
  const [width, height] = figure.size;
  // Columns grow in place: without a new revision plotly would take a list that it knows for unchanged.
  const whole = { ...kind.layout(shown, figure.hidden, figure.size), width, height, datarevision: (drawings += 1) };
  const done = window.Plotly.react(figure.plot, kind.traces(shown, figure.hidden), whole, config);
  if (!figure.isHeard) hearZoom(figure, kind);
  showFigures(one);
  follow(one);
  return done;
}

function drawAgain(element) {
  const one = drawn.get(element);
  if (!one) return;
  if (element.isConnected) draw(element, one.spec, one.kind);
  else drawn.delete(element);
}

function redraw() {
  for (const element of [...drawn.keys()]) drawAgain(element);
}

/* Draw these again, one in a frame, so that the page stays responsive; what is not shown is drawn when it is. */
function drawLater(elements) {
  const isDrawing = queue.size > 0;
  for (const element of elements) queue.add(element);
  const next = () => {
    const [element] = queue;
    queue.delete(element);
    if (element?.offsetParent) drawAgain(element);
    if (queue.size) requestAnimationFrame(next);
  };
  if (!isDrawing && queue.size) requestAnimationFrame(next);
}

/* What is zoomed to in one time chart is shown by all of them. */
function hearZoom(figure, kind) {
  figure.isHeard = true;
  if (!kind.isOverTime) return;
  figure.plot.on("plotly_relayout", (change) => {
    if (change["xaxis.autorange"]) zoomTo(null);
    else if ("xaxis.range[0]" in change) zoomTo([change["xaxis.range[0]"], change["xaxis.range[1]"]]);
    else if (change["xaxis.range"]) zoomTo([...change["xaxis.range"]]);
  });
}

function zoomTo(range) {
  Object.assign(zoom, { range, revision: zoom.revision + 1 });
  drawLater([...drawn].filter(([, one]) => one.kind.isOverTime).map(([element]) => element));
  document.dispatchEvent(new CustomEvent("chartzoom", { detail: range }));
}

const sizes = new ResizeObserver((entries) => {
  const changed = new Set(entries.map((entry) => entry.target));
  const hasChanged = ({ plot, size }) => size && changed.has(plot) && plot.clientWidth > 0 && size[0] !== plot.clientWidth;
  drawLater([...drawn].filter(([, { figure }]) => hasChanged(figure)).map(([element]) => element));
});

/* Paper is narrower than most windows, and always light: style.css gives charts the width of a page while `paper` is set.
   Before a page is printed it is still laid out for the screen, so the charts must be drawn to that width by then. */
function paper(isPaper) {
  document.documentElement.toggleAttribute("data-paper", isPaper);
  hideCursor();
  redraw();
}

window.addEventListener("beforeprint", () => paper(true));
window.addEventListener("afterprint", () => paper(false));
window.matchMedia("print").addEventListener("change", (event) => paper(event.matches));
// Dark or light may change while the page is open.
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

function extend(element, more, keep = Infinity) {
  const { spec } = drawn.get(element);
  const kept = (values, added) => [...values, ...added].slice(-keep);
  const t = kept(spec.t, more.t);
  const series = spec.series.map((one, index) => ({ ...one, y: kept(one.y, more.y[index]) }));
  const markers = [...(spec.markers ?? []), ...(more.markers ?? [])].filter((one) => one.t > t[0] - 1);
  const saturated = [...(spec.saturated ?? []), ...(more.saturated ?? [])].filter(([, to]) => to > t[0]);
  return draw(element, { ...spec, t, series, markers, saturated }, overTime);
}

function forget(element) {
  const known = drawn.get(element);
  if (known) {
    sizes.unobserve(known.figure.plot);
    window.Plotly.purge(known.figure.plot);
  }
  drawn.delete(element);
  element.replaceChildren();
}

/* What a page that is one file draws: JSON, deflated, as text in a script that is none; each line of it is one value. */
async function unpacked(script, line = 0) {
  const text = atob(script.textContent.split("\n")[line]);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).json();
}

window.tressiCharts = {
  unpacked,
  timeChart: (element, spec) => draw(element, spec, overTime),
  heatMap: (element, spec) => draw(element, spec, asHeat),
  percentileChart: (element, spec) => draw(element, spec, byPercentile),
  extend,
  forget,
  panels,
  latencySeries,
  failureSeries,
  sparkline,
  plain,
  redraw,
  showAll: () => zoomTo(null),
};
