// Cards: a tile for each card that is in, and a line for those that are out and safe.

import { isBusy } from "./busy.js";
import { at, h, icon } from "./dom.js";
import { cards } from "./known.js";
import { place, tilesOf } from "./patching.js";
import { retryButton } from "./retry_button.js";
import { clock, left, size } from "./words.js";

const GONE_SHOWN_MS = 24 * 3600e3;

const CARD_WORDS = {
  scanning: ["Looking", "look"],
  unreadable: ["Can't be read", "alert"],
  empty: ["Nothing to copy", "card"],
  copying: ["Copying", "down"],
  safe: ["Safe to pull out", "check"],
  incomplete: ["Not finished", "alert"],
  removed: ["Out, footage safe", "check"],
};

// The text that is read aloud when a card's state has changed.
export const cardNews = (view) => `Card ${view.label}: ${(CARD_WORDS[view.state] || [view.state])[0]}. ${view.message}${
  view.without_passenger ? ` ${unknownWords(view)}.` : ""}`;

function copyingLines(view) {
  const { total, done } = view.bytes;
  const part = total ? (done / total).toFixed(4) : 0;
  const lines = [h("progress", { max: 1, value: part, "aria-label": `${view.label}: copied` })];
  const speed = view.rate ? `${(view.rate / 1e6).toFixed(view.rate < 1e7 ? 1 : 0)} MB/s` : null;
  const rest = view.rate > 0 ? left((total - done) / view.rate) : null;
  lines.push(h("p", { class: "numbers" },
    h("span", null, `${size(done)} of ${size(total)} copied`),
    h("span", null, [speed, rest].filter(Boolean).join(" · "))));
  const names = view.copying.map((file) => file.name).join(", ");
  if (names) lines.push(h("p", { class: "about" }, `Now copying ${names}`));
  return lines;
}

// The counts of files, in four numbers, for a card that was scanned.
function cardCounts(view) {
  const { found, known, new: fresh, copied, failed } = view.files;
  const rows = [[found, "found"], [known, "known"], [fresh, "new"], [copied, "checked"]];
  if (failed) rows.push([failed, "failed"]);
  return h("dl", { class: "counts" },
    rows.map(([number, word]) => h("div", { "data-what": word }, h("dt", null, word), h("dd", null, number))));
}

// Without the total: it would include the camera's small copies, and nobody asks for a passenger of those.
const unknownWords = ({ without_passenger: number }) =>
  `${number} of its videos and photos ${number === 1 ? "has" : "have"} no passenger`;

// Shown at once, while the tandem master still knows whose files they are.
function unknownLine(view) {
  if (!view.without_passenger) return null;
  return h("p", { class: "unknown" }, `${unknownWords(view)}: `, h("a", { href: "/needs-you" }, "say whose"));
}

function cardTile(view, busy) {
  const away = !view.connected && ["scanning", "copying"].includes(view.state);
  const [word, sign] = away ? ["Reader offline", "alert"] : CARD_WORDS[view.state] || [view.state, "card"];
  const unfinished = view.state === "incomplete" && view.bytes.total > view.bytes.done;
  return h("article", { class: "card", "data-state": view.state, "data-away": away },
    h("p", { class: "label" }, h("span", null, view.label), h("span", null, `in at ${clock(view.inserted_at)}`)),
    h("p", { class: "word" }, icon(sign), word),
    h("p", { class: "sentence" }, view.message),
    unknownLine(view),
    view.files.found ? cardCounts(view) : null,
    view.state === "copying" || unfinished ? copyingLines(view) : null,
    view.problem
      ? h("div", { class: "errors" },
          h("p", null, h("strong", null, "Its jumps could not be identified."), view.problem),
          retryButton(view.card, busy, ""))
      : null,
    view.unread
      ? h("div", { class: "errors" },
          h("p", null,
            h("strong", null, view.unread.unreadable ? "A part of it can't be read." : "It can't be read at all."),
            view.unread.detail || view.unread.code))
      : null,
    view.errors.length
      ? h("ul", { class: "errors" }, view.errors.map((error) =>
          h("li", null, h("strong", null, error.name), error.detail || error.code)))
      : null);
}

const cardTiles = tilesOf(cardTile);
const noCard = h("p", { class: "empty" },
  "No card is in. Put a card in, or run ", h("code", null, "stinercut card insert DIR"), ".");
const goneLine = tilesOf((...labels) => h("ul", { class: "gone", "aria-label": "Cards that are out and safe" },
  labels.map((label) => h("li", null, icon("check"), label))));

// A line for a card that is out; it also names the files that were never copied.
function goneWords(view) {
  const { label, staying } = view;
  const { others = 0, names = [], empty = 0, empty_names: emptyNames = [] } = staying || {};
  const stays = others + empty;
  const parts = [stays ? `${label} is out, its footage is safe` : `${label} is out, all safe`];
  if (others) parts.push(`not copied: ${firstOf(names, others)}`);
  if (empty) parts.push(`empty on the card: ${firstOf(emptyNames, empty)}`);
  if (view.without_passenger) parts.push(unknownWords(view));
  return parts.join("; ");
}

const firstOf = (names, all) => names.join(", ") + (all > names.length ? ` and ${all - names.length} more` : "");

export function showCards() {
  const dayAgo = Date.now() - GONE_SHOWN_MS;
  for (const view of [...cards.values()]) {
    if (view.state === "removed" && view.removed_at && Date.parse(view.removed_at) < dayAgo) cards.delete(view.card);
  }
  const rank = (view) => (view.state === "empty" ? 2 : view.removed_at ? 1 : 0);
  const shown = [...cards.values()].sort((a, b) => rank(a) - rank(b) || b.inserted_at.localeCompare(a.inserted_at));
  const isIn = (view) => view.state !== "removed";
  const elements = shown.filter(isIn).map((view) => cardTiles.of(view.card, view, isBusy(view.card)));
  cardTiles.keepOnly(cards.keys());
  const gone = shown.filter((view) => !isIn(view)).map(goneWords);
  if (!elements.length) elements.push(noCard);
  if (gone.length) elements.push(goneLine.of("gone", ...gone));
  place(at("cards"), elements);
}
