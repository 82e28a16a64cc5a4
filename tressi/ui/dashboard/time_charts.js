/* The charts of what is shown: drawn once a second, one a frame so that the page stays responsive, and only those in view. */

// More failures, and latencies of all responses alone would mislead.
const NOTEWORTHY_SHARE = 0.01;

const share = (values) => values.map((value) => (value === null ? null : 100 * value));

/* Each chart by its name in the page, as a function of the columns, the marks, and whether they are of a flow. */
const CHARTS = {
  rate: (columns, marks, isFlow) => ({
    title: isFlow ? "Starts" : "Rate",
    unit: isFlow ? "per second" : "RPS",
    series: [
      { name: "asked", color: "asked", y: columns.targetRps, dash: true },
      { name: isFlow ? "taken" : "achieved", color: "achieved", y: columns.currentRps, marked: true },
    ],
    markers: marks,
  }),
  latency: (columns, _marks, isFlow) => ({
    title: isFlow ? "Duration, without thinking" : "Latency",
    unit: "ms",
    series: window.tressiCharts.latencySeries(columns, columns.errorRate.some((share) => share > NOTEWORTHY_SHARE), isFlow),
  }),
  workers: (columns, marks, isFlow) => ({
    title: isFlow ? "Users" : "Workers",
    unit: "",
    series: [{ name: isFlow ? "users" : "workers", color: "workers", y: columns.workerCount, step: true }],
    markers: marks.filter((mark) => mark.up !== null),
  }),
  utilisation: (columns) => ({
    title: "Utilisation of the workers",
    unit: "%",
    series: [{ name: "utilisation", color: "utilisation", y: share(columns.utilisation) }],
  }),
  failures: (columns, _marks, isFlow) => ({
    title: isFlow ? "Abandoned starts" : "Failed attempts",
    unit: "%",
    series: [{ name: isFlow ? "abandoned" : "failed", color: "errors", y: share(columns.errorRate) }],
  }),
  missed: (columns) => ({
    title: "Missed starts",
    unit: "per second",
    series: [{ name: "missed", color: "missed", y: columns.missed }],
  }),
};

export class Charts {
  constructor(root) {
    this.elements = [...root.querySelectorAll("[data-chart]")];
    this.inView = new Set();
    this.waiting = new Set();
    this.isHeld = false; // what is being zoomed does not change under the hand
    this.latest = null;
    const observer = new IntersectionObserver((entries) => this.see(entries), { rootMargin: "100px" });
    for (const element of this.elements) observer.observe(element);
    document.addEventListener("visibilitychange", () => this.draw());
    root.addEventListener("pointerdown", () => (this.isHeld = true));
    for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, () => (this.isHeld = false), true);
  }

  /* Show these seconds and marks from now on; the first `warmUpSec` of them are in no figure of the run. */
  show(seconds, marks, warmUpSec, isFlow) {
    const warmUp = warmUpSec ? [[0, Math.min(warmUpSec, seconds.columns.t.at(-1) ?? 0)]] : [];
    this.latest = { columns: seconds.columns, saturated: seconds.saturated(), warmUp, marks, isFlow };
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
    if (document.hidden || this.isHeld || !this.latest?.columns.t.length) return;
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
    const { columns, saturated, warmUp, marks, isFlow } = this.latest;
    const spec = CHARTS[element.dataset.chart](columns, marks, isFlow);
    window.tressiCharts.timeChart(element, { t: columns.t, saturated, warmUp, ...spec });
  }
}
