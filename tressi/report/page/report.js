/* The report's charts, of all endpoints together or of the one that was chosen. */

"use strict";

(() => {
  const mostOnLine = 40; // marks that a line can bear; with more of them only the workers' has them
  const noteworthyPercent = 1; // more failures, and latencies of all responses alone would mislead
  const element = (id) => document.getElementById(id);

  async function unpacked(script) {
    const bytes = Uint8Array.from(atob(script.textContent), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).json();
  }

  function decisionText(one) {
    const sign = one.action === "scale-up" ? "+" : "−";
    return `${sign}${one.workers} → ${one.workerCount} workers: ${one.reason}`;
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

  function timeSpecs(data, choice) {
    const columns = choice === null ? data.total : data.endpoints[choice];
    const isFlow = Boolean(columns.isFlow);
    const common = { t: data.t, saturated: data.saturated, warmUp: data.warmUp };
    const marks = markers(data, choice);
    const fewMarks = marks.length > mostOnLine ? [] : marks;
    const isLimited = columns.targetRps.some((value) => value !== null);
    const asked = isLimited ? [{ name: "asked", color: "asked", dash: true, y: columns.targetRps }] : [];
    const achieved = { name: isFlow ? "taken" : "achieved", color: "achieved", y: columns.currentRps, marked: true };
    const one = (name, y, color, more) => [{ name, color, y, ...more }];
    return {
      rate: { ...common, title: isFlow ? "Starts" : "Rate", unit: isFlow ? "per second" : "RPS", series: [...asked, achieved], markers: fewMarks },
      workers: {
        ...common, title: isFlow ? "Users" : "Workers", markers: marks,
        series: one(isFlow ? "users" : "workers", columns.workerCount, "workers", { step: true }),
      },
      latencies: {
        ...common, title: isFlow ? "Duration, without thinking" : "Latency", unit: "ms", log: element("logarithmic").checked,
        series: tressiCharts.latencySeries(columns, columns.errorRate.some((percent) => percent > noteworthyPercent), isFlow),
      },
      utilisation: {
        ...common, title: "Utilisation of the workers", unit: "%",
        series: one("utilisation", columns.utilisation, "utilisation"),
      },
      failed: { ...common, title: isFlow ? "Abandoned starts" : "Failed requests", unit: "%", series: one(isFlow ? "abandoned" : "failed", columns.errorRate, "errors") },
      missed: { ...common, title: "Missed starts", unit: "per second", series: one("missed", columns.missed, "missed") },
    };
  }

  function percentileSpec(data, choice) {
    const { serviceTime, responseTime, isFlow } = choice === null ? data.total : data.endpoints[choice];
    return {
      title: `Latency of ${choice === null ? "all endpoints together" : data.endpoints[choice].key}`,
      log: element("logarithmic").checked,
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
    for (const [name, spec] of Object.entries(timeSpecs(data, choice))) {
      await tressiCharts.timeChart(element(`chart-${name}`), spec);
      await new Promise((resolve) => setTimeout(resolve));
      if (mine !== drawing) return;
    }
    await tressiCharts.percentileChart(element("chart-percentiles"), percentileSpec(data, choice));
    if (mine === drawing) document.documentElement.dataset.drawn = choice ?? "all";
  }

  async function showCharts() {
    const data = await unpacked(element("data"));
    for (const hidden of document.querySelectorAll("#timeline [hidden], #latency [hidden]")) hidden.hidden = false;
    element("unscripted").hidden = true;
    const choice = element("choice");
    const chosen = () => (choice.value === "" ? null : Number(choice.value));
    const show = () => draw(data, chosen());
    const span = data.secondsAPoint;
    const words = `A point stands for ${span} s: their mean; of latencies and failures, their worst second.`;
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

  showCharts();
})();
