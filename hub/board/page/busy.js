// Requests of a person that have had no effect yet: the button stays pressed until they have.

import { request } from "./asking.js";
import { complain } from "./dialogs.js";

const LOOK_AGAIN_MS = 10000;
const GIVEN_UP_MS = 60000;
const ENDED = new Set(["SUCCESS", "FAILURE", "CANCELED"]);
const waiting = new Map(); // jump or card -> its state when the button was pressed
let redraw = () => {};

export function redrawWhenBusy(work) {
  redraw = work;
}

export const isBusy = (id) => waiting.has(id);

// The part of a view that a button can change; the progress of copying a card is not in it.
function standing({ state, problem, run_id: run, template, files } = {}) {
  const roles = Array.isArray(files) ? files.map((file) => file.role) : null;
  return JSON.stringify([state, problem, run, template, roles]);
}

// The hub sent this view: if its state differs from before, the request has had an effect.
export function hearOf(id, view) {
  if (waiting.has(id) && waiting.get(id) !== standing(view)) waiting.delete(id);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// A run that fails like the one before changes no view, so look it up.
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

// Ask the hub once for each body, one after the other; without bodies, once.
async function askEach(path, bodies) {
  let said = {};
  for (const body of bodies.length ? bodies : [undefined]) said = await request(path, { method: "POST", body });
  return said;
}

// Send a person's request about the jump or card of this view.
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
