/* What was decided and changed: a list with reasons, marks on the charts, and now and then a sentence for screen readers. */

const KEPT = 500; // as many as the dashboard's process
const LISTED = 100;
const MARKED = 200;
const QUIET_MS = 10000; // between two words for a screen reader

export class Notes {
  constructor({ list, empty, said }) {
    this.list = list;
    this.empty = empty;
    this.said = said;
    this.all = [];
    this.key = null; // of the endpoint shown; null is all of them
    this.unsaid = [];
    this.timer = null;
  }

  /* Begin anew. `labels` are the endpoints' by key. */
  take(decisions, changes, labels) {
    this.labels = labels;
    const notes = [...decisions.map((one) => this.ofDecision(one)), ...changes.map((one) => this.ofChange(one))];
    this.all = notes.sort((one, other) => one.t - other.t);
    this.draw();
  }

  decision(decision) {
    this.add(this.ofDecision(decision));
  }

  change(change) {
    this.add(this.ofChange(change));
  }

  /* Show those of one endpoint, and of the whole run. */
  choose(key) {
    this.key = key;
    this.draw();
  }

  /* For the charts: {t, text, up}. What was done in one second in one direction is one mark, for there may be a hundred. */
  marks() {
    const marks = new Map();
    for (const { t, what, why, up } of this.shown()) {
      const place = `${Math.ceil(t)} ${up}`;
      const text = why ? `${what}: ${why}` : what;
      const mark = marks.get(place);
      marks.set(place, { t: mark?.t ?? t, up, text: mark ? `${mark.text}\n${text}` : text });
    }
    return [...marks.values()].slice(-MARKED);
  }

  shown() {
    return this.key === null ? this.all : this.all.filter(({ key }) => key === this.key || key === null);
  }

  add(note) {
    this.all.push(note);
    if (this.all.length > KEPT) this.all.shift();
    this.unsaid.push(note);
    this.timer ??= setTimeout(() => this.speak(), this.unsaid.length > 1 ? QUIET_MS : 0);
    this.draw();
  }

  /* At most every ten seconds: how many there were, and the last. */
  speak() {
    const count = this.unsaid.length;
    const before = count > 1 ? `${count} decisions and changes, the last: ` : "";
    if (count) this.said.textContent = before + this.unsaid.at(-1).what;
    this.unsaid = [];
    this.timer = count ? setTimeout(() => this.speak(), QUIET_MS) : null;
  }

  draw() {
    // A burst of decisions is one drawing.
    this.drawing ??= requestAnimationFrame(() => {
      this.drawing = null;
      const notes = this.shown().slice(-LISTED).reverse();
      this.list.replaceChildren(...notes.map(item));
      this.empty.hidden = notes.length > 0;
      this.list.hidden = notes.length === 0;
    });
  }

  ofDecision({ timestamp, endpointKey, action, workers, workerCount, reason }) {
    const up = action === "scale-up";
    const what = `${this.labels.get(endpointKey)}: ${up ? "+" : "−"}${workers} → ${workerCount} workers`;
    return { t: timestamp, key: endpointKey, what, why: reason, up };
  }

  ofChange({ t, endpointKey, action, targetRps }) {
    const words = { pause: "paused", resume: "resumed" }[action];
    const what = words ?? `${this.labels.get(endpointKey)}: target ${targetRps.toLocaleString("en")} ${unitOf(endpointKey)}`;
    return { t, key: endpointKey, what, why: "", up: null };
  }
}

/* A key that begins so is a flow's: no method is written in small letters. */
const unitOf = (key) => (key.startsWith("flow ") ? "starts per second" : "RPS");

function item({ t, what, why }) {
  const element = document.createElement("li");
  const when = document.createElement("span");
  when.className = "when";
  when.textContent = `${t.toFixed(1)} s`;
  const words = document.createElement("span");
  words.textContent = what;
  if (why) {
    const reason = document.createElement("span");
    reason.className = "why";
    reason.textContent = why;
    words.append(reason);
  }
  element.append(when, words);
  return element;
}
