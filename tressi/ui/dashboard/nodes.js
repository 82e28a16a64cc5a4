/* The machines of a run over several: those that were lost first, each with how it stands. Text is set as text. */

import { count, milliseconds, percent, rate } from "./format.js";
import { SIGNS } from "./verdict.js";

/* Show them in a section, which is hidden where there are none. */
export function showNodes(section, nodes) {
  section.hidden = !nodes.length;
  section.querySelector("tbody").replaceChildren(...nodes.map(row));
}

function row(node) {
  const made = document.createElement("tr");
  const name = element("span", "node", node.name);
  const clock = `${signed(node.clockOffsetMs)} ± ${milliseconds(node.clockBoundMs)} ms`;
  made.append(
    cell("td", "state", element("span", `badge ${node.tone}`, `${SIGNS[node.tone]} ${node.state}`), element("small", "muted", node.why)),
    cell("th", "node", name, " ", element("small", "muted", node.address)),
    number("engines", count(node.engines)),
    number("RPS", node.rps === null ? "–" : rate(node.rps)),
    number("share at start", percent(node.share)),
    number("attempts", count(node.requestsMade)),
    number("clock ahead", clock),
    number("last heard of", node.silentSec === null ? "–" : `${node.silentSec.toFixed(1)} s ago`),
    number("uncounted", uncounted(node.uncountedAtMost)),
  );
  made.children[1].scope = "row";
  return made;
}

const signed = (ms) => (ms < 0 ? `−${milliseconds(-ms)}` : milliseconds(ms));

/* Requests that it may have made and that are counted nowhere. */
const uncounted = (most) => (most === null ? "unknown" : most ? `at most ${count(most)}` : "none");

function number(label, text) {
  const made = cell("td", label, text);
  made.className = "number";
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
