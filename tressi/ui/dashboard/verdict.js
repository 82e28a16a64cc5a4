/* How the run stands, in one word with its causes: while it lasts, and how it came out. */

import { show } from "./format.js";

/* A sign beside the word, for those who do not see its colour. */
export const SIGNS = { good: "✓", warn: "!", bad: "✕", none: "•" };

const LISTED = 4;
const MOST_ROOM_PX = 160;

export class Verdict {
  /* `toned` are the elements that are coloured, `sign` and `word` the two that say it, `reasons` a list, `said` is read aloud. */
  constructor({ toned, sign, word, reasons, said }) {
    Object.assign(this, { toned, sign, word, reasons, said });
    this.spoken = "";
    this.room = 0;
  }

  show({ word, tone, reasons }) {
    for (const element of this.toned) element.dataset.tone = tone;
    show(this.sign, SIGNS[tone]);
    show(this.word, word);
    const told = reasons.length || tone !== "good" ? reasons : ["nothing has failed and no start was missed"];
    const more = told.length - LISTED;
    if (listed(this.reasons, more > 1 ? [...told.slice(0, LISTED), `and ${more} more`] : told)) this.keepRoom();
    // The figures in it change each second: it is read aloud when it says something else, and at first where it is bad.
    const kind = `${tone} ${word.replace(/[\d.,]+/g, "")}`;
    if (kind !== this.spoken && (this.spoken || tone === "bad")) show(this.said, [word, ...reasons.slice(0, 1)].join(": "));
    this.spoken = kind;
  }

  /* Causes come and go, and what is below them stays where it is: room that was taken once is kept. */
  keepRoom() {
    this.room = Math.min(MOST_ROOM_PX, Math.max(this.room, this.reasons.offsetHeight));
    this.reasons.style.minHeight = `${this.room}px`;
  }

  /* The last verdict takes as much room as it needs. */
  giveUpRoom() {
    this.room = 0;
    this.reasons.style.minHeight = "";
  }
}

/* What is known beside the word, one chip each: {text, tone, title}. */
export function showChips(list, chips) {
  const items = chips.map(({ text, tone, title }) => {
    const item = document.createElement("li");
    item.className = `badge ${tone}`;
    item.textContent = text;
    item.title = title ?? "";
    return item;
  });
  const isSame = items.length === list.children.length && items.every((item, at) => item.isEqualNode(list.children[at]));
  if (!isSame) list.replaceChildren(...items);
}

/* Texts as the items of a list, made anew only where they changed; returns whether they did. */
function listed(list, texts) {
  const isSame = list.children.length === texts.length && texts.every((text, at) => list.children[at].textContent === text);
  if (isSame) return false;
  list.replaceChildren(...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  return true;
}
