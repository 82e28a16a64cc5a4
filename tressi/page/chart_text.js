/* The texts and colours of charts. One of the pieces that `assets.charts_script` joins into the charts' script. */

const lineWidth = 64; // characters of a reason in one line
const mostLines = 12;

const plain = (text) =>
  String(text).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0).toString(16);
    return code.length < 3 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });

// Plotly reads <b>, <a href> and <br> in every text, and entities: text from outside must have neither.
const literal = (text) => plain(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/* The lines of a text, none of them long, and not more than a few. */
function wrapped(text) {
  const lines = [];
  for (const line of String(text).split("\n")) {
    const pieces = line.match(new RegExp(`.{1,${lineWidth}}(?:\\s|$)|.{1,${lineWidth}}`, "gsu")) ?? [""];
    lines.push(...pieces.map((piece, index) => (index ? "  " : "") + piece.trimEnd()));
  }
  const left = lines.length - mostLines;
  return (left > 1 ? [...lines.slice(0, mostLines), `… and ${left} more lines`] : lines).map(plain);
}

// Made once: each costs more than a hundred texts.
const formats = [0, 1, 2, 3].map((digits) => new Intl.NumberFormat("en", { maximumFractionDigits: digits }));

function figureText(value, unit) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const digits = Number.isInteger(value) || size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  const text = formats[digits].format(value);
  return unit ? `${text} ${unit}` : text;
}

/* The time of day at a second of the run, where the page says when it began (`data-began`, in milliseconds since 1970). */
function clockText(t, hasSeconds = true) {
  const began = Number(document.documentElement.dataset.began || NaN);
  if (!Number.isFinite(began)) return "";
  return new Date(began + 1000 * t).toTimeString().slice(0, hasSeconds ? 8 : 5);
}

/* A second of the run; from two minutes on with what a clock would show. */
function secondText(t) {
  const text = [figureText(Math.round(10 * t) / 10, "s"), clockText(t)].filter(Boolean).join(", ");
  if (t < 120 || clockText(t)) return text;
  const two = (value) => String(Math.floor(value)).padStart(2, "0");
  const clock = t < 3600 ? `${Math.floor(t / 60)}:${two(t % 60)}` : `${Math.floor(t / 3600)}:${two((t % 3600) / 60)}:${two(t % 60)}`;
  return `${text} (${clock})`;
}

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
