// Jumps beyond the newest ones: older jumps page by page, search results, and the jump that a link names.

import { request } from "./asking.js";
import { complain, note } from "./dialogs.js";
import { at, write } from "./dom.js";
import { fold, isUnfolded } from "./done_line.js";
import { changed, forgetOld, forgetOlder, inOrder, isOld, takeJump } from "./known.js";
import { afterPause } from "./timing.js";
import { count } from "./words.js";

const PAGE = 60;
const MOST = 500; // of what the hub gives at once
const older = { from: null, isAsked: false, number: 0 }; // `from`: the list continues after that jump; null at its end
let found = null; // keys, while somebody searches
let searches = 0;
let fetching = ""; // the jump of a link that is being fetched; it may not exist
let broughtUp = "";

const pageOf = (query) => request(`/api/jumps?${new URLSearchParams(query)}`);

// Dagster's pages lead to one jump: /#jump=KEY.
const linked = () => new URLSearchParams(location.hash.slice(1)).get("jump") || "";

const isKept = (key) => key === linked() || Boolean(found?.includes(key));

// The jumps that the board shows now, the newest first, and whether they are a search's result.
export function shownJumps() {
  if (!older.isAsked) older.from = forgetOlder(isKept) || older.from;
  at("older").hidden = !older.from || found !== null;
  if (!found) return inOrder().map(({ view }) => view);
  return inOrder().filter(({ view }) => found.includes(view.jump)).map(({ view }) => view);
}

export const isSearch = () => found !== null;

// Older jumps

async function fetchOlder(number) {
  const wanted = older.number + number;
  while (older.from && older.number < wanted) {
    const page = await pageOf({ before: older.from, limit: Math.min(wanted - older.number, MOST) });
    for (const view of page.jumps) takeJump(view, false);
    older.number += page.jumps.length;
    older.from = page.older;
  }
  changed();
}

at("older").addEventListener("click", async () => {
  at("older").disabled = true;
  older.isAsked = true;
  try {
    await fetchOlder(PAGE);
    if (!older.from) note("There are no older jumps.");
  } catch (problem) {
    complain(problem.message);
  } finally {
    at("older").disabled = false;
  }
});

// Searching

async function search() {
  const text = at("find").value.trim();
  const mine = (searches += 1);
  if (!text) {
    found = null;
    write(at("found"), "");
    changed();
    return;
  }
  try {
    const page = await pageOf({ q: text, limit: PAGE });
    if (mine !== searches) return;
    for (const view of page.jumps) takeJump(view, false);
    found = page.jumps.map((view) => view.jump);
    const all = count(found.length, "jump", "jumps");
    write(at("found"), page.older ? `Only the newest ${all} are shown. Type more to find others.` : `${all} found`);
    changed();
  } catch (problem) {
    if (mine === searches) write(at("found"), problem.message);
  }
}

at("find").addEventListener("input", afterPause(search));

// The jump that a link names

// Bring it into view once; fetch it if it is an older one.
export async function showLinked() {
  const wanted = linked();
  if (!wanted) return;
  if (isOld(wanted) && wanted !== fetching) {
    fetching = wanted;
    try {
      takeJump(await request(`/api/jumps/${encodeURIComponent(wanted)}`), false);
    } catch (problem) {
      if (problem.code) complain(problem.message); // a silent hub sends everything again when it is back
      return;
    }
    changed();
    return;
  }
  if (wanted === broughtUp) return;
  const tile = [...document.querySelectorAll("article.jump")].find((one) => one.dataset.jump === wanted);
  if (!tile) {
    if (!isUnfolded(wanted) && !isOld(wanted)) fold(wanted, true); // a film's tile is folded away
    return;
  }
  broughtUp = wanted;
  tile.scrollIntoView({ block: "center" });
  tile.tabIndex = -1;
  tile.focus({ preventScroll: true });
}

window.addEventListener("hashchange", () => {
  fetching = broughtUp = "";
  changed();
});

// The hub has sent everything again, and its list of jumps continues at `from`: asks again for the older jumps that a
// person asked for.
export async function findAgain(from) {
  const { isAsked, number } = older;
  Object.assign(older, { from, number: 0 });
  fetching = "";
  if (!isAsked) forgetOld(isKept);
  const searching = found ? search() : null;
  try {
    await fetchOlder(number);
    await searching;
    forgetOld(isKept);
  } catch {
    older.number = number; // they stay as they were; they are fetched again when the hub sends everything again
  }
}
