// Files that wait for a person, in words: where they come from, and after whose files they were filmed.

import { apart } from "./words.js";

// A time of the camera's clock, which has no time zone.
const filmedAt = (moment) => moment.slice(11, 16);

function filmedWords({ first, last }) {
  const [from, to] = [filmedAt(first), filmedAt(last)];
  return from === to ? `filmed at ${from}` : `filmed ${from}–${to}`;
}

// "Card GOPRO · GoPro · filmed 10:03–10:05"
export function placeWords(place) {
  return [`Card ${place.label}`, place.camera, filmedWords(place)].filter(Boolean).join(" · ");
}

const nameOfNeighbour = (one) => one.passenger || one.jump;

export const whoseWords = (one) => `${apart(nameOfNeighbour(one))}’s`;

// Between whose files they are; empty if there are no files of anybody next to them.
export function besideWords({ before, after, label }) {
  if (before && after && before.jump === after.jump) return `Between ${whoseWords(before)} clips on card ${label}.`;
  if (before && after) return `Right after ${whoseWords(before)} clips on card ${label}, before ${whoseWords(after)}.`;
  if (before) return `Right after ${whoseWords(before)} clips on card ${label}.`;
  return after ? `Before ${whoseWords(after)} clips on card ${label}.` : "";
}
