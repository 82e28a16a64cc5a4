/* Which endpoints and flows the charts show, and their seconds: those that were chosen, laid over each other, or all together. */

import { Seconds } from "./seconds.js";

const MOST = 8; // as many as there are colours that can be told apart

export class Chosen {
  /* `keyOf` has the key of the endpoint or the flow of a number. */
  constructor(keyOf) {
    this.keyOf = keyOf;
    this.all = new Seconds(null);
    this.parts = new Map(); // number → {seconds, color}, in the order in which they were chosen
  }

  /* The one whose figures are shown: what was chosen last, null for all endpoints together. */
  get latest() {
    return [...this.parts.keys()].at(-1) ?? null;
  }

  get seconds() {
    return this.parts.get(this.latest)?.seconds ?? this.all;
  }

  has(number) {
    return this.parts.has(number);
  }

  /* Choose one, or leave it out; the one that was chosen first gives way where there are too many. Resolves once its past is
     here. */
  async toggle(number) {
    if (this.parts.delete(number)) return;
    if (this.parts.size === MOST) this.parts.delete([...this.parts.keys()][0]);
    const taken = new Set([...this.parts.values()].map(({ color }) => color));
    const color = Array.from({ length: MOST }, (_, place) => `series-${place + 1}`).find((one) => !taken.has(one));
    const seconds = new Seconds(number);
    this.parts.set(number, { seconds, color });
    await seconds.fetch();
  }

  clear() {
    this.parts.clear();
  }

  /* The whole past has come anew, with that of all endpoints together. */
  async take(columns) {
    this.all.take(columns);
    await Promise.all([...this.parts.values()].map(({ seconds }) => seconds.fetch()));
  }

  append(moment) {
    this.all.append(moment, null);
    for (const [number, { seconds }] of this.parts) seconds.append(moment, this.keyOf(number));
  }
}
