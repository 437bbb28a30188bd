// Dialogs that work with wet gloves, and notes that are shown above them.

import { h } from "./dom.js";

const SECOND_TAP_MS = 500;
const NOTE_MS = 8000;
const stack = []; // the open dialogs, the topmost last
let tapsCountFrom = 0;
let pressedBeside = false;

// Made here so that every page has it, and moved into open dialogs, since nothing outside a modal dialog can be tapped.
const notes = h("div", { id: "notes", role: "status" });
document.body.append(notes);

function moveNotes() {
  const place = stack.at(-1) || document.body;
  if (notes.parentElement !== place) place.append(notes);
}

// The second of two taps was meant for what was there before: it must not hit a button of the new dialog nor, when a
// dialog closes, anything that it covered.
function dropSecondTap() {
  tapsCountFrom = performance.now() + SECOND_TAP_MS;
}

export function openDialog(dialog) {
  if (dialog.open) return;
  dialog.showModal();
  stack.push(dialog);
  moveNotes();
  dropSecondTap();
}

export const isDialogOpen = () => stack.length > 0;

// Show a short note, which disappears by itself.
export function note(words) {
  const line = h("p", { class: "note" }, words);
  notes.append(line);
  setTimeout(() => line.remove(), NOTE_MS);
}

// Show an error until somebody taps it away. The same error is shown only once.
export function complain(words) {
  for (const old of notes.querySelectorAll(".bad")) if (old.firstChild.textContent === words) old.remove();
  notes.append(h("div", { class: "note bad", role: "alert", click: ({ currentTarget }) => currentTarget.remove() },
    h("p", null, words), h("button", { class: "round", type: "button", "aria-label": "Put this away" }, "✕")));
}

function isBeside(dialog, { clientX: x, clientY: y }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return x < left || x > right || y < top || y > bottom;
}

document.addEventListener("close", ({ target }) => {
  if (!stack.includes(target)) return;
  stack.splice(stack.indexOf(target), 1);
  moveNotes();
  dropSecondTap();
}, true); // this event doesn't bubble to the document

document.addEventListener("click", (event) => {
  const isTap = event.detail > 0; // keys cause clicks too
  if (!isTap || performance.now() >= tapsCountFrom) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

// A tap between the buttons of a dialog hits the dialog, as a tap outside it does: only the place tells them apart. A finger that went
// down inside, on a text say, and up outside closes nothing.
document.addEventListener("pointerdown", (event) => {
  pressedBeside = event.target.nodeName === "DIALOG" && isBeside(event.target, event);
}, true);

document.addEventListener("click", (event) => {
  const { target } = event;
  if (target.closest("[data-action=close]")) target.closest("dialog")?.close();
  else if (target.nodeName === "DIALOG" && pressedBeside && isBeside(target, event)) target.close();
});
