/* The cursor: one line over all time charts of a page. The legend of each has the figures of that second, and the chart that
   is pointed at has them in a box beside the line as well. One of the pieces that `assets.charts_script` joins.

   The box lies where it hides nothing of what is drawn: right or left of the line, at the height at which there is room,
   and below the chart where there is none. Everything in it is set as text. */

const boxGap = 12;
const boxStep = 6;
const cursor = { element: null, t: null, row: null, height: null };

/* Point at a place of a chart; all other time charts of the page show the same second. */
function point(element, at, row = null, height = null) {
  const one = drawn.get(element);
  if (at < 0 || at >= one.kind.places(one.shown).length) return;
  if (cursor.element !== element) hideCursor();
  const t = one.kind.isOverTime ? one.kind.time(one.shown, at) : null;
  Object.assign(cursor, { element, t, row, height });
  showCursor(one, at);
  if (t !== null) for (const other of drawn.values()) if (other !== one) follow(other);
}

/* Show the cursor of the page in a chart that is not pointed at, or that was drawn anew. */
function follow(one) {
  if (cursor.t === null || !one.kind.isOverTime || !one.element.isConnected || !one.figure.plot.offsetParent) return;
  if (one.kind.places(one.shown).length) showCursor(one, one.kind.at(one.shown, cursor.t));
}

function hideCursor() {
  const isShown = cursor.element !== null;
  Object.assign(cursor, { element: null, t: null, row: null, height: null });
  if (!isShown) return;
  for (const one of drawn.values()) {
    one.figure.line.hidden = one.figure.box.hidden = true;
    showFigures(one);
  }
}

function showCursor(one, at) {
  const { figure, kind, shown } = one;
  const axes = axesOf(figure);
  if (!axes) return;
  figure.at = at;
  const x = axes.x(kind.places(shown)[at]);
  const isSeen = x >= axes.left - 1 && x <= axes.left + axes.width + 1;
  const isPointedAt = one.element === cursor.element;
  figure.line.hidden = !isSeen;
  figure.box.hidden = !isSeen || !isPointedAt;
  if (!isSeen) return;
  Object.assign(figure.line.style, { left: `${x}px`, top: `${axes.top}px`, height: `${axes.height}px` });
  showFigures(one, at);
  if (!isPointedAt) return;
  fillBox(figure.box, kind.reading(shown, at, figure.hidden, cursor.row));
  placeBox(one, axes, x, cursor.height);
}

/* The figures of the cursor's second in the legend; without a cursor those of the last. */
function showFigures({ figure, kind, shown }, at = null) {
  const last = kind.places(shown).length - 1;
  if (last < 0) return;
  const { head, items } = kind.reading(shown, at ?? last, figure.hidden);
  figure.when.textContent = at === null ? "" : head;
  const values = new Map(items.map((one) => [one.name, one.value]));
  for (const [name, place] of figure.values) {
    const value = values.get(name) ?? "";
    // What was once as wide stays so: entries would change their lines under the reader's eye.
    if (value.length > place.room) place.element.style.minWidth = `${0.9 * (place.room = value.length)}ch`;
    if (place.element.textContent !== value) place.element.textContent = value;
  }
}

/* From values to points of the screen within the chart's area, as plotly has drawn them. */
function axesOf(figure) {
  const full = figure.plot._fullLayout;
  if (!full?.xaxis) return null;
  const { xaxis, yaxis, yaxis2 } = full;
  return {
    left: xaxis._offset, width: xaxis._length, top: yaxis._offset, height: yaxis._length,
    x: (value) => xaxis._offset + xaxis.d2p(value),
    y: (value) => yaxis._offset + yaxis.d2p(value),
    right: (value) => (yaxis2 ?? yaxis)._offset + (yaxis2 ?? yaxis).d2p(value),
    atX: (place) => xaxis.p2d(place - xaxis._offset),
    atY: (place) => yaxis.p2d(place - yaxis._offset),
  };
}

function fillBox(box, { head, items, notes }) {
  const parts = [text("p", "box-head", head)];
  for (const item of items) {
    const line = text("p", "box-line", "");
    if (item.color) line.append(swatch(item.color, "area"));
    line.append(text("span", "", item.name), text("span", "number", item.value));
    parts.push(line);
  }
  for (const note of notes) for (const line of wrapped(note)) parts.push(text("p", "box-note", line));
  box.replaceChildren(...parts);
}

function placeBox({ figure, kind, shown }, axes, x, height) {
  const { box } = figure;
  const [wide, high] = [box.offsetWidth, box.offsetHeight];
  const most = figure.area.clientWidth;
  const sides = [x + boxGap, x - boxGap - wide].filter((left) => left >= 0 && left + wide <= most);
  let best = { hits: Infinity };
  for (const left of sides) {
    const extents = kind.extents(shown, figure.hidden, axes, left, left + wide);
    for (let top = axes.top; top <= axes.top + axes.height - high; top += boxStep) {
      const hits = extents.filter(([upper, lower]) => upper <= top + high && lower >= top).length;
      const way = Math.abs(top - (height ?? axes.top));
      if (hits < best.hits || (hits === best.hits && way < best.way && left === best.left)) best = { hits, way, left, top };
    }
  }
  if (best.hits) best = outside(figure, axes, sides[0] ?? Math.min(Math.max(0, x - wide / 2), most - wide), high);
  Object.assign(box.style, { left: `${best.left}px`, top: `${best.top}px` });
}

/* Below the chart, over the legend, which has the same figures; above it where a finger or the window's end is in the way. */
function outside(figure, axes, left, high) {
  const below = axes.top + axes.height + 4;
  const above = axes.top - high - 2;
  const { top } = figure.area.getBoundingClientRect();
  const [fitsAbove, fitsBelow] = [top + above > 0, top + below + high < window.innerHeight];
  return { left, top: fitsBelow && !(isTouched.matches && fitsAbove) ? below : above };
}

/* What a pointer points at: a place of the chart, and in a heat map a band. */
function pointAt(element, event) {
  const one = drawn.get(element);
  const axes = one && axesOf(one.figure);
  if (!axes || !one.kind.places(one.shown).length) return;
  const area = one.figure.area.getBoundingClientRect();
  const [x, y] = [event.clientX - area.left, event.clientY - area.top];
  if (x < axes.left - 4 || x > axes.left + axes.width + 4) return;
  const rows = one.kind.rows?.(one.shown);
  const row = rows ? Math.floor(axes.atY(y)) : null;
  point(element, one.kind.at(one.shown, axes.atX(x)), rows && row >= rows[0] && row <= rows[1] ? row : null, y);
}

/* The arrow keys walk over the places of a chart, and over the bands of a heat map: shown as with a mouse, and said. */
function step(event, element) {
  const { figure, kind, shown } = drawn.get(element);
  const last = kind.places(shown).length - 1;
  const now = figure.at ?? -1;
  const page = Math.max(1, Math.round(last / 10));
  const steps = { ArrowRight: now + 1, ArrowLeft: now - 1, PageDown: now + page, PageUp: now - page, Home: 0, End: last };
  if (event.key === "Escape") hideCursor();
  const row = rowAfter(event.key, cursor.element === element ? cursor.row : null, kind.rows?.(shown));
  const to = row === undefined ? steps[event.key] : Math.max(0, now);
  if (to === undefined || last < 0) return;
  event.preventDefault();
  const at = Math.min(last, Math.max(0, to));
  const kept = row === undefined && cursor.element === element ? cursor.row : row ?? null;
  point(element, at, kept);
  const { head, items, notes } = kind.reading(shown, at, figure.hidden, kept);
  figure.spoken.textContent = plain([head, ...items.map((one) => `${one.name} ${one.value}`), ...notes].join("; "));
}

/* The band to which a key leads, undefined where it leads to none. */
function rowAfter(key, row, rows) {
  const by = { ArrowUp: 1, ArrowDown: -1 }[key];
  if (!by || !rows) return undefined;
  return Math.min(rows[1], Math.max(rows[0], row === null ? rows[by > 0 ? 0 : 1] : row + by));
}

function listenToPointers(element, area) {
  let waiting = null;
  const show = (event) => {
    if (!waiting) requestAnimationFrame(() => {
      if (waiting && drawn.has(element)) pointAt(element, waiting);
      waiting = null;
    });
    waiting = event;
  };
  area.addEventListener("pointermove", show);
  area.addEventListener("pointerdown", (event) => event.pointerType !== "mouse" && show(event));
  area.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "mouse") return; // a finger that was lifted leaves what it pointed at
    waiting = null;
    hideCursor();
  });
}

document.addEventListener("pointerdown", ({ target }) => {
  if (cursor.element !== null && !target.closest?.(".plot-area")) hideCursor();
});
