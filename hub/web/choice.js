// Which template a jump's film has, and choosing another one: a line in the jump's tile, and the dialog behind it.
// Loaded before board.js, whose helpers (h, icon, ask, jumps) it uses when they are there.
"use strict";

const choice = { jump: null, templates: [], problem: "", usual: "" };

async function loadTemplates() {
  try {
    const answer = await fetch("/api/templates");
    if (!answer.ok) throw new Error("The templates can't be read. Try again in a moment.");
    choice.templates = (await answer.json()).templates;
    choice.usual = (choice.templates.find((one) => one.is_default) || { name: "" }).name;
    choice.problem = "";
  } catch (problem) {
    choice.problem = problem instanceof TypeError ? "The hub does not answer. Try again in a moment." : problem.message;
  }
}

// The template that the jump's film should have; empty while it isn't known which one is usual.
const wantedOf = (view) => view.template || choice.usual;

// What is going on between the film that is there and the template that was chosen; empty when they agree.
function templateNews(view) {
  const wanted = wantedOf(view);
  const made = view.film && view.film.template;
  if (!made || !wanted || made === wanted) return "";
  if (view.state === "done") return `Its film was made with ${made}; films have ${wanted} now. The page of templates makes it anew.`;
  if (view.state === "failed") return `It could not be made with ${wanted}. The film that is here was made with ${made}.`;
  const percent = view.state === "producing" ? ` (${Math.floor(view.progress * 100)} %)` : "";
  return `It is made anew with ${wanted}${percent}. Until that film is whole, this one with ${made} stays.`;
}

function templateLine(view) {
  const wanted = wantedOf(view);
  const name = wanted ? `Template: ${wanted}${view.template ? "" : ", the usual one"}` : "Template: the usual one";
  return h("p", { class: "template" },
    h("span", null, name),
    h("button", { class: "button", type: "button", "data-action": "template", "data-jump": view.jump }, "Choose another"));
}

const fullStop = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);

function templateOption(one, wanted) {
  const version = one.version === null ? "" : `version ${one.version}`;
  const marks = [version, one.is_default ? "the usual one" : "", one.outputs.length ? `makes ${one.outputs.join(", ")}` : ""];
  return h("label", { class: "option" },
    h("input", { type: "radio", name: "template", value: one.name, checked: one.name === wanted, autofocus: one.name === wanted, disabled: Boolean(one.problem) }),
    h("span", null,
      h("strong", null, one.name),
      one.description ? h("span", null, fullStop(one.description)) : null,
      h("span", { class: "about" }, marks.filter(Boolean).join(" · ")),
      one.problem ? h("span", { class: "broken" }, `Can't be used. ${one.problem}`) : null));
}

// Also called whenever the hub says something new: the state in an open dialog is the one of this moment.
function showChoice() {
  const known = choice.jump && jumps.get(choice.jump);
  if (!at("choice").open || !known) return;
  const { view } = known;
  const chosen = at("choice").querySelector("input[name=template]:checked");
  const same = !chosen || chosen.value === wantedOf(view);
  at("choice-yes").disabled = same;
  const news = templateNews(view) || (view.film ? `Its film was made with ${view.film.template}.` : "It has no film yet.");
  if (at("choice-state").textContent !== news) at("choice-state").textContent = news;
  const next = same || !view.film
    ? ""
    : "The film is made anew; of it only what looks different is encoded. The old one stays until the new one is whole.";
  if (at("choice-next").textContent !== next) at("choice-next").textContent = next;
}

async function openChoice(button) {
  choice.jump = button.dataset.jump;
  await loadTemplates();
  const known = jumps.get(choice.jump);
  if (!known) return;
  const wanted = wantedOf(known.view);
  at("choice-title").textContent = `What should the film of ${known.view.passenger || choice.jump} look like?`;
  at("choice-list").replaceChildren(...(choice.problem
    ? [h("p", { class: "broken" }, choice.problem)]
    : choice.templates.map((one) => templateOption(one, wanted))));
  at("choice-who").value = localStorage.getItem("stinercut.who") || "";
  at("choice").showModal();
  showChoice();
}

function takeChoice() {
  const who = at("choice-who").value.trim();
  if (!who) {
    at("choice-who").focus();
    return;
  }
  const chosen = at("choice").querySelector("input[name=template]:checked");
  localStorage.setItem("stinercut.who", who);
  at("choice").close();
  // The usual one is no choice: when another becomes the usual one, this jump goes with it.
  const template = chosen.value === choice.usual ? null : chosen.value;
  ask(choice.jump, `/api/jumps/${encodeURIComponent(choice.jump)}/template`, { who, template });
}

document.addEventListener("DOMContentLoaded", async () => {
  at("choice").addEventListener("change", showChoice);
  at("choice-form").addEventListener("submit", (event) => { event.preventDefault(); takeChoice(); });
  await loadTemplates();
  draw();
});
