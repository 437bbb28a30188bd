// Review: shows the groups that wait for a person. `deciding` sends the decisions.
// A group whose view is unchanged keeps its elements; a group in which somebody types keeps them until the focus leaves.

import { request, setWho, who } from "./asking.js";
import { listenToList } from "./booking_list.js";
import { decideWith } from "./deciding.js";
import { isDialogOpen, note } from "./dialogs.js";
import { at, h, write } from "./dom.js";
import { dropDraft, isHalfDone } from "./drafts.js";
import { groupTile } from "./group.js";
import { place } from "./patching.js";
import { keepLooking } from "./timing.js";
import { count } from "./words.js";

const only = new URLSearchParams(location.search).get("jump"); // show only this jump, to correct it
const groups = new Map(); // jump -> {json, element}
const nobody = h("p", { class: "empty" }, "Nothing waits for a person: every jump has its passenger, and no jump failed.");
const noSuch = h("p", { class: "empty" }, "This jump is not known, or it was joined with another one.");
let views = [];
let decided = ""; // the jump of a decision whose result should come into view

// A change must not remove the field in which somebody types.
const isInUse = (element) => element.contains(document.activeElement);

function elementOf(view) {
  const json = JSON.stringify(view);
  const known = groups.get(view.jump);
  if (known && (known.json === json || (view.jump !== decided && isInUse(known.element)))) return known.element;
  const element = groupTile(view);
  const hadFocus = known && isInUse(known.element);
  groups.set(view.jump, { json, element });
  if (hadFocus) focusSoon(element);
  return element;
}

// It replaces an element that had the focus, so that keys continue from there.
function focusSoon(element) {
  element.tabIndex = -1;
  setTimeout(() => element.focus({ preventScroll: true }));
}

function showGroups(found) {
  views = found;
  const keys = new Set(views.map((view) => view.jump));
  for (const key of [...groups.keys()].filter((one) => !keys.has(one))) {
    if (key !== decided && isHalfDone(key)) note("Somebody else has decided about the group that you were working on.");
    dropDraft(key);
    groups.delete(key);
  }
  const elements = views.map(elementOf);
  decided = "";
  place(at("groups"), elements.length ? elements : [only ? noSuch : nobody]);
  const failed = views.filter((view) => view.state === "failed").length;
  const waits = views.length - failed;
  const parts = [
    waits ? `${count(waits, "group waits", "groups wait")} for a person` : "",
    failed ? `${count(failed, "jump", "jumps")} failed` : "",
  ];
  if (only) showWayBack();
  else write(at("summary"), parts.filter(Boolean).join(" · "));
}

function showWayBack() {
  if (at("summary").querySelector("a")) return;
  at("summary").replaceChildren("One jump · ", h("a", { href: "/needs-you" }, "show all that wait"));
}

async function oneGroup() {
  try {
    return [await request(`/api/review/jumps/${encodeURIComponent(only)}`)];
  } catch (problem) {
    if (problem.code !== "NOT_FOUND") throw problem;
    return []; // the link is old, or somebody has joined the jump with another one
  }
}

async function askGroups() {
  if (only) return oneGroup();
  return (await request("/api/review")).groups;
}

const look = keepLooking({
  ask: askGroups,
  show: showGroups,
  fail: (words) => write(at("summary"), words),
  isHeld: isDialogOpen,
});

decideWith((jump, kind, outcome) => {
  decided = jump;
  const hasMoved = only && kind === "assign" && outcome && outcome.jump !== only;
  if (hasMoved) location.search = `?jump=${encodeURIComponent(outcome.jump)}`;
  return look();
});

at("list").open = location.hash === "#list";
at("who").value = who();
at("who").addEventListener("input", () => setWho(at("who").value.trim()));

listenToList(() => {
  groups.clear(); // the bookings to choose from have changed; typed text is kept in drafts
  showGroups(views);
});

look();
