// The template of a jump's film, and choosing another one: a line in the jump's tile, and its dialog.

import { request, setWho, who } from "./asking.js";
import { act } from "./busy.js";
import { openDialog } from "./dialogs.js";
import { at, h, write } from "./dom.js";
import { jumps } from "./known.js";
import { fullStop } from "./words.js";

const choice = { jump: null, templates: [], problem: "", usual: "", isOpening: false };

export async function loadTemplates() {
  try {
    choice.templates = (await request("/api/templates")).templates;
    choice.usual = (choice.templates.find((one) => one.is_default) || { name: "" }).name;
    choice.problem = "";
  } catch (problem) {
    choice.problem = problem.message;
  }
}

// The default template, of films for which nobody chose another one; empty while it is unknown.
export const usualTemplate = () => choice.usual;

const wantedOf = (view) => view.template || choice.usual;

// The difference between the film's template and the chosen one, in words; empty if they are the same.
export function templateNews(view) {
  const wanted = wantedOf(view);
  const made = view.film && view.film.template;
  if (!made || !wanted || made === wanted) return "";
  if (view.state === "done") {
    return `Its film was made with ${made}; films use ${wanted} now. Make it again on the page Looks.`;
  }
  if (view.state === "failed") return `It could not be made with ${wanted}. The film shown here was made with ${made}.`;
  const percent = view.state === "producing" ? ` (${Math.floor(view.progress * 100)} %)` : "";
  return `It is being made again with ${wanted}${percent}. Until the new film is whole, this one with ${made} stays.`;
}

export function templateLine(view) {
  const wanted = wantedOf(view);
  const name = wanted ? `Template: ${wanted}${view.template ? "" : ", the default"}` : "Template: the default";
  return h("p", { class: "template" },
    h("span", null, name),
    h("button", { class: "button", type: "button", "data-action": "template", "data-jump": view.jump },
      "Choose another template"));
}

function templateOption(one, wanted) {
  const marks = [
    one.version === null ? "" : `version ${one.version}`,
    one.is_default ? "the default" : "",
    one.outputs.length ? `makes ${one.outputs.join(", ")}` : "",
  ];
  const isIt = one.name === wanted;
  return h("label", { class: "option" },
    h("input", { type: "radio", name: "template", value: one.name, checked: isIt, autofocus: isIt,
      disabled: Boolean(one.problem) }),
    h("span", null,
      h("strong", null, one.name),
      one.description ? h("span", null, fullStop(one.description)) : null,
      h("span", { class: "about" }, marks.filter(Boolean).join(" · ")),
      one.problem ? h("span", { class: "problem" }, `Can't be used. ${one.problem}`) : null));
}

const chosenOne = () => at("choice").querySelector("input[name=template]:checked");

// Also called at all news of the hub, so that an open dialog shows the current state.
export function showChoice() {
  const known = choice.jump && jumps.get(choice.jump);
  if (!at("choice").open || !known) return;
  const { view } = known;
  const chosen = chosenOne();
  const same = !chosen || chosen.value === wantedOf(view);
  at("choice-yes").disabled = same;
  const made = view.film ? `Its film was made with ${view.film.template}.` : "It has no film yet.";
  write(at("choice-state"), templateNews(view) || made);
  write(at("choice-next"), same || !view.film
    ? ""
    : "The film is made again; only the parts that look different are encoded. " +
      "The old film stays until the new one is whole.");
}

export async function openChoice(button) {
  if (choice.isOpening || at("choice").open) return;
  choice.isOpening = true;
  await loadTemplates();
  choice.isOpening = false;
  choice.jump = button.dataset.jump;
  const known = jumps.get(choice.jump);
  if (!known) return;
  const wanted = wantedOf(known.view);
  at("choice-title").textContent = `What should the film of ${known.view.passenger || choice.jump} look like?`;
  at("choice-list").replaceChildren(...(choice.problem
    ? [h("p", { class: "problem" }, choice.problem)]
    : choice.templates.map((one) => templateOption(one, wanted))));
  at("choice-who").value = who();
  openDialog(at("choice"));
  showChoice();
}

function takeChoice() {
  const name = at("choice-who").value.trim();
  const chosen = chosenOne();
  const known = jumps.get(choice.jump);
  if (!name) at("choice-who").focus();
  if (!name || !chosen || !known) return;
  setWho(name);
  at("choice").close();
  // The default is no choice: if another template becomes the default, this jump follows it.
  const template = chosen.value === choice.usual ? null : chosen.value;
  act(choice.jump, known.view, `/api/jumps/${encodeURIComponent(choice.jump)}/template`, { who: name, template });
}

at("choice").addEventListener("change", showChoice);
at("choice-form").addEventListener("submit", (event) => { event.preventDefault(); takeChoice(); });
