/* The thresholds: those that are broken first, each with its value and its limit. */

import { SIGNS } from "./verdict.js";

const TONES = ["good", "none", "warn", "bad"];
const WORDS = { good: "holds", none: "open", warn: "at risk", bad: "broken" };

/* One that cannot hold any more is broken; one that only does not hold so far is at risk. */
export function toneOf({ passed, settled }) {
  if (passed === null) return "none";
  return passed ? "good" : settled ? "bad" : "warn";
}

/* The worst tone of several; null where there is none of which anything is known. */
export function worstOf(verdicts) {
  const known = verdicts.map(toneOf).filter((tone) => tone !== "none");
  return known.sort((one, other) => TONES.indexOf(other) - TONES.indexOf(one))[0] ?? null;
}

/* Show them in a section; `labels` are the endpoints' by key. */
export function showThresholds(section, verdicts, labels) {
  section.hidden = !verdicts.length;
  const order = verdicts.map((verdict, at) => ({ verdict, at, tone: toneOf(verdict) }));
  order.sort((one, other) => TONES.indexOf(other.tone) - TONES.indexOf(one.tone) || one.at - other.at);
  const rows = order.map(({ verdict, tone }) => row(verdict, tone, labels));
  section.querySelector("tbody").replaceChildren(...rows);
}

function row({ threshold, endpointKey, valueWords, limitWords, failedAt, passed }, tone, labels) {
  const made = document.createElement("tr");
  const state = element("span", `badge ${tone}`, `${SIGNS[tone]} ${WORDS[tone]}`);
  const value = element("span", tone === "bad" || tone === "warn" ? `value ${tone}` : "value", valueWords);
  const since = passed === false && failedAt !== null ? `${failedAt.toFixed(0)} s` : "–";
  made.append(
    cell("td", "state", state),
    cell("th", "threshold", threshold),
    cell("td", "of", labels.get(endpointKey) ?? "all endpoints"),
    cell("td", "value and limit", value, limitWords ? element("span", "muted", ` must be ${limitWords}`) : ""),
    cell("td", "since", since),
  );
  made.children[1].scope = "row";
  return made;
}

function cell(tag, label, ...content) {
  const made = document.createElement(tag);
  made.dataset.label = label;
  made.append(...content);
  return made;
}

function element(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}
