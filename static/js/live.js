/* News from the server, and the page's own watch over how old its figures are. */
(function () {
  "use strict";
  const HI = window.HI;
  const words = HI.words;
  const LIMIT_S = 2 * HI.intervalS + 15;
  const state = document.getElementById("live-state");
  const stateWord = state.querySelector(".live-word");
  const banner = document.getElementById("stale-banner");
  const backoffMs = [500, 1000, 2000, 4000, 8000, 15000];
  let source = null;
  let failures = 0;
  let connected = false;
  let signedOut = false;
  let lastAskedAt = HI.now();

  function ask() {
    lastAskedAt = HI.now();
    document.body.dispatchEvent(new CustomEvent("hi:sweep", { bubbles: true }));
  }

  /* All pages of all visitors hear of a sweep at once: spread their questions over half a second. */
  let asking = 0;
  function askSoon() {
    clearTimeout(asking);
    asking = setTimeout(ask, 50 + Math.random() * 450);
  }

  function connect() {
    if (signedOut) return;
    source = new EventSource(words.events);
    source.addEventListener("hello", function () {
      const again = failures > 0;
      failures = 0;
      connected = true;
      if (again) askSoon();
      watch();
    });
    source.addEventListener("sweep", askSoon);
    source.addEventListener("reload", askSoon);
    source.addEventListener("bye", function () {
      signedOut = true;
      source.close();
      connected = false;
      watch();
    });
    source.onerror = function () {
      source.close();
      connected = false;
      const wait = backoffMs[Math.min(failures, backoffMs.length - 1)];
      failures += 1;
      setTimeout(connect, wait * (0.75 + Math.random() / 2));
      watch();
    };
  }

  /** The newest sweep that the shown figures come from, in seconds; null when the page shows none. */
  function newest() {
    let found = null;
    for (const element of document.querySelectorAll("[data-last-sweep]")) {
      const at = Number(element.dataset.lastSweep);
      if (!at) continue;
      element.classList.toggle("is-stale", HI.now() - at > LIMIT_S);
      if (found === null || at > found) found = at;
    }
    return found;
  }

  function show(kind, word) {
    if (state.dataset.kind === kind + word) return;
    state.dataset.kind = kind + word;
    state.className = "live is-" + kind;
    stateWord.textContent = word;
  }

  function watch() {
    const at = newest();
    const isStale = at !== null && HI.now() - at > LIMIT_S;
    const text = signedOut ? words.wordBye : isStale ? words.wordBanner.replace("%s", HI.clock(at)) : "";
    if (banner.lastElementChild.textContent !== text) banner.lastElementChild.textContent = text;
    banner.hidden = !text;
    if (signedOut) show("wait", words.wordOut);
    else if (isStale) show("stale", words.wordStale);
    else if (!connected) show("wait", failures ? words.wordAway : words.wordWait);
    else show("live", words.wordLive);
    /* Should a message be lost, the page asks by itself once the next sweep is overdue. */
    const waited = HI.now() - lastAskedAt;
    if (!signedOut && waited > 15 && (at === null || HI.now() - at > HI.intervalS + 10)) askSoon();
  }

  document.body.addEventListener("htmx:afterSettle", watch);
  document.body.addEventListener("htmx:responseError", function (event) {
    /* The session is over: the fragment would be the sign-in page. */
    if (event.detail.xhr.status === 401) { signedOut = true; watch(); }
  });
  document.body.addEventListener("htmx:beforeSwap", function (event) {
    const address = event.detail.xhr && event.detail.xhr.responseURL;
    if (address && words.signIn && new URL(address).pathname === words.signIn) {
      event.detail.shouldSwap = false;
      signedOut = true;
      watch();
    }
  });
  document.addEventListener("visibilitychange", function () {
    if (!document.hidden) { watch(); if (newest() !== null) askSoon(); }
  });
  window.addEventListener("pagehide", function () { if (source) source.close(); });
  window.addEventListener("pageshow", function (event) { if (event.persisted) location.reload(); });
  setInterval(watch, 1000);
  connect();
  watch();
})();
