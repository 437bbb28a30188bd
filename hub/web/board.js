// The board: keeps what the hub says over /ws/board and shows it.
// Everything that comes from outside becomes text or an attribute, never markup. Tiles are built anew from their view
// and patched into the page, so that focus, open details and a playing film stay as they are.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const cards = new Map();
const jumps = new Map(); // key -> {view, order}
const busy = new Set(); // jumps and cards whose button was pressed and whose state has not changed since
let dagster = "";
let newest = 0; // a jump that comes up later stands above the others of its day
let oldest = 0;

const at = (id) => document.getElementById(id);

// Building elements: h("p", {class: "x"}, "text", child, …). null and false children are left out.
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function icon(name, extra) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", extra ? `icon ${extra}` : "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

// Make `old` look like `fresh` with as few changes as possible. Children with a data-key are matched by it.
function patch(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  const isSamePicture = old.nodeName === "IMG" && old.getAttribute("src") === fresh.getAttribute("src");
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    // A person opened it, or its picture is missing.
    const isOurs = (name === "open" && old.nodeName === "DETAILS") || (name === "hidden" && isSamePicture);
    if (!fresh.hasAttribute(name) && !isOurs) old.removeAttribute(name);
  }
  patchChildren(old, [...fresh.childNodes]);
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null;
}

function patchChildren(parent, fresh) {
  const keyed = new Map([...parent.childNodes].filter(keyOf).map((node) => [keyOf(node), node]));
  let place = parent.firstChild;
  for (const node of fresh) {
    const key = keyOf(node);
    const match = key ? keyed.get(key) : place && !keyOf(place) ? place : null;
    if (!match) {
      parent.insertBefore(node, place);
      continue;
    }
    if (match !== place) parent.insertBefore(match, place);
    place = match.nextSibling;
    patch(match, node);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

// Words and numbers

function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return `${(bytes / 1e9).toFixed(bytes < 1e10 ? 2 : 1)} GB`;
}

function left(seconds) {
  if (seconds < 5) return "nearly done";
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} s left`;
  if (seconds < 3600) return `about ${Math.ceil(seconds / 60)} min left`;
  return `about ${(seconds / 3600).toFixed(1)} h left`;
}

function length(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.?$/, ".")}`;
const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

function isoDay(date) {
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function dayName(iso) {
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  const [year, month, day] = iso.split("-").map(Number);
  const words = new Date(year, month - 1, day).toLocaleDateString("en-GB", {
    weekday: "long", day: "numeric", month: "long", year: year === today.getFullYear() ? undefined : "numeric",
  });
  if (iso === isoDay(today)) return `Today, ${words}`;
  return iso === isoDay(yesterday) ? `Yesterday, ${words}` : words;
}

const clock = (moment) => new Date(moment).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

// An address of this machine means nothing to a tablet: there the board's own host is the right one.
function reachable(url) {
  if (!url) return null;
  const address = new URL(url, location.href);
  if (!/^https?:$/.test(address.protocol)) return null;
  const isLoopback = ["127.0.0.1", "localhost", "[::1]"].includes(address.hostname);
  if (isLoopback) address.hostname = location.hostname;
  return address.href;
}

// Cards

const CARD_WORDS = {
  scanning: ["Looking", "look"],
  unreadable: ["Can't be read", "alert"],
  empty: ["No videos", "card"],
  copying: ["Copying", "down"],
  safe: ["Safe to pull out", "check"],
  incomplete: ["Not finished", "alert"],
  removed: ["Out, all safe", "check"],
};

function copyingLines(view) {
  const { total, done } = view.bytes;
  const lines = [h("progress", { max: 1, value: total ? (done / total).toFixed(4) : 0, "aria-label": `${view.label}: copied` })];
  const speed = view.rate ? `${(view.rate / 1e6).toFixed(view.rate < 1e7 ? 1 : 0)} MB/s` : null;
  const rest = view.rate > 0 ? left((total - done) / view.rate) : null;
  lines.push(h("p", { class: "numbers" },
    h("span", null, `${size(done)} of ${size(total)} copied`),
    h("span", null, [speed, rest].filter(Boolean).join(" · "))));
  const names = view.copying.map((file) => file.name).join(", ");
  if (names) lines.push(h("p", { class: "about" }, `Now ${names}`));
  return lines;
}

// How many files, in four numbers; a card that was looked at has them.
function cardCounts(view) {
  const { found, known, new: fresh, copied, failed } = view.files;
  const rows = [[found, "found"], [known, "had before"], [fresh, "new"], [copied, "checked"]];
  if (failed) rows.push([failed, "failed"]);
  return h("dl", { class: "counts" },
    rows.map(([number, word]) => h("div", { "data-what": word }, h("dt", null, word), h("dd", null, number))));
}

function cardTile(view) {
  const away = !view.connected && ["scanning", "copying"].includes(view.state);
  const [word, sign] = away ? ["Reader is away", "alert"] : CARD_WORDS[view.state];
  const unfinished = view.state === "incomplete" && view.bytes.total > view.bytes.done;
  return h("article", { class: "card", "data-key": `card:${view.card}`, "data-state": view.state, "data-away": away },
    h("p", { class: "label" }, h("span", null, view.label), h("span", null, `in at ${clock(view.inserted_at)}`)),
    h("p", { class: "word" }, icon(sign), word),
    h("p", { class: "sentence" }, view.message),
    view.files.found ? cardCounts(view) : null,
    view.state === "copying" || unfinished ? copyingLines(view) : null,
    view.problem
      ? h("div", { class: "errors" },
          h("p", null, h("strong", null, "Its jumps could not be found."), view.problem),
          h("button", { class: "button", type: "button", "data-action": "retry", "data-id": view.card, disabled: busy.has(view.card) },
            icon("retry"), busy.has(view.card) ? "Starting…" : "Try again"))
      : null,
    view.unread
      ? h("div", { class: "errors" },
          h("p", null, h("strong", null, view.unread.unreadable ? "A part of it can't be read." : "Nothing of it can be read."),
            view.unread.detail || view.unread.code))
      : null,
    view.errors.length
      ? h("ul", { class: "errors" }, view.errors.map((error) =>
          h("li", null, h("strong", null, error.name), error.detail || error.code)))
      : null);
}

function showCards() {
  const dayAgo = Date.now() - 24 * 3600e3;
  const shown = [...cards.values()].filter((view) =>
    view.state !== "removed" || !view.removed_at || Date.parse(view.removed_at) > dayAgo);
  const rank = (view) => (view.state === "empty" ? 2 : view.removed_at ? 1 : 0);
  shown.sort((a, b) => rank(a) - rank(b) || b.inserted_at.localeCompare(a.inserted_at));
  const tiles = shown.filter((view) => view.state !== "removed").map(cardTile);
  if (!tiles.length) {
    tiles.push(h("p", { class: "empty" }, "No card is in. Put a card in, or run ", h("code", null, "stinercut card insert DIR"), "."));
  }
  const gone = shown.filter((view) => view.state === "removed");
  if (gone.length) {
    tiles.push(h("ul", { class: "gone", "data-key": "gone", "aria-label": "Cards that are out and safe" },
      gone.map((view) => h("li", null, icon("check"), `${view.label} is out, all safe`))));
  }
  patchChildren(at("cards"), tiles);
}

// Jumps

const JUMP_WORDS = {
  review: ["Waits for review", "person"],
  no_clips: ["No clips", "alert"],
  waiting: ["Waiting for files", "down"],
  ready: ["Up next", "film"],
  producing: ["Making the film", "film"],
  done: ["Film is ready", "check"],
  failed: ["Failed", "alert"],
};
const STEP_SIGNS = { waiting: "dot", running: "dot", done: "check", failed: "alert" };

const isInFilm = (file) => file.role === "clip" && !file.same_as;

// The file that a step is about: its key ends in the file's number.
function clipOf(view, step) {
  const number = /^clip:(\d+)$/.exec(step.step);
  return number ? view.files.find((file) => file.file_id === Number(number[1]) && file.role === "clip") : null;
}

function leaveOutButton(view, file) {
  return h("div", { class: "actions" },
    h("button", { class: "button", type: "button", "data-action": "leave-out", "data-jump": view.jump, "data-file": file.file_id, "data-name": file.name, disabled: busy.has(view.jump) },
      "Leave this clip out"));
}

function stepLine(view, step) {
  const failed = step.status === "failed";
  const clip = failed ? clipOf(view, step) : null;
  const others = view.files.filter(isInFilm).length > 1;
  return h("li", { "data-key": `step:${step.step}`, "data-status": step.status },
    icon(STEP_SIGNS[step.status] || "dot"),
    h("span", { class: "label" }, step.label, h("span", { class: "unseen" }, `: ${step.status}`)),
    h("span", { class: "seconds" }, step.seconds !== null ? `${step.seconds.toFixed(1)} s` : ""),
    step.status === "running" ? h("progress", { max: 1, value: step.progress.toFixed(3), "aria-label": step.label }) : null,
    failed && step.message && step.message !== view.reason ? h("span", { class: "message" }, step.message) : null,
    clip && others && view.state === "failed" ? leaveOutButton(view, clip) : null);
}

function fileLine(file) {
  const words = file.same_as
    ? `the same as ${file.same_as}; it is in the film once`
    : { qr: "the code", clip: "", left_out: "left out of the film" }[file.role];
  const state = { copied: size(file.size), pending: `${size(file.size)}, still on the card`, failed: file.detail || "could not be copied" }[file.state];
  return h("li", null,
    icon(file.state === "copied" ? "check" : file.state === "failed" ? "alert" : "dot", file.state === "failed" ? "bad" : ""),
    h("span", null, file.name), h("span", { class: "far" }, [words, state].filter(Boolean).join(" · ")));
}

function checkLine(check) {
  return h("li", null, icon(check.passed ? "check" : "alert", check.passed ? "" : "bad"),
    h("span", null, check.name.replaceAll("_", " ")), h("span", { class: "far" }, check.detail));
}

function dagsterLink(url, words) {
  const address = reachable(url);
  return address ? h("a", { class: "quiet", href: address, target: "_blank", rel: "noopener" }, words, icon("out")) : null;
}

function jumpDetails(view) {
  const done = view.state === "done";
  const clips = view.files.filter(isInFilm).length;
  const heads = [count(clips, "clip", "clips")];
  if (view.film && view.film.checks.length) heads.push(`${count(view.film.checks.length, "check", "checks")} passed`);
  return h("details", { "data-key": "details" },
    h("summary", null, heads.join(" · ")),
    h("div", { class: "inside" },
      h("ul", { class: "pairs" }, view.files.map(fileLine)),
      view.film ? h("ul", { class: "pairs" }, view.film.checks.map(checkLine)) : null,
      templateLine(view),
      done && view.steps.length ? h("ul", { class: "steps" }, view.steps.map((step) => stepLine(view, step))) : null,
      h("p", { class: "links" },
        h("a", { class: "quiet", href: reviewOf(view) }, "Correct or sort files"),
        dagsterLink(view.links.run, "Run"), dagsterLink(view.links.partition, "Partition"), dagsterLink(view.links.lineage, "Lineage"))));
}

function filmSide(view) {
  const film = view.film;
  if (!film) return null;
  const who = view.passenger || "";
  return h("div", { class: "side", "data-key": "side" },
    h("button", { class: "poster", type: "button", "data-action": "play", "data-url": film.url, "data-title": who, "aria-label": `Play the film of ${who}` },
      h("img", { src: film.poster, alt: "", loading: "lazy" }),
      h("span", { class: "play" }, icon("play")),
      h("span", { class: "length" }, length(film.seconds))),
    h("div", { class: "actions" },
      h("a", { class: "button", href: film.download, download: true }, icon("down"), `Download · ${size(film.size)}`)),
    film.outputs.length || film.photos.length ? h("ul", { class: "outputs" },
      film.outputs.map((output) => outputLine(output, who)), film.photos.map((photos) => photosLine(photos, who))) : null);
}

function outputLine(output, who) {
  return h("li", { "data-key": `output:${output.name}` },
    h("button", { class: "quiet", type: "button", "data-action": "play", "data-url": output.url, "data-title": `${who} · ${output.name}`, "aria-label": `Play ${output.name}` },
      icon("play"), output.name),
    h("a", { class: "quiet", href: output.download, download: true, "aria-label": `Download ${output.name}` }, icon("down"), size(output.size)));
}

function photosLine(photos, who) {
  return h("li", { "data-key": `photos:${photos.name}` },
    h("span", { class: "photos" }, `${photos.name}:`,
      photos.urls.map((url, number) => h("a", { class: "quiet", href: url, target: "_blank", rel: "noopener", "aria-label": `Photo ${number + 1} of ${who}` }, String(number + 1)))),
    h("a", { class: "quiet", href: photos.download, download: true, "aria-label": `Download ${photos.name} as one ZIP` }, icon("down"), `ZIP · ${size(photos.size)}`));
}

function about(view) {
  const parts = view.booking_id ? [`Booking ${view.booking_id}`] : [view.jump];
  if (view.film) parts.push(`made in ${view.film.made_in < 100 ? `${view.film.made_in.toFixed(0)} s` : length(view.film.made_in) + " min"}`);
  return parts.join(" · ");
}

const reviewOf = (view) => `/review?jump=${encodeURIComponent(view.jump)}`;

function jumpTile(view) {
  const [word, sign] = JUMP_WORDS[view.state] || [view.state, "dot"];
  const working = view.state === "producing" || view.state === "failed";
  const percent = `${Math.floor(view.progress * 100)} %`;
  return h("article", { class: "jump", "data-key": `jump:${view.jump}`, "data-state": view.state, "data-film": view.film !== null },
    filmSide(view),
    h("div", { class: "body", "data-key": "body" },
      h("div", { class: "head" },
        h("h3", { class: "name" }, view.passenger || "Unidentified"),
        h("span", { class: "pill" }, icon(sign), word)),
      h("p", { class: "about" }, about(view)),
      view.reason ? h("p", { class: "reason" }, sentence(view.reason)) : null,
      templateNews(view) ? h("p", { class: "news" }, templateNews(view)) : null,
      view.state === "producing" ? h("div", { class: "overall" },
        h("progress", { max: 1, value: view.progress.toFixed(4), "aria-label": "The film as a whole" }), h("output", null, percent)) : null,
      working && view.steps.length ? h("ul", { class: "steps" }, view.steps.map((step) => stepLine(view, step))) : null,
      view.state === "failed" ? h("div", { class: "actions" },
        h("button", { class: "button main", type: "button", "data-action": "retry", "data-id": view.jump, disabled: busy.has(view.jump) },
          icon("retry"), busy.has(view.jump) ? "Starting…" : "Try again")) : null,
      view.state === "review" ? h("div", { class: "actions" }, h("a", { class: "button main", href: reviewOf(view) }, icon("person"), "Say whose it is")) : null,
      jumpDetails(view)));
}

function showJumps() {
  const days = new Map();
  const sorted = [...jumps.values()].sort((a, b) => b.view.jump_date.localeCompare(a.view.jump_date) || b.order - a.order);
  for (const { view } of sorted) {
    if (!days.has(view.jump_date)) days.set(view.jump_date, []);
    days.get(view.jump_date).push(view);
  }
  const blocks = [...days].flatMap(([day, views]) => [
    h("h3", { class: "day", "data-key": `day:${day}` }, dayName(day)),
    h("div", { class: "jumps", "data-key": `jumps:${day}` }, views.map(jumpTile)),
  ]);
  if (!blocks.length) {
    blocks.push(h("p", { class: "empty" }, "No jump yet. When a card with a filmed passenger's code goes in, its jumps come up here."));
  }
  patchChildren(at("jumps"), blocks);
  showSummary(sorted.map((entry) => entry.view));
}

function showSummary(views) {
  const today = isoDay(new Date());
  const number = (...states) => views.filter((view) => states.includes(view.state)).length;
  const ready = views.filter((view) => view.state === "done" && view.jump_date === today).length;
  const parts = [];
  if (number("producing", "ready")) parts.push(`${count(number("producing", "ready"), "film", "films")} being made`);
  if (ready) parts.push(`${count(ready, "film", "films")} ready today`);
  const waits = number("failed", "review");
  if (waits) parts.push(`${waits} ${waits === 1 ? "needs" : "need"} a person`);
  const text = parts.join(" · ");
  if (at("summary").textContent !== text) at("summary").textContent = text;
  document.title = waits ? `(${waits}) Stinercut` : "Stinercut";
}

// Saying things

function say(text) {
  at("said").textContent = text;
}

function note(text) {
  const box = h("p", { class: "note" }, text);
  at("notes").append(box);
  setTimeout(() => box.remove(), 8000);
}

function sayCard(before, view) {
  if (!before || before.state !== view.state) say(`Card ${view.label}: ${CARD_WORDS[view.state][0]}. ${view.message}`);
}

function sayJump(before, view) {
  if (!before || before.state !== view.state) {
    say(`${view.passenger || "Unidentified jump"}: ${(JUMP_WORDS[view.state] || [view.state])[0]}. ${view.reason}`);
  }
}

// What the hub says

function takeJump(view, isNew) {
  if (view.state === "gone") { // all of its files were moved to other jumps
    jumps.delete(view.jump);
    return;
  }
  const known = jumps.get(view.jump);
  if (known && known.view.state !== view.state) busy.delete(view.jump);
  jumps.set(view.jump, { view, order: known ? known.order : isNew ? ++newest : --oldest });
}

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    showCards();
    showJumps();
    showChoice();
    showAsked();
  });
}

// Dagster's pages lead to one jump: /#jump=KEY. It is brought into view once, and fetched where it is an older one.
let asked = "";
async function showAsked() {
  const wanted = decodeURIComponent((location.hash.match(/^#jump=(.+)$/) || [])[1] || "");
  if (!wanted || wanted === asked) return;
  if (!jumps.has(wanted)) {
    asked = wanted;
    const answer = await fetch(`/api/jumps/${encodeURIComponent(wanted)}`).catch(() => null);
    if (!answer || !answer.ok) return;
    takeJump(await answer.json(), false);
    asked = "";
    draw();
    return;
  }
  asked = wanted;
  const tile = [...document.querySelectorAll("article.jump")].find((one) => one.dataset.key === `jump:${wanted}`);
  if (!tile) return;
  tile.scrollIntoView({ block: "center" });
  tile.tabIndex = -1;
  tile.focus({ preventScroll: true });
}
window.addEventListener("hashchange", () => { asked = ""; draw(); });

function take(frame) {
  switch (frame.type) {
    case "snapshot":
      cards.clear();
      jumps.clear();
      busy.clear();
      for (const view of frame.cards) cards.set(view.card, view);
      for (const view of frame.jumps) takeJump(view, false);
      at("older").hidden = frame.jumps.length < 60;
      dagster = reachable(frame.links.dagster);
      at("dagster").hidden = !dagster;
      if (dagster) at("dagster").href = dagster;
      break;
    case "card":
      sayCard(cards.get(frame.card.card), frame.card);
      cards.set(frame.card.card, frame.card);
      break;
    case "jump":
      sayJump((jumps.get(frame.jump.jump) || {}).view, frame.jump);
      takeJump(frame.jump, true);
      break;
    default:
      return; // events are for programs; the views hold all that is shown
  }
  draw();
}

// The connection: comes back by itself, and is tried out while it seems to be there

let socket = null;
let wait = 500;
let lostTimer = 0;

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const mine = new WebSocket(`${scheme}//${location.host}/ws/board`);
  socket = mine;
  mine.onmessage = (message) => {
    if (mine !== socket) return;
    wait = 500;
    clearTimeout(lostTimer);
    lostTimer = 0;
    showLost(false);
    take(JSON.parse(message.data));
  };
  mine.onclose = () => {
    if (mine === socket) lose();
  };
}

function showLost(lost) {
  at("lost").hidden = !lost;
  document.body.classList.toggle("stale", lost); // nobody may pull a card out on old news
}

function lose() {
  if (socket) {
    const gone = socket;
    socket = null;
    gone.close();
  }
  // A hub that restarts is back within a second: no need to alarm anybody.
  if (!lostTimer) lostTimer = setTimeout(() => showLost(true), 1500);
  setTimeout(connect, wait);
  wait = Math.min(wait * 2, 5000);
}

// A Wi-Fi that has gone away closes no socket. Asking once in a while finds out.
async function tryOut() {
  if (!socket || socket.readyState !== WebSocket.OPEN || document.hidden) return;
  const asked = socket;
  try {
    const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(4000) });
    if (!answer.ok) throw new Error("not healthy");
  } catch {
    if (socket === asked) lose();
  }
}
setInterval(tryOut, 10000);
document.addEventListener("visibilitychange", tryOut);
window.addEventListener("online", tryOut);

// What a person does

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: body ? JSON.stringify(body) : undefined,
  });
  if (answer.ok) return;
  const { error } = await answer.json();
  throw new Error([error.what, error.advice].filter(Boolean).map((part) => part.replace(/\.?$/, ".")).join(" "));
}

async function ask(id, path, body) {
  busy.add(id);
  draw();
  try {
    await post(path, body);
    setTimeout(() => { busy.delete(id); draw(); }, 10000);
  } catch (problem) {
    busy.delete(id);
    draw();
    note(problem instanceof TypeError ? "The hub does not answer. Try again in a moment." : problem.message);
  }
}

const pressed = {
  play(button) {
    const player = at("player");
    const video = player.querySelector("video");
    at("player-title").textContent = button.dataset.title;
    video.src = button.dataset.url;
    player.showModal();
    video.play().catch(() => {}); // a browser may want a second tap
  },
  retry(button) {
    const { id } = button.dataset;
    ask(id, `/api/pipeline/${encodeURIComponent(id)}/retry`);
  },
  "leave-out"(button) {
    const { jump, file, name } = button.dataset;
    at("sure-what").textContent = `${name} stays in the store, but the film is made without it.`;
    at("sure-yes").onclick = () => {
      at("sure").close();
      ask(jump, `/api/jumps/${encodeURIComponent(jump)}/leave-out`, { file_id: Number(file), who: localStorage.getItem("stinercut.who") || undefined });
    };
    at("sure").showModal();
  },
  template: openChoice,
  close(button) {
    button.closest("dialog").close();
  },
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (button) pressed[button.dataset.action](button);
  else if (event.target.nodeName === "DIALOG") event.target.close(); // a tap beside it
});

at("player").addEventListener("close", () => {
  const video = at("player").querySelector("video");
  video.pause();
  video.removeAttribute("src");
  video.load();
});

// A film whose poster is missing shows its dark frame, not a broken picture.
document.addEventListener("error", (event) => {
  if (event.target.nodeName === "IMG") event.target.hidden = true;
}, true);

at("older").addEventListener("click", async () => {
  at("older").hidden = true;
  try {
    const { jumps: all } = await (await fetch("/api/jumps?limit=500")).json();
    for (const view of all) if (!jumps.has(view.jump)) takeJump(view, false);
    draw();
  } catch {
    at("older").hidden = false;
    note("The hub does not answer. Try again in a moment.");
  }
});

setInterval(draw, 60000); // "today" ends at midnight
connect();
