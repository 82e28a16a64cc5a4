/* Which charts show a run, out of the columns of its seconds: the same on every page. One of the pieces that
   `assets.charts_script` joins.

   Columns are lists of a value for each of `t`: targetRps, currentRps, missed (per second), failures ({"503": per second}),
   p50, p95, p99, max, serviceP99, successP99 (ms), bands, workerCount, occupied (per cent). What is missing is not drawn. */

const mostFailures = 6; // of their own colour; the others are one more

const isAny = (values) => Boolean(values?.some((value) => value !== null && value !== undefined));
const isAbove = (values) => Boolean(values?.some((value) => value > 0));

/* The failures of each second by status and kind, as areas one on the other: in the order in which they came first. */
function failureSeries(failures) {
  const totals = new Map();
  for (const one of failures ?? []) {
    for (const [name, count] of Object.entries(one ?? {})) totals.set(name, (totals.get(name) ?? 0) + count);
  }
  const byTotal = [...totals].sort((one, other) => other[1] - one[1]).map(([name]) => name);
  const own = byTotal.length > mostFailures ? new Set(byTotal.slice(0, mostFailures - 1)) : new Set(byTotal);
  const named = [...totals.keys()].filter((name) => own.has(name));
  const series = named.map((name, index) => area(name, index + 1, failures.map((one) => one?.[name] ?? 0)));
  const others = byTotal.filter((name) => !own.has(name));
  if (!others.length) return series;
  const sums = failures.map((one) => others.reduce((sum, name) => sum + (one?.[name] ?? 0), 0));
  return [...series, area("other failures", mostFailures, sums)];
}

const area = (name, place, y) => ({ name: /^(\d{3}|[A-Z_]+)$/.test(name) ? `status ${name}` : name, color: `failure-${place}`, stack: "failed", y });

const latencyNames = { p50: "p50", p95: "p95", p99: "p99", max: "max" };

/* The response times, which are judged; service times are at a click, those of the successes where failures would hide
   them. A flow has durations instead. */
function latencySeries(columns, hasFailures, isFlow) {
  const series = Object.entries(latencyNames)
    .filter(([name]) => isAny(columns[name]))
    .map(([name, text]) => ({ name: text, color: name, y: columns[name] }));
  const behind = { dash: true, hidden: true };
  if (isAny(columns.serviceP99)) {
    series.push({ name: isFlow ? "walk time p99" : "service time p99", color: "service", y: columns.serviceP99, ...behind });
  }
  if (!hasFailures || isFlow || !isAny(columns.successP99)) return series;
  return [...series, { name: "service time p99 of successes", color: "asked", y: columns.successP99, ...behind }];
}

function rateSpec(columns, { isFlow }) {
  const asked = isAny(columns.targetRps) ? [{ name: "asked", color: "asked", y: columns.targetRps, dash: true }] : [];
  const missed = isAbove(columns.missed) ? [{ name: "missed", color: "missed", y: columns.missed }] : [];
  const achieved = { name: isFlow ? "taken" : "achieved", color: "achieved", y: columns.currentRps, marked: true };
  return {
    title: isFlow ? "Starts" : "Rate", unit: isFlow ? "per second" : "RPS",
    series: [...asked, achieved, ...missed, ...failureSeries(columns.failures)],
  };
}

function workersSpec(columns, { isFlow }) {
  const workers = { name: isFlow ? "users" : "workers", color: "workers", y: columns.workerCount, step: true, marked: true };
  const occupied = { name: "occupied", color: "utilisation", y: columns.occupied, unit: "%", right: true };
  return {
    title: isFlow ? "Users and how many are on their way" : "Workers and occupied share", unit: "",
    axis: workers.name, rightAxis: "occupied, %", rightUnit: "%",
    series: [workers, ...(isAny(columns.occupied) ? [occupied] : [])],
  };
}

/* The specs of a run's four time charts, null where there is nothing to show. `common` has `t`, `markers`, `saturated` and
   `warmUp`, `limits` of the response time as {value, text}, `isFlow` where it is a flow's, and `hasFailures` where so many attempts failed that the successes have times of their
   own. */
function panels(columns, common) {
  const { isFlow, hasFailures, markers, limits, ...shared } = common;
  const scaled = (markers ?? []).filter((mark) => mark.up !== null && mark.up !== undefined);
  const latencies = latencySeries(columns, hasFailures, isFlow);
  return {
    rate: isAny(columns.currentRps) ? { ...shared, ...rateSpec(columns, { isFlow }), markers } : null,
    latency: latencies.length
      ? { ...shared, title: isFlow ? "Duration, without thinking" : "Response time", unit: "ms", series: latencies, logSwitch: true, limits }
      : null,
    heat: columns.bands?.some((row) => row?.length)
      ? { ...shared, title: `Heat map of ${isFlow ? "durations" : "response times"}`, bands: columns.bands, unit: "ms" }
      : null,
    workers: isAbove(columns.workerCount) ? { ...shared, ...workersSpec(columns, { isFlow }), markers: scaled } : null,
  };
}
