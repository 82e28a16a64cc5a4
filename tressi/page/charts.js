/* Charts of a page: plain values in, a Plotly chart out, in the page's colours, for eyes, keyboards and screen readers alike.

   Needs Plotly and style.css. Runs under a policy without `unsafe-inline` and `unsafe-eval`.

     tressiCharts.timeChart(element, {title, unit, t, series: [{name, color, y, step, dash}], markers, saturated, warmUp, log})
     tressiCharts.percentileChart(element, {title, series: [{name, color, points: [[percentile, ms], …]}], log})
     tressiCharts.extend(element, {t, y: [[…], …], markers, saturated}, keep)     more seconds for a time chart
     tressiCharts.forget(element)                                                 empty the element again
     tressiCharts.plain(text)                                                     control characters as code points
     tressiCharts.latencySeries({p50, p99, serviceP99, successP99}, hasFailures)  both latencies of each second, by their names;
                                                                                  a third argument: they are a flow's durations

   `t` is seconds since the start; a series may have its own `t`. A `y` of null is a gap. `color` is a name of style.css,
   without its dashes. A marker is {t, text, up}: `text` is lines of why, `up` whether workers were added (null: neither).
   `saturated` and `warmUp` are lists of [from, to]. Drawing into the same element again updates it and keeps what was zoomed or hidden. */

"use strict";

window.tressiCharts = (() => {
  const drawn = new Map(); // element → what it was drawn from, to draw it again when the colours change
  const fallbackColors = ["achieved", "p99", "utilisation", "workers", "errors", "missed"];
  const tickPercentiles = [50, 90, 99, 99.9, 99.99, 99.999, 99.9999, 99.99999];
  const lineWidth = 64; // characters of a reason in one line
  const mostLines = 12;
  const manyMarkers = 40;
  const markerKinds = [
    [true, "scaled up", "triangle-up"],
    [false, "scaled down", "triangle-down"],
    [null, "changed", "diamond"],
  ];

  // ---------------------------------------------------------------------------------------------------------------- text

  const plain = (text) =>
    String(text).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
      const code = character.codePointAt(0).toString(16);
      return code.length < 3 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
    });

  // Plotly reads <b>, <a href> and <br> in every text, and entities: text from outside must have neither.
  const literal = (text) => plain(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  function wrapped(text) {
    const lines = [];
    for (const line of String(text).split("\n")) {
      const pieces = line.match(new RegExp(`.{1,${lineWidth}}(?:\\s|$)|.{1,${lineWidth}}`, "gsu")) ?? [""];
      lines.push(...pieces.map((piece, index) => (index ? "  " : "") + piece.trimEnd()));
    }
    const left = lines.length - mostLines;
    const shown = left > 1 ? [...lines.slice(0, mostLines), `… and ${left} more lines`] : lines;
    return shown.map(literal).join("<br>");
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

  // -------------------------------------------------------------------------------------------------------------- layout

  function color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  function axis(more) {
    const lines = { gridcolor: color("grid"), linecolor: color("line"), zerolinecolor: color("line") };
    return { ...lines, zeroline: false, exponentformat: "SI", separatethousands: true, ...more };
  }

  const spike = () => ({
    showspikes: true, spikemode: "across", spikecolor: color("muted"), spikethickness: 1, spikedash: "solid",
  });

  const scale = (spec) => (spec.log ? { type: "log", dtick: "D1" } : { type: "linear", rangemode: "tozero" });

  function layout(more) {
    const text = { family: "system-ui, sans-serif", size: 12, color: color("text") };
    return {
      font: text,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 56, r: 16, t: 8, b: 32 },
      hovermode: "x unified",
      hoverlabel: { bgcolor: color("surface"), bordercolor: color("line"), font: text, namelength: -1, align: "left" },
      legend: { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom" },
      uirevision: "same",
      ...more,
    };
  }

  const config = { displayModeBar: false, responsive: true, typesetMath: false, plotlyServerURL: "", locale: "en" };

  const lineOf = (one, index) => ({
    color: color(one.color ?? fallbackColors[index % fallbackColors.length]),
    width: one.y?.length > 300 ? 1.25 : 2,
    dash: one.dash ? "dash" : "solid",
    shape: one.step ? "vh" : "linear",
  });

  // --------------------------------------------------------------------------------------------------------- over time

  const secondsOf = (spec, one) => one.t ?? spec.t;

  function timeTraces(spec) {
    const lines = spec.series.map((one, index) => ({
      type: "scatter",
      mode: "lines",
      name: literal(one.name),
      x: secondsOf(spec, one),
      y: one.y,
      text: one.y.map((value) => literal(figureText(value, spec.unit))),
      hovertemplate: "%{text}",
      connectgaps: false,
      line: lineOf(one, index),
    }));
    return [...lines, ...markerTraces(spec), ...saturatedLegend(spec), ...warmUpLegend(spec)];
  }

  // One trace for each direction, on the line of the first series, so that the legend tells what a triangle means.
  function markerTraces(spec) {
    return markerKinds
      .map(([up, name, symbol]) => [(spec.markers ?? []).filter((one) => (one.up ?? null) === up), name, symbol])
      .filter(([markers]) => markers.length)
      .map(([markers, name, symbol]) => ({
        type: "scatter",
        mode: "markers",
        name,
        x: markers.map((one) => one.t),
        y: markers.map((one) => valueAt(spec, one.t)),
        text: markers.map((one) => wrapped(one.text)),
        hovertemplate: "%{text}<extra></extra>",
        cliponaxis: false,
        marker: { symbol, color: color("workers"), ...markerSize(markers.length) },
      }));
  }

  const markerSize = (count) =>
    count > manyMarkers ? { size: 6 } : { size: 9, line: { color: color("surface"), width: 1 } };

  // A second's row describes the end of that second; a step holds from the row before, a line rises between the two.
  function valueAt(spec, t) {
    const line = spec.series.find((one) => one.marked) ?? spec.series[0];
    const seconds = secondsOf(spec, line);
    const found = seconds.findIndex((second) => second >= t);
    const after = found < 0 ? seconds.length - 1 : found;
    const [before, value] = [line.y[after - 1], line.y[after] ?? 0];
    if (line.step || before === undefined || before === null || found < 0) return value;
    return value + ((before - value) * (seconds[after] - t)) / (seconds[after] - seconds[after - 1]);
  }

  function saturatedLegend(spec) {
    if (!spec.saturated?.length) return [];
    const marker = { symbol: "square", size: 12, color: color("saturated"), line: { color: color("warn"), width: 1 } };
    return [{ type: "scatter", mode: "markers", name: "generator limited", x: [null], y: [null], marker, hoverinfo: "skip" }];
  }

  function warmUpLegend(spec) {
    if (!spec.warmUp?.length) return [];
    const marker = { symbol: "square", size: 12, color: color("warm-up"), line: { color: color("muted"), width: 1 } };
    return [{ type: "scatter", mode: "markers", name: "warm-up", x: [null], y: [null], marker, hoverinfo: "skip" }];
  }

  const shaded = (spans, name) =>
    (spans ?? []).map(([from, to]) => ({
      type: "rect", layer: "below", xref: "x", yref: "paper", x0: from, x1: to, y0: 0, y1: 1,
      fillcolor: color(name), line: { width: 0 },
    }));

  function timeLayout(spec) {
    const shapes = [...shaded(spec.warmUp, "warm-up"), ...shaded(spec.saturated, "saturated")];
    const ends = spec.series.map((one) => secondsOf(spec, one)).flatMap((seconds) => [seconds[0], seconds.at(-1)]);
    const seconds = ends.filter(Number.isFinite);
    // Marks would put room beside the line. A range set here, which changes every second, would undo a reader's zoom.
    const from = Math.max(0, Math.min(...seconds) - 1);
    const bounds = seconds.length ? { clipmin: from, include: from, clipmax: Math.max(...seconds) } : {};
    const x = axis({ ...spike(), autorangeoptions: bounds, ticksuffix: " s", hoverformat: ",.1~f", showgrid: false });
    return layout({ xaxis: x, yaxis: axis({ ...scale(spec), ticksuffix: spec.unit === "%" ? " %" : "" }), shapes });
  }

  function timeWords(spec) {
    const parts = spec.series.map((one) => {
      const values = one.y.filter((value) => value !== null && Number.isFinite(value));
      if (!values.length) return `${one.name}: no values`;
      const least = values.reduce((low, value) => Math.min(low, value));
      const most = figureText(values.reduce((high, value) => Math.max(high, value)), spec.unit);
      return `${one.name}: ${figureText(least)} to ${most}, at last ${figureText(values.at(-1), spec.unit)}`;
    });
    const count = spec.markers?.length ?? 0;
    const marks = count ? [`${count} mark${count === 1 ? "" : "s"}`] : [];
    const saturated = spec.saturated?.length ? ["generator limited in shaded seconds"] : [];
    const warmUp = (spec.warmUp ?? []).map(([, to]) => `warm-up until ${figureText(to, "s")}`);
    return [...parts, ...marks, ...saturated, ...warmUp].join("; ");
  }

  // ------------------------------------------------------------------------------------------------------ by percentile

  // A share 1 - 1/x of the values lies below: 50 % at 2, 90 % at 10, 99 % at 100.
  const ninesOf = (percentile) => 100 / (100 - percentile);
  const percentText = (percentile) => `${Number(percentile.toFixed(6))} %`;

  function percentileTraces(spec) {
    return spec.series.map((one, index) => {
      const points = one.points.filter(([percentile]) => percentile < 100);
      return {
        type: "scatter",
        mode: "lines",
        name: literal(one.name),
        x: points.map(([percentile]) => ninesOf(percentile)),
        y: points.map(([, ms]) => ms),
        text: points.map(([percentile, ms]) => `${figureText(ms, "ms")} at ${percentText(percentile)}`),
        hovertemplate: "%{text}",
        line: lineOf(one, index),
      };
    });
  }

  function percentileLayout(spec) {
    const furthest = Math.max(100, ...spec.series.flatMap((one) => one.points.map(([p]) => (p < 100 ? ninesOf(p) : 0))));
    const ticks = tickPercentiles.filter((percentile) => ninesOf(percentile) <= furthest * 1.001);
    const x = {
      type: "log", range: [0, Math.log10(furthest)], tickangle: 0,
      tickvals: ticks.map(ninesOf), ticktext: ticks.map(percentText),
      unifiedhovertitle: { text: "latency at or below" },
    };
    return layout({ xaxis: axis({ ...spike(), ...x }), yaxis: axis({ ...scale(spec), ticksuffix: " ms" }) });
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

  // ------------------------------------------------------------------------------------------------- element and keyboard

  function made(tag, className, parent) {
    const element = document.createElement(tag);
    element.className = className;
    parent.append(element);
    return element;
  }

  function frame(element) {
    element.replaceChildren();
    const [title, plot] = [made("p", "chart-title", element), made("div", "plot", element)];
    const figure = { title, plot, spoken: made("p", "spoken", element) };
    figure.spoken.setAttribute("aria-live", "polite");
    figure.plot.setAttribute("role", "application");
    figure.plot.setAttribute("aria-roledescription", "chart");
    figure.plot.tabIndex = 0;
    figure.plot.addEventListener("keydown", (event) => step(event, element));
    return figure;
  }

  // The arrow keys walk over the first series' points: shown as with a mouse, and said.
  function step(event, element) {
    const { figure, traces } = drawn.get(element);
    const x = traces[0]?.x ?? [];
    const last = x.length - 1;
    const now = figure.at ?? -1;
    const page = Math.max(1, Math.round(last / 10));
    const steps = { ArrowRight: now + 1, ArrowLeft: now - 1, PageDown: now + page, PageUp: now - page, Home: 0, End: last };
    const to = steps[event.key];
    if (event.key === "Escape") window.Plotly.Fx.unhover(figure.plot);
    if (to === undefined || last < 0) return;
    event.preventDefault();
    figure.at = Math.min(last, Math.max(0, to));
    window.Plotly.Fx.hover(figure.plot, { xval: x[figure.at] }, "xy");
    figure.spoken.textContent = spokenAt(element, figure.at);
  }

  function spokenAt(element, at) {
    const { spec, kind } = drawn.get(element);
    if (kind === percentile) {
      const there = spec.series.filter((one) => one.points[at]).map((one) => [one.name, ...one.points[at]]);
      return there.map(([name, percent, ms]) => `${name} ${figureText(ms, "ms")} at ${percentText(percent)}`).join("; ");
    }
    const seconds = secondsOf(spec, spec.series[0]);
    const [t, before] = [seconds[at], seconds[at - 1] ?? -Infinity];
    const marks = (spec.markers ?? []).filter((one) => before < one.t && one.t <= t).map((one) => one.text);
    const figures = spec.series.map((one) => `${one.name} ${figureText(one.y[at], spec.unit)}`);
    return plain([`${figureText(t)} s`, ...figures, ...marks].join("; "));
  }

  function draw(element, spec, kind) {
    const before = drawn.get(element);
    const figure = before?.kind === kind ? before.figure : frame(element);
    const traces = kind.traces(spec);
    drawn.set(element, { spec, kind, figure, traces });
    figure.title.textContent = plain(spec.unit ? `${spec.title}, ${spec.unit}` : spec.title);
    figure.plot.setAttribute("aria-label", plain(`${spec.title}. ${kind.words(spec)}. Arrow keys read point by point.`));
    return window.Plotly.react(figure.plot, traces, { ...kind.layout(spec), showlegend: traces.length > 1 }, config);
  }

  function redraw() {
    for (const [element, { spec, kind }] of drawn) {
      if (element.isConnected) draw(element, spec, kind);
      else drawn.delete(element);
    }
  }

  // Dark or light may change while the page is open, and paper is always light.
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  window.matchMedia("print").addEventListener("change", redraw);

  const overTime = { traces: timeTraces, layout: timeLayout, words: timeWords };
  const percentile = { traces: percentileTraces, layout: percentileLayout, words: percentileWords };

  // The response time is what is judged; the successes' own stands beside it where failures would hide it.
  function latencySeries(columns, hasFailures, isFlow) {
    if (isFlow) {
      return [
        { name: "duration p99", color: "p99", y: columns.p99 },
        { name: "duration p50", color: "p50", y: columns.p50 },
        { name: "walk time p99", color: "service", y: columns.serviceP99, dash: true },
      ];
    }
    const series = [
      { name: "response time p99", color: "p99", y: columns.p99 },
      { name: "response time p50", color: "p50", y: columns.p50 },
      { name: "service time p99", color: "service", y: columns.serviceP99, dash: true },
    ];
    if (!hasFailures) return series;
    return [...series, { name: "service time p99 of successes", color: "workers", y: columns.successP99, dash: true }];
  }

  function extend(element, more, keep = Infinity) {
    const { spec } = drawn.get(element);
    const kept = (values, added) => [...values, ...added].slice(-keep);
    const t = kept(spec.t, more.t);
    const series = spec.series.map((one, index) => ({ ...one, y: kept(one.y, more.y[index]) }));
    const markers = [...(spec.markers ?? []), ...(more.markers ?? [])].filter((one) => one.t > t[0] - 1);
    const saturated = [...(spec.saturated ?? []), ...(more.saturated ?? [])].filter(([, to]) => to > t[0]);
    return draw(element, { ...spec, t, series, markers, saturated }, overTime);
  }

  function forget(element) {
    const known = drawn.get(element);
    if (known) window.Plotly.purge(known.figure.plot);
    drawn.delete(element);
    element.replaceChildren();
  }

  return {
    timeChart: (element, spec) => draw(element, spec, overTime),
    percentileChart: (element, spec) => draw(element, spec, percentile),
    extend,
    forget,
    plain,
    latencySeries,
  };
})();
