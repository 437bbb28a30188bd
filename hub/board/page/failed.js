// A failed jump in words: what went wrong, without repeats, and behind "Details" the text for engineers.

import { h } from "./dom.js";
import { count } from "./words.js";

export const leaveOutWords = (files) => (files.length === 1
  ? "Leave this clip out"
  : `Leave these ${count(files.length, "clip", "clips")} out`);

export function failureDetails(view) {
  const details = view.failures.map((failure) => failure.details).filter(Boolean);
  if (!details.length) return null;
  return h("details", { "data-key": "failure" },
    h("summary", null, "Details"),
    h("pre", { class: "inside" }, details.join("\n\n")));
}
