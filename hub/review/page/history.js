// What people decided about a jump, in words.

import { h } from "./dom.js";
import { count } from "./words.js";

const nameBefore = (one) => one.before.passenger_name || one.before.jump;
const nameAfter = (one) => one.after.passenger_name || one.after.jump;

function templateWords({ before, after }) {
  const instead = ` instead of ${before.template || "the default"}`;
  return after.template ? `chose the template ${after.template}${instead}` : `chose the default template${instead}`;
}

function assignedWords({ before, after }) {
  const isCorrected = before.passenger_name && before.passenger_name !== after.passenger_name;
  const instead = isCorrected ? `, no longer ${before.passenger_name}` : "";
  return `said that it is ${after.passenger_name} (${after.booking_id})${instead}`;
}

function movedWords(one) {
  const what = one.file || count(one.after.files.length, "file", "files");
  return `moved ${what} from ${nameBefore(one)} to ${nameAfter(one)}`;
}

const DID = {
  assigned: assignedWords,
  moved: movedWords,
  joined: (one) => `joined ${nameBefore(one)} with ${nameAfter(one)}`,
  split: (one) => `split ${count(one.after.files.length, "file", "files")} off ${nameBefore(one)}`,
  left_out: (one) => `left ${one.file || "a clip"} out of the film`,
  put_back: (one) => `put ${one.file || "a clip"} back into the film`,
  read_again: () => "had the codes in its files read again",
  template: templateWords,
  cut: ({ after }) => (after.pieces.length
    ? `gave the film a cut of ${count(after.pieces.length, "piece", "pieces")}`
    : "dropped the cut: the template decides again what the film shows"),
};

const when = (moment) => new Date(moment).toLocaleString("en-GB", {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
});

export function historyOf(view) {
  if (!view.decisions.length) return null;
  return h("details", null,
    h("summary", null, count(view.decisions.length, "decision", "decisions")),
    h("ul", { class: "history" }, view.decisions.map((one) =>
      h("li", null, `${when(one.at)}: ${one.who} ${(DID[one.what] || (() => one.what))(one)}.`))));
}
