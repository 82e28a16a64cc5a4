/* The seconds that the charts show, of all endpoints or of one, by column. The dashboard's process thins what is old; here
   the present is only put behind it, and when that has grown long, all is fetched once more. */

import { past } from "./server.js";

const FIGURES = [
  ...["targetRps", "currentRps", "workerCount", "utilisation", "errorRate"],
  ...["p50", "p99", "serviceP99", "successP99", "missed"],
];
const MOST = 1900; // the process keeps at most 1,560

export class Seconds {
  constructor() {
    this.number = null; // of the endpoint; null is all of them
    this.columns = null;
    this.late = []; // rows that came while the past was fetched
    this.fetching = 0;
  }

  /* All of a past, as it came with the state. */
  take(columns) {
    this.columns = columns;
  }

  /* Show another endpoint; resolves once its past is here, to whether it is still the one to show. */
  async choose(number) {
    this.number = number;
    const turn = ++this.fetching;
    this.late = [];
    const columns = await past(number);
    if (turn !== this.fetching) return false;
    const rows = this.late;
    this.fetching = 0;
    this.columns = columns;
    for (const [row, key] of rows) this.append(row, key);
    return true;
  }

  /* A second has passed; `key` is that of the endpoint shown. */
  append(row, key) {
    if (this.fetching) this.late.push([row, key]);
    if (this.columns === null || row.t <= (this.columns.t.at(-1) ?? -1)) return;
    const figures = key === null ? row.global : row.endpoints[key];
    this.columns.t.push(row.t);
    for (const name of FIGURES) this.columns[name].push(figures[name]);
    this.columns.saturated.push(Number(row.saturated));
    if (this.columns.t.length > MOST && !this.fetching) this.choose(this.number).catch(() => {});
  }

  /* Spans [from, to] in which the generator was the bottleneck. */
  saturated() {
    const { t, saturated } = this.columns;
    const spans = [];
    for (let at = 0; at < t.length; at++) {
      if (!saturated[at]) continue;
      const from = at ? t[at - 1] : 0;
      if (spans.at(-1)?.[1] === from) spans.at(-1)[1] = t[at];
      else spans.push([from, t[at]]);
    }
    return spans;
  }
}
