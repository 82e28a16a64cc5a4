/* The report's tables, sorted and filtered by the reader; runs before the charts' script, which takes its time. */

"use strict";

(() => {
  const fewRows = 8; // need no filter
  const fewHealthy = 20; // rows, of which a table shows all

  function cellValue(row, column) {
    const cell = row.cells[column];
    const figure = cell.querySelector("data");
    if (figure) return Number(figure.value);
    const text = cell.textContent.trim();
    return text === "–" ? null : text;
  }

  const collator = new Intl.Collator("en", { numeric: true });

  // Nothing is neither small nor large: it comes last in either direction.
  function compared(one, other, direction) {
    if (one === null || other === null) return (one === null) - (other === null);
    return direction * (typeof one === "number" && typeof other === "number" ? one - other : collator.compare(one, other));
  }

  function sort(table, heading) {
    const before = heading.getAttribute("aria-sort");
    const falling = before ? before === "ascending" : heading.classList.contains("number"); // large figures first
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [cellValue(row, heading.cellIndex), row]);
    rows.sort(([one], [other]) => compared(one, other, falling ? -1 : 1));
    body.append(...rows.map(([, row]) => row));
    table.dispatchEvent(new Event("sorted"));
  }

  function makeSortable(table) {
    for (const heading of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      button.addEventListener("click", () => sort(table, heading));
      heading.append(button);
    }
  }

  function makeFilterable(table) {
    const rows = [...table.tBodies[0].rows];
    if (rows.length <= fewRows) return;
    const what = table.dataset.what ?? "rows";
    const controls = document.createElement("div");
    controls.className = "controls";
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "search";
    label.append(`Filter ${what}`, input);
    const found = document.createElement("span");
    found.className = "muted";
    found.setAttribute("role", "status");
    controls.append(label, found);
    table.before(controls);
    const fold = makeFoldable(table, input);
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
      found.textContent = wanted ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
      fold();
    });
  }

  // Of many rows those without a fault behind the first are folded, until all are asked for, filtered, or printed.
  function makeFoldable(table, input) {
    const { rows } = table.tBodies[0];
    if (rows.length <= fewHealthy || !table.querySelector("tbody > .good")) return () => {};
    const button = Object.assign(document.createElement("button"), { type: "button", className: "show-all" });
    let isOpen = false;
    const fold = () => {
      const isFiltered = Boolean(input.value.trim());
      let shown = 0;
      let folded = 0;
      for (const row of rows) {
        const isFolded = !isOpen && !isFiltered && !row.matches(".bad, .warn") && (shown += 1) > fewHealthy;
        row.classList.toggle("folded", isFolded);
        folded += isFolded;
      }
      button.textContent = folded ? `Show all ${rows.length}: ${folded} more without a fault` : "Show fewer";
      button.hidden = isFiltered || (!folded && !isOpen);
      button.setAttribute("aria-expanded", String(isOpen));
    };
    button.addEventListener("click", () => {
      isOpen = !isOpen;
      fold();
    });
    table.addEventListener("sorted", fold);
    table.after(button);
    fold();
    return fold;
  }

  function makeReady(where) {
    for (const table of where.querySelectorAll("table.sortable")) {
      makeSortable(table);
      makeFilterable(table);
    }
  }

  /* Long tables in what is folded stand there as for a reader without a script, where a browser with one takes them for a
     text: they are most of the document, and would be read before anything is drawn. */
  function unfold(where = document) {
    for (const folded of where.querySelectorAll("details > noscript")) {
      const { parentElement: details } = folded;
      const read = document.createElement("template");
      read.innerHTML = folded.textContent;
      folded.replaceWith(read.content);
      makeReady(details);
    }
  }

  makeReady(document);
  document.addEventListener("toggle", ({ target }) => unfold(target), true);
  window.addEventListener("beforeprint", () => unfold());
  window.tressiTables = { unfold: () => unfold() };
})();
