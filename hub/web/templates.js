// The page of templates: what there is, which films have an older one, and making those anew.
"use strict";

const at = (id) => document.getElementById(id);
const LOOK_EVERY_MS = 5000;
const SHOWN = 12;
const WORDS = { clips: "clips", drawings: "title and end", sound: "sound" };
let latest = null;
let failure = "";

async function ask(path, body) {
  const answer = await fetch(path, body && {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (answer.ok) return said;
  throw new Error([said.error.what, said.error.advice].filter(Boolean).map((part) => part.replace(/\.?$/, ".")).join(" "));
}

function make(tag, text, kind) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

const films = (count) => (count === 1 ? "1 film" : `${count} films`);

function minutes(count) {
  if (count < 1) return "less than a minute";
  return count < 120 ? `about ${Math.round(count)} min` : `about ${(count / 60).toFixed(1)} hours`;
}

function changed(film) {
  const parts = film.changed.map((name) => WORDS[name] || name);
  return parts.length ? `changed: ${parts.join(", ")}` : "nothing that is seen or heard changed";
}

function filmRow(film) {
  const row = make("li");
  row.append(make("strong", film.jump), make("span", `${film.template} · ${changed(film)}`));
  if (film.backfill) row.append(make("span", "being made anew", "busy"));
  return row;
}

function drawStale(found) {
  const parts = [];
  const busy = found.films.length - found.to_do;
  if (failure) parts.push(make("p", failure, "problem"));
  if (found.problem) parts.push(make("p", `This may not be all. ${found.problem}`, "problem"));
  if (!found.films.length) parts.push(make("p", "Every film has the template it should have."));
  else {
    const work = found.to_do ? ` Making ${found.to_do === 1 ? "it" : "them"} anew takes ${minutes(found.minutes)}.` : "";
    const going = busy ? ` ${films(busy)} being made anew now.` : "";
    parts.push(make("p", `${films(found.films.length)} made with an older version.${work}${going}`));
    const list = make("ul", "", "films");
    list.append(...found.films.slice(0, SHOWN).map(filmRow));
    if (found.films.length > SHOWN) list.append(make("li", `and ${found.films.length - SHOWN} more`));
    parts.push(list);
    if (found.to_do) {
      const button = make("button", `Make ${films(found.to_do)} anew`, "button main");
      button.type = "button";
      button.dataset.action = "backfill";
      parts.push(button);
    }
  }
  at("stale").replaceChildren(...parts);
}

function shelfItem(template) {
  const item = make("li");
  const version = template.version === null ? "" : ` · version ${template.version}`;
  item.append(make("h3", template.name));
  if (template.description) item.append(make("p", template.description));
  if (template.problem) item.append(make("p", template.problem, "problem"));
  else item.append(make("p", `Makes: ${template.outputs.join(", ")}${version}`, "facts"));
  if (template.is_default) item.append(make("p", "Films have this one unless another is chosen", "default"));
  else if (!template.problem) item.append(usualCommand(template.name));
  return item;
}

// A board is open to everybody in the hangar; what all films look like is set where Stinercut is started.
function usualCommand(name) {
  const line = make("p", "To give it to all films, start Stinercut with ");
  line.append(make("code", `STINERCUT_TEMPLATE=${name}`), ".");
  return line;
}

async function look() {
  try {
    const [found, shelf] = await Promise.all([ask("/api/stale"), ask("/api/templates")]);
    const now = JSON.stringify([found, shelf, failure]);
    at("summary").textContent = `${shelf.templates.length} templates`;
    if (now === latest) return; // nothing new: leave what a person may be pointing at
    latest = now;
    drawStale(found);
    at("shelf").replaceChildren(...shelf.templates.map(shelfItem));
    at("sure-title").textContent = `Make ${films(found.to_do)} anew?`;
    at("sure-what").textContent =
      `That takes ${minutes(found.minutes)}, whenever nothing more urgent is to do. The old films stay until the new ones are whole.`;
  } catch (error) {
    at("summary").textContent = error instanceof TypeError ? "The hub does not answer. Trying again…" : error.message;
  }
}

document.addEventListener("click", async ({ target }) => {
  const action = target.closest?.("[data-action]")?.dataset.action;
  if (action === "backfill") at("sure").showModal();
  if (action === "close") at("sure").close();
});

at("sure-yes").addEventListener("click", async () => {
  at("sure").close();
  failure = "";
  try {
    await ask("/api/backfill", {});
  } catch (error) {
    failure = error instanceof TypeError ? "The hub does not answer. Try again in a moment." : error.message;
  }
  await look();
});

look();
setInterval(look, LOOK_EVERY_MS);
