// Requests of a person that have had no effect yet: the button stays pressed until they have.

import { request } from "./asking.js";
import { complain } from "./dialogs.js";

const LOOK_AGAIN_MS = 10000;
const GIVEN_UP_MS = 60000;
const ENDED = new Set(["SUCCESS", "FAILURE", "CANCELED"]);
const waiting = new Map(); // jump or card -> how it stood when the button was pressed
let redraw = () => {};

export function redrawWhenBusy(work) {
  redraw = work;
}

export const isBusy = (id) => waiting.has(id);

// Of a view, what a button can change; how far a card is copied says nothing of it.
function standing({ state, problem, run_id: run, template, files } = {}) {
  const roles = Array.isArray(files) ? files.map((file) => file.role) : null;
  return JSON.stringify([state, problem, run, template, roles]);
}

// The hub told this view: if it stands otherwise than before, something has come of it.
export function hearOf(id, view) {
  if (waiting.has(id) && waiting.get(id) !== standing(view)) waiting.delete(id);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// A run that fails as the one before changes nothing that is told, so it is looked up.
async function untilEnded(id, runId, isWaiting) {
  while (isWaiting()) {
    await pause(LOOK_AGAIN_MS);
    try {
      const { runs, runs_problem: problem } = await request(`/api/pipeline/${encodeURIComponent(id)}`);
      const run = runs.find((one) => one.run_id === runId);
      if (!problem && (!run || ENDED.has(run.status))) return;
    } catch {
      // It is looked up again.
    }
  }
}

// The hub is asked once for each body, one after the other, or once without any.
async function askEach(path, bodies) {
  let said = {};
  for (const body of bodies.length ? bodies : [undefined]) said = await request(path, { method: "POST", body });
  return said;
}

// Do what a person asked for about the jump or card of this view.
export async function act(id, view, path, ...bodies) {
  const before = standing(view);
  const isWaiting = () => waiting.get(id) === before;
  waiting.set(id, before);
  redraw();
  try {
    const { run_id: runId } = await askEach(path, bodies);
    await (runId ? untilEnded(id, runId, isWaiting) : pause(GIVEN_UP_MS));
  } catch (problem) {
    complain(problem.message);
  }
  if (isWaiting()) waiting.delete(id);
  redraw();
}
