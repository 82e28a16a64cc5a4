/* The flows: the starts of each, the target to hold from now on, and its steps in order with how many users were lost at each. */

import { count, meanOf, milliseconds, percent, rate, show, showThin, workersOf } from "./format.js";
import { markChosen } from "./endpoint_table.js";
import { TargetForm } from "./target_form.js";

const FIGURES = {
  got: (one) => `${rate(one.currentRps)} of ${rate(one.askedRps)} / s`,
  p50: (one) => `${milliseconds(one.p50)} ms`,
  p99: (one) => `${milliseconds(one.p99)} ms`,
  users: (one) => workersOf(one),
  started: (one) => count(one.requestsMade),
  completed: (one) => count(one.completed),
  abandoned: (one) => count(one.abandoned),
  missed: (one) => count(one.requestsMissed),
};

const BESIDE = {
  asked: meanOf,
  users: (one) => (one.underWay ? `${count(one.underWay)} on their way` : ""),
  abandoned: (one) => (one.requestsMade ? `${percent(one.abandoned / one.requestsMade)} of those started` : ""),
};

const PERCENTILES = ["p50", "p99"];

export class Flows {
  /* `choose` is called with a flow's place, `setTarget` with a flow and the rate. */
  constructor(section, { choose, setTarget }) {
    this.section = section;
    this.list = section.querySelector(".flows");
    this.choose = choose;
    this.setTarget = setTarget;
    this.blocks = [];
  }

  /* Begin anew with these flows. */
  take(flows) {
    this.section.hidden = !flows.length;
    this.blocks = flows.map((flow, place) => this.block(flow, place));
    this.list.replaceChildren(...this.blocks.map(({ element }) => element));
  }

  /* Show the figures that `figuresOf` has of each flow and each step by its key: those of a second, or of the whole run. */
  show(figuresOf) {
    for (const { flow, figures, beside, steps, target } of this.blocks) {
      const one = { ...figuresOf(flow.endpointKey), maxWorkers: flow.maxWorkers };
      target.show(rate(one.askedRps));
      for (const [name, cell] of figures) {
        show(cell, FIGURES[name](one));
        if (PERCENTILES.includes(name)) showThin(cell, one.thin.includes(name));
      }
      for (const [name, cell] of beside) show(cell, BESIDE[name](one));
      const made = steps.map(({ key }) => figuresOf(key).requestsMade);
      const most = Math.max(1, ...made);
      const mostLost = Math.max(1, ...Object.values(one.lost));
      steps.forEach(({ key, cells, bars }, at) => {
        const lost = one.lost[key];
        show(cells.get("made"), count(made[at]));
        show(cells.get("failed"), made[at] ? percent(failed(figuresOf(key)) / made[at]) : "–");
        show(cells.get("lost"), count(lost));
        cells.get("lost").classList.toggle("failing", lost > 0);
        bars.get("made").style.width = `${(100 * made[at]) / most}%`;
        bars.get("lost").style.width = `${(100 * lost) / mostLost}%`;
      });
    }
  }

  /* Somebody set the rate of a flow. */
  targetSet(key, rps) {
    for (const { flow, target } of this.blocks) {
      if (flow.endpointKey !== key) continue;
      flow.targetRps = rps;
      target.set(rps);
    }
  }

  /* The run is over: nothing can be set any more. */
  close() {
    for (const { target } of this.blocks) target.close();
  }

  /* Mark the flows that are chosen: a map from their places to the colours of their lines. */
  mark(colors) {
    this.blocks.forEach(({ button }, at) => markChosen(button, colors.get(at)));
  }

  block(flow, place) {
    const element = document.getElementById("flow").content.cloneNode(true).firstElementChild;
    const button = element.querySelector(".choose");
    button.textContent = flow.label;
    button.addEventListener("click", () => this.choose(place));
    const words = `starts per second of the ${flow.label}`;
    const target = new TargetForm(element.querySelector(".target"), { words, title: "change it", apply: (rps) => this.setTarget(flow, rps) });
    target.set(flow.targetRps);
    const steps = flow.steps.map((step) => this.step(step));
    element.querySelector("tbody").append(...steps.map((one) => one.element));
    return { flow, element, button, target, steps, figures: named(element, "figure"), beside: named(element, "beside") };
  }

  step({ endpointKey, label, part }) {
    const element = document.getElementById("flow-step").content.cloneNode(true).firstElementChild;
    element.querySelector("th").textContent = label;
    element.querySelector(".part").textContent = part === "steps" ? "" : part;
    return { key: endpointKey, element, cells: named(element, "cell"), bars: named(element, "bar") };
  }
}

const failed = ({ failures }) => Object.values(failures).reduce((sum, times) => sum + times, 0);

/* The elements within that have this name for something, by it. */
const named = (element, what) =>
  new Map([...element.querySelectorAll(`[data-${what}]`)].map((found) => [found.dataset[what], found]));
