"use strict";
const root = document.documentElement;
const theme = document.getElementById("theme");
theme.addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
const filters = document.getElementById("filters");
const cases = [...document.querySelectorAll("details[data-role]")];
const rows = [...document.querySelectorAll("tr[data-case]")];
function apply() {
  const wanted = Object.fromEntries(new FormData(filters));
  const words = wanted.text.trim().toLowerCase();
  let shown = 0;
  for (const one of cases) {
    const found = JSON.parse(one.dataset.found);
    const severities = wanted.library ? [found[wanted.library]].filter(Boolean) : Object.values(found);
    const good = (!wanted.role || one.dataset.role === wanted.role) && (!words || one.textContent.toLowerCase().includes(words)) &&
      (wanted.severity === "all" || (wanted.severity === "" ? severities.length : severities.includes(wanted.severity)));
    one.hidden = !good;
    shown += good;
    for (const part of one.querySelectorAll("[data-library]")) part.hidden = Boolean(wanted.library) && part.dataset.library !== wanted.library;
  }
  for (const row of rows) row.hidden = document.getElementById(row.dataset.case).hidden;
  document.getElementById("count").textContent = shown === 1 ? "1 case is shown." : `${shown} cases are shown.`;
}
filters.addEventListener("input", apply);
filters.addEventListener("reset", () => setTimeout(apply));
filters.addEventListener("submit", (event) => event.preventDefault());
function open() {
  const one = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (one && one.matches("details")) { one.hidden = false; one.open = true; one.scrollIntoView(); one.querySelector("summary").focus({ preventScroll: true }); }
}
addEventListener("hashchange", open);
document.addEventListener("click", (event) => { const link = event.target.closest("a[href^='#']"); if (link && link.hash === location.hash) open(); });
addEventListener("beforeprint", () => { for (const one of cases) if (!one.hidden) one.open = true; });
apply();
open();
