/* How figures are shown: a dash where there is none. */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const digits = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

export const count = (value) => (known(value) ? whole.format(value) : "–");

export const rate = (value) => (known(value) ? (value >= 1000 ? whole : tenths).format(value) : "max");

export const milliseconds = (value) => (known(value) ? (value >= 100 ? whole : digits).format(value) : "–");

const isSmall = (share) => share > 0 && share < 0.0995;
const least = 0.0005; // below it a share would be shown as nothing, which it is not
export function percent(value) {
  if (!known(value)) return "–";
  return value > 0 && value < least ? "< 0.1 %" : `${(isSmall(value) ? tenths : whole).format(100 * value)} %`;
}

const workers = (value, most) => (known(most) ? `${count(value)} / ${count(most)}` : count(value));

/* Seconds as a person says them: from two minutes on with a colon. */
export function clock(s) {
  if (s < 120) return `${s} s`;
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  return `${hours ? `${hours}:${two(Math.floor((s % 3600) / 60))}` : Math.floor(s / 60)}:${two(s % 60)}`;
}

/* The mean of the rate asked for, where a ramp, a change or a pause makes it another. */
export const meanOf = ({ meanRps }) => (known(meanRps) ? `mean ${rate(meanRps)}` : "");

/* Workers now, or the most there were in the whole run. */
export const workersOf = ({ workerCount, peakWorkerCount, maxWorkers }) =>
  known(peakWorkerCount) ? `peak ${workers(peakWorkerCount, maxWorkers)}` : workers(workerCount, maxWorkers);

/* A percentile that is of too few values is greyed, and says so. */
export function showThin(element, isThin) {
  element.classList.toggle("thin", isThin);
  element.title = isThin ? "of too few values to be relied on" : "";
}

/* Text of an element, set only where it changed: what stays costs no layout. */
export function show(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
