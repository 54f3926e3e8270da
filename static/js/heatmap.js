/* The map of a site: zones of racks of machines, drawn on one canvas a zone.
   Colour shows the chosen metric; signs inside the cells show what colour must not show alone. */
(function () {
  "use strict";
  const HI = window.HI;
  const root = document.getElementById("map");
  if (!root) return;
  const words = root.dataset;
  const legend = document.getElementById("map-legend");
  const said = document.getElementById("map-said");
  const statusWords = words.wordStatus.split("|");
  const STATUS_TOKENS = ["--unknown", "--online", "--attention", "--offline", "--asleep"];
  const UNKNOWN = 0, ATTENTION = 2, OFFLINE = 3, ASLEEP = 4;
  const RACK_GAP = 8, ZONE_GAP = 20, LABEL = 16;

  let data = null;     // columns as the server sent them
  let zones = [];      // {name, canvas, cells, width, height, racks}
  let place = [];      // cell index -> {zone, x, y}
  let cell = 12;
  let metric = "hashrate";
  let colours = {};
  let cursor = -1;
  let tapped = -1;

  const number = new Intl.NumberFormat(document.documentElement.lang || "en", { maximumFractionDigits: 1 });

  /* --- scales ----------------------------------------------------------------------------------- */
  function steps() {
    if (metric === "hashrate") return { prefix: "--ramp-hashrate-", limits: [50, 85, 95, 105], labels: ["< 50 %", "50–85", "85–95", "95–105", "> 105 %"] };
    if (metric === "temp") return { prefix: "--ramp-heat-", limits: [60, 70, 80, 90, 95], labels: ["< 60 °C", "60–70", "70–80", "80–90", "90–95", "≥ 95 °C"] };
    if (metric === "power") {
      const known = data.power.filter(function (w) { return w !== null && w > 0; }).sort(function (a, b) { return a - b; });
      const limits = [0.2, 0.4, 0.6, 0.8].map(function (q) { return known.length ? Math.round(known[Math.floor(q * (known.length - 1))] / 50) * 50 : q * 5000; });
      for (let i = 1; i < limits.length; i += 1) limits[i] = Math.max(limits[i], limits[i - 1] + 50);
      return { prefix: "--ramp-power-", limits: limits, labels: labelsOf(limits, "W") };
    }
    const every = HI.intervalS;
    const limits = [1.5 * every, 2.5 * every, 600, 3600].sort(function (a, b) { return a - b; });
    const names = limits.map(function (s) { return "< " + (s < 120 ? number.format(s) + " s" : s < 3600 ? number.format(s / 60) + " min" : number.format(s / 3600) + " h"); });
    return { prefix: "--ramp-age-", limits: limits, labels: names.concat([words.wordOlder]) };
  }

  function labelsOf(limits, unit) {
    const shown = limits.map(function (v) { return number.format(v); });
    const labels = ["< " + shown[0] + " " + unit];
    for (let i = 1; i < shown.length; i += 1) labels.push(shown[i - 1] + "–" + shown[i]);
    return labels.concat(["> " + shown[shown.length - 1] + " " + unit]);
  }

  function valueOf(index) {
    if (metric === "age") return data.seen[index] === null ? null : Math.max(0, HI.now() - data.seen[index]);
    return data[metric][index];
  }

  function readColours() {
    colours = { ink: HI.colour("--ink"), line: HI.colour("--line-strong"), surface: HI.colour("--surface"), sunken: HI.colour("--sunken"), label: HI.colour("--ink-3"), focus: HI.colour("--focus"), hole: HI.colour("--line"), offline: HI.colour("--offline-text"), asleep: HI.colour("--asleep-text") };
    colours.status = STATUS_TOKENS.map(HI.colour);
    if (metric !== "status") {
      const scale = steps();
      colours.scale = scale;
      colours.ramp = scale.labels.map(function (_label, i) { return HI.colour(scale.prefix + i); });
      colours.signs = colours.ramp.map(contrasting);
    }
    colours.statusSigns = colours.status.map(contrasting);
  }

  /** Black or white, whichever is easier to see on a colour. */
  function contrasting(colour) {
    const parts = colour.match(/[\d.]+/g).map(Number);
    return 0.299 * parts[0] + 0.587 * parts[1] + 0.114 * parts[2] > 140 ? "#101416" : "#ffffff";
  }

  /* --- layout ----------------------------------------------------------------------------------- */
  /** The largest cells with which as many zones stand side by side as the count of machines asks for. */
  function chooseCell() {
    const room = root.clientWidth || 320;
    const count = data.id.length;
    const least = count > 1200 ? 10 : count > 300 ? 13 : 17;
    const widest = data.zones.reduce(function (most, zone) {
      const columns = zone.racks.reduce(function (sum, rack) { return sum + rack.cols; }, 0);
      return columns > most.columns ? { columns: columns, gaps: RACK_GAP * (zone.racks.length - 1) } : most;
    }, { columns: 6, gaps: 0 });
    cell = 9;
    for (let abreast = Math.max(1, Math.min(6, data.zones.length)); abreast >= 1; abreast -= 1) {
      const fits = Math.floor((room - ZONE_GAP * (abreast - 1) - abreast * widest.gaps) / (abreast * widest.columns));
      if (fits >= least || abreast === 1) { cell = Math.max(10, Math.min(26, fits)); return; }
    }
  }

  /** Racks of a zone side by side, in several lines where the room is small. */
  function layOut(zone, room) {
    let x = 0, y = 0, lineHeight = 0, width = 0;
    for (const rack of zone.racks) {
      const w = Math.max(rack.cols * cell, 30), h = rack.rows * cell + LABEL;
      if (x > 0 && x + w > room) { x = 0; y += lineHeight + 8; lineHeight = 0; }
      rack.x = x;
      rack.y = y;
      x += w + RACK_GAP;
      lineHeight = Math.max(lineHeight, h);
      width = Math.max(width, x - RACK_GAP);
    }
    zone.width = width;
    zone.height = y + lineHeight;
  }

  function build() {
    const room = root.clientWidth || 320;
    chooseCell();
    zones = data.zones.map(function (zone) { return { name: zone.name, racks: zone.racks.map(function (rack) { return { name: rack.name, rows: rack.rows, cols: rack.cols }; }), cells: [] }; });
    const loose = [];
    const racks = [];
    zones.forEach(function (zone) { zone.racks.forEach(function (rack) { racks.push({ zone: zone, rack: rack }); }); });
    data.id.forEach(function (_id, i) { if (data.rack[i] < 0) loose.push(i); else racks[data.rack[i]].zone.cells.push(i); });
    if (loose.length) {
      const cols = Math.max(6, Math.min(24, Math.floor(room / cell)));
      zones.push({ name: words.wordNoslot, racks: [{ name: "", rows: Math.ceil(loose.length / cols), cols: cols }], cells: loose, loose: true });
    }
    place = new Array(data.id.length);
    const parts = zones.map(function (zone) {
      layOut(zone, room);
      zone.cells.forEach(function (i, n) {
        const rack = zone.loose ? zone.racks[0] : racks[data.rack[i]].rack;
        const column = zone.loose ? n % rack.cols : data.position[i] - 1;
        const line = zone.loose ? Math.floor(n / rack.cols) : data.row[i] - 1;
        place[i] = { zone: zone, x: rack.x + column * cell, y: rack.y + LABEL + line * cell };
      });
      const box = document.createElement("div");
      box.className = "map-zone";
      const title = document.createElement("h3");
      title.textContent = zone.name;
      zone.canvas = document.createElement("canvas");
      zone.canvas.setAttribute("aria-hidden", "true");
      zone.canvas.style.width = zone.width + "px";
      zone.canvas.style.height = zone.height + "px";
      box.append(title, zone.canvas);
      return box;
    });
    root.replaceChildren(...parts);
    if (!parts.length) {
      const empty = document.createElement("p");
      empty.className = "map-wait";
      empty.textContent = words.wordEmpty;
      root.append(empty);
    }
  }

  /* --- drawing ----------------------------------------------------------------------------------- */
  function drawAll() {
    if (!data) return;
    readColours();
    zones.forEach(draw);
    drawLegend();
  }

  function draw(zone) {
    const ratio = window.devicePixelRatio || 1;
    const canvas = zone.canvas;
    canvas.width = Math.ceil(zone.width * ratio);
    canvas.height = Math.ceil(zone.height * ratio);
    const g = canvas.getContext("2d");
    g.scale(ratio, ratio);
    g.font = "11px " + getComputedStyle(document.body).fontFamily;
    g.textBaseline = "top";
    g.fillStyle = colours.label;
    for (const rack of zone.racks) g.fillText(rack.name, rack.x, rack.y + 1, Math.max(rack.cols * cell, 30));
    g.strokeStyle = colours.hole;
    g.lineWidth = 1;
    if (!zone.loose) for (const rack of zone.racks) {
      for (let r = 0; r < rack.rows; r += 1) for (let c = 0; c < rack.cols; c += 1) g.strokeRect(rack.x + c * cell + 1.5, rack.y + LABEL + r * cell + 1.5, cell - 4, cell - 4);
    }
    for (const i of zone.cells) drawCell(g, i);
    if (cursor >= 0 && place[cursor].zone === zone) {
      const at = place[cursor];
      g.strokeStyle = colours.focus;
      g.lineWidth = 2;
      g.strokeRect(at.x - 0.5, at.y - 0.5, cell, cell);
    }
  }

  function drawCell(g, i) {
    paint(g, place[i].x, place[i].y, cell, data.status[i], fillOf(i));
  }

  /** The step of the scale, or -1 = unknown. */
  function fillOf(i) {
    if (metric === "status") return 0;
    if (metric !== "age" && (data.status[i] === OFFLINE || data.status[i] === UNKNOWN)) return -1;
    if (metric === "hashrate" && data.status[i] === ASLEEP) return -1;
    const value = valueOf(i);
    if (value === null) return -1;
    const limits = colours.scale.limits;
    let step = 0;
    while (step < limits.length && value >= limits[step]) step += 1;
    return step;
  }

  function paint(g, x, y, size, status, step) {
    const inner = size - 2;
    const plain = metric === "status" ? colours.status[status] : step < 0 ? null : colours.ramp[step];
    let ink = metric === "status" ? colours.statusSigns[status] : step < 0 ? colours.ink : colours.signs[step];
    if (plain) {
      g.fillStyle = plain;
      g.fillRect(x, y, inner, inner);
    } else {
      /* Not a figure of now: hollow, so that it is never taken for a value. */
      g.fillStyle = colours.sunken;
      g.fillRect(x, y, inner, inner);
      g.strokeStyle = status === OFFLINE ? colours.offline : status === ASLEEP ? colours.asleep : colours.line;
      g.lineWidth = 1;
      g.strokeRect(x + 0.5, y + 0.5, inner - 1, inner - 1);
      if (status === OFFLINE) ink = colours.offline;
      if (status === ASLEEP) ink = colours.asleep;
    }
    g.strokeStyle = ink;
    g.fillStyle = ink;
    g.lineWidth = size > 14 ? 1.8 : 1.3;
    const m = x + inner / 2, n = y + inner / 2, d = inner * 0.24;
    g.beginPath();
    if (status === OFFLINE) { g.moveTo(m - d, n - d); g.lineTo(m + d, n + d); g.moveTo(m + d, n - d); g.lineTo(m - d, n + d); }
    else if (status === ATTENTION) { g.moveTo(m, n - d * 1.3); g.lineTo(m, n + d * 0.4); g.moveTo(m, n + d * 1.0); g.lineTo(m, n + d * 1.4); }
    else if (status === ASLEEP) { g.moveTo(m - d, n); g.lineTo(m + d, n); }
    else if (status === UNKNOWN) { g.moveTo(m - d * 0.3, n); g.lineTo(m + d * 0.3, n); }
    g.stroke();
  }

  function drawLegend() {
    const items = [];
    if (metric !== "status") colours.scale.labels.forEach(function (label, i) { items.push(legendItem(label, 1, i)); });
    else items.push(legendItem(statusWords[1], 1, 0));
    items.push(legendItem(statusWords[ATTENTION], ATTENTION, metric === "status" ? 0 : metric === "hashrate" ? 1 : 0));
    items.push(legendItem(statusWords[OFFLINE], OFFLINE, metric === "status" ? 0 : -1));
    items.push(legendItem(statusWords[ASLEEP], ASLEEP, metric === "hashrate" ? -1 : 0));
    items.push(legendItem(statusWords[UNKNOWN], UNKNOWN, metric === "status" ? 0 : -1));
    legend.replaceChildren(...items);
  }

  function legendItem(label, status, step) {
    const item = document.createElement("li");
    const swatch = document.createElement("canvas");
    const ratio = window.devicePixelRatio || 1;
    swatch.width = swatch.height = Math.ceil(14 * ratio);
    swatch.setAttribute("aria-hidden", "true");
    const g = swatch.getContext("2d");
    g.scale(ratio, ratio);
    paint(g, 0, 0, 16, status, step);
    item.append(swatch, label);
    return item;
  }

  /* --- pointing, keys ------------------------------------------------------------------------------ */
  function describe(i) {
    const parts = [];
    parts.push(data.rack[i] < 0 ? words.wordNoslot : rackName(i) + ", " + words.wordRow + " " + data.row[i] + ", " + words.wordPosition + " " + data.position[i]);
    parts.push(data.models[data.model[i]] + " · " + statusWords[data.status[i]]);
    const old = data.status[i] === OFFLINE || data.status[i] === UNKNOWN;
    const figures = [
      data.hashrate[i] === null ? null : number.format(data.hashrate[i]) + " % " + words.wordNameplate,
      data.power[i] === null ? null : number.format(data.power[i]) + " W",
      data.temp[i] === null ? null : number.format(data.temp[i]) + " °C",
    ].filter(function (part) { return part !== null; });
    if (figures.length && !old) parts.push(figures.join(" · "));
    parts.push(data.seen[i] === null ? words.wordNever : words.wordSeen + " " + HI.ago(HI.now() - data.seen[i]));
    return parts;
  }

  function rackName(i) {
    let n = data.rack[i];
    for (const zone of data.zones) { if (n < zone.racks.length) return zone.racks[n].name; n -= zone.racks.length; }
    return "";
  }

  function addressOf(i) { return words.miner.replace("ID", data.id[i]); }

  function point(i, withLink) {
    const before = cursor;
    cursor = i;
    if (before >= 0 && before < place.length) draw(place[before].zone);
    draw(place[i].zone);
    const box = place[i].zone.canvas.getBoundingClientRect();
    const lines = describe(i).map(function (text, n) {
      const line = document.createElement("div");
      if (n === 0) { const strong = document.createElement("b"); strong.textContent = text; line.append(strong); } else line.textContent = text;
      return line;
    });
    if (withLink) {
      const link = document.createElement("a");
      link.href = addressOf(i);
      link.textContent = words.wordOpen;
      lines.push(link);
    }
    HI.showTip(root, lines, box.left + place[i].x + cell / 2, box.top + place[i].y, withLink);
  }

  function unpoint() {
    const before = cursor;
    cursor = -1;
    tapped = -1;
    if (before >= 0 && place[before]) draw(place[before].zone);
    HI.hideTip();
  }

  function hit(event) {
    const zone = zones.find(function (one) { return one.canvas === event.target; });
    if (!zone) return -1;
    const box = zone.canvas.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    for (const i of zone.cells) {
      const at = place[i];
      if (x >= at.x && x < at.x + cell && y >= at.y && y < at.y + cell) return i;
    }
    return -1;
  }

  root.addEventListener("pointermove", function (event) {
    if (event.pointerType === "touch") return;
    const i = hit(event);
    if (i === cursor) return;
    if (i < 0) unpoint(); else point(i, false);
  });
  root.addEventListener("pointerleave", function (event) { if (event.pointerType !== "touch") unpoint(); });
  let lastPointer = "mouse";
  root.addEventListener("pointerdown", function (event) { lastPointer = event.pointerType; });
  root.addEventListener("click", function (event) {
    const i = hit(event);
    if (i < 0) { unpoint(); return; }
    /* By touch the first tap shows, the second opens. */
    if (lastPointer === "touch" && tapped !== i) { tapped = i; point(i, true); return; }
    location.href = addressOf(i);
  });

  function centre(i) {
    const at = place[i], canvas = at.zone.canvas;
    return { x: canvas.offsetLeft + at.x, y: canvas.offsetTop + at.y };
  }

  function neighbour(from, dx, dy) {
    const here = centre(from);
    let best = -1, bestCost = Infinity;
    for (let i = 0; i < place.length; i += 1) {
      if (i === from) continue;
      const there = centreFast(i);
      const along = (there.x - here.x) * dx + (there.y - here.y) * dy;
      if (along <= 0) continue;
      const across = Math.abs((there.x - here.x) * dy) + Math.abs((there.y - here.y) * dx);
      const cost = along + across * 4;
      if (cost < bestCost) { bestCost = cost; best = i; }
    }
    return best;
  }

  /* Offsets are read once a key, not once a machine: reading them makes the browser lay out. */
  let offsets = new Map();
  function centreFast(i) {
    const at = place[i];
    let offset = offsets.get(at.zone);
    if (!offset) { offset = { x: at.zone.canvas.offsetLeft, y: at.zone.canvas.offsetTop }; offsets.set(at.zone, offset); }
    return { x: offset.x + at.x, y: offset.y + at.y };
  }

  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  root.addEventListener("keydown", function (event) {
    if (!data || !place.length) return;
    if (event.key === "Enter" && cursor >= 0) { location.href = addressOf(cursor); return; }
    if (event.key === "Escape") { unpoint(); return; }
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    offsets = new Map();
    const next = cursor < 0 ? 0 : neighbour(cursor, move[0], move[1]);
    if (next < 0) return;
    const canvas = place[next].zone.canvas, box = canvas.getBoundingClientRect();
    const top = box.top + place[next].y;
    if (top < 120 || top > window.innerHeight - 60) window.scrollBy(0, top - window.innerHeight / 2);
    point(next, false);
    said.textContent = describe(next).join(". ");
  });
  root.addEventListener("blur", unpoint);

  /* --- data -------------------------------------------------------------------------------------- */
  let loading = false;
  async function load() {
    if (loading) return;
    loading = true;
    try {
      const known = data ? "?layout=" + data.layout : "";
      const answer = await fetch(words.src + known, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error("status " + answer.status);
      const fresh = await answer.json();
      const isNew = "id" in fresh;
      data = isNew ? fresh : Object.assign({}, data, fresh);
      if (isNew) { cursor = -1; build(); }
      drawAll();
    } catch (error) {
      if (!data) root.firstElementChild.textContent = words.wordFailed;
    } finally {
      loading = false;
    }
  }

  document.getElementById("map-metric").addEventListener("change", function (event) {
    metric = event.target.value;
    try { localStorage.setItem("hi-metric", metric); } catch (error) { /* kept for this page only */ }
    drawAll();
  });
  try {
    const stored = document.querySelector('#map-metric input[value="' + (localStorage.getItem("hi-metric") || "hashrate") + '"]');
    if (stored) { stored.checked = true; metric = stored.value; }
  } catch (error) { /* the first metric stands */ }

  document.body.addEventListener("hi:sweep", load);
  document.addEventListener("hi:theme", drawAll);
  let lastWidth = 0;
  new ResizeObserver(function () {
    if (!data || root.clientWidth === lastWidth) return;
    lastWidth = root.clientWidth;
    cursor = -1;
    build();
    drawAll();
  }).observe(root);
  load();
})();
