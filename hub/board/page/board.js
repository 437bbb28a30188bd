// The board: takes the hub's frames, shows them, and sends a person's requests.

import { reachable, setWho, who } from "./asking.js";
import { watchAutomation } from "./automation.js";
import { act, redrawWhenBusy } from "./busy.js";
import { cardNews, showCards } from "./cards.js";
import { loadTemplates, openChoice, showChoice } from "./choice.js";
import { stayConnected } from "./connection.js";
import { isDialogOpen, openDialog } from "./dialogs.js";
import { at } from "./dom.js";
import { fold, isUnfolded } from "./done_line.js";
import { leaveOutWords } from "./failed.js";
import { findAgain, isSearch, showLinked, shownJumps } from "./finding.js";
import { jumpNews } from "./jump_tile.js";
import { showJumps, showSummary } from "./jumps.js";
import { cards, changed, drawWith, isTold, jumps, takeAll, takeCard, takeJump } from "./known.js";
import { play } from "./player.js";
import { withoutWords } from "./remedies.js";
import { askNumbers, hearNumbers } from "./shell.js";
import { afterPause } from "./timing.js";

const REDRAW_MS = 60000; // "today" ends at midnight
const NUMBERS_MS = 500; // jumps change several at a time
let version = ""; // the version of the hub that served this page
let isOutdated = false;

drawWith(() => {
  if (!isTold()) return; // don't show "nothing" before anything is known
  const shown = shownJumps();
  showCards();
  showJumps(shown, isSearch());
  showChoice();
  showLinked();
});
redrawWhenBusy(changed);

hearNumbers(showSummary);
const askNumbersSoon = afterPause(askNumbers, NUMBERS_MS);

// Frames of the hub

function sayAloud(before, view, news) {
  if (!before || before.state !== view.state) at("said").textContent = news(view);
}

function takeFrame(frame) {
  switch (frame.type) {
    case "snapshot":
      takeSnapshot(frame);
      break;
    case "card":
      sayAloud(cards.get(frame.card.card), frame.card, cardNews);
      takeCard(frame.card);
      break;
    case "jump":
      sayAloud(jumps.get(frame.jump.jump)?.view, frame.jump, jumpNews);
      takeJump(frame.jump, true);
      askNumbersSoon();
      break;
    default:
      return; // events are for programs, beats for the connection; the views hold everything that the page shows
  }
  changed();
}

function takeSnapshot(frame) {
  takeAll(frame);
  askNumbersSoon();
  findAgain(frame.older);
  const dagster = reachable(frame.links.dagster);
  at("dagster").hidden = !dagster;
  if (dagster) at("dagster").href = dagster;
  if (version && frame.version && frame.version !== version) isOutdated = true;
  version ||= frame.version || "";
  reloadIfOutdated();
}

// Another version of the hub has other pages. Reload only while no dialog is open, to keep its film or question.
function reloadIfOutdated() {
  if (isOutdated && !isDialogOpen()) location.reload();
}

document.addEventListener("close", () => setTimeout(reloadIfOutdated), true);

stayConnected(takeFrame, (isLost) => {
  at("lost").hidden = !isLost;
  document.body.classList.toggle("stale", isLost); // nobody may pull a card out because of old news
});

// Actions of a person

const viewOf = (id) => jumps.get(id)?.view || cards.get(id);

const pressed = {
  play({ dataset: { url, title } }) {
    play(url, title, "This film can't be played here. Download it to watch it.");
  },
  retry({ dataset: { id } }) {
    act(id, viewOf(id), `/api/pipeline/${encodeURIComponent(id)}/retry`);
  },
  "leave-out"({ dataset: { jump, files: numbers, names } }) {
    const files = numbers.split(" ").map(Number);
    at("sure-title").textContent = `${leaveOutWords(files)}?`;
    at("sure-what").textContent = withoutWords(viewOf(jump), files, names);
    const them = files.length === 1 ? "it" : "them";
    at("sure-no").textContent = `Keep ${them}`;
    at("sure-yes").textContent = `Leave ${them} out`;
    at("sure-who").value = who();
    at("sure-form").onsubmit = (event) => {
      event.preventDefault();
      const name = at("sure-who").value.trim();
      if (!name) return;
      setWho(name);
      at("sure").close();
      const path = `/api/jumps/${encodeURIComponent(jump)}/leave-out`;
      act(jump, viewOf(jump), path, ...files.map((file) => ({ file_id: file, who: name })));
    };
    openDialog(at("sure"));
  },
  template: openChoice,
  fold({ dataset: { jump } }) {
    fold(jump, !isUnfolded(jump));
  },
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button) pressed[button.dataset.action]?.(button);
});

// If a film's poster is missing, show the dark frame instead of a broken picture.
document.addEventListener("error", (event) => {
  if (event.target.nodeName === "IMG") event.target.hidden = true;
}, true);

setInterval(changed, REDRAW_MS);
watchAutomation();
loadTemplates().then(changed);
