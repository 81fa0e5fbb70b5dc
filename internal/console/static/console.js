// The pages work without this file. It keeps relative times true, shows each time in the
// viewer's zone, sends a one-time link's form, and searches while one types.
"use strict";
(() => {
  const minute = 60e3, hour = 60 * minute, day = 24 * hour;

  // The same words as ago in words.go.
  function ago(then, now) {
    const d = Math.abs(now - then);
    if (d < minute) return "now";
    const text = d < hour ? Math.floor(d / minute) + " min" : d < 2 * day ? Math.floor(d / hour) + " h" : Math.floor(d / day) + " d";
    return then > now ? "in " + text : text + " ago";
  }

  const here = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const zone = here.resolvedOptions().timeZone;

  function refresh(root) {
    const now = Date.now();
    for (const e of root.querySelectorAll("time[datetime]")) {
      const then = Date.parse(e.dateTime);
      if ("ago" in e.dataset) {
        const text = ago(then, now);
        if (e.textContent !== text) e.textContent = text;
      }
      if (!e.title.includes("\n")) e.title += "\n" + here.format(then) + " (" + zone + ", yours)";
    }
  }
  refresh(document);
  setInterval(() => refresh(document), 20e3);
  document.addEventListener("htmx:after:swap", () => refresh(document));

  for (const form of document.querySelectorAll("form[data-send]")) form.requestSubmit();

  // A search form with data-live replaces that part of the page while one types, and keeps
  // the address shareable.
  for (const form of document.querySelectorAll("form[data-live]")) {
    let timer;
    form.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const query = new URLSearchParams(new FormData(form));
        for (const [name, value] of [...query]) if (value === "") query.delete(name);
        const address = form.action + (query.size ? "?" + query : "");
        htmx.ajax("GET", address, { target: form.dataset.live, select: form.dataset.live, swap: "outerMorph" });
        history.replaceState(null, "", address);
      }, 200);
    });
  }

  // One menu is open at a time; Escape and a click elsewhere close it.
  const menus = "details.pop[open], details.side-menu[open]";
  document.addEventListener("click", (e) => {
    for (const d of document.querySelectorAll(menus)) if (!d.contains(e.target)) d.open = false;
  });
  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    for (const d of document.querySelectorAll(menus)) { d.open = false; d.querySelector("summary").focus(); }
  });
})();
