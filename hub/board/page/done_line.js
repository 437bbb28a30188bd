// A line for a jump whose film is whole: one plays it, downloads it, or unfolds its tile.

import { h, icon } from "./dom.js";
import { changed } from "./known.js";
import { length, size } from "./words.js";

const unfolded = new Set(); // jumps whose tiles are shown below their lines

export const isUnfolded = (key) => unfolded.has(key);

// Shows the tile of a jump below its line, or takes it away.
export function fold(key, isOpen) {
  if (isOpen) unfolded.add(key);
  else unfolded.delete(key);
  changed();
}

// Nothing is missing, and nobody has to do anything: a line is enough.
export const isWhole = (view) => view.state === "done" && view.complete && Boolean(view.film);

function aboutFilm(view) {
  return [view.booking_id, length(view.film.seconds)].filter(Boolean).join(" · ");
}

export function doneLine(view, isOpen) {
  const { film, jump } = view;
  const name = view.passenger || "";
  return h("article", { class: "line", "data-line": jump },
    h("button", { class: "round", type: "button", "data-action": "play", "data-url": film.url, "data-title": name,
      "aria-label": `Play ${name}` }, icon("play")),
    h("div", { class: "words" },
      h("h4", { class: "name", dir: "auto" }, name),
      h("p", { class: "about" }, aboutFilm(view),
        view.handed_out ? h("span", { class: "handed" }, icon("check"), "handed out") : null)),
    h("a", { class: "round", href: film.download, download: true,
      "aria-label": `Download ${name}, ${size(film.size)}` }, icon("down")),
    h("button", { class: "quiet", type: "button", "data-action": "fold", "data-jump": jump, "aria-expanded": String(isOpen) },
      isOpen ? "Less" : "More", h("span", { class: "unseen" }, ` about ${name}`)));
}
