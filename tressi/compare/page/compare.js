/* Both distributions of a comparison laid over each other, of all endpoints together or of the one that was chosen. */

"use strict";

(() => {
  const element = (id) => document.getElementById(id);

  async function show() {
    const data = await tressiCharts.unpacked(element("data"));
    const choice = element("choice");
    const draw = async () => {
      delete document.documentElement.dataset.drawn;
      const one = data[Number(choice.value)];
      await tressiCharts.percentileChart(element("chart-percentiles"), {
        title: `Response times of ${one.name}`,
        logSwitch: true,
        series: [
          { name: "before", color: "series-1", points: one.before },
          { name: "after", color: "series-2", points: one.after },
        ],
      });
      document.documentElement.dataset.drawn = choice.value;
    };
    element("distributions").hidden = false;
    choice.addEventListener("change", draw);
    await draw();
  }

  show();
})();
