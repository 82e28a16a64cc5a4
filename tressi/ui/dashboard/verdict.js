/* How the run stands, in one word with its causes: while it lasts, and how it came out. */

import { show } from "./format.js";

/* A sign beside the word, for those who do not see its colour. */
export const SIGNS = { good: "✓", warn: "!", bad: "✕", none: "•" };

const LISTED = 4;

export class Verdict {
  /* `toned` are the elements that are coloured, `sign` and `word` the two that say it, `reasons` a list, `said` is read aloud. */
  constructor({ toned, sign, word, reasons, said }) {
    Object.assign(this, { toned, sign, word, reasons, said });
    this.spoken = "";
  }

  show({ word, tone, reasons }) {
    for (const element of this.toned) element.dataset.tone = tone;
    show(this.sign, SIGNS[tone]);
    show(this.word, word);
    const more = reasons.length - LISTED;
    listed(this.reasons, more > 1 ? [...reasons.slice(0, LISTED), `and ${more} more`] : reasons);
    // The figures in it change each second: it is read aloud when it says something else.
    const kind = `${tone} ${word.replace(/[\d.,]+/g, "")}`;
    if (this.spoken && kind !== this.spoken) show(this.said, [word, ...reasons.slice(0, 1)].join(": "));
    this.spoken = kind;
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

/* Texts as the items of a list, made anew only where they changed. */
function listed(list, texts) {
  const isSame = list.children.length === texts.length && texts.every((text, at) => list.children[at].textContent === text);
  if (isSame) return;
  list.replaceChildren(...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}
