// Sends a person's decisions, and asks what they need: is this name right, and which other jump is meant.

import { request, setWho } from "./asking.js";
import { complain, note, openDialog } from "./dialogs.js";
import { at, h } from "./dom.js";
import { draftOf, dropDraft } from "./drafts.js";
import { afterPause } from "./timing.js";
import { sentence } from "./words.js";

const OFFERED = 40;
let afterwards = async () => {};

// `work` is called after each decision with the jump, the kind, and the result (null: none).
export function decideWith(work) {
  afterwards = work;
}

// A button that can't be pressed again before its action has ended.
export function button(words, kind, press) {
  const made = h("button", { class: `button ${kind || ""}`, type: "button" }, words);
  made.addEventListener("click", async () => {
    made.disabled = true;
    try {
      await press();
    } finally {
      made.disabled = false;
      if (made.isConnected && document.activeElement === document.body) made.focus({ preventScroll: true });
    }
  });
  return made;
}

// Asks once more if the name contradicts what is known, with the name to confirm in large letters. Null: the person
// decided nothing.
export async function decide(jump, kind, body, name) {
  const decider = at("who").value.trim() || (await askWho());
  if (!decider) return null;
  const send = (more) => request(`/api/review/jumps/${encodeURIComponent(jump)}/${kind}`, {
    method: "POST", body: { who: decider, ...body, ...more },
  });
  let outcome = null;
  try {
    outcome = await send({}).catch(async (problem) => {
      if (problem.code !== "NAME_CONFLICT") throw problem;
      return name && (await isSure(problem.what, name)) ? send({ confirmed_name: name }) : null;
    });
  } catch (problem) {
    complain(problem.message);
  }
  if (outcome) endDraft(jump, kind);
  await afterwards(jump, kind, outcome);
  return outcome;
}

// Asked here and not in the head of the page, which is far away ten groups down. Empty: the person gave no name.
function askWho() {
  at("me-name").value = "";
  openDialog(at("me"));
  return new Promise((resolve) => {
    let name = "";
    at("me-form").onsubmit = (event) => {
      event.preventDefault();
      name = at("me-name").value.trim();
      if (name) at("me").close();
    };
    at("me").onclose = () => {
      if (name) {
        setWho(name);
        at("who").value = name;
      }
      resolve(name);
    };
  });
}

// Retry what failed.
export async function goOn(jump) {
  let outcome = null;
  try {
    outcome = await request(`/api/pipeline/${encodeURIComponent(jump)}/retry`, { method: "POST" });
    note("It was started again. The board shows its progress.");
  } catch (problem) {
    complain(problem.message);
  }
  await afterwards(jump, "retry", outcome);
}

// Drop the part of the draft about the group that this decision has settled.
function endDraft(jump, kind) {
  if (["assign", "join", "read-again"].includes(kind)) dropDraft(jump);
  if (["split", "move"].includes(kind)) draftOf(jump).picked.clear();
}

function isSure(what, name) {
  if (at("sure").open) return false; // another question is open: its words must not change under the finger
  at("sure-what").textContent = `${sentence(what)} The film will carry this name:`;
  at("sure-name").textContent = name;
  openDialog(at("sure"));
  return new Promise((resolve) => {
    let yes = false;
    at("sure-yes").onclick = () => { yes = true; at("sure").close(); };
    at("sure").onclose = () => resolve(yes);
  });
}

// Let a person choose another jump; null if none was chosen.
export function whither(jump) {
  let chosen = null;
  let asked = 0;
  let isOver = false;

  const choiceOf = (one) => {
    const take = () => { chosen = one; at("whither").close(); };
    const choice = h("button", { class: "button", type: "button", click: take },
      h("strong", { dir: "auto" }, one.passenger || "Unidentified"),
      h("small", null, one.passenger ? `${one.booking_id} · ${one.jump_date}` : one.jump));
    return h("li", null, choice);
  };
  const offer = async () => {
    const mine = (asked += 1);
    const query = new URLSearchParams({ q: at("whither-find").value.trim(), limit: OFFERED });
    let lines;
    try {
      const { jumps, older } = await request(`/api/jumps?${query}`);
      lines = jumps.filter((one) => one.jump !== jump).map(choiceOf);
      if (older) lines.push(h("li", null, "There are more. Type a part of the name or booking."));
      else if (!lines.length) lines.push(h("li", null, "No other jump fits."));
    } catch (problem) {
      lines = [h("li", { class: "problem", role: "alert" }, problem.message)];
    }
    if (mine === asked && !isOver) at("whither-list").replaceChildren(...lines);
  };
  at("whither-find").value = "";
  at("whither-find").oninput = afterPause(offer);
  at("whither-list").replaceChildren();
  openDialog(at("whither"));
  offer();
  return new Promise((resolve) => {
    at("whither").onclose = () => {
      isOver = true; // nobody waits for later answers
      resolve(chosen);
    };
  });
}
