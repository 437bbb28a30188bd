// The jumps: those that are in work or need somebody as tiles, on top; then the films by day, a line each.

import { isBusy } from "./busy.js";
import { usualTemplate } from "./choice.js";
import { at, h, write } from "./dom.js";
import { doneLine, isUnfolded, isWhole } from "./done_line.js";
import { jumpTile } from "./jump_tile.js";
import { place, tilesOf } from "./patching.js";
import { count, dayWords } from "./words.js";

// Tiles show the default template, so they change with it.
const jumpTiles = tilesOf((view, busy, _usual) => jumpTile(view, busy));
const doneLines = tilesOf(doneLine);
const TITLE = document.title;
const RANK = ["failed", "review", "no_clips", "done", "producing", "ready", "waiting"]; // who needs a person comes first
const days = new Map(); // day -> {head, list}
const open = { head: h("h3", { class: "day" }, "Not ready yet"), list: h("div", { class: "jumps" }) };
const noJump = h("p", { class: "empty" },
  "No jump yet. Put in a card with a filmed code, and its jumps appear here.");
const noJumpFound = h("p", { class: "empty" }, "No jump has this name or booking.");

function dayOf(iso) {
  if (!days.has(iso)) days.set(iso, { head: h("h3", { class: "day" }), list: h("div", { class: "jumps" }) });
  const day = days.get(iso);
  write(day.head, dayWords(iso)); // "today" ends at midnight
  return day;
}

const tileOf = (view) => jumpTiles.of(view.jump, view, isBusy(view.jump), usualTemplate());

// A film's line, and its tile below if somebody unfolded it.
function doneElements(view) {
  const isOpen = isUnfolded(view.jump);
  const line = doneLines.of(view.jump, view, isOpen);
  return isOpen ? [line, tileOf(view)] : [line];
}

function blockOf({ head, list }, elements) {
  place(list, elements);
  return [head, list];
}

// Show these jumps, the newest first. `isSearch`: they are the result of a search.
export function showJumps(views, isSearch) {
  const unready = views.filter((view) => !isWhole(view));
  unready.sort((a, b) => RANK.indexOf(a.state) - RANK.indexOf(b.state));
  const byDay = new Map();
  for (const view of views.filter(isWhole)) {
    const ofDay = byDay.get(view.jump_date) || [];
    ofDay.push(...doneElements(view));
    byDay.set(view.jump_date, ofDay);
  }
  const blocks = unready.length ? blockOf(open, unready.map(tileOf)) : [];
  jumpTiles.keepOnly(views.filter((view) => !isWhole(view) || isUnfolded(view.jump)).map((view) => view.jump));
  doneLines.keepOnly(views.filter(isWhole).map((view) => view.jump));
  for (const iso of days.keys()) if (!byDay.has(iso)) days.delete(iso);
  for (const [iso, elements] of byDay) blocks.push(...blockOf(dayOf(iso), elements));
  if (!blocks.length) blocks.push(isSearch ? noJumpFound : noJump);
  place(at("jumps"), blocks);
}

// The numbers of the whole day, as the hub counts them: the page has loaded a part of the jumps only.
export function showSummary({ in_work, ready, provisional, needs_a_person }) {
  const parts = [];
  if (in_work) parts.push(`${count(in_work, "film", "films")} being made`);
  if (ready) parts.push(`${count(ready, "film", "films")} ready today`);
  if (provisional) parts.push(`${provisional} provisional`);
  const words = parts.join(" · ");
  const needs = needs_a_person ? `${needs_a_person} ${needs_a_person === 1 ? "needs" : "need"} a person` : "";
  document.title = needs_a_person ? `(${needs_a_person}) ${TITLE}` : TITLE;
  const between = words && needs ? " · " : "";
  if (at("summary").textContent === `${words}${between}${needs}`) return;
  const link = needs ? h("a", { href: "/needs-you" }, needs) : "";
  at("summary").replaceChildren(words, between, link);
}
