/* The report's tables, sorted and filtered by the reader; runs before the charts' script, which takes its time. */

"use strict";

(() => {
  const fewRows = 8; // need no filter

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
    input.addEventListener("input", () => {
      const wanted = input.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
      found.textContent = wanted ? `${rows.filter((row) => !row.hidden).length} of ${rows.length}` : "";
    });
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    makeSortable(table);
    makeFilterable(table);
  }
})();
