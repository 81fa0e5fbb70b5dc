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

  const ticked = new Set(); // what a refresh must not lose
  function refresh(root) {
    for (const box of root.querySelectorAll("input[data-ticks]")) box.hidden = false;
    for (const box of root.querySelectorAll("input.tick[name]")) box.checked ||= ticked.has(box.value);
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

  // A box in a heading ticks all boxes of its form.
  document.addEventListener("change", (e) => {
    const all = e.target.dataset.ticks;
    for (const box of all ? document.querySelectorAll("input.tick[form=" + all + "]") : [e.target]) {
      if (!box.matches("input.tick[name]")) continue;
      box.checked = e.target.checked;
      ticked[box.checked ? "add" : "delete"](box.value);
    }
  });

  // The actions on one clinic, in a menu beside its row. Without it, the link leads to a page
  // with the same.
  const menu = document.getElementById("row-menu"), one = document.getElementById("one");
  document.addEventListener("click", (e) => {
    const link = menu && e.target.closest("a[data-menu]");
    if (!link || e.ctrlKey || e.metaKey || e.shiftKey) return;
    e.preventDefault();
    one.action = link.href;
    for (const entry of menu.children) {
      entry.hidden = entry.dataset.on !== link.dataset.menu;
      if (entry.dataset.do) entry.href = link.href + "&do=" + entry.dataset.do;
    }
    menu.showPopover({ source: link });
    const at = link.getBoundingClientRect(), room = innerHeight - at.bottom - menu.offsetHeight;
    menu.style.top = (room > 8 ? at.bottom + 4 : at.top - menu.offsetHeight - 4) + "px";
    menu.style.left = Math.max(8, at.right - menu.offsetWidth) + "px";
    menu.querySelector(":scope > :not([hidden])").focus();
  });

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
