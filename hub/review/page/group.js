// One group as a person reviews it: its files with their pictures, the actions on them, and whose jump it is.

import { assignForm } from "./assign.js";
import { button, decide, goOn, whither } from "./deciding.js";
import { note } from "./dialogs.js";
import { h } from "./dom.js";
import { draftOf } from "./drafts.js";
import { failureDetails, leaveOutWords } from "./failed.js";
import { historyOf } from "./history.js";
import { play } from "./player.js";
import { afterPause } from "./timing.js";
import { besideWords, placeWords, whoseWords } from "./waiting.js";
import { apart, count, dayWords, fileWords, sentence, size } from "./words.js";

const MIDDLE = 0.5;
const EXCUSE = "This browser can't play it. The pictures show what is in it.";

const pictureOf = (file, part) => `/api/files/${file.file_id}/frame.jpg?at=${part}&size=large`;

const isPhotoFile = (file) => file.kind === "photo";

function pictureTile(file, draft) {
  const part = draft.places.get(file.file_id) ?? MIDDLE;
  const image = h("img", { alt: `A picture of ${file.name}`, loading: "lazy",
    src: file.pictures ? pictureOf(file, part) : null, hidden: !file.pictures });
  const isPhoto = isPhotoFile(file);
  const behind = h("span", { class: "none" }, file.pictures ? "Making a picture of it…" : "Still on its card");
  image.addEventListener("error", () => {
    image.hidden = true;
    behind.hidden = false;
    behind.textContent = "No picture can be made of it";
  });
  image.addEventListener("load", () => {
    image.hidden = false;
    behind.hidden = true; // otherwise it would shine through the picture of a left-out clip
  });
  if (isPhoto) {
    const address = file.pictures ? pictureOf(file, MIDDLE) : null;
    return [h("a", { class: "view", href: address, target: "_blank", rel: "noopener",
      "aria-label": `Look at ${file.name}` }, behind, image)];
  }
  const view = h("button", { class: "view", type: "button", disabled: !file.pictures,
    click: () => play(`/api/files/${file.file_id}/clip.mp4`, file.name, EXCUSE) },
  behind, image,
  h("span", { class: file.pictures ? "sign" : "unseen" }, "▶ Play", h("span", { class: "unseen" }, ` ${file.name}`)));
  if (!file.pictures) return [view];
  // The hub must make a picture for each place, so ask only where the finger rests.
  const look = afterPause((place) => { image.src = pictureOf(file, place); });
  const scrub = h("input", { class: "scrub", type: "range", min: 0, max: 1, step: 0.05, value: part,
    "aria-label": `Place in ${file.name}` });
  scrub.addEventListener("input", () => {
    draft.places.set(file.file_id, scrub.value);
    look(scrub.value);
  });
  return [view, scrub];
}

// The decision in words, since its effect usually can't be seen where the finger is.
async function told(deciding, words) {
  if (await deciding) note(words);
}

function outButton(view, file) {
  if (file.same_as) return null;
  const what = { file_id: file.file_id };
  const { name } = file;
  if (["clip", "photo"].includes(file.role)) {
    return button("Leave out", "", () => told(decide(view.jump, "leave-out", what), `${name} is left out.`));
  }
  if (file.role === "left_out") {
    return button("Put back", "", () => told(decide(view.jump, "put-back", what), `${name} is back in.`));
  }
  return null;
}

function fileTile(view, file, draft, changed) {
  const about = `${file.recorded.slice(11, 16)} · ${fileWords(file) || size(file.size)}`;
  const box = h("input", { type: "checkbox", value: file.file_id, checked: draft.picked.has(file.file_id) });
  const tile = h("li", { class: "frame", "data-role": file.role, "data-picked": box.checked },
    pictureTile(file, draft),
    h("div", { class: "row" },
      h("label", { class: "pick" }, box, h("span", null, file.name, h("small", null, about))),
      outButton(view, file)),
    file.code ? h("p", { class: "code" }, file.code) : null);
  box.addEventListener("change", () => {
    if (box.checked) draft.picked.add(file.file_id);
    else draft.picked.delete(file.file_id);
    tile.toggleAttribute("data-picked", box.checked);
    changed();
  });
  return tile;
}

// The person after whose clips they were filmed: mostly the files are theirs, and one press assigns them.
function besideLine(view) {
  const words = besideWords(view.place);
  if (!words) return null;
  const { before } = view.place;
  const isTheirs = async () => {
    if (!(await decide(view.jump, "join", { into: before.jump }, before.passenger))) return;
    note(`They are ${whoseWords(before)} now. The film is made again with them.`);
  };
  return h("div", { class: "beside" },
    h("p", null, words),
    before ? button(`They are ${whoseWords(before)}`, "main", isTheirs) : null);
}

// The hub's remedies for a failed jump, the best first.
const ANSWERS = {
  leave_out: (view, { files }, kind) => button(leaveOutWords(files), kind, async () => {
    for (const file of files) if (!(await decide(view.jump, "leave-out", { file_id: file }))) return;
    note("The film is made without it, as soon as its turn comes.");
  }),
  template: (view, _remedy, kind) => h("a", { class: `button ${kind}`, href: `/#jump=${encodeURIComponent(view.jump)}` },
    "Choose another template on the board"),
  retry: (view, _remedy, kind) => button("Try again", kind, () => goOn(view.jump)),
};

function answers(view) {
  const offered = view.remedies.filter((remedy) => ANSWERS[remedy.kind]); // a name is entered in the form below
  return h("div", { class: "actions" },
    offered.map((remedy, number) => ANSWERS[remedy.kind](view, remedy, number ? "" : "main")));
}

// It is known whose jump it is; that is corrected only now and then.
function correction(view) {
  return h("details", null, h("summary", null, "It is somebody else's jump"), assignForm(view));
}

export function groupTile(view) {
  const draft = draftOf(view.jump);
  const files = new Set(view.files.map((file) => file.file_id));
  for (const file of draft.picked) if (!files.has(file)) draft.picked.delete(file); // the file is in another jump by now
  const chosen = () => [...draft.picked];

  const said = h("span", { role: "status" });
  const splitting = button("Split off", "", () => told(decide(view.jump, "split", { file_ids: chosen() }),
    "They are a group of their own now."));
  const moving = async () => {
    const moved = chosen();
    const to = await whither(view.jump);
    if (!to) return;
    const whose = to.passenger ? `${apart(to.passenger)}’s jump` : "that jump";
    await told(decide(view.jump, "move", { file_ids: moved, to: to.jump }, to.passenger), `They are in ${whose} now.`);
  };
  const tools = h("div", { class: "tools" }, said, splitting, button("Move to another jump…", "", moving));
  const changed = () => {
    const number = draft.picked.size;
    tools.hidden = number === 0;
    splitting.hidden = number === view.files.length;
    said.textContent = `${count(number, "file", "files")} chosen`;
  };
  changed();

  const isGone = view.state === "gone";
  const about = [
    dayWords(view.jump_date),
    view.booking_id ? `booking ${view.booking_id}` : null,
    count(view.files.length, "file", "files"),
  ];
  const isFailed = view.state === "failed";
  const asks = view.remedies.some((remedy) => remedy.kind === "decide");
  return h("article", { class: "panel group", "data-state": view.state },
    h("div", { class: "head" },
      h("h2", { class: "name", dir: "auto" }, view.passenger || "Unidentified"),
      h("p", { class: "about" }, about.filter(Boolean).join(" · "))),
    view.place ? h("p", { class: "about" }, placeWords(view.place)) : null,
    view.reason ? h("p", { class: "why" }, sentence(view.reason)) : null,
    view.place ? besideLine(view) : null,
    isFailed ? answers(view) : null,
    failureDetails(view),
    h("ul", { class: "frames" }, view.files.map((file) => fileTile(view, file, draft, changed))),
    isGone ? null : tools, isGone ? null : isFailed && !asks ? correction(view) : assignForm(view), historyOf(view));
}
