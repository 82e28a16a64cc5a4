/* The report's charts and its table of latencies, of all endpoints together or of the one that was chosen. */

"use strict";

(() => {
  const mostOnLine = 40; // marks that a line can bear; with more of them only the workers' has them
  const noteworthyPercent = 1; // more failures, and latencies of all responses alone would mislead
  const classColors = {
    1: ["asked"], 2: ["achieved", "utilisation", "asked"], 3: ["workers", "asked"], 4: ["missed", "p99"], 5: ["errors", "workers"],
  };
  const kindColors = ["errors", "missed", "workers", "achieved", "utilisation", "asked"];
  const element = (id) => document.getElementById(id);

  async function unpacked(script) {
    const bytes = Uint8Array.from(atob(script.textContent), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).json();
  }

  function decisionText(one) {
    const before = one.action === "scale-up" ? one.workerCount - one.workers : one.workerCount + one.workers;
    return `${before} → ${one.workerCount} workers: ${one.reason}`;
  }

  function changeText(one) {
    if (one.action !== "set-target") return one.action;
    const unit = one.endpointKey?.startsWith("flow ") ? "starts per second" : "RPS";
    return `target set to ${one.targetRps === null ? "as fast as possible" : `${one.targetRps} ${unit}`}`;
  }

  // What happened between two points and in one direction is one mark; in the total each line says whose it is.
  function markers(data, choice) {
    const whose = (one) => (choice === null && one.endpointKey ? `${one.endpointKey} ` : "");
    const isUp = (one) => one.action === "scale-up";
    const decided = (one) => ({ ...one, t: one.timestamp, up: isUp(one), text: whose(one) + decisionText(one) });
    const changed = (one) => ({ ...one, up: null, text: whose(one) + changeText(one) });
    const happened = [...data.decisions.map(decided), ...data.changes.map(changed)];
    const marks = new Map();
    for (const one of happened) {
      if (choice !== null && one.endpoint !== choice && one.endpoint !== null) continue;
      const place = `${one.up} ${Math.ceil(one.t / data.secondsAPoint)}`;
      const mark = marks.get(place);
      if (mark) mark.text += `\n${one.text}`;
      else marks.set(place, { t: one.t, up: one.up, text: one.text });
    }
    return [...marks.values()];
  }

  // Statuses of one class are of one family of colours, successes at the bottom.
  function statusSeries(counts) {
    const used = {};
    const colorOf = (name) => {
      const colors = classColors[name[0]] ?? ["asked"];
      used[name[0]] = (used[name[0]] ?? -1) + 1;
      return colors[used[name[0]] % colors.length];
    };
    const names = Object.keys(counts).sort();
    return names.map((name) => ({ name, color: colorOf(name), y: counts[name], stack: "statuses" }));
  }

  const kindSeries = (counts) =>
    Object.keys(counts).map((name, index) => ({
      name: /^\d/.test(name) ? `status ${name}` : name,
      color: kindColors[index % kindColors.length], y: counts[name], stack: "kinds",
    }));

  const some = (values) => values.some((value) => value);

  function latencySeries(columns) {
    const isFlow = Boolean(columns.isFlow);
    const what = isFlow ? "duration" : "response time";
    const series = [
      { name: `${what} p99`, color: "p99", y: columns.p99 },
      { name: `${what} p95`, color: "workers", y: columns.p95 },
      { name: `${what} p50`, color: "p50", y: columns.p50 },
      { name: isFlow ? "walk time p99" : "service time p99", color: "service", y: columns.serviceP99, dash: true },
      { name: "slowest", color: "asked", y: columns.max, hidden: true },
    ].filter((one) => some(one.y));
    const hasFailures = !isFlow && columns.errorRate.some((percent) => percent > noteworthyPercent);
    if (!hasFailures) return series;
    return [...series, { name: "service time p99 of successes", color: "utilisation", y: columns.successP99, dash: true }];
  }

  function timeSpecs(data, choice) {
    const columns = choice === null ? data.total : data.endpoints[choice];
    const isFlow = Boolean(columns.isFlow);
    const common = { t: data.t, saturated: data.saturated, warmUp: data.warmUp };
    const marks = markers(data, choice);
    const fewMarks = marks.length > mostOnLine ? [] : marks;
    const asked = some(columns.targetRps) ? [{ name: "asked", color: "asked", dash: true, y: columns.targetRps }] : [];
    const achieved = { name: isFlow ? "taken" : "achieved", color: "achieved", y: columns.currentRps, marked: true };
    const one = (name, y, color, more) => [{ name, color, y, ...more }];
    const kinds = columns.failures ?? {};
    const percent = { title: isFlow ? "Abandoned starts" : "Failed requests", unit: "%", series: one("failed", columns.errorRate, "errors") };
    const perSecond = { title: isFlow ? "Abandoned starts" : "Failures by kind", unit: "per second", series: kindSeries(kinds) };
    return {
      rate: { ...common, title: isFlow ? "Starts" : "Rate", unit: isFlow ? "per second" : "RPS", series: [...asked, achieved], markers: fewMarks },
      latencies: {
        ...common, title: isFlow ? "Duration, without thinking" : "Response time", unit: "ms", log: element("logarithmic").checked,
        series: latencySeries(columns),
      },
      ...(columns.statusCodes && Object.keys(columns.statusCodes).length
        ? { statuses: { ...common, title: "Responses by status", unit: "per second", series: statusSeries(columns.statusCodes) } }
        : {}),
      ...(some(columns.errorRate) ? { failed: { ...common, ...(Object.keys(kinds).length ? perSecond : percent) } } : {}),
      ...(some(columns.missed)
        ? { missed: { ...common, title: "Missed starts", unit: "per second", series: one("missed", columns.missed, "missed") } }
        : {}),
      workers: {
        ...common, title: isFlow ? "Users" : "Workers", markers: marks,
        series: one(isFlow ? "users" : "workers", columns.workerCount, "workers", { step: true }),
      },
      utilisation: {
        ...common, title: "Utilisation of the workers", unit: "%",
        series: one("utilisation", columns.utilisation, "utilisation"),
      },
    };
  }

  function percentileSpec(data, choice) {
    const { serviceTime, responseTime, isFlow } = choice === null ? data.total : data.endpoints[choice];
    return {
      title: `Latency of ${nameOf(data, choice)}`,
      log: element("logarithmic").checked,
      series: [
        { name: isFlow ? "duration" : "response time", color: "response", points: responseTime },
        { name: isFlow ? "walk time" : "service time", color: "service", points: serviceTime },
      ],
    };
  }

  function heatSpec(data, choice) {
    const { bands, isFlow } = choice === null ? data.total : data.endpoints[choice];
    const title = isFlow ? "Durations: how many of which length" : "Response times: how many of which length";
    return bands?.some((one) => one.length) ? { title, t: data.heatT, bands, saturated: data.saturated, warmUp: data.warmUp } : null;
  }

  const nameOf = (data, choice) => (choice === null ? "all endpoints together" : data.endpoints[choice].key);

  let drawing = 0;

  // One chart at a time, so that the page answers in between; a newer choice ends an older drawing.
  async function draw(data, choice) {
    const mine = (drawing += 1);
    delete document.documentElement.dataset.drawn;
    showLatencies(data, choice);
    const specs = timeSpecs(data, choice);
    tellNothing(specs);
    for (const name of ["rate", "latencies", "statuses", "failed", "missed", "workers", "utilisation"]) {
      await show(`chart-${name}`, specs[name], tressiCharts.timeChart);
      await new Promise((resolve) => setTimeout(resolve));
      if (mine !== drawing) return;
    }
    if (tressiCharts.heatMap) await show("chart-heat", heatSpec(data, choice), tressiCharts.heatMap);
    await show("chart-percentiles", percentileSpec(data, choice), tressiCharts.percentileChart);
    if (mine === drawing) document.documentElement.dataset.drawn = choice ?? "all";
  }

  // What there is nothing of has no chart.
  async function show(id, spec, chart) {
    const figure = element(id);
    figure.hidden = !spec;
    if (spec) await chart(figure, spec);
    else tressiCharts.forget(figure);
  }

  function tellNothing(specs) {
    const absent = [specs.failed ? "" : "nothing failed", specs.missed ? "" : "no start was missed"].filter(Boolean);
    const words = absent.join(" and ");
    element("nothing").textContent = words && `${words[0].toUpperCase()}${words.slice(1)}: that has no chart.`;
    element("nothing").hidden = !words;
  }

  let ofAll; // the rows of the table before anything was chosen

  // The rows of an endpoint stand in the table of all of them, where a reader without a script finds them.
  function showLatencies(data, choice) {
    const body = element("latencies").tBodies[0];
    ofAll ??= [...body.rows];
    element("latency-of").textContent = nameOf(data, choice);
    if (choice === null) return body.replaceChildren(...ofAll);
    const rows = document.querySelectorAll(`#each-latency tr[data-of="${choice}"]`);
    body.replaceChildren(...[...rows].map(latencyRow));
  }

  function latencyRow(row) {
    const copy = row.cloneNode(true);
    const [name, of] = copy.cells;
    name.textContent = of.textContent;
    of.remove();
    copy.hidden = false;
    return copy;
  }

  async function showCharts() {
    const data = await unpacked(element("data"));
    for (const hidden of document.querySelectorAll("#timeline [hidden], #latency [hidden]")) hidden.hidden = false;
    element("unscripted").hidden = true;
    const choice = element("choice");
    const chosen = () => (choice.value === "" ? null : Number(choice.value));
    const show = () => draw(data, chosen());
    const span = data.secondsAPoint;
    const words = `A point stands for ${span} s: their mean; of latencies, their worst second.`;
    element("resolution").textContent = span > 1 ? words : "";
    choice.addEventListener("change", show);
    element("logarithmic").addEventListener("change", show);
    document.addEventListener("click", (event) => {
      const link = event.target.closest("[data-endpoint]");
      if (!link) return;
      choice.value = link.dataset.endpoint;
      choice.focus({ preventScroll: true });
      show();
    });
    await show();
  }

  // What is folded on the screen is open on paper, and folded again afterwards.
  const folded = [];
  window.addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details:not([open])")) {
      one.open = true;
      folded.push(one);
    }
  });
  window.addEventListener("afterprint", () => {
    for (const one of folded.splice(0)) one.open = false;
  });

  showCharts();
})();
