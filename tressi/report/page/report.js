/* The report's charts and its table of latencies, of all endpoints together or of the one that was chosen. */

"use strict";

(() => {
  const mostOnLine = 40; // marks that a line can bear; with more of them only the workers' has them
  const noteworthyPercent = 1; // more failures, and latencies of all responses alone would mislead
  const failureColors = 6; // of style.css
  const classColors = {
    1: ["series-8"], 2: ["series-1", "series-3", "series-7"], 3: ["series-4", "series-8"],
    4: ["series-6", "series-2"], 5: ["failure-1", "failure-3", "failure-5"],
  };
  const element = (id) => document.getElementById(id);

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
    /* The class of a status of HTTP is its first digit; of gRPC's all but OK are failures. */
    const classOf = (name) => (/^\d/.test(name) ? name[0] : name === "OK" ? "2" : "5");
    const colorOf = (name) => {
      const kind = classOf(name), colors = classColors[kind] ?? ["asked"];
      used[kind] = (used[kind] ?? -1) + 1;
      return colors[used[kind] % colors.length];
    };
    const names = Object.keys(counts).sort();
    return names.map((name) => ({ name, color: colorOf(name), y: counts[name], stack: "statuses" }));
  }

  const kindSeries = (counts) =>
    Object.keys(counts).map((name, index) => ({
      name: /^[\dA-Z]/.test(name) ? `status ${name}` : name,
      color: `failure-${(index % failureColors) + 1}`, y: counts[name], stack: "kinds",
    }));

  const isSome = (values) => values.some((value) => value);
  const nameOf = (part) => part.key ?? "all endpoints together";

  // The charts of every page, and beside them what is in a summary alone: by status, and by kind of failure.
  function timeSpecs(data, part, choice) {
    const { failures, statusCodes, isFlow, ...columns } = part;
    const shades = { t: data.t, saturated: data.saturated, warmUp: data.warmUp };
    const limits = data.limits.filter((one) => one.endpoint === choice);
    const marks = markers(data, choice);
    const hasFailures = columns.errorRate.some((percent) => percent > noteworthyPercent);
    const { rate, latency, heat, workers } = tressiCharts.panels(
      { ...columns, occupied: columns.utilisation }, { ...shades, markers: marks, isFlow, hasFailures, limits },
    );
    const title = isFlow ? "Abandoned starts" : "Failures by kind";
    const percent = [{ name: "failed", color: "errors", y: columns.errorRate }];
    const failed = Object.keys(failures ?? {}).length
      ? { ...shades, title, unit: "per second", series: kindSeries(failures) }
      : { ...shades, title: isFlow ? title : "Failed requests", unit: "%", series: percent };
    return {
      rate: rate && { ...rate, markers: marks.length > mostOnLine ? [] : marks },
      latency: latency && { ...latency, markers: [] },
      statuses: Object.keys(statusCodes ?? {}).length
        ? { ...shades, title: "Responses by status", unit: "per second", series: statusSeries(statusCodes) }
        : null,
      failed: isSome(columns.errorRate) ? failed : null,
      workers,
      heat: heat && { ...heat, t: data.heatT, markers: [] },
    };
  }

  function percentileSpec(part) {
    const { serviceTime, responseTime, isFlow } = part;
    return {
      title: `Latency of ${nameOf(part)}`,
      logSwitch: true,
      series: [
        { name: isFlow ? "duration" : "response time", color: "response", points: responseTime },
        { name: isFlow ? "walk time" : "service time", color: "service", points: serviceTime },
      ],
    };
  }

  let drawing = 0;

  // One chart at a time, so that the page answers in between; a newer choice ends an older drawing.
  async function draw(data, choice) {
    const mine = (drawing += 1);
    delete document.documentElement.dataset.drawn;
    const part = choice === null ? data.total : await tressiCharts.unpacked(element("data"), 1 + choice);
    if (mine !== drawing) return;
    showLatencies(part, choice);
    const specs = timeSpecs(data, part, choice);
    tellNothing(specs);
    for (const [name, spec] of Object.entries(specs)) {
      await show(`chart-${name}`, spec, name === "heat" ? tressiCharts.heatMap : tressiCharts.timeChart);
      await new Promise((resolve) => setTimeout(resolve));
      if (mine !== drawing) return;
    }
    await show("chart-percentiles", percentileSpec(part), tressiCharts.percentileChart);
    if (mine === drawing) document.documentElement.dataset.drawn = choice ?? "all";
  }

  // A chart without anything to show is left out.
  async function show(id, spec, chart) {
    const figure = element(id);
    figure.hidden = !spec;
    if (spec) await chart(figure, spec);
    else tressiCharts.forget(figure);
  }

  function tellNothing(specs) {
    element("nothing").textContent = specs.failed ? "" : "Nothing failed, so failures have no chart.";
    element("nothing").hidden = Boolean(specs.failed);
  }

  let ofAll; // the rows of the table before anything was chosen

  // The rows of an endpoint stand in the table of all of them, where a reader without a script finds them.
  function showLatencies(part, choice) {
    const body = element("latencies").tBodies[0];
    ofAll ??= [...body.rows];
    element("latency-of").textContent = nameOf(part);
    if (choice === null) return body.replaceChildren(...ofAll);
    tressiTables.unfold();
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
    const data = await tressiCharts.unpacked(element("data"));
    document.documentElement.dataset.began = data.began;
    for (const hidden of document.querySelectorAll("#timeline [hidden], #latency [hidden]")) hidden.hidden = false;
    element("unscripted").hidden = true;
    const choice = element("choice");
    const chosen = () => (choice.value === "" ? null : Number(choice.value));
    const show = () => draw(data, chosen());
    const span = data.secondsAPoint;
    const words = `A point stands for ${span} s: their mean; of latencies, their worst second.`;
    element("resolution").textContent = span > 1 ? words : "";
    choice.addEventListener("change", show);
    document.addEventListener("click", (event) => {
      const link = event.target.closest("[data-endpoint]");
      if (!link) return;
      choice.value = link.dataset.endpoint;
      choice.focus({ preventScroll: true });
      show();
    });
    await show();
    // What is folded is read at last, so that the browser's own search finds it.
    (window.requestIdleCallback ?? setTimeout)(tressiTables.unfold);
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
