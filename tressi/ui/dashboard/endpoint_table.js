/* The table of endpoints: a row each, with its numbers of the last second, and the target to hold from now on. */

import { count, meanOf, milliseconds, percent, rate, show, showThin, workersOf } from "./format.js";

const CELLS = {
  askedRps: (one) => (one.flow ? "–" : [rate(one.askedRps), meanOf(one)].filter(Boolean).join("\n")),
  currentRps: (one) => rate(one.currentRps),
  workerCount: (one) => (one.flow ? "–" : workersOf(one)),
  utilisation: (one) => (one.flow ? "–" : percent(one.utilisation)),
  p50: (one) => milliseconds(one.p50),
  p99: (one) => milliseconds(one.p99),
  serviceP99: (one) => milliseconds(one.serviceP99),
  successP99: (one) => (one.showsSuccesses ? milliseconds(one.successP99) : ""),
  errorRate: (one) => percent(one.errorRate),
  requestsMissed: (one) => (one.flow ? "–" : count(one.requestsMissed)),
  requestsMade: (one) => count(one.requestsMade),
};

const PERCENTILES = new Set(["p50", "p99", "serviceP99", "successP99"]);

export class EndpointTable {
  /* `choose` is called with a row's number, `setTarget` with its endpoint and the rate. */
  constructor(table, { choose, setTarget }) {
    this.table = table;
    this.body = table.tBodies[0];
    this.template = document.getElementById("row");
    this.choose = choose;
    this.setTarget = setTarget;
    this.rows = [];
    this.filter = "";
    this.order = { column: null, down: false };
    this.headings = [...table.querySelectorAll("[data-column]")];
    for (const heading of this.headings) heading.querySelector("button").addEventListener("click", () => this.sortBy(heading));
  }

  /* Begin anew with these endpoints. */
  take(endpoints) {
    this.rows = endpoints.map((endpoint, number) => this.row(endpoint, number));
    this.arrange();
  }

  /* Show the figures that `figuresOf` has of each endpoint by its key: those of a second, or of the whole run. */
  show(figuresOf) {
    for (const one of this.rows) {
      const { maxWorkers, flow } = one.endpoint;
      one.values = { ...figuresOf(one.endpoint.endpointKey), maxWorkers, flow };
      for (const [name, cell] of one.cells) {
        show(cell, CELLS[name](one.values));
        if (PERCENTILES.has(name)) showThin(cell, one.values.thin.includes(name));
      }
      one.cells.get("errorRate").classList.toggle("failing", one.values.errorRate > 0);
    }
    // Once it has been there the column stays: a table whose columns come and go is hard to read.
    if (this.rows.some((one) => one.values.showsSuccesses)) this.table.classList.add("with-successes");
    // Nothing moves away under a hand that is at work in it.
    if (this.order.column && !this.body.matches(":focus-within, :hover")) this.arrange();
  }

  /* Somebody set the target of an endpoint, of the shared pool's all. */
  targetSet(key, rps) {
    const isPooled = ({ autoscale, flow }) => !autoscale && !flow;
    const isShared = this.rows.some((one) => one.endpoint.endpointKey === key && isPooled(one.endpoint));
    for (const { endpoint, input } of this.rows) {
      if (endpoint.endpointKey !== key && !(isShared && isPooled(endpoint))) continue;
      endpoint.targetRps = rps;
      if (document.activeElement !== input) input.value = shortened(rps);
    }
  }

  /* The run is over: nothing can be set any more. */
  close() {
    for (const { form } of this.rows) for (const element of form.elements) element.disabled = true;
  }

  /* Mark the row of that number, or none (null). */
  mark(number) {
    this.rows.forEach((one, at) => {
      one.element.classList.toggle("chosen", at === number);
      one.button.setAttribute("aria-pressed", String(at === number));
    });
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
    const shown = this.rows.filter((one) => one.text.includes(this.filter));
    const { column, down } = this.order;
    if (column) shown.sort((one, other) => (down ? -1 : 1) * compare(valueOf(one, column), valueOf(other, column)));
    const elements = shown.map((one) => one.element);
    const isSame = elements.length === this.body.rows.length && elements.every((element, at) => this.body.rows[at] === element);
    if (!isSame) this.body.replaceChildren(...elements);
    return shown.length;
  }

  row(endpoint, number) {
    const element = this.template.content.cloneNode(true).firstElementChild;
    const button = element.querySelector(".choose");
    const form = element.querySelector("form");
    const input = form.elements.rps;
    const words = wordsOf(endpoint);
    button.textContent = words;
    button.title = words;
    button.addEventListener("click", () => this.choose(number));
    input.value = shortened(endpoint.targetRps);
    input.placeholder = "max";
    input.setAttribute("aria-label", `target RPS of ${endpoint.autoscale ? "" : "the shared pool, by "}${words}`);
    form.querySelector("button").setAttribute("aria-label", `Apply the target of ${words}`);
    form.title = endpoint.autoscale ? "" : "the rate of the whole shared pool";
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.setTarget(endpoint, input.valueAsNumber);
    });
    if (endpoint.flow) {
      // Its rate is the flow's.
      const step = document.createElement("span");
      step.className = "muted";
      step.textContent = `step of ${endpoint.flow}`;
      form.replaceChildren(step);
      form.title = "";
    }
    const cells = new Map([...element.querySelectorAll("[data-figure]")].map((cell) => [cell.dataset.figure, cell]));
    return { endpoint, element, button, form, input, cells, values: {}, text: words.toLowerCase() };
  }
}

/* An endpoint where there is room: its name, if it has one, and its key. */
export function wordsOf({ label, shortKey }) {
  return label === shortKey || label.endsWith(`(${shortKey})`) ? label : `${label} (${shortKey})`;
}

/* A target as it is typed; a share of a total may have many digits. */
const shortened = (rps) => (rps === null ? "" : Math.round(1000 * rps) / 1000);

const valueOf = (one, column) => {
  if (column === "label") return one.text;
  return column === "target" ? one.endpoint.targetRps : one.values[column];
};

/* What is not there is least. */
function compare(one, other) {
  if (typeof one === "string") return one.localeCompare(other, "en", { numeric: true });
  return (one ?? -1) - (other ?? -1);
}
