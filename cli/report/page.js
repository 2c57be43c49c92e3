"use strict";
const dark = matchMedia("(prefers-color-scheme: dark)");
const touch = matchMedia("(pointer: coarse)").matches;
const narrow = () => innerWidth < 640;

function template() {
  const style = getComputedStyle(document.documentElement);
  const [fg, line, panel] = ["--fg", "--line", "--panel"].map((name) => style.getPropertyValue(name).trim());
  const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, automargin: true, ticks: "outside",
    tickcolor: line, ticklen: 4, title: { standoff: 8 } };
  return { layout: {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: fg, size: 12, family: "system-ui, sans-serif" },
    xaxis: axis, yaxis: axis, hoverlabel: { bgcolor: panel, bordercolor: line, font: { color: fg } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: fg, activecolor: fg }, dragmode: touch ? false : "zoom",
  } };
}

function layoutOf(given) {
  const margin = { l: 50, r: narrow() ? 8 : 20, t: given.showlegend && !narrow() ? 54 : 34, b: 45 };
  const below = { orientation: "h", x: 0, xanchor: "left", y: 0, yref: "container", yanchor: "bottom" };
  const legend = narrow() ? below : given.legend;
  return { ...given, template: template(), uirevision: "kept", margin, legend };
}

const zooms = narrow() ? ["zoom2d", "pan2d", "resetScale2d"] : ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"];
const config = { responsive: true, displaylogo: false, showLink: false, plotlyServerURL: "",
  modeBarButtons: [["toImage"], zooms] };  // no other: the library has one that sends data to a server

async function draw() {
  for (const source of document.querySelectorAll("script.figure")) {
    const { data, layout } = JSON.parse(source.textContent);
    const plot = document.getElementById(source.dataset.plot);
    if (narrow() && layout.showlegend) plot.style.height = `${plot.offsetHeight + 14 * data.length + 20}px`;
    for (const trace of data) if (trace.type === "heatmap" && narrow()) trace.colorbar.title.text = "";
    await Plotly.newPlot(plot, data, layoutOf(layout), config);
    dark.addEventListener("change", () => Plotly.react(plot, plot.data, layoutOf(layout), config));
    await new Promise((next) => setTimeout(next));
  }
  document.documentElement.dataset.drawn = "yes";
}
draw();
