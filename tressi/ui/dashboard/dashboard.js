/* One run, live: what its process tells is shown, what is asked here is passed on. Text is set as text, never as HTML. */

import { Charts } from "./time_charts.js";
import { Cards } from "./cards.js";
import { Chosen } from "./chosen.js";
import { clock, count, show } from "./format.js";
import { EndpointTable, wordsOf } from "./endpoint_table.js";
import { Flows } from "./flows.js";
import { loadConfig, showDetails } from "./details.js";
import { showNodes } from "./nodes.js";
import { Notes } from "./notes.js";
import { secondOf } from "./seconds.js";
import { ask, listen } from "./server.js";
import { showThresholds } from "./thresholds.js";
import { showChips, Verdict } from "./verdict.js";

const at = (id) => document.getElementById(id);

const run = { phase: "starting", waiting: "", doing: "", paused: false, endpoints: [], flows: [], limits: [], moment: null, end: null, lost: "" };
const chosen = new Chosen((number) => subjectOf(number).endpointKey);
const charts = new Charts(at("charts"));
const cards = new Cards(at("figures"));
const verdict = new Verdict({
  toned: [document.querySelector("header.run"), at("causes")],
  sign: document.querySelector(".run .sign"),
  word: at("verdict"),
  reasons: at("reasons"),
  said: at("said"),
});
const notes = new Notes({ table: at("notes"), empty: at("no-notes"), more: at("more-notes"), said: at("said") });
const table = new EndpointTable(at("endpoints"), { choose: chooseAndGo, setTarget, fold: at("show-all") });
const flows = new Flows(at("flows"), { choose: (place) => chooseAndGo(run.endpoints.length + place), setTarget });

/* An endpoint by its number; the flows' are behind the endpoints'. */
const subjectOf = (number) => run.endpoints[number] ?? run.flows[number - run.endpoints.length];
const isFlow = (number) => number !== null && number >= run.endpoints.length;

// ----------------------------------------------------------------------------------------------------------- what is told

const told = {
  state(state) {
    const isFirst = !run.endpoints.length;
    Object.assign(run, state, { lost: "" });
    show(at("origin"), state.origin);
    show(at("run-name"), state.name ?? "");
    showDetails(at("details"), state);
    notes.take(state.decisions, state.changes, new Map([...state.endpoints, ...state.flows].map((one) => [one.endpointKey, one.label])));
    if (isFirst) {
      table.take(state.endpoints, state.trends);
      flows.take(state.flows);
      countShown(table.arrange());
    } else {
      for (const one of state.endpoints) table.targetSet(one.endpointKey, one.targetRps);
      for (const one of state.flows) flows.targetSet(one.endpointKey, one.targetRps);
    }
    if (isFirst) offer();
    chosen.take(state.columns).then(showChosen, (failure) => problem(failure.message));
    if (state.end) document.documentElement.dataset.began = Date.parse(state.end.startedAt);
    if (state.moment) this.moment(state.moment);
    if (state.end) this.end(state.end);
    showState();
  },

  phase({ phase, waiting }) {
    run.phase = phase;
    run.waiting = waiting;
    showState();
  },

  doing({ words }) {
    run.doing = words;
    showState();
  },

  moment(moment) {
    // The one that the state came with is in the trends that it brought.
    if (moment !== run.moment) table.append((key) => moment.row.endpoints[key]);
    document.documentElement.dataset.began ??= Date.now() - 1000 * moment.row.t;
    run.moment = moment;
    run.paused = moment.paused;
    chosen.append(moment);
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
    verdict.giveUpRoom();
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

/* What is going on, in a word beside the time; how well it goes is the verdict's. */
function stateOf({ phase, paused, moment }) {
  if (phase !== "running") return phase;
  if (paused) return "paused";
  return moment?.row.warmUp ? "warming up" : "running";
}

function showState() {
  const isUnderWay = run.phase === "running" && !run.lost;
  const words = run.lost || (run.phase === "ending" && run.waiting) || stateOf(run);
  show(at("state"), words);
  show(at("doing"), run.doing);
  at("doing").hidden = !run.doing;
  showVerdict();
  at("pause").disabled = at("stop").disabled = !isUnderWay;
  show(at("pause"), run.paused ? "Resume" : "Pause");
  at("pause").hidden = at("stop").hidden = run.phase === "ended";
  at("report").hidden = run.phase !== "ended" || !run.hasReport || Boolean(run.lost);
  at("leave").hidden = run.phase !== "ended" || Boolean(run.lost);
}

/* One word for all of it: how the run came out, or how it stands. */
function verdictOf({ lost: gone, end, moment, phase }) {
  if (end) return end.verdict;
  if (gone) return { word: gone, tone: "warn", reasons: moment ? ["what is shown is of the last second that came"] : [] };
  return moment ? moment.standing : { word: phase, tone: "none", reasons: ["waiting for the first second"] };
}

function showVerdict() {
  const shown = verdictOf(run);
  // Of a search the answer is what matters: it asks for too much on purpose, and how the run stands is neither good nor bad.
  document.body.classList.toggle("steered", Boolean(run.doing));
  verdict.show(run.doing && !run.lost ? { ...shown, tone: "none" } : shown);
  showChips(at("chips"), chipsOf(run));
  document.title = `${shown.word}: ${run.name || run.origin || "tressi"}`;
}

/* What is known beside the verdict: labels of the run, and what limits how far its figures can be relied on. */
function chipsOf({ labels, moment, end, paused, warmUpSec }) {
  const chips = Object.entries(labels ?? {}).map(([key, value]) => ({ text: `${key} ${value}`, tone: "none" }));
  if (moment?.limitedSec) {
    const title = moment.saturatedBy.join("; ");
    chips.push({ text: `generator limited for ${count(Math.max(1, moment.limitedSec))} s`, tone: "warn", title });
  }
  if (paused && !end) chips.push({ text: "paused", tone: "warn" });
  if (warmUpSec) chips.push({ text: `warm-up ${warmUpSec} s, in no figure of the run`, tone: "none" });
  return chips;
}

function showTime(t) {
  const now = clock(Math.round(t));
  at("progress").max = run.durationSec;
  at("progress").value = t;
  show(at("time"), run.end ? `after ${now}` : `${now} of ${clock(run.durationSec)}`);
  cards.showTime(run.end ? { what: "time", big: now, small: "is how long it lasted" } : timeLeft(t));
}

function timeLeft(t) {
  const big = clock(Math.max(0, Math.round(run.durationSec - t)));
  const { maxRequests, moment } = run;
  const small = maxRequests === null ? `of ${clock(run.durationSec)}` : `at most; ${count(moment.counts[""].requestsMade)} of ${count(maxRequests)} requests`;
  return { what: "time left", big, small };
}

// ----------------------------------------------------------------------------------------------------- figures and charts

const chosenKey = () => (chosen.latest === null ? null : subjectOf(chosen.latest).endpointKey);

function showMoment() {
  if (!run.moment) return;
  const { row, thresholds, conditions } = run.moment;
  if (!run.end) {
    showTime(row.t);
    countShown(table.show((key) => figuresOf(run.moment, key), conditions));
    flows.show((key) => figuresOf(run.moment, key));
    showFigures(figuresOf(run.moment, chosenKey()), conditions, thresholds);
    showThresholds(at("thresholds"), thresholds, notes.labels);
    showNodes(at("nodes"), run.moment.nodes);
  }
  showCharts();
}

/* All that is told of an endpoint or a flow in a second, or of all endpoints together (null). */
function figuresOf(moment, key) {
  return { ...secondOf(moment, key), ...moment.beside[key ?? ""], ...moment.counts[key ?? ""] };
}

const FINE = { tone: "good", tones: {}, level: 0, levels: { rate: 0, missed: 0, failed: 0 }, missedBy: "", words: [] };

/* Figures of a second or of the whole run, which have the same names. */
function showFigures(one, conditions, thresholds) {
  const subject = chosen.latest === null ? null : subjectOf(chosen.latest);
  cards.show({
    ...{ one, subject, thresholds, subjects: run.subjects, columns: chosen.seconds.columns, paused: run.paused, isOver: Boolean(run.end) },
    condition: conditions[subject?.endpointKey ?? ""] ?? FINE,
    isFlow: isFlow(chosen.latest),
    // The rate of a step is its flow's, and of all requests together no rate is asked for where there are flows.
    isUnasked: one.askedRps === null && (subject === null ? run.flows.length > 0 : Boolean(subject.flow)),
  });
}

// ------------------------------------------------------------------------------------------------------- what is chosen

function showCharts() {
  const parts = [...chosen.parts].map(([number, part]) => ({ ...part, name: wordsOf(subjectOf(number)) }));
  charts.show({
    ...{ seconds: chosen.seconds, parts, marks: notes.marks() },
    ...{ warmUpSec: run.warmUpSec ?? 0, isFlow: isFlow(chosen.latest) },
    limits: run.limits.filter(({ endpointKey }) => endpointKey === chosenKey()),
  });
}

/* Choose an endpoint or a flow, or leave it out; choosing goes where it is shown. */
function chooseAndGo(number) {
  const isNew = !chosen.has(number);
  choose(chosen.toggle(number));
  if (!isNew) return;
  at("charts-title").scrollIntoView({ block: "start" });
  at("charts-title").focus({ preventScroll: true });
}

function chooseAll() {
  chosen.clear();
  choose(null);
}

/* Show what is chosen now, and once more when all of its past is here. */
async function choose(fetched) {
  showChosen();
  try {
    await fetched;
  } catch (failure) {
    problem(failure.message);
  }
  showChosen();
}

function showChosen() {
  const numbers = [...chosen.parts.keys()];
  // One alone is drawn in the colours of its figures.
  const colors = new Map([...chosen.parts].map(([number, { color }]) => [number, numbers.length > 1 ? color : ""]));
  const first = run.endpoints.length;
  table.mark(colors);
  flows.mark(new Map([...colors].filter(([number]) => number >= first).map(([number, color]) => [number - first, color])));
  show(at("subject"), chosen.latest === null ? "All endpoints" : wordsOf(subjectOf(chosen.latest)));
  show(at("charts-of"), numbers.length > 1 ? `${numbers.length} laid over each other` : at("subject").textContent);
  at("all").hidden = at("all-charts").hidden = !numbers.length;
  at("chosen").hidden = !numbers.length;
  at("chosen").replaceChildren(...numbers.map((number) => chip(number, colors.get(number))));
  at("compare").value = "";
  notes.choose(chosenKey());
  showMoment();
  if (run.end) showEnd();
}

/* A button that leaves out one that is chosen. */
function chip(number, color) {
  const [item, button] = [document.createElement("li"), document.createElement("button")];
  const words = wordsOf(subjectOf(number));
  Object.assign(button, { type: "button", textContent: words, className: "chip" });
  button.setAttribute("aria-label", `Leave out ${words}`);
  if (color) button.dataset.series = color;
  button.addEventListener("click", () => {
    chooseAndGo(number);
    (at("chosen").querySelector("button") ?? at("compare")).focus();
  });
  item.append(button);
  return item;
}

/* What can be chosen without going down to the tables. */
function offer() {
  for (const [number, subject] of [...run.endpoints, ...run.flows].entries()) at("compare").add(new Option(wordsOf(subject), number));
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
  const { endReason, endDetail, durationSec, conditions, thresholds, total } = run.end;
  const parts = { ...run.end.endpoints, ...run.end.flows };
  const whole = run.warmUpSec ? "the run after its warm-up" : "the whole run";
  at("end-detail").hidden = false;
  show(at("end-detail"), `${[ENDS[endReason], endDetail].filter(Boolean).join(": ")}; ${run.end.verdict.exit}. The figures below are of ${whole}.`);
  for (const span of document.querySelectorAll(".span")) show(span, `of ${whole}`);
  for (const since of document.querySelectorAll(".since")) since.hidden = true;
  showTime(durationSec);
  showThresholds(at("thresholds"), thresholds, notes.labels);
  showNodes(at("nodes"), run.end.nodes);
  const key = chosenKey();
  showFigures(key === null ? total : parts[key], conditions, thresholds);
  countShown(table.show((endpointKey) => parts[endpointKey], conditions));
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
for (const id of ["all", "all-charts"]) {
  at(id).addEventListener("click", () => {
    chooseAll();
    at(id === "all" ? "subject" : "charts-title").focus();
  });
}
at("compare").addEventListener("change", ({ target }) => {
  if (!chosen.has(Number(target.value))) choose(chosen.toggle(Number(target.value)));
});
at("whole").addEventListener("click", () => {
  window.tressiCharts.showAll();
  at("charts-title").focus();
});
document.addEventListener("chartzoom", ({ detail }) => (at("whole").hidden = detail === null));
at("show-all").addEventListener("click", () => countShown(table.toggleAll()));
at("filter").addEventListener("input", (event) => countShown(table.filterBy(event.target.value)));
document.addEventListener("visibilitychange", () => {
  if (document.hidden || !run.moment) return;
  showMoment();
  showState();
});

loadConfig(at("config"));

/* Headings of tables stay in view just below the header, which is as high as its words need. */
new ResizeObserver(([{ target }]) => {
  document.documentElement.style.setProperty("--header-height", `${target.offsetHeight}px`);
}).observe(document.querySelector("header.run"));

const connection = listen((name, document_) => told[name](document_), lost);
