// The list of jumps by day, and the line about all of them.

import { isBusy } from "./busy.js";
import { usualTemplate } from "./choice.js";
import { at, h, write } from "./dom.js";
import { jumpTile } from "./jump_tile.js";
import { place, tilesOf } from "./patching.js";
import { count, dayWords, isoDay } from "./words.js";

// Tiles show the default template, so they change with it.
const jumpTiles = tilesOf((view, busy, _usual) => jumpTile(view, busy));
const days = new Map(); // day -> {head, list}
const noJump = h("p", { class: "empty" },
  "No jump yet. Put in a card with a filmed code, and its jumps appear here.");
const noJumpFound = h("p", { class: "empty" }, "No jump has this name or booking.");

function dayOf(iso) {
  if (!days.has(iso)) days.set(iso, { head: h("h3", { class: "day" }), list: h("div", { class: "jumps" }) });
  const day = days.get(iso);
  write(day.head, dayWords(iso)); // "today" ends at midnight
  return day;
}

// Show these jumps, the newest first. `isSearch`: they are the result of a search.
export function showJumps(views, isSearch) {
  const byDay = new Map();
  for (const view of views) {
    const ofDay = byDay.get(view.jump_date) || [];
    ofDay.push(jumpTiles.of(view.jump, view, isBusy(view.jump), usualTemplate()));
    byDay.set(view.jump_date, ofDay);
  }
  jumpTiles.keepOnly(views.map((view) => view.jump));
  for (const iso of days.keys()) if (!byDay.has(iso)) days.delete(iso);
  const blocks = [...byDay].flatMap(([iso, elements]) => {
    const { head, list } = dayOf(iso);
    place(list, elements);
    return [head, list];
  });
  if (!blocks.length) blocks.push(isSearch ? noJumpFound : noJump);
  place(at("jumps"), blocks);
}

// Jumps that need a person link to the page where that person decides.
function writeSummary(words, needs) {
  const between = words && needs ? " · " : "";
  if (at("summary").textContent === `${words}${between}${needs}`) return;
  const link = needs ? h("a", { href: "/review" }, needs) : "";
  at("summary").replaceChildren(words, between, link);
}

export function showSummary(views) {
  const today = isoDay(new Date());
  const number = (...states) => views.filter((view) => states.includes(view.state)).length;
  const made = views.filter((view) => view.state === "done" && view.jump_date === today);
  const ready = made.filter((view) => view.complete).length;
  const provisional = made.length - ready;
  const parts = [];
  if (number("producing", "ready")) parts.push(`${count(number("producing", "ready"), "film", "films")} being made`);
  if (ready) parts.push(`${count(ready, "film", "films")} ready today`);
  if (provisional) parts.push(`${provisional} provisional`);
  const waits = number("failed", "review");
  writeSummary(parts.join(" · "), waits ? `${waits} ${waits === 1 ? "needs" : "need"} a person` : "");
  document.title = waits ? `(${waits}) Stinercut` : "Stinercut";
}
