/* The seconds that the charts show, of all endpoints or of one, by column. The dashboard's process thins what is old; here
   the present is only put behind it, and when that has grown long, all is fetched once more. */

import { past } from "./server.js";

const FIGURES = [
  ...["targetRps", "currentRps", "workerCount", "utilisation", "errorRate"],
  ...["p50", "p95", "p99", "max", "serviceP99", "successP99", "missed", "bands", "failures"],
];
const MOST = 1900; // the process keeps at most 1,560

/* The figures of an endpoint or a flow in a second, or of all endpoints together (null). */
export const secondOf = ({ row, flows }, key) => (key === null ? row.global : row.endpoints[key] ?? flows[key]);

export class Seconds {
  /* Of the endpoint or the flow of that number; null is all endpoints together. */
  constructor(number) {
    this.number = number;
    this.columns = null;
    this.late = []; // moments that came while the past was fetched
    this.fetching = 0;
  }

  /* All of a past, as it came with the state. */
  take(columns) {
    this.columns = columns;
  }

  /* Ask for the past; resolves once it is here. */
  async fetch() {
    const turn = ++this.fetching;
    this.late = [];
    try {
      const columns = await past(this.number);
      if (turn !== this.fetching) return;
      this.columns = columns;
    } finally {
      if (turn === this.fetching) this.fetching = 0;
    }
    for (const [moment, key] of this.late) this.append(moment, key);
    this.late = [];
  }

  /* A second has passed; `key` is that of the endpoint or the flow. */
  append(moment, key) {
    const { row } = moment;
    if (this.fetching) this.late.push([moment, key]);
    if (this.columns === null || row.t <= (this.columns.t.at(-1) ?? -1)) return;
    const figures = secondOf(moment, key);
    this.columns.t.push(row.t);
    for (const name of FIGURES) this.columns[name].push(figures[name]);
    this.columns.saturated.push(Number(row.saturated));
    this.columns.seconds.push(1);
    if (this.columns.t.length > MOST && !this.fetching) this.fetch().catch(() => {});
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
