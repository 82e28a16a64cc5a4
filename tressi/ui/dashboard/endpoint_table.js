/* The table of endpoints: a row each, with its numbers of the last second or of the whole run. Those that need a look come first. */

import { count, meanOf, milliseconds, percent, rate, show, showThin, workersOf } from "./format.js";
import { TargetForm } from "./target_form.js";
import { SIGNS } from "./verdict.js";

const CELLS = {
  currentRps: (one) => rate(one.currentRps),
  p50: (one) => milliseconds(one.p50),
  p95: (one) => milliseconds(one.p95),
  p99: (one) => milliseconds(one.p99),
  serviceP99: (one) => milliseconds(one.serviceP99),
  successP99: (one) => (one.showsSuccesses ? milliseconds(one.successP99) : ""),
  errorRate: (one) => percent(one.errorRate),
  requestsMissed: (one) => (one.flow ? "–" : count(one.requestsMissed)),
  workerCount: (one) => (one.flow ? "–" : workersOf(one)),
  utilisation: (one) => (one.flow ? "–" : percent(one.utilisation)),
  requestsMade: (one) => count(one.requestsMade),
};

const PERCENTILES = new Set(["p50", "p95", "p99", "serviceP99", "successP99"]);
const TONES = ["good", "warn", "bad"];
/* The cell that shows each cause. */
const CAUSES = { rate: "currentRps", missed: "requestsMissed", failed: "errorRate", latency: "p99" };
const FINE = { tone: "good", tones: {}, level: 0, words: [] };
const MINUTE = 60;
const FEW_HEALTHY = 20; // rows, of which the table shows all

export class EndpointTable {
  /* `choose` is called with a row's number, to choose it or to leave it out, `setTarget` with its endpoint and the rate;
     `fold` is the button that shows all rows. */
  constructor(table, { choose, setTarget, fold }) {
    this.table = table;
    this.fold = fold;
    this.isOpen = false;
    this.body = table.tBodies[0];
    this.template = document.getElementById("row");
    this.choose = choose;
    this.setTarget = setTarget;
    this.rows = [];
    this.filter = "";
    this.order = { column: null, down: false };
    this.headings = [...table.tHead.querySelectorAll("[data-column]")];
    // 120 pictures a second would be felt; a hand sees a dozen rows.
    this.inView = new Set();
    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) this.inView[isIntersecting ? "add" : "delete"](target);
      for (const one of this.rows) this.showTrend(one);
    });
    for (const heading of this.headings) heading.querySelector("button").addEventListener("click", () => this.sortBy(heading));
  }

  /* Begin anew with these endpoints; `trends` are the rates of their last minute, by key. */
  take(endpoints, trends) {
    this.observer.disconnect();
    this.rows = endpoints.map((endpoint, number) => this.row(endpoint, number, trends[endpoint.endpointKey] ?? []));
    for (const { element } of this.rows) this.observer.observe(element);
    this.arrange();
  }

  /* A second has passed: what belongs to the trend of each endpoint. */
  append(figuresOf) {
    for (const { endpoint, trend } of this.rows) {
      trend.push(figuresOf(endpoint.endpointKey).currentRps);
      if (trend.length > MINUTE) trend.shift();
    }
  }

  /* Show the figures that `figuresOf` has of each endpoint by its key, those of a second or of the whole run, and how it stands;
     returns how many rows are shown. */
  show(figuresOf, conditions) {
    for (const one of this.rows) {
      const { maxWorkers, flow, endpointKey } = one.endpoint;
      one.values = { ...figuresOf(endpointKey), maxWorkers, flow };
      one.condition = conditions[endpointKey] ?? FINE;
      this.showRow(one);
    }
    // Once it has been there the column stays: a table whose columns come and go is hard to read.
    if (this.rows.some((one) => one.values.showsSuccesses)) this.table.classList.add("with-successes");
    // Nothing moves away under a hand that is at work in it.
    return this.body.matches(":focus-within, :hover") ? this.body.rows.length : this.arrange();
  }

  showRow(one) {
    for (const [name, cell] of one.cells) {
      show(cell, CELLS[name](one.values));
      if (PERCENTILES.has(name)) showThin(cell, one.values.thin.includes(name));
    }
    const { tone, tones, words } = one.condition;
    for (const [cause, name] of Object.entries(CAUSES)) one.cells.get(name).dataset.tone = tones[cause] ?? "good";
    one.element.dataset.tone = tone;
    show(one.said, words.length && !one.values.flow ? `${SIGNS[tone]} ${words.join("; ")}` : words.join("; "));
    if (!one.endpoint.flow) one.target.show(rate(one.values.askedRps), meanOf(one.values));
    this.showTrend(one);
  }

  showTrend({ element, picture, trend, condition }) {
    if (this.inView.has(element)) window.tressiCharts.sparkline(picture, trend, condition.tone);
  }

  /* Somebody set the target of an endpoint, of the shared pool's all. */
  targetSet(key, rps) {
    const isPooled = ({ autoscale, flow }) => !autoscale && !flow;
    const isShared = this.rows.some((one) => one.endpoint.endpointKey === key && isPooled(one.endpoint));
    for (const { endpoint, target } of this.rows) {
      if (endpoint.endpointKey !== key && !(isShared && isPooled(endpoint))) continue;
      endpoint.targetRps = rps;
      target?.set(rps);
    }
  }

  /* The run is over: nothing can be set any more. */
  close() {
    for (const { target } of this.rows) target?.close();
  }

  /* Mark the rows that are chosen: a map from their numbers to the colours of their lines. */
  mark(colors) {
    this.rows.forEach((one, at) => {
      one.element.classList.toggle("chosen", colors.has(at));
      markChosen(one.button, colors.get(at));
    });
  }

  /* Of many endpoints those without a fault behind the first are folded, until all are asked for. */
  toggleAll() {
    this.isOpen = !this.isOpen;
    return this.arrange();
  }

  /* Which rows of those wanted are shown: a filter shows all that it finds. */
  unfolded(wanted) {
    if (this.isOpen || this.filter || wanted.length <= FEW_HEALTHY) return wanted;
    let healthy = 0;
    const isAsked = ({ condition, element }) => condition.tone !== "good" || element.classList.contains("chosen");
    return wanted.filter((one) => isAsked(one) || (healthy += 1) <= FEW_HEALTHY);
  }

  showFold(wanted, shown) {
    this.fold.hidden = wanted.length <= FEW_HEALTHY || Boolean(this.filter) || (shown.length === wanted.length && !this.isOpen);
    this.fold.setAttribute("aria-expanded", String(this.isOpen));
    show(this.fold, this.isOpen ? "Show fewer" : `Show all ${wanted.length}: ${wanted.length - shown.length} more without a fault`);
  }

  /* Show only the endpoints that have `text` in their name; returns how many. */
  filterBy(text) {
    this.filter = text.trim().toLowerCase();
    return this.arrange();
  }

  sortBy(heading) {
    const column = heading.dataset.column;
    // Names from the first letter on, numbers from the highest down.
    const down = this.order.column === column ? !this.order.down : column !== "label";
    this.order = { column, down };
    for (const other of this.headings) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    this.arrange();
  }

  arrange() {
    const wanted = this.rows.filter((one) => one.text.includes(this.filter));
    const { column, down } = this.order;
    if (column) wanted.sort((one, other) => (down ? -1 : 1) * compare(valueOf(one, column), valueOf(other, column)));
    else wanted.sort((one, other) => graveness(other) - graveness(one)); // else as in the config
    const shown = this.unfolded(wanted);
    this.showFold(wanted, shown);
    const elements = shown.map((one) => one.element);
    const isSame = elements.length === this.body.rows.length && elements.every((element, at) => this.body.rows[at] === element);
    if (!isSame) this.body.replaceChildren(...elements);
    return shown.length;
  }

  row(endpoint, number, trend) {
    const element = this.template.content.cloneNode(true).firstElementChild;
    const button = element.querySelector(".choose");
    const words = wordsOf(endpoint);
    button.textContent = words;
    button.title = words;
    button.addEventListener("click", () => this.choose(number));
    const cells = new Map([...element.querySelectorAll("[data-figure]")].map((cell) => [cell.dataset.figure, cell]));
    for (const heading of this.headings) {
      const cell = element.querySelector(`td[data-figure=${heading.dataset.column}], td[data-column=${heading.dataset.column}]`);
      if (cell) cell.dataset.label = heading.textContent.trim();
    }
    return {
      ...{ endpoint, element, button, cells, trend: [...trend], text: words.toLowerCase() },
      ...{ values: {}, condition: FINE, said: element.querySelector(".condition"), picture: element.querySelector(".trend") },
      target: this.targetOf(endpoint, element.querySelector(".target"), words),
    };
  }

  /* What sets the target of a row; the rate of a step is its flow's. */
  targetOf(endpoint, element, words) {
    if (endpoint.flow) {
      element.replaceWith(Object.assign(document.createElement("span"), { className: "muted", textContent: `step of ${endpoint.flow}` }));
      return null;
    }
    const target = new TargetForm(element, {
      words: `target RPS of ${endpoint.autoscale ? "" : "the shared pool, by "}${words}`,
      title: endpoint.autoscale ? "change it" : "change the rate of the whole shared pool",
      apply: (rps) => this.setTarget(endpoint, rps),
    });
    target.set(endpoint.targetRps);
    return target;
  }
}

/* A button that chooses what it names: pressed or not, and in which colour it is drawn beside others ("" alone). */
export function markChosen(button, color) {
  button.setAttribute("aria-pressed", String(color !== undefined));
  if (color) button.dataset.series = color;
  else delete button.dataset.series;
}

/* An endpoint where there is room: its name, if it has one, and its key. */
export function wordsOf({ label, shortKey }) {
  return label === shortKey || label.endsWith(`(${shortKey})`) ? label : `${label} (${shortKey})`;
}

/* Red before amber, and of one colour the graver first. */
const graveness = ({ condition: { tone, level } }) => 10 * TONES.indexOf(tone) + level;

const valueOf = (one, column) => {
  if (column === "label") return one.text;
  return one.values[column === "target" ? "askedRps" : column];
};

/* What is not there is least. */
function compare(one, other) {
  if (typeof one === "string") return one.localeCompare(other, "en", { numeric: true });
  return (one ?? -1) - (other ?? -1);
}
