/* A miner's last day, three charts with one cursor. Gaps stay gaps. */
(function () {
  "use strict";
  const HI = window.HI;
  const root = document.getElementById("charts");
  if (!root || !window.uPlot) return;
  const words = root.dataset;
  const said = document.getElementById("charts-said");
  const panels = Array.from(root.querySelectorAll(".chart"));
  const COLOURS = { hashrate: "--accent", power: "--attention", temp: "--offline" };
  let plots = [];
  let data = null;

  function options(panel) {
    const box = panel.querySelector(".chart-box");
    const name = panel.dataset.series;
    const colour = HI.colour(COLOURS[name]);
    const ink = HI.colour("--ink-2"), line = HI.colour("--line");
    const readout = panel.querySelector("h3 .end");
    const format = new Intl.NumberFormat(document.documentElement.lang || "en", { maximumFractionDigits: Number(panel.dataset.digits) });
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 }, font: "11px " + getComputedStyle(document.body).fontFamily };
    const series = [{}, { stroke: colour, width: 1.5, spanGaps: false, points: { size: 4, width: 0, fill: colour } }];
    if (name === "hashrate") series.push({ stroke: HI.colour("--line-strong"), width: 1, dash: [4, 4], points: { show: false } });
    return {
      width: Math.max(200, box.clientWidth), height: 150, legend: { show: false }, series: series,
      cursor: { sync: { key: "day" }, drag: { x: false, y: false }, points: { size: 6 } },
      tzDate: function (t) { return new Date(t * 1000); },
      scales: { x: { time: true, range: function () { return [start(), data.to]; } }, y: { range: function (_u, low, high) { return span(name, low, high); } } },
      axes: [Object.assign({ space: 64, size: 24, values: function (_u, ticks) { return ticks.map(hour); } }, axis), Object.assign({ size: 54, space: 30, values: function (_u, ticks) { return ticks.map(function (v) { return format.format(v); }); } }, axis)],
      hooks: { setCursor: [function (u) {
        const i = u.cursor.idx;
        const value = i === null || i === undefined ? null : u.data[1][i];
        readout.textContent = value === null || value === undefined ? "" : format.format(value) + " " + panel.dataset.unit + " · " + HI.clock(u.data[0][i]);
      }] },
    };
  }

  /* A miner that was first read an hour or more after the day's start begins its axis there (and says so). */
  function start() {
    const first = data.t[0];
    return isLate() ? Math.max(data.from, Math.min(first - 60, data.to - 900)) : data.from;
  }

  function isLate() { return data.t.length > 0 && data.t[0] - data.from > 3600; }

  function hasValues(name) { return data[name].some(function (value) { return value !== null; }); }

  function hour(seconds) {
    const at = new Date(seconds * 1000);
    return at.getHours() === 0 && at.getMinutes() === 0
      ? at.toLocaleDateString([], { day: "numeric", month: "short" })
      : at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  }

  /* Hashrate and power start at zero, so that a dip looks as large as it is; temperature shows its band. */
  function span(name, low, high) {
    if (low === null || high === null) return [0, 1];
    if (name === "temp") return [Math.floor(low / 5) * 5 - 5, Math.ceil(high / 5) * 5 + 5];
    return [0, high > 0 ? high * 1.1 : 1];
  }

  function columns(name) {
    const out = [data.t, data[name]];
    if (name === "hashrate") { const nominal = Number(words.nominal) || null; out.push(data.t.map(function () { return nominal; })); }
    return out;
  }

  function build() {
    plots.forEach(function (plot) { plot.destroy(); });
    plots = panels.map(function (panel) {
      const box = panel.querySelector(".chart-box");
      box.replaceChildren();
      return new window.uPlot(options(panel), columns(panel.dataset.series), box);
    });
  }

  async function load() {
    try {
      const answer = await fetch(words.src, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error("status " + answer.status);
      data = await answer.json();
      said.textContent = !data.t.length ? words.wordEmpty : isLate() ? words.wordSince.replace("%s", hour(data.t[0])) : "";
      panels.forEach(function (panel) { panel.hidden = !hasValues(panel.dataset.series); });
      if (!data.t.length) return;
      if (plots.length) plots.forEach(function (plot, i) { plot.setData(columns(panels[i].dataset.series)); });
      else build();
    } catch (error) {
      said.textContent = words.wordFailed;
    }
  }

  document.body.addEventListener("hi:sweep", load);
  document.addEventListener("hi:theme", function () { if (data && data.t.length) build(); });
  let lastWidth = 0;
  new ResizeObserver(function () {
    if (!plots.length || root.clientWidth === lastWidth) { lastWidth = root.clientWidth; return; }
    lastWidth = root.clientWidth;
    plots.forEach(function (plot, i) { plot.setSize({ width: Math.max(200, panels[i].querySelector(".chart-box").clientWidth), height: 150 }); });
  }).observe(root);
  load();
})();
