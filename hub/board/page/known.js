// The board's data: cards and jumps, as the hub sent them last. Code that changes it calls `changed`.

import { hearOf } from "./busy.js";

const NEWEST = 60; // how many jumps are on the board, besides unfinished ones, unless a person asks for older ones

export const cards = new Map(); // card -> view
export const jumps = new Map(); // key -> {view, order, round}
let newest = 0; // a jump that appears later is shown above the others of its day
let oldest = 0;
let round = 0; // how often the hub sent everything; data from before may be old

let draw = () => {};
let isDrawing = false;

export function drawWith(work) {
  draw = work;
}

// The page is drawn once for all changes before its next frame.
export function changed() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    draw();
  });
}

export function takeCard(view) {
  hearOf(view.card, view);
  cards.set(view.card, view);
}

// `isNews`: the hub sent the view by itself. Otherwise the page asked for it, and may have got a newer one meanwhile.
export function takeJump(view, isNews) {
  const known = jumps.get(view.jump);
  if (!isNews && known && known.round === round) return;
  hearOf(view.jump, view);
  if (view.state === "gone") { // all of its files were moved to other jumps
    jumps.delete(view.jump);
    return;
  }
  jumps.set(view.jump, { view, round, order: known ? known.order : isNews ? (newest += 1) : (oldest -= 1) });
}

// Take everything from the hub. Older jumps that a person asked for stay where they are until they are fetched again.
export function takeAll(frame) {
  const before = inOrder();
  cards.clear();
  jumps.clear();
  newest = oldest = 0;
  round += 1;
  for (const view of frame.cards) takeCard(view);
  for (const view of frame.jumps) takeJump(view, false);
  for (const entry of before) {
    if (!jumps.has(entry.view.jump)) jumps.set(entry.view.jump, { ...entry, order: (oldest -= 1) });
  }
}

export const isTold = () => round > 0;

export const isOld = (key) => !jumps.has(key) || jumps.get(key).round !== round;

// All jumps, the newest first.
export function inOrder() {
  return [...jumps.values()].sort((a, b) => b.view.jump_date.localeCompare(a.view.jump_date) || b.order - a.order);
}

// Forget older jumps, except unfinished ones and those for which `isKept` is true. Returns the jump before them.
export function forgetOlder(isKept) {
  const all = inOrder();
  const older = all.slice(NEWEST).filter(({ view }) => view.state === "done" && !isKept(view.jump));
  for (const { view } of older) jumps.delete(view.jump);
  return older.length ? all[NEWEST - 1].view.jump : null;
}

// Forget what is older than the last time that the hub sent everything.
export function forgetOld(isKept) {
  for (const key of [...jumps.keys()]) if (isOld(key) && !isKept(key)) jumps.delete(key);
}
