/* Runs in the head, before anything is painted: the stored choice, or none = as the system says. */
(function () {
  "use strict";
  try {
    var stored = localStorage.getItem("hi-theme");
    if (stored === "light" || stored === "dark") {
      document.documentElement.dataset.theme = stored;
    }
  } catch (error) {
    /* Storage is closed to us: the system's choice stands. */
  }
})();
