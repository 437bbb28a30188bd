// The remedies that the hub offers for a failed jump, as buttons of its tile on the board; the best comes first.

import { h, icon } from "./dom.js";
import { leaveOutWords } from "./failed.js";
import { retryButton } from "./retry_button.js";

const NAMES = new Intl.ListFormat("en-GB");

function leaveOutButton(view, remedy, busy, kind) {
  const chosen = view.files.filter((file) => remedy.files.includes(file.file_id));
  const about = { "data-jump": view.jump, "data-files": remedy.files.join(" "),
    "data-names": NAMES.format(chosen.map((file) => file.name)) };
  return h("button", { class: `button ${kind}`, type: "button", disabled: busy, "data-action": "leave-out", ...about },
    leaveOutWords(remedy.files));
}

const REMEDIES = {
  leave_out: leaveOutButton,
  decide: (view, _remedy, _busy, kind) => h("a", { class: `button ${kind}`, href: reviewOf(view) },
    icon("person"), "Say whose it is"),
  template: (view, _remedy, busy, kind) => h("button", { class: `button ${kind}`, type: "button", disabled: busy,
    "data-action": "template", "data-jump": view.jump }, "Choose another template"),
  retry: (view, _remedy, busy, kind) => retryButton(view.jump, busy, kind),
};

// The page where a person decides about a jump.
export const reviewOf = (view) => `/needs-you?jump=${encodeURIComponent(view.jump)}`;

export function remedyButtons(view, busy) {
  return h("div", { class: "actions" },
    view.remedies.map((remedy, number) => REMEDIES[remedy.kind]?.(view, remedy, busy, number ? "" : "main")));
}

// The question before these clips are left out: what the film will be without them.
export function withoutWords(view, files, names) {
  const one = files.length === 1;
  const stays = `${names} ${one ? "stays" : "stay"} in the store`;
  const left = view.files.filter((file) => file.role === "clip" && !file.same_as && !files.includes(file.file_id));
  if (!left.length) return `${stays}. This jump has no other clip, so it gets no film.`;
  return `${stays}, but the film is made without ${one ? "it" : "them"}.`;
}
