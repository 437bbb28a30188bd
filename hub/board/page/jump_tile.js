// A jump's tile: its passenger, its film's progress, the film, and its files.

import { reachable } from "./asking.js";
import { templateLine, templateNews } from "./choice.js";
import { h, icon } from "./dom.js";
import { failureDetails } from "./failed.js";
import { remedyButtons, reviewOf } from "./remedies.js";
import { besideWords, placeWords } from "./waiting.js";
import { count, fileWords, length, sentence, size } from "./words.js";

const JUMP_WORDS = {
  review: ["Waits for review", "person"],
  no_clips: ["No clips", "alert"],
  waiting: ["Waiting for files", "down"],
  ready: ["Up next", "film"],
  producing: ["Making the film", "film"],
  done: ["Film is ready", "check"],
  failed: ["Failed", "alert"],
};
const STEP_SIGNS = { waiting: "dot", running: "dot", done: "check", failed: "alert" };

const PHOTOS_AT_ONCE = 10;
const PROVISIONAL = ["Provisional film", "alert"];

// An incomplete film must not look like a complete one.
const isProvisional = (view) => view.state === "done" && !view.complete;

const wordsOf = (view) => (isProvisional(view) ? PROVISIONAL : JUMP_WORDS[view.state]) || [view.state, "dot"];

const nameOf = (view) => view.passenger || "Unidentified";

// The text that is read aloud when a jump's state has changed.
export function jumpNews(view) {
  const [word] = wordsOf(view);
  const missing = view.missing.map((one) => one.what).join(" ");
  return `${view.passenger || "Unidentified jump"}: ${word}. ${view.reason} ${missing}`;
}

const isInFilm = (file) => file.role === "clip" && !file.same_as;

// Once the whole jump has failed, its reason already contains the step's error.
function stepLine(view, step) {
  const failed = step.status === "failed";
  return h("li", { "data-key": `step:${step.step}`, "data-status": step.status },
    icon(STEP_SIGNS[step.status] || "dot"),
    h("span", { class: "label" }, step.label, h("span", { class: "unseen" }, `: ${step.status}`)),
    h("span", { class: "seconds" }, step.seconds !== null ? `${step.seconds.toFixed(1)} s` : ""),
    step.status === "running"
      ? h("progress", { max: 1, value: step.progress.toFixed(3), "aria-label": step.label })
      : null,
    failed && !view.reason.includes(step.message) ? h("span", { class: "message" }, sentence(step.message)) : null);
}

function stepList(view) {
  return view.steps.length ? h("ul", { class: "steps" }, view.steps.map((step) => stepLine(view, step))) : null;
}

function fileLine(file) {
  const state = {
    copied: size(file.size),
    pending: `${size(file.size)}, still on the card`,
    failed: file.detail || "could not be copied",
  }[file.state];
  const sign = { copied: "check", failed: "alert" }[file.state] || "dot";
  return h("li", null,
    icon(sign, file.state === "failed" ? "bad" : ""),
    h("span", null, file.name), h("span", { class: "far" }, [fileWords(file), state].filter(Boolean).join(" · ")));
}

function checkLine(check) {
  return h("li", null, icon(check.passed ? "check" : "alert", check.passed ? "" : "bad"),
    h("span", null, check.name.replaceAll("_", " ")), h("span", { class: "far" }, check.detail));
}

function dagsterLink(url, words) {
  const address = reachable(url);
  if (!address) return null;
  return h("a", { class: "quiet", href: address, target: "_blank", rel: "noopener" }, words, icon("out"));
}

function jumpDetails(view) {
  const done = view.state === "done";
  const clips = view.files.filter(isInFilm).length;
  const { pictures = 0, files = 0, here = 0 } = view.photos || {};
  const heads = clips || !pictures ? [count(clips, "clip", "clips")] : [];
  if (pictures) heads.push(`${count(pictures, "photo", "photos")}${here < files ? `, ${files - here} still to come` : ""}`);
  if (view.film && view.film.checks.length) heads.push(`${count(view.film.checks.length, "check", "checks")} passed`);
  return h("details", { "data-key": "details" },
    h("summary", null, heads.join(" · ")),
    h("div", { class: "inside" },
      h("ul", { class: "pairs" }, view.files.map(fileLine)),
      view.film ? h("ul", { class: "pairs" }, view.film.checks.map(checkLine)) : null,
      templateLine(view),
      done ? stepList(view) : null,
      h("p", { class: "links" },
        h("a", { class: "quiet", href: reviewOf(view) }, "Correct name or files"),
        dagsterLink(view.links.run, "Run"),
        dagsterLink(view.links.partition, "Partition"),
        dagsterLink(view.links.lineage, "Lineage"))));
}

function filmSide(view) {
  const film = view.film;
  if (!film) return null;
  const who = view.passenger || "";
  return h("div", { class: "side", "data-key": "side" },
    h("button", { class: "poster", type: "button", "data-action": "play", "data-url": film.url, "data-title": who,
      "aria-label": `Play the film of ${who}, ${length(film.seconds)}` },
    h("img", { src: film.poster, alt: "", loading: "lazy" }),
    h("span", { class: "play" }, icon("play")),
    h("span", { class: "length" }, length(film.seconds))),
    h("div", { class: "actions" },
      h("a", { class: "button", href: film.download, download: true }, icon("down"), `Download · ${size(film.size)}`)),
    film.outputs.length || film.photos.length
      ? h("ul", { class: "outputs" },
          film.outputs.map((output) => outputLine(output, who)),
          film.photos.map((photos) => photosLine(photos, who)))
      : null);
}

function outputLine(output, who) {
  return h("li", { "data-key": `output:${output.name}` },
    h("button", { class: "quiet", type: "button", "data-action": "play", "data-url": output.url,
      "data-title": `${who} · ${output.name}`, "aria-label": `Play ${output.name}` },
    icon("play"), output.name),
    h("a", { class: "quiet", href: output.download, download: true, "aria-label": `Download ${output.name}` },
      icon("down"), size(output.size)));
}

function photoLinks(photos, who) {
  return [
    photos.urls.map((url, number) =>
      h("a", { class: "quiet", href: url, target: "_blank", rel: "noopener",
        "aria-label": `Photo ${number + 1} of ${who}` }, String(number + 1))),
    photos.number > photos.urls.length ? ` and ${photos.number - photos.urls.length} more` : null,
  ].flat();
}

// Otherwise a burst of photos would push the film away from its passenger.
function photosShown(photos, who) {
  if (photos.number <= PHOTOS_AT_ONCE) {
    return h("span", { class: "photos" }, `${photos.name}:`, photoLinks(photos, who));
  }
  return h("details", { "data-key": `photos:${photos.name}` },
    h("summary", null, `${photos.name} · ${photos.number}`),
    h("div", { class: "photos" }, photoLinks(photos, who)));
}

function photosLine(photos, who) {
  return h("li", { "data-key": `photos:${photos.name}` },
    photosShown(photos, who),
    h("a", { class: "quiet", href: photos.download, download: true,
      "aria-label": `Download ${photos.name} as one ZIP` }, icon("down"), `ZIP · ${size(photos.size)}`));
}

function aboutWords(view) {
  const parts = [view.booking_id ? `Booking ${view.booking_id}` : view.place ? placeWords(view.place) : view.jump];
  const seconds = view.film ? view.film.made_in : 0;
  if (view.film) parts.push(seconds < 100 ? `made in ${seconds.toFixed(0)} s` : `made in ${length(seconds)} min`);
  return parts.join(" · ");
}

// Files of the card that may belong in this film, with the page where a person decides. Uncopied files need the card.
function missingLine(view) {
  const keyOf = (one) => `missing:${one.code}:${one.jump}:${one.card}`;
  return view.missing.map((one) => h("div", { class: "missing", "data-key": keyOf(one) },
    h("p", null, view.film ? "The film may lack something. " : "", one.what),
    one.decide
      ? h("a", { class: "button", href: one.decide }, icon("person"),
        one.code === "PHOTOS_NOT_COPIED" ? "Leave them out" : "Say whose they are")
      : null));
}

function wholeLine(view) {
  return h("div", { class: "overall" },
    h("progress", { max: 1, value: view.progress.toFixed(4), "aria-label": "Progress of the whole film" }),
    h("span", { class: "percent" }, `${Math.floor(view.progress * 100)} %`));
}

// What a person should do about it, if anything.
function actionOf(view, busy) {
  if (view.state === "failed") return remedyButtons(view, busy);
  if (view.state !== "review") return null;
  return h("div", { class: "actions" },
    h("a", { class: "button main", href: reviewOf(view) }, icon("person"), "Say whose it is"));
}

export function jumpTile(view, busy) {
  const [word, sign] = wordsOf(view);
  const working = view.state === "producing" || view.state === "failed";
  const news = templateNews(view);
  const about = { "data-jump": view.jump, "data-state": view.state, "data-film": Boolean(view.film),
    "data-provisional": isProvisional(view) };
  return h("article", { class: "jump", ...about },
    filmSide(view),
    h("div", { class: "body", "data-key": "body" },
      h("div", { class: "head" },
        h("h3", { class: "name", dir: "auto" }, nameOf(view)),
        h("span", { class: "pill" }, icon(sign), word)),
      h("p", { class: "about" }, aboutWords(view)),
      view.reason ? h("p", { class: "reason" }, sentence(view.reason)) : null,
      view.place && besideWords(view.place) ? h("p", null, besideWords(view.place)) : null,
      missingLine(view),
      news ? h("p", { class: "news" }, news) : null,
      view.state === "producing" ? wholeLine(view) : null,
      actionOf(view, busy),
      failureDetails(view),
      working ? stepList(view) : null,
      jumpDetails(view)));
}

