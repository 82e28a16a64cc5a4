/* What was decided and changed: a table with reasons, marks on the charts, and now and then a sentence for screen readers. */

const KEPT = 500; // as many as the dashboard's process
const LISTED = 10; // until somebody asks for all
const MARKED = 200;
const QUIET_MS = 10000; // between two words for a screen reader

export class Notes {
  constructor({ table, empty, more, said }) {
    Object.assign(this, { table, empty, more, said });
    this.body = table.tBodies[0];
    this.rows = new Map(); // of the notes that are shown: a reason that somebody has unfolded stays so
    this.showsAll = false;
    more.addEventListener("click", () => this.showAll());
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
      const all = this.shown();
      const notes = (this.showsAll ? all : all.slice(-LISTED)).reverse();
      this.rows = new Map(notes.map((note) => [note, this.rows.get(note) ?? row(note)]));
      this.place([...this.rows.values()]);
      this.empty.hidden = notes.length > 0;
      this.table.hidden = notes.length === 0;
      this.more.hidden = all.length <= notes.length;
      this.more.textContent = `Show all ${all.length}`;
    });
  }

  /* Put the rows into the table, in their order; those that are there already stay, and with them the focus. */
  place(rows) {
    const wanted = new Set(rows);
    for (const old of [...this.body.rows]) if (!wanted.has(old)) old.remove();
    rows.forEach((one, at) => {
      if (this.body.rows[at] !== one) this.body.insertBefore(one, this.body.rows[at] ?? null);
    });
  }

  showAll() {
    this.showsAll = true;
    this.draw();
  }

  ofDecision({ timestamp, endpointKey, action, workers, workerCount, reason }) {
    const up = action === "scale-up";
    const of = this.labels.get(endpointKey);
    const change = `${up ? "↑" : "↓"} ${up ? workerCount - workers : workerCount + workers} → ${workerCount} workers`;
    return { t: timestamp, key: endpointKey, of, change, what: `${of}: ${change}`, why: reason, up };
  }

  ofChange({ t, endpointKey, action, targetRps, by }) {
    const words = { pause: "paused", resume: "resumed" }[action];
    const of = words ? "the run" : this.labels.get(endpointKey);
    const change = words ?? `target ${targetRps.toLocaleString("en")} ${unitOf(endpointKey)}`;
    return { t, key: endpointKey, of, change, what: words ?? `${of}: ${change}`, why: "", by: by || "hand", up: null };
  }
}

/* A key that begins so is a flow's: no method is written in small letters. */
const unitOf = (key) => (key.startsWith("flow ") ? "starts per second" : "RPS");

function row({ t, of, change, why, by }) {
  const made = document.createElement("tr");
  made.append(cell("time", `${t.toFixed(1)} s`), cell("of", of), cell("change", change), cell("reason", why ? folded(why) : `by ${by}`));
  made.firstElementChild.className = "number";
  return made;
}

function cell(label, content) {
  const made = document.createElement("td");
  made.dataset.label = label;
  made.append(content);
  return made;
}

/* A reason, of which the beginning is seen until somebody wants all of it. */
function folded(why) {
  const made = document.createElement("details");
  const summary = Object.assign(document.createElement("summary"), { textContent: why });
  made.append(summary);
  return made;
}
