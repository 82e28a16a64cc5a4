/* Latency by percentile. One of the pieces that `assets.charts_script` joins. */

const tickPercentiles = [50, 90, 99, 99.9, 99.99, 99.999, 99.9999, 99.99999];

// A share 1 - 1/x of the values lies below: 50 % at 2, 90 % at 10, 99 % at 100.
const ninesOf = (percentile) => 100 / (100 - percentile);
const percentText = (percentile) => `${Number(percentile.toFixed(6))} %`;
const pointsOf = (one) => one.points.filter(([percentile]) => percentile < 100);
const longest = (spec) => spec.series.reduce((most, one) => (pointsOf(one).length > pointsOf(most).length ? one : most));

function percentileTraces(spec, hidden) {
  return spec.series.map((one, index) => ({
    type: "scatter",
    mode: "lines",
    name: literal(one.name),
    x: pointsOf(one).map(([percentile]) => ninesOf(percentile)),
    y: pointsOf(one).map(([, ms]) => ms),
    visible: hidden.has(one.name) ? "legendonly" : true,
    line: lineOf(one, index),
  }));
}

function percentileLayout(spec) {
  const furthest = Math.max(100, ...spec.series.flatMap((one) => one.points.map(([p]) => (p < 100 ? ninesOf(p) : 0))));
  const ticks = tickPercentiles.filter((percentile) => ninesOf(percentile) <= furthest * 1.001);
  const x = {
    type: "log", range: [0, Math.log10(furthest)], tickangle: 0,
    tickvals: ticks.map(ninesOf), ticktext: ticks.map(percentText),
  };
  const values = spec.series.flatMap((one) => pointsOf(one).map(([, ms]) => ms));
  const y = { ...scale(spec.log, values), ticksuffix: " ms" };
  return layout({ xaxis: axis(x), yaxis: axis(y), margin: { ...margin, l: margin.l + titleRoom } });
}

function percentileWords(spec) {
  const parts = spec.series.map((one) => {
    const told = [50, 90, 99, 99.9].map((wanted) => {
      const point = one.points.find(([percentile]) => percentile >= wanted);
      return point ? `p${wanted} ${figureText(point[1], "ms")}` : null;
    });
    return `${one.name}: ${told.filter(Boolean).join(", ") || "no values"}`;
  });
  return parts.join("; ");
}

/* Of each line the point that stands where that of the longest line does. */
function percentileReading(spec, at, hidden) {
  const [wanted] = pointsOf(longest(spec))[at];
  const items = spec.series
    .map((one, index) => ({ one, index, point: one.points.find(([percentile]) => percentile >= wanted - 1e-6) }))
    .filter(({ one, point }) => point && !hidden.has(one.name))
    .map(({ one, index, point: [, ms] }) => ({ name: one.name, color: colorOf(one, index), value: figureText(ms, "ms") }));
  return { head: `at ${percentText(wanted)}`, items, notes: [] };
}

function percentileExtents(spec, hidden, axes, from, to) {
  const extents = [];
  for (const one of spec.series) {
    if (hidden.has(one.name)) continue;
    let before = null;
    for (const [percentile, ms] of pointsOf(one)) {
      const [x, y] = [axes.x(ninesOf(percentile)), axes.y(ms)];
      if (x >= from && before !== null) extents.push([Math.min(before, y), Math.max(before, y)]);
      if (x > to) break;
      before = y;
    }
  }
  return extents;
}

const byPercentile = {
  isOverTime: false,
  cut: (spec) => spec,
  traces: percentileTraces,
  layout: percentileLayout,
  words: percentileWords,
  keys: (spec) => spec.series.map((one, index) => ({ name: one.name, color: colorOf(one, index), sign: "line", isToggle: true })),
  places: (spec) => pointsOf(longest(spec)).map(([percentile]) => ninesOf(percentile)),
  at: (spec, x) => nearest(pointsOf(longest(spec)).map(([percentile]) => ninesOf(percentile)), x),
  reading: percentileReading,
  extents: percentileExtents,
};
