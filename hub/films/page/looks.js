// The page of templates: all templates, films with an older one, and making those films again.

import { request } from "./asking.js";
import { complain, openDialog } from "./dialogs.js";
import { at, h, write } from "./dom.js";
import { keepLooking } from "./timing.js";
import { count } from "./words.js";

const SHOWN = 12;
const ASPECTS = { clips: "clips", drawings: "title and end", sound: "sound" };
let latest = "";

const films = (number) => count(number, "film", "films");

function minutes(number) {
  if (number < 1) return "less than a minute";
  return number < 120 ? `about ${Math.round(number)} min` : `about ${(number / 60).toFixed(1)} hours`;
}

function changes(film) {
  const parts = film.changed.map((name) => ASPECTS[name] || name);
  return parts.length ? `changed: ${parts.join(", ")}` : "no visible or audible change";
}

function filmRow(film) {
  return h("li", null,
    h("strong", null, film.jump), h("span", null, `${film.template} · ${changes(film)}`),
    film.backfill ? h("span", { class: "busy" }, "being made again") : null);
}

function staleWords(found) {
  const known = found.problem ? "As far as is known, every" : "Every";
  if (!found.films.length) return `${known} film has the template that it should have.`;
  const busy = found.films.length - found.to_do;
  const work = found.to_do ? ` Making ${found.to_do === 1 ? "it" : "them"} again takes ${minutes(found.minutes)}.` : "";
  const going = busy ? ` ${films(busy)} ${busy === 1 ? "is" : "are"} being made again now.` : "";
  const were = found.films.length === 1 ? "was" : "were";
  return `${films(found.films.length)} ${were} made with an older version.${work}${going}`;
}

function showStale(found) {
  const more = found.films.length - SHOWN;
  at("stale").replaceChildren(...[
    found.problem ? h("p", { class: "problem" }, `This list may be incomplete. ${found.problem}`) : null,
    found.last ? h("p", { class: found.last.state === "failed" ? "problem" : "facts" }, found.last.outcome) : null,
    h("p", null, staleWords(found)),
    found.films.length
      ? h("ul", { class: "films" },
          found.films.slice(0, SHOWN).map(filmRow), more > 0 ? h("li", null, `and ${more} more`) : null)
      : null,
    found.to_do
      ? h("button", { class: "button main", type: "button", click: () => openDialog(at("sure")) },
          `Make ${films(found.to_do)} again`)
      : null,
  ].filter(Boolean));
  at("sure-title").textContent = `Make ${films(found.to_do)} again?`;
  at("sure-what").textContent = `It takes ${minutes(found.minutes)}, and more urgent work goes first. ` +
    "The old films stay until the new ones are whole.";
}

// The pages are open to everybody in the hangar, so the default template is set where Stinercut is started, not here.
function usualCommand(name) {
  const setting = h("code", null, `STINERCUT_TEMPLATE=${name}`);
  return h("p", null, "To use it for all films, start Stinercut with ", setting, ".");
}

function shelfItem(template) {
  const version = template.version === null ? "" : ` · version ${template.version}`;
  return h("li", null,
    h("h3", null, template.name),
    template.description ? h("p", null, template.description) : null,
    template.problem
      ? h("p", { class: "problem" }, template.problem)
      : h("p", { class: "facts" }, `Makes: ${template.outputs.join(", ")}${version}`),
    template.is_default
      ? h("p", { class: "usual" }, "The default: films use it unless another template is chosen")
      : null,
    template.is_default || template.problem ? null : usualCommand(template.name));
}

const lookAtTemplates = keepLooking({
  ask: () => Promise.all([request("/api/stale"), request("/api/templates")]),
  show: ([found, shelf]) => {
    write(at("summary"), count(shelf.templates.length, "template", "templates"));
    const now = JSON.stringify([found, shelf]);
    if (now === latest) return; // nothing new: don't touch elements that a person may be pointing at
    latest = now;
    showStale(found);
    at("shelf").replaceChildren(...shelf.templates.map(shelfItem));
  },
  fail: (words) => write(at("summary"), words),
});

at("sure-yes").addEventListener("click", async () => {
  at("sure").close();
  try {
    await request("/api/backfill", { method: "POST", body: {} });
  } catch (problem) {
    complain(problem.message);
  }
  await lookAtTemplates();
});

lookAtTemplates();
