/* A rate that is changed where it stands: a click turns it into a field, Enter or Apply takes what is in it, Escape does not. */

import { show } from "./format.js";

/* As it is typed; a share of a total may have many digits. */
const shortened = (rps) => (rps === null || rps === undefined ? "" : Math.round(1000 * rps) / 1000);

export class TargetForm {
  /* `element` holds the button, a note and the form; `apply` is called with the rate; `words` say of what it is. */
  constructor(element, { words, title, apply }) {
    this.button = element.querySelector(".edit");
    this.note = element.querySelector("small");
    this.form = element.querySelector("form");
    this.input = this.form.elements.rps;
    this.words = words;
    this.value = null;
    this.button.title = title ?? "";
    this.input.setAttribute("aria-label", words);
    this.form.querySelector("button").setAttribute("aria-label", `Apply the ${words}`);
    this.button.addEventListener("click", () => this.open());
    this.form.addEventListener("keydown", (event) => event.key === "Escape" && this.shut());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      apply(this.input.valueAsNumber);
      this.shut();
    });
  }

  /* Show the rate that is asked for now, and what belongs beside it. */
  show(text, note = "") {
    show(this.button, text);
    show(this.note, note);
    const label = `${text}: change the ${this.words}`;
    if (this.button.getAttribute("aria-label") !== label) this.button.setAttribute("aria-label", label);
  }

  /* The rate that was set. */
  set(rps) {
    this.value = rps;
  }

  open() {
    this.input.value = shortened(this.value);
    this.button.hidden = true;
    this.form.hidden = false;
    this.input.focus();
    this.input.select();
  }

  shut() {
    const hadFocus = this.form.contains(document.activeElement);
    this.form.hidden = true;
    this.button.hidden = false;
    if (hadFocus) this.button.focus();
  }

  /* Nothing can be set any more. */
  close() {
    this.shut();
    this.button.disabled = true;
  }
}
