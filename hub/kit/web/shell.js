// What all pages have: the bar's count of what needs a person, told by the hub.

import { request } from "./asking.js";
import { at, write } from "./dom.js";
import { keepLooking } from "./timing.js";
import { isoDay } from "./words.js";

const listeners = [];
const NUMBERS_EVERY_MS = 15000;

// Calls `hear` with each answer of the hub about the numbers of the day.
export function hearNumbers(hear) {
  listeners.push(hear);
}

function showNumbers(numbers) {
  const waits = numbers.needs_a_person;
  write(at("waiting"), String(waits));
  at("waiting").hidden = !waits;
  for (const hear of listeners) hear(numbers);
}

// Asks for the numbers now; otherwise they are asked for every few seconds.
export const askNumbers = keepLooking({
  ask: () => request(`/api/day?day=${isoDay(new Date())}`),
  show: showNumbers,
  fail: () => {}, // the page tells that the hub is silent; the numbers stay as they were
  every: NUMBERS_EVERY_MS,
});

askNumbers();
