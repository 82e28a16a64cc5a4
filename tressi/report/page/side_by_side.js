/* The charts of two runs, one over the other, of all endpoints together or of one that both have. */

"use strict";

(() => {
  const names = ["A", "B"];
  const colors = ["achieved", "p99"];
  const element = (id) => document.getElementById(id);

  function series(runs, column) {
    return runs.map((run, side) => ({ name: names[side], color: colors[side], dash: side === 0, t: run.t, y: run[column] }));
  }

  async function draw({ runs }, what) {
    delete document.documentElement.dataset.drawn;
    const longest = runs.reduce((one, other) => (other.t.length > one.t.length ? other : one));
    const common = { t: longest.t, logSwitch: true };
    await tressiCharts.timeChart(element("chart-rate"), { t: longest.t, title: "Rate", unit: "RPS", series: series(runs, "currentRps") });
    await tressiCharts.timeChart(element("chart-p99"), { ...common, title: "Response time p99", unit: "ms", series: series(runs, "p99") });
    await tressiCharts.percentileChart(element("chart-percentiles"), {
      title: "Response times by percentile", logSwitch: true,
      series: runs.map((run, side) => ({ name: names[side], color: colors[side], dash: side === 0, points: run.responseTime })),
    });
    document.documentElement.dataset.drawn = what;
  }

  async function show() {
    const data = await tressiCharts.unpacked(element("data"));
    for (const hidden of document.querySelectorAll("#charts [hidden]")) hidden.hidden = false;
    element("unscripted").hidden = true;
    const choice = element("choice");
    choice.addEventListener("change", () => draw(data[Number(choice.value)], choice.value));
    await draw(data[Number(choice.value)], choice.value);
  }

  show();
})();
