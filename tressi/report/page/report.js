/* The report's charts, of all endpoints together or of the one that was chosen. */

"use strict";

(() => {
  const mostOnLine = 40; // marks that a line can bear; with more of them only the workers' has them
  const element = (id) => document.getElementById(id);

  async function unpacked(script) {
    const bytes = Uint8Array.from(atob(script.textContent), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).json();
  }

  const signed = (one) => `${one.action === "scale-up" ? "+" : "−"}${one.workers} → ${one.workerCount} workers: ${one.reason}`;

  function changeText(one) {
    if (one.action !== "set-target") return one.action;
    return `target set to ${one.targetRps === null ? "as fast as possible" : `${one.targetRps} RPS`}`;
  }

  // What happened in one second and direction is one mark; in the total each line says of which endpoint it speaks.
  function markers(data, choice) {
    const whose = (one) => (choice === null && one.endpointKey ? `${one.endpointKey} ` : "");
    const happened = [
      ...data.decisions.map((one) => ({ t: one.timestamp, up: one.action === "scale-up", text: whose(one) + signed(one), endpoint: one.endpoint })),
      ...data.changes.map((one) => ({ t: one.t, up: null, text: whose(one) + changeText(one), endpoint: one.endpoint })),
    ];
    const marks = new Map();
    for (const one of happened) {
      if (choice !== null && one.endpoint !== choice && one.endpoint !== null) continue;
      const place = `${one.up} ${Math.ceil(one.t)}`;
      const mark = marks.get(place);
      if (mark) mark.text += `\n${one.text}`;
      else marks.set(place, { t: one.t, up: one.up, text: one.text });
    }
    return [...marks.values()];
  }

  function timeSpecs(data, choice) {
    const columns = choice === null ? data.total : data.endpoints[choice];
    const common = { t: data.t, saturated: data.saturated };
    const marks = markers(data, choice);
    const asked = columns.targetRps.some((value) => value !== null) ? [{ name: "asked", color: "asked", dash: true, y: columns.targetRps }] : [];
    const achieved = { name: "achieved", color: "achieved", y: columns.currentRps, marked: true };
    const one = (name, y, color, more) => [{ name, color, y, ...more }];
    return {
      rate: { ...common, title: "Rate", unit: "RPS", series: [...asked, achieved], markers: marks.length > mostOnLine ? [] : marks },
      workers: { ...common, title: "Workers", series: one("workers", columns.workerCount, "workers", { step: true }), markers: marks },
      latencies: {
        ...common, title: "Service time", unit: "ms",
        series: [{ name: "p99", color: "p99", y: columns.p99 }, { name: "p50", color: "p50", y: columns.p50 }],
      },
      utilisation: { ...common, title: "Utilisation of the workers", unit: "%", series: one("utilisation", columns.utilisation, "utilisation") },
      failed: { ...common, title: "Failed requests", unit: "%", series: one("failed", columns.errorRate, "errors") },
      missed: { ...common, title: "Missed starts", unit: "per second", series: one("missed", columns.missed, "missed") },
    };
  }

  function percentileSpec(data, choice) {
    const { serviceTime, responseTime } = choice === null ? data.total : data.endpoints[choice];
    return {
      title: `Latency of ${choice === null ? "all endpoints together" : data.endpoints[choice].key}`,
      log: element("logarithmic").checked,
      series: [
        { name: "response time", color: "response", points: responseTime },
        { name: "service time", color: "service", points: serviceTime },
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
    element("unscripted").hidden = true;
    for (const hidden of document.querySelectorAll("#timeline [hidden], #latency [hidden]")) hidden.hidden = false;
    const choice = element("choice");
    const chosen = () => (choice.value === "" ? null : Number(choice.value));
    const show = () => draw(data, chosen());
    element("resolution").textContent = data.secondsAPoint > 1 ? `A point is ${data.secondsAPoint} s: means of them, the worst second of latencies and failures.` : "";
    choice.addEventListener("change", show);
    element("logarithmic").addEventListener("change", () => tressiCharts.percentileChart(element("chart-percentiles"), percentileSpec(data, chosen())));
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
