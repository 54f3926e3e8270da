/* What every page shares: the page's clock, ages, the tooltip of figures, the theme switch, menus. */
(function () {
  "use strict";
  const words = document.body.dataset;
  const atLoad = Date.now();
  const serverAtLoad = Number(words.now) * 1000 || atLoad;

  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);

  const HI = (window.HI = {
    words: words,
    intervalS: Number(words.intervalS) || 60,
    /** The server's time in seconds, carried on by this page's own clock. */
    now: function () { return (serverAtLoad + (Date.now() - atLoad)) / 1000; },
    ago: function (seconds) {
      const s = Math.max(0, Math.floor(seconds));
      if (s < 120) return words.wordSeconds.replace("%s", s);
      if (s < 7200) return words.wordMinutes.replace("%s", Math.floor(s / 60));
      if (s < 172800) return words.wordHours.replace("%s", Math.floor(s / 3600));
      return words.wordDays.replace("%s", Math.floor(s / 86400));
    },
    clock: function (seconds) {
      return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    },
    /** A colour token as the browser resolves it here and now (light or dark). */
    colour: function (token) {
      probe.style.color = "var(" + token + ")";
      return getComputedStyle(probe).color;
    },
    showTip: showTip,
    hideTip: hideTip,
  });

  /* --- ages ------------------------------------------------------------------------------------- */
  function tick() {
    const now = HI.now();
    for (const element of document.querySelectorAll("[data-age]")) {
      const text = HI.ago(now - Number(element.dataset.at));
      if (element.textContent !== text) element.textContent = text;
    }
    if (tipOwner && tipOwner.dataset && tipOwner.dataset.tip !== undefined) fillFigureTip(tipOwner);
  }

  /* --- tooltip ---------------------------------------------------------------------------------- */
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.id = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  let tipOwner = null;

  function fillFigureTip(element) {
    const at = Number(element.dataset.at);
    tip.textContent = element.dataset.tip + (at ? " · " + HI.ago(HI.now() - at) : "");
  }

  function place(x, y, gap) {
    const box = tip.getBoundingClientRect();
    const left = Math.min(Math.max(8, x - box.width / 2), window.innerWidth - box.width - 8);
    const top = y - box.height - gap < 8 ? y + gap + 12 : y - box.height - gap;
    tip.style.left = left + "px";
    tip.style.top = top + "px";
  }

  function showTip(owner, nodes, x, y, withLink) {
    tipOwner = owner;
    tip.replaceChildren(...nodes);
    tip.classList.toggle("has-link", Boolean(withLink));
    tip.hidden = false;
    place(x, y, 10);
  }

  function hideTip() {
    if (tipOwner && tipOwner.removeAttribute && tipOwner.dataset && tipOwner.dataset.tip !== undefined) {
      tipOwner.removeAttribute("aria-describedby");
    }
    tipOwner = null;
    tip.hidden = true;
  }

  function showFigureTip(element) {
    if (!element.dataset.tip && !element.dataset.at) return;
    element.removeAttribute("title");
    element.setAttribute("aria-describedby", "tip");
    tipOwner = element;
    tip.classList.remove("has-link");
    fillFigureTip(element);
    tip.hidden = false;
    const box = element.getBoundingClientRect();
    place(box.left + box.width / 2, box.top, 6);
  }

  document.addEventListener("pointerover", function (event) {
    const figure = event.target.closest && event.target.closest(".fig[data-tip]");
    if (figure) showFigureTip(figure);
    else if (tipOwner && tipOwner.dataset && tipOwner.dataset.tip !== undefined) hideTip();
  });
  document.addEventListener("focusin", function (event) {
    const figure = event.target.closest && (event.target.closest(".fig[data-tip]") || event.target.querySelector(":scope > .fig[data-tip]"));
    if (figure) showFigureTip(figure);
    else if (tipOwner && tipOwner.dataset && tipOwner.dataset.tip !== undefined) hideTip();
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    hideTip();
    for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
  });
  document.addEventListener("scroll", hideTip, { passive: true, capture: true });

  /* --- theme ------------------------------------------------------------------------------------ */
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const themeSwitch = document.getElementById("theme-switch");
  if (themeSwitch) {
    themeSwitch.addEventListener("click", function () {
      const root = document.documentElement;
      const isDark = root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
      root.dataset.theme = isDark ? "light" : "dark";
      try { localStorage.setItem("hi-theme", root.dataset.theme); } catch (error) { /* kept for this page only */ }
      document.dispatchEvent(new CustomEvent("hi:theme"));
    });
  }
  dark.addEventListener("change", function () { document.dispatchEvent(new CustomEvent("hi:theme")); });

  /* --- menus and details ------------------------------------------------------------------------- */
  document.addEventListener("click", function (event) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  const open = new Set();
  document.addEventListener("toggle", function (event) {
    if (!event.target.id) return;
    if (event.target.open) open.add(event.target.id);
    else open.delete(event.target.id);
  }, true);
  function afterSwap() {
    for (const id of open) {
      const details = document.getElementById(id);
      if (details && "open" in details) details.open = true;
    }
    if (tipOwner && tipOwner.isConnected === false) hideTip();
    tick();
  }
  document.body.addEventListener("htmx:afterSettle", afterSwap);
  document.body.addEventListener("htmx:oobAfterSwap", afterSwap);

  /* --- the search of lists: as you type ------------------------------------------------------------ */
  const search = document.querySelector("#miner-search input[type=search]");
  if (search && window.htmx) {
    let waiting = 0;
    search.addEventListener("input", function () {
      clearTimeout(waiting);
      waiting = setTimeout(function () {
        const query = new URLSearchParams(new FormData(search.form));
        if (!search.value) query.delete("q");
        const address = location.pathname + "?" + query;
        history.replaceState(null, "", address);
        const live = document.getElementById("live");
        live.setAttribute("hx-get", address);
        htmx.trigger(document.body, "hi:sweep");
      }, 250);
    });
  }

  setInterval(tick, 1000);
  tick();
})();
