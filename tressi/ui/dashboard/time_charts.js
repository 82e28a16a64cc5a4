/* The charts of what is chosen: drawn once a second, one a frame so that the page stays responsive, and only those in view. */

// More failures, and the service times of all responses alone would mislead.
const NOTEWORTHY_SHARE = 0.01;

/* The columns as charts want them: shares in per cent, and of what a place has of several seconds the mean of one. */
function chartColumns(columns) {
  const isThinned = columns.seconds.some((seconds) => seconds > 1);
  return {
    ...columns,
    occupied: columns.utilisation.map((share) => (share === null ? null : 100 * share)),
    failures: isThinned ? columns.failures.map((one, at) => overSeconds(one, columns.seconds[at])) : columns.failures,
  };
}

const overSeconds = (counts, seconds) =>
  seconds === 1 ? counts : Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / seconds]));

/* The specs of one endpoint or flow, or of all together. */
function specsOf({ seconds, isFlow, warmUp, marks, limits }) {
  const { columns } = seconds;
  const hasFailures = columns.errorRate.some((share) => share > NOTEWORTHY_SHARE);
  const common = { t: columns.t, saturated: seconds.saturated(), warmUp, markers: marks, isFlow, hasFailures, limits };
  return window.tressiCharts.panels(chartColumns(columns), common);
}

/* The specs of several laid over each other: a line for each, and one heat map of all their responses. */
function overlaidSpecs({ parts, warmUp, seconds }) {
  const there = parts.filter((part) => part.seconds.columns);
  const common = { t: seconds.columns.t, saturated: seconds.saturated(), warmUp };
  const lines = (figure, more) =>
    there
      .map(({ name, color, seconds: { columns } }) => ({ name, color, t: columns.t, y: columns[figure], ...more }))
      .filter(({ y }) => y.some((value) => value > 0));
  const chart = (spec) => (spec.series.length ? { ...common, ...spec } : null);
  const bands = bandsOfAll(there.map((part) => part.seconds.columns));
  return {
    rate: chart({ title: "Achieved rate of each", unit: "per second", series: lines("currentRps") }),
    latency: chart({ title: "p99 response time of each", unit: "ms", series: lines("p99"), logSwitch: true }),
    heat: bands.t.length ? { ...common, ...bands, title: "Heat map of their response times together", unit: "ms" } : null,
    workers: chart({ title: "Workers of each", unit: "", axis: "workers", series: lines("workerCount", { step: true }) }),
  };
}

/* The bands of several endpoints, those of the same second added up. */
function bandsOfAll(all) {
  const rows = new Map();
  for (const { t, bands } of all) {
    t.forEach((second, at) => bands[at].length && rows.set(second, added(rows.get(second), bands[at])));
  }
  const t = [...rows.keys()].sort((one, other) => one - other);
  return { t, bands: t.map((second) => rows.get(second)) };
}

function added(one, other) {
  if (!one) return other;
  const first = Math.min(one[0], other[0]);
  const counts = new Array(Math.max(one[0] + one.length, other[0] + other.length) - first - 1).fill(0);
  for (const [from, ...values] of [one, other]) values.forEach((count, at) => (counts[from - first + at] += count));
  return [first, ...counts];
}

export class Charts {
  constructor(root) {
    this.elements = [...root.querySelectorAll("[data-chart]")];
    this.inView = new Set();
    this.waiting = new Set();
    this.isHeld = false; // what is being zoomed does not change under the hand
    this.specs = null;
    const observer = new IntersectionObserver((entries) => this.see(entries), { rootMargin: "100px" });
    for (const element of this.elements) observer.observe(element);
    document.addEventListener("visibilitychange", () => this.draw());
    // On paper there is all of it.
    window.addEventListener("beforeprint", () => this.elements.forEach((element) => this.drawOne(element)));
    root.addEventListener("pointerdown", () => (this.isHeld = true));
    for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, () => (this.isHeld = false), true);
  }

  /* Show from now on: {seconds, parts, marks, limits, warmUpSec, isFlow}. `parts` are those that were chosen, {name, color, seconds}
     each; the first `warmUpSec` seconds are in no figure of the run. A panel that has nothing to show is hidden. */
  show({ warmUpSec, ...shown }) {
    const { columns } = shown.seconds;
    if (!columns?.t.length || document.hidden || this.isHeld) return;
    const warmUp = warmUpSec ? [[0, Math.min(warmUpSec, columns.t.at(-1))]] : [];
    this.specs = (shown.parts.length > 1 ? overlaidSpecs : specsOf)({ ...shown, warmUp });
    for (const element of this.elements) {
      const spec = this.specs[element.dataset.chart];
      if (element.hidden !== !spec) element.hidden = !spec;
    }
    this.draw();
  }

  see(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.inView.add(target);
      else this.inView.delete(target);
    }
    this.draw();
  }

  draw() {
    if (document.hidden || this.isHeld || !this.specs) return;
    const isDrawing = this.waiting.size > 0;
    this.inView.forEach((element) => this.waiting.add(element));
    if (!isDrawing) this.drawNext();
  }

  drawNext() {
    const [element] = this.waiting;
    if (!element) return;
    requestAnimationFrame(() => {
      this.waiting.delete(element);
      this.drawNext();
      this.drawOne(element);
    });
  }

  drawOne(element) {
    const spec = this.specs?.[element.dataset.chart];
    if (!spec) return;
    if (element.dataset.chart === "heat") window.tressiCharts.heatMap(element, spec);
    else window.tressiCharts.timeChart(element, spec);
  }
}
