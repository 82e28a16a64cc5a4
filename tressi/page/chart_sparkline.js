/* A small line beside a figure, without plotly. One of the pieces that `assets.charts_script` joins. */

const sparkWide = 100;
const sparkHigh = 24;
const svgName = "http://www.w3.org/2000/svg";

/* Draw values, null where there is none, into an element; `tone` is a class that colours it: "good", "warn", "bad" or "". */
function sparkline(element, values, tone = "") {
  let svg = element.querySelector(":scope > svg.sparkline");
  if (!svg) {
    svg = document.createElementNS(svgName, "svg");
    svg.append(document.createElementNS(svgName, "path"));
    for (const [name, value] of Object.entries({
      viewBox: `0 0 ${sparkWide} ${sparkHigh}`, preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false",
    })) svg.setAttribute(name, value);
    element.append(svg);
  }
  svg.setAttribute("class", tone ? `sparkline ${tone}` : "sparkline");
  svg.firstChild.setAttribute("d", sparkPath(values));
}

function sparkPath(values) {
  const known = values.filter((value) => Number.isFinite(value));
  const most = Math.max(largest(known), 0);
  const width = sparkWide / Math.max(1, values.length - 1);
  const high = (value) => (sparkHigh - 1 - ((sparkHigh - 2) * value) / (most || 1)).toFixed(1);
  let isOn = false;
  return values.map((value, at) => {
    if (!Number.isFinite(value)) return (isOn = false) || "";
    const move = isOn ? "L" : "M";
    isOn = true;
    // A value with none beside it is a point: a line of no length, which round ends make seen.
    const alone = move === "M" && !Number.isFinite(values[at + 1]) ? "h0" : "";
    return `${move}${(at * width).toFixed(1)} ${high(value)}${alone}`;
  }).join("");
}
