/* The seconds that the charts show, of all endpoints or of one, by column. The dashboard's process thins what is old; here
   the present is only put behind it, and when that has grown long, all is fetched once more. */

import { past } from "./server.js";

const FIGURES = [
  ...["targetRps", "currentRps", "workerCount", "utilisation", "errorRate"],
  ...["p50", "p99", "serviceP99", "successP99", "missed"],
];
const MOST = 1900; // the process keeps at most 1,560

/* The figures of an endpoint or a flow in a second, or of all endpoints together (null). */
export const secondOf = ({ row, flows }, key) => (key === null ? row.global : row.endpoints[key] ?? flows[key]);

export class Seconds {
  constructor() {
    this.number = null; // of the endpoint; null is all of them
    this.columns = null;
    this.late = []; // moments that came while the past was fetched
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
    const moments = this.late;
    this.fetching = 0;
    this.columns = columns;
    for (const [moment, key] of moments) this.append(moment, key);
    return true;
  }

  /* A second has passed; `key` is that of the endpoint or the flow shown. */
  append(moment, key) {
    const { row } = moment;
    if (this.fetching) this.late.push([moment, key]);
    if (this.columns === null || row.t <= (this.columns.t.at(-1) ?? -1)) return;
    const figures = secondOf(moment, key);
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
