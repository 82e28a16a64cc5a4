/* One run, live: what its process tells is shown, what is asked here is passed on. Text is set as text, never as HTML. */

import { Charts } from "./time_charts.js";
import { count, meanOf, milliseconds, percent, rate, show, showThin, workersOf } from "./format.js";
import { Flows } from "./flows.js";
import { Notes } from "./notes.js";
import { secondOf, Seconds } from "./seconds.js";
import { ask, listen } from "./server.js";
import { EndpointTable, wordsOf } from "./endpoint_table.js";

const at = (id) => document.getElementById(id);

const run = { phase: "starting", waiting: "", paused: false, saturated: false, endpoints: [], flows: [], moment: null, end: null, lost: "" };
const seconds = new Seconds();
const charts = new Charts(at("charts"));
const notes = new Notes({ list: at("notes"), empty: at("no-notes"), said: at("said") });
const table = new EndpointTable(at("endpoints"), { choose: chooseAndGo, setTarget });
const flows = new Flows(at("flows"), { choose: (place) => chooseAndGo(run.endpoints.length + place), setTarget });

/* An endpoint by its number; the flows' are behind the endpoints'. */
const subjectOf = (number) => run.endpoints[number] ?? run.flows[number - run.endpoints.length];
const isFlow = (number) => number !== null && number >= run.endpoints.length;

// ----------------------------------------------------------------------------------------------------------- what is told

const told = {
  state(state) {
    const isFirst = !run.endpoints.length;
    Object.assign(run, state, { lost: "" });
    at("origin").textContent = state.origin;
    notes.take(state.decisions, state.changes, new Map([...state.endpoints, ...state.flows].map((one) => [one.endpointKey, one.label])));
    if (isFirst) {
      table.take(state.endpoints);
      flows.take(state.flows);
      countShown(state.endpoints.length);
    } else {
      for (const one of state.endpoints) table.targetSet(one.endpointKey, one.targetRps);
      for (const one of state.flows) flows.targetSet(one.endpointKey, one.targetRps);
    }
    if (seconds.number === null) seconds.take(state.columns);
    else choose(seconds.number);
    if (state.moment) this.moment(state.moment);
    if (state.end) this.end(state.end);
    showState();
  },

  phase({ phase, waiting }) {
    run.phase = phase;
    run.waiting = waiting;
    showState();
  },

  moment(moment) {
    run.moment = moment;
    run.paused = moment.paused;
    run.saturated = moment.saturatedBy.length > 0;
    seconds.append(moment, chosenKey());
    if (document.hidden) return;
    showMoment();
    showState();
  },

  decision: (decision) => notes.decision(decision),

  change(change) {
    notes.change(change);
    if (change.action === "set-target") {
      table.targetSet(change.endpointKey, change.targetRps);
      flows.targetSet(change.endpointKey, change.targetRps);
    }
    run.paused = change.paused;
    showState();
  },

  end(end) {
    run.phase = "ended";
    run.end = end;
    table.close();
    flows.close();
    showEnd();
    showState();
  },

  leave() {
    connection.close();
    run.lost = "closed";
    showState();
  },
};

function lost(isForGood) {
  run.lost = isForGood ? "the run has gone" : "no connection";
  showState();
}

// ------------------------------------------------------------------------------------------------------------- the header

const BADGES = {
  starting: ["starting", "none"],
  running: ["running", "good"],
  paused: ["paused", "warn"],
  warming: ["warming up", "none"],
  saturated: ["GENERATOR LIMITED", "warn"],
  ending: ["ending", "none"],
  ended: ["ended", "none"],
};

function stateOf({ phase, paused, saturated, moment }) {
  if (phase !== "running") return phase;
  if (paused) return "paused";
  if (saturated) return "saturated";
  return moment?.row.warmUp ? "warming" : "running";
}

function showState() {
  const isUnderWay = run.phase === "running" && !run.lost;
  const [state, kind] = run.lost ? [run.lost, "bad"] : BADGES[stateOf(run)];
  const words = run.phase === "ending" && run.waiting && !run.lost ? run.waiting : state;
  show(at("state"), words);
  at("state").className = `badge ${kind}`;
  document.title = `${words}: tressi ${run.origin ?? ""}`;
  at("pause").disabled = at("stop").disabled = !isUnderWay;
  show(at("pause"), run.paused ? "Resume" : "Pause");
  at("pause").hidden = at("stop").hidden = run.phase === "ended";
  at("report").hidden = run.phase !== "ended" || !run.hasReport || Boolean(run.lost);
  at("leave").hidden = run.phase !== "ended" || Boolean(run.lost);
}

function clock(s) {
  if (s < 120) return `${s} s`;
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  return `${hours ? `${hours}:${two(Math.floor((s % 3600) / 60))}` : Math.floor(s / 60)}:${two(s % 60)}`;
}

function showTime(t) {
  const left = Math.max(0, Math.round(run.durationSec - t));
  at("progress").max = run.durationSec;
  at("progress").value = t;
  const now = clock(Math.round(t));
  show(at("time"), run.end ? `lasted ${now}` : `${now} of ${clock(run.durationSec)}, ${clock(left)} left`);
}

// ----------------------------------------------------------------------------------------------------- figures and charts

const chosenKey = () => (seconds.number === null ? null : subjectOf(seconds.number).endpointKey);

function showMoment() {
  if (!run.moment) return;
  const { row, troubles, saturatedBy, lost: engines, thresholds } = run.moment;
  if (!run.end) {
    showTime(row.t);
    table.show((key) => figuresOf(run.moment, key));
    flows.show((key) => figuresOf(run.moment, key));
    showFigures(figuresOf(run.moment, chosenKey()));
    showTroubles(troubles);
    showSaturated(saturatedBy, row.t);
    showLost(engines);
    showThresholds(thresholds);
  }
  if (seconds.columns) charts.show(seconds, notes.marks(), run.warmUpSec ?? 0, isFlow(seconds.number));
}

/* All that is told of an endpoint or a flow in a second, or of all endpoints together (null). */
function figuresOf(moment, key) {
  return { ...secondOf(moment, key), ...moment.beside[key ?? ""], ...moment.counts[key ?? ""] };
}

/* The names of figures that are others for a flow. */
const NAMES = {
  currentRps: ["achieved", "taken"],
  p50: ["response time p50", "duration p50"],
  p99: ["response time p99", "duration p99"],
  serviceP99: ["service time p99", "walk time p99"],
  errorRate: ["failed", "abandoned"],
  workerCount: ["workers", "users"],
  requestsMade: ["attempts", "started"],
};

const ms = (value) => (value === null ? "–" : `${milliseconds(value)} ms`);

/* Figures of a second or of the whole run, which have the same names. */
function showFigures(one) {
  const subject = seconds.number === null ? null : subjectOf(seconds.number);
  const maxWorkers = subject === null ? null : subject.maxWorkers;
  const unit = isFlow(seconds.number) ? "/ s" : "RPS";
  // The rate of a step is its flow's, and of all requests together no rate is asked for where there are flows.
  const isUnasked = one.askedRps === null && (subject === null ? run.flows.length > 0 : Boolean(subject.flow));
  const texts = {
    askedRps: isUnasked ? "–" : one.askedRps === null ? "max" : `${rate(one.askedRps)} ${unit}`,
    currentRps: `${rate(one.currentRps)} ${unit}`,
    p50: ms(one.p50),
    p99: ms(one.p99),
    serviceP99: ms(one.serviceP99),
    errorRate: percent(one.errorRate),
    missed: count(one.requestsMissed),
    workerCount: subject?.flow ? "–" : workersOf({ ...one, maxWorkers }),
    requestsMade: count(one.requestsMade),
  };
  for (const cell of at("figures").querySelectorAll("[data-figure]")) {
    const name = cell.dataset.figure;
    show(cell, texts[name]);
    if (name in NAMES) show(cell.closest("div").querySelector("dt"), NAMES[name][Number(isFlow(seconds.number))]);
    if (name in PERCENTILES) showThin(cell, one.thin.includes(name));
  }
  for (const [name, success] of Object.entries(PERCENTILES)) {
    show(at(`success-${name}`), one.showsSuccesses && success ? `of successes ${ms(one[success])} (service)` : "");
  }
  show(at("mean"), meanOf(one));
  show(at("busy"), subject?.flow ? `step of ${subject.flow}` : one.utilisation === null ? "" : `${percent(one.utilisation)} busy`);
  const under = isFlow(seconds.number) ? "on their way" : "in flight";
  show(at("in-flight"), one.inFlight ? `${count(one.inFlight)} ${under}, the oldest for ${one.oldestSec.toFixed(1)} s` : "");
  show(at("failures"), failuresOf(one));
}

/* Each percentile that is shown, and the successes' own. */
const PERCENTILES = { p50: "successP50", p99: "successP99", serviceP99: null };

/* The two commonest ways to fail. */
function failuresOf({ failures }) {
  return Object.entries(failures).slice(0, 2).map(([words, times]) => `${words} × ${count(times)}`).join(", ");
}

/* What only fails or gives no answer. A screen reader is told when it begins, not of each second's figures. */
function showTroubles(sentences) {
  if (sentences.length && at("troubles").hidden) show(at("said"), sentences.join("; "));
  at("troubles").hidden = !sentences.length;
  list(at("troubles"), sentences);
}

/* Once it has been so it stays to be read, or the page would jump whenever it comes and goes. */
function showSaturated(reasons, t) {
  if (!reasons.length && at("saturated").hidden) return;
  const box = at("saturated");
  box.hidden = false;
  const heading = box.querySelector("strong");
  if (!reasons.length) {
    show(heading, `GENERATOR LIMITED, last at ${box.dataset.last} s`);
    return;
  }
  box.dataset.last = Math.round(t);
  show(heading, "GENERATOR LIMITED");
  list(box, reasons);
}

function showLost(engines) {
  at("lost").hidden = !engines.length;
  list(at("lost"), engines);
}

function list(box, reasons) {
  const items = box.querySelector("ul");
  const isSame = items.children.length === reasons.length && reasons.every((one, at) => items.children[at].textContent === one);
  if (!isSame) items.replaceChildren(...reasons.map((reason) => made("li", "", reason)));
}

function showThresholds(verdicts) {
  at("thresholds").hidden = !verdicts.length;
  at("thresholds").querySelector("ul").replaceChildren(...verdicts.map(thresholdItem));
}

function thresholdItem(verdict) {
  const broken = verdict.settled ? ["broken", "bad"] : ["so far not", "warn"];
  const [words, kind] = verdict.passed === null ? ["open", "none"] : verdict.passed ? ["holds", "good"] : broken;
  const item = made("li", "", "");
  const text = made("span", "", [notes.labels.get(verdict.endpointKey), verdict.threshold].filter(Boolean).join(": "));
  text.append(made("span", "why", verdict.detail));
  item.append(made("span", `badge ${kind}`, words), text);
  return item;
}

function made(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/* Show an endpoint, or all, and go where it is shown. */
function chooseAndGo(number) {
  choose(number);
  at("subject").focus();
}

async function choose(number) {
  const shown = number === null ? "All endpoints" : wordsOf(subjectOf(number));
  table.mark(isFlow(number) ? null : number);
  flows.mark(isFlow(number) ? number - run.endpoints.length : null);
  at("subject").textContent = shown;
  at("all").hidden = number === null;
  notes.choose(number === null ? null : subjectOf(number).endpointKey);
  try {
    if (!(await seconds.choose(number))) return;
  } catch (failure) {
    problem(failure.message);
  }
  showMoment();
  if (run.end) showEnd();
}

// ---------------------------------------------------------------------------------------------------------------- the end

const ENDS = {
  duration: "The run is over: it lasted as long as it should",
  complete: "The run is over, there was nothing more to send",
  "early-exit": "The run ended early",
  interrupted: "The run was interrupted",
  stopped: "The run was stopped",
  error: "The run ended by an error of tressi",
};

function showEnd() {
  const { endReason, endDetail, durationSec, verdict, thresholds, total } = run.end;
  const parts = { ...run.end.endpoints, ...run.end.flows };
  const whole = run.warmUpSec ? "the run after its warm-up" : "the whole run";
  at("end").hidden = false;
  at("end").className = `verdict ${verdict.tone}`;
  show(at("end-words"), verdict.word);
  list(at("end"), verdict.reasons);
  show(at("end-detail"), `${[ENDS[endReason], endDetail].filter(Boolean).join(": ")}. The figures below are of ${whole}.`);
  for (const span of document.querySelectorAll(".span")) show(span, `of ${whole}`);
  showTime(durationSec);
  // What was wrong is in the verdict.
  for (const box of ["troubles", "saturated", "lost"]) at(box).hidden = true;
  showThresholds(thresholds);
  const key = chosenKey();
  showFigures(key === null ? total : parts[key]);
  table.show((endpointKey) => parts[endpointKey]);
  flows.show((endpointKey) => parts[endpointKey]);
}

// ---------------------------------------------------------------------------------------------------------- what is asked

function problem(words) {
  at("problem").hidden = !words;
  at("problem").textContent = words;
}

async function setTarget(endpoint, rps) {
  problem(await ask("target", { endpointKey: endpoint.endpointKey, targetRps: rps }));
}

function countShown(shown) {
  show(at("shown"), `${shown} of ${run.endpoints.length} shown`);
}

at("pause").addEventListener("click", async () => problem(await ask(run.paused ? "resume" : "pause")));
at("stop").addEventListener("click", () => at("stop-dialog").showModal());
at("stop-cancel").addEventListener("click", () => at("stop-dialog").close());
at("stop-confirm").addEventListener("click", async () => {
  at("stop-dialog").close();
  problem(await ask("stop"));
});
at("leave").addEventListener("click", async () => problem(await ask("leave")));
at("all").addEventListener("click", () => chooseAndGo(null));
at("filter").addEventListener("input", (event) => countShown(table.filterBy(event.target.value)));
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !run.moment) return;
  showMoment();
  showState();
});

const connection = listen((name, document_) => told[name](document_), lost);
