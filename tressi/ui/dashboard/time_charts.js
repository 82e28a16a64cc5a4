/* The charts of what is shown: drawn once a second, and only those that are in view. */

const share = (values) => values.map((value) => (value === null ? null : 100 * value));

/* Each chart by its name in the page, as a function of the columns. */
const CHARTS = {
  rate: (columns, marks) => ({
    title: "Rate",
    unit: "RPS",
    series: [
      { name: "asked", color: "asked", y: columns.targetRps, dash: true },
      { name: "achieved", color: "achieved", y: columns.currentRps, marked: true },
    ],
    markers: marks,
  }),
  latency: (columns) => ({
    title: "Service time",
    unit: "ms",
    series: [
      { name: "p50", color: "p50", y: columns.p50 },
      { name: "p99", color: "p99", y: columns.p99 },
    ],
  }),
  workers: (columns, marks) => ({
    title: "Workers",
    unit: "",
    series: [{ name: "workers", color: "workers", y: columns.workerCount, step: true }],
    markers: marks.filter((mark) => mark.up !== null),
  }),
  utilisation: (columns) => ({
    title: "Utilisation of the workers",
    unit: "%",
    series: [{ name: "utilisation", color: "utilisation", y: share(columns.utilisation) }],
  }),
  failures: (columns) => ({
    title: "Failed attempts",
    unit: "%",
    series: [{ name: "failed", color: "errors", y: share(columns.errorRate) }],
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
    this.latest = null;
    const observer = new IntersectionObserver((entries) => this.see(entries), { rootMargin: "100px" });
    for (const element of this.elements) observer.observe(element);
    document.addEventListener("visibilitychange", () => this.draw());
  }

  /* Show these seconds and marks from now on. */
  show(seconds, marks) {
    this.latest = { columns: seconds.columns, saturated: seconds.saturated(), marks };
    this.draw();
  }

  see(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.inView.add(target);
      else this.inView.delete(target);
      if (isIntersecting) this.drawOne(target);
    }
  }

  draw() {
    if (!document.hidden) this.inView.forEach((element) => this.drawOne(element));
  }

  drawOne(element) {
    if (this.latest === null || !this.latest.columns.t.length) return;
    const { columns, saturated, marks } = this.latest;
    window.tressiCharts.timeChart(element, { t: columns.t, saturated, ...CHARTS[element.dataset.chart](columns, marks) });
  }
}
