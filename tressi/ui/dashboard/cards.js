/* The figures of a run, or of one endpoint: each with its state in a colour, a sign and a word, and its last minute. */

import { count, meanOf, milliseconds, percent, rate, show, showThin, workersOf } from "./format.js";
import { worstOf } from "./thresholds.js";
import { SIGNS } from "./verdict.js";

const MINUTE = 60;
const TONES = ["good", "warn", "bad"];
/* How each figure stands, from good to bad; where thresholds decide alone, it says what they do. */
const WORDS = {
  rate: ["met", "a little short", "not met"],
  latency: ["holds", "at risk", "broken"],
  failed: ["none", "some", "failing"],
  missed: ["none", "some", "too many"],
};
const TREND = { rate: "currentRps", latency: "p99", failed: "errorRate", missed: "missed", workers: "workerCount" };
const PERCENTILES = ["p50", "p95", "p99"];

/* What a card's figures are of: {one, condition, subject, isFlow, isUnasked, thresholds, subjects, columns, paused, isOver}. */
export class Cards {
  constructor(root) {
    this.root = root;
    this.cards = new Map([...root.querySelectorAll("[data-card]")].map((card) => [card.dataset.card, card]));
    this.figures = new Map([...root.querySelectorAll("[data-figure]")].map((cell) => [cell.dataset.figure, cell]));
  }

  show(shown) {
    const texts = textsOf(shown);
    for (const [name, cell] of this.figures) if (name in texts) show(cell, texts[name]);
    for (const name of PERCENTILES) showThin(this.figures.get(name), shown.one.thin.includes(name));
    for (const [id, text] of Object.entries(besidesOf(shown))) show(document.getElementById(id), text);
    this.name(shown);
    for (const [name, card] of this.cards) {
      const [tone, level] = stateOf(name, shown);
      card.dataset.tone = tone ?? "none";
      show(card.querySelector(".standing"), tone ? `${SIGNS[tone]} ${WORDS[name][level]}` : "");
      if (TREND[name] && shown.columns) {
        window.tressiCharts.sparkline(card.querySelector(".spark"), shown.columns[TREND[name]].slice(-MINUTE), tone ?? "");
      }
    }
  }

  /* The figures of a flow have other names. */
  name({ isFlow }) {
    const words = isFlow
      ? { rate: "starts", latency: "duration", failed: "abandoned", workers: "users" }
      : { rate: "rate", latency: "response time", failed: "failed", workers: "workers" };
    for (const [name, text] of Object.entries(words)) show(this.cards.get(name).querySelector(".what"), text);
    show(this.cards.get("rate").querySelector(".unit"), isFlow ? "/ s" : "RPS");
    show(document.getElementById("attempts"), isFlow ? "starts" : "attempts");
  }

  /* How long the run still takes, or how long it took: {big, small}. */
  showTime({ what, big, small }) {
    show(this.cards.get("time").querySelector(".what"), what);
    show(this.figures.get("left"), big);
    show(document.getElementById("lasts"), small);
  }
}

/* In large letters a tenth of a hundred is noise. */
const large = (rps) => (rps >= 100 && rps < 1000 ? count(rps) : rate(rps));
const failedOf = ({ failures }) => Object.values(failures).reduce((sum, times) => sum + times, 0);
const ms = (value) => (value === null || value === undefined ? "–" : `${milliseconds(value)} ms`);

function textsOf({ one, subject, isUnasked }) {
  return {
    currentRps: large(one.currentRps),
    askedRps: isUnasked ? "–" : large(one.askedRps),
    p50: milliseconds(one.p50),
    p95: milliseconds(one.p95),
    p99: one.p99 === null ? "–" : `${milliseconds(one.p99)} ms`,
    failed: count(failedOf(one)),
    requestsMade: count(one.requestsMade),
    missed: subject?.flow ? "–" : count(one.requestsMissed),
    workerCount: subject?.flow ? "–" : workersOf({ ...one, maxWorkers: subject?.maxWorkers ?? null }),
  };
}

/* What stands small beside the figures, by the place where it stands. */
function besidesOf({ one, condition, subject, isFlow, isOver }) {
  const name = isFlow ? "walk time" : "service";
  const oldest = one.oldestSec >= 0.1 ? `, the oldest for ${one.oldestSec.toFixed(1)} s` : "";
  const under = isFlow ? "on their way" : "in flight";
  const now = !isOver && one.missed ? `${count(one.missed)} in the last second, ` : "";
  const busy = one.utilisation === null ? "" : `${percent(one.utilisation)} busy`;
  return {
    mean: meanOf(one),
    service: `${name} p50 ${ms(one.serviceP50)}, p99 ${ms(one.serviceP99)}`,
    sure: one.sure ?? "",
    successes: one.showsSuccesses ? `of successes ${ms(one.successP50)}, p99 ${ms(one.successP99)} (service)` : "",
    "failed-share": percent(one.requestsMade ? failedOf(one) / one.requestsMade : 0),
    failures: kindsOf(one),
    "missed-by": one.requestsMissed ? `${now}${condition.missedBy}` : "",
    busy: subject?.flow ? `step of ${subject.flow}` : busy,
    "in-flight": one.inFlight ? `${count(one.inFlight)} ${under}${oldest}` : "",
  };
}

/* The three commonest ways to fail. */
const kindsOf = ({ failures }) =>
  Object.entries(failures).slice(0, 3).map(([words, times]) => `${words} × ${count(times)}`).join(", ");

/* The tone of a card, null where a figure alone is neither good nor bad, and how far from good it is, 0 to 2. */
function stateOf(name, { one, condition, subject, isUnasked, thresholds, subjects, paused }) {
  if (!(name in WORDS)) return [null, 0];
  const judged = worstOf(thresholds.filter((verdict) => subjects[verdict.threshold] === name && isOf(verdict, subject)));
  const byThreshold = TONES.indexOf(judged);
  const isJudgedAlone = name === "latency" || (name === "rate" && (paused || isUnasked || one.askedRps === null)) ||
    (name === "missed" && subject?.flow);
  if (isJudgedAlone) return [judged, Math.max(0, byThreshold)];
  const since = { failed: failedOf(one), missed: one.requestsMissed }[name] ? 1 : 0;
  const byCause = TONES.indexOf(condition.tones[name] ?? "good");
  return [TONES[Math.max(byCause, since, byThreshold)], Math.max(condition.levels[name], since, byThreshold)];
}

const isOf = ({ endpointKey }, subject) => endpointKey === (subject?.endpointKey ?? null);
