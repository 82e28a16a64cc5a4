/* What is known of the run beside its figures: its name, its labels, where it is, and the config that it is of. */

import { configText } from "./server.js";

export function showDetails(list, { name, labels, origin, version, durationSec, warmUpSec, maxRequests }) {
  const pairs = {
    name,
    ...labels,
    target: origin,
    "lasts at most": `${durationSec} s`,
    "warm-up": warmUpSec ? `${warmUpSec} s` : null,
    "requests at most": maxRequests === null ? null : maxRequests.toLocaleString("en"),
    tressi: version,
  };
  const rows = Object.entries(pairs).filter(([, value]) => value).map(([key, value]) => pair(key, String(value)));
  list.replaceChildren(...rows);
}

/* The config is asked for when somebody opens it: that of a large run is long. */
export function loadConfig(details) {
  details.addEventListener("toggle", async () => {
    const text = details.querySelector("pre");
    if (!details.open || text.textContent) return;
    text.textContent = await configText().catch((failure) => failure.message);
  });
}

function pair(key, value) {
  const made = document.createElement("div");
  for (const [tag, text] of [["dt", key], ["dd", value]]) {
    made.append(Object.assign(document.createElement(tag), { textContent: text }));
  }
  return made;
}
