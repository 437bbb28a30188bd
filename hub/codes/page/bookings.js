// The page of bookings and their codes. The hub draws them; the page shows one as large as the screen, or prints them on sheets.
// Names become text, never markup; only the hub's own drawing of a code is used as markup.

import { request } from "./asking.js";
import { openDialog } from "./dialogs.js";
import { at, h, write } from "./dom.js";
import { afterPause } from "./timing.js";
import { count, isoDay } from "./words.js";

const DAY_CHECK_MS = 60000;
const AT_ONCE = 50; // the most codes in one request, as the hub allows
const typed = at("typed");
const dialog = at("show");
let listed = [];
let lists = 0; // counts requests, so that answers to older ones are ignored
let isShowing = false;
let choices = null; // whether codes can and must be signed; unknown while the hub is silent
let setDay = ""; // the day that the page chose by itself
let awake = null;

function drawing(svg) {
  const drawn = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  return document.importNode(drawn, true);
}

function bookingWords(booking) {
  return [booking.booking_id, booking.jump_date, booking.tandem_master_id].filter(Boolean).join(" · ");
}

// Without these choices, codes might be made without a signature that they need.
async function knowChoices() {
  if (choices) return;
  choices = await request("/api/codes/choices");
  at("sign").hidden = !choices.can_sign;
  typed.elements.signed.checked = choices.can_sign;
  typed.elements.signed.disabled = choices.must_sign;
}

// In parts, because the hub draws no more in one request.
async function codesOf(bookings) {
  await knowChoices();
  const signed = typed.elements.signed.checked;
  const codes = [];
  for (let first = 0; first < bookings.length; first += AT_ONCE) {
    const body = { bookings: bookings.slice(first, first + AT_ONCE), signed };
    codes.push(...(await request("/api/codes", { method: "POST", body })).codes);
  }
  return codes;
}

async function attempt(work) {
  at("problem").hidden = true;
  try {
    await work();
  } catch (problem) {
    at("problem").textContent = problem.message;
    at("problem").hidden = false;
    at("problem").scrollIntoView({ block: "nearest" });
  }
}

// A code as large as the screen

async function showCode(booking) {
  if (isShowing || dialog.open) return; // the second of two taps
  isShowing = true;
  at("show-it").disabled = true;
  try {
    const [code] = await codesOf([booking]);
    dialog.querySelector(".code").replaceChildren(drawing(code.svg));
    at("show-name").textContent = code.booking.passenger_name;
    at("show-about").textContent = bookingWords(code.booking);
    openDialog(dialog);
    fit();
    // A browser may refuse both; the code is readable anyway.
    document.documentElement.requestFullscreen?.().catch(() => {});
    stayAwake();
  } finally {
    isShowing = false;
    at("show-it").disabled = false;
  }
}

// Every module of the code takes a whole number of pixels, since screens show seams between fractions.
function fit() {
  const around = dialog.querySelector(".code");
  const svg = around.firstElementChild;
  if (!svg) return;
  const modules = svg.viewBox.baseVal.width / devicePixelRatio;
  const side = Math.max(1, Math.floor(Math.min(around.clientWidth, around.clientHeight) / modules)) * modules;
  svg.setAttribute("width", side);
  svg.setAttribute("height", side);
}

window.addEventListener("resize", fit);

// One wake lock at a time, and only while a code is shown: each lock must be released again.
async function stayAwake() {
  letSleep();
  const lock = await navigator.wakeLock?.request("screen").catch(() => null);
  if (!lock) return;
  if (dialog.open && !awake) awake = lock;
  else lock.release().catch(() => {});
}

function letSleep() {
  awake?.release().catch(() => {});
  awake = null;
}

dialog.addEventListener("close", () => {
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  letSleep();
});
// Leaving full screen (Escape, a swipe) closes the code too.
document.addEventListener("fullscreenchange", () => {
  if (!document.fullscreenElement && dialog.open) dialog.close();
});

typed.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(typed));
  delete fields.signed;
  fields.tandem_master_id = fields.tandem_master_id || null;
  attempt(() => showCode(fields));
});

// The list of bookings

function bookingTile(booking) {
  return h("li", null, h("button", { type: "button", click: () => attempt(() => showCode(booking)) },
    h("strong", { dir: "auto" }, booking.passenger_name), h("span", null, bookingWords(booking))));
}

function nobodyTile() {
  const isSearch = Boolean(at("search").value);
  return h("li", { class: "empty" },
    isSearch
      ? "No booking of this day has this name or number."
      : ["The list has no bookings for this day. ", h("a", { class: "button", href: "/needs-you#list" }, "Import the office’s list")]);
}

async function listBookings() {
  const mine = (lists += 1);
  const query = new URLSearchParams({ q: at("search").value });
  if (at("day").value) query.set("day", at("day").value);
  const { bookings } = await request(`/api/bookings?${query}`);
  if (mine !== lists) return;
  listed = bookings;
  at("bookings").replaceChildren(...(bookings.length ? bookings.map(bookingTile) : [nobodyTile()]));
  write(at("listed"), count(bookings.length, "booking", "bookings"));
  at("print").hidden = !bookings.length;
}

async function printListed() {
  const codes = await codesOf(listed);
  at("sheet").replaceChildren(...codes.map((code) => h("figure", null,
    drawing(code.svg),
    h("strong", { dir: "auto" }, code.booking.passenger_name),
    h("span", null, bookingWords(code.booking)))));
  window.print();
}

at("print").addEventListener("click", async () => {
  at("print").disabled = true;
  await attempt(printListed);
  at("print").disabled = false;
});
at("day").addEventListener("input", () => attempt(listBookings));
at("search").addEventListener("input", afterPause(() => attempt(listBookings)));

// Today

// A tablet that stays open overnight must not make yesterday's codes. A day that a person chose stays.
function keepToday() {
  const today = isoDay(new Date());
  if (today === setDay) return;
  if (typed.elements.jump_date.value === setDay) typed.elements.jump_date.value = today;
  if (at("day").value === setDay) {
    at("day").value = today;
    attempt(listBookings);
  }
  setDay = today;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  keepToday();
  if (!choices) attempt(async () => { await knowChoices(); await listBookings(); });
  if (dialog.open) stayAwake(); // the browser released the lock while the page was hidden
});
setInterval(keepToday, DAY_CHECK_MS);

setDay = isoDay(new Date());
typed.elements.jump_date.value = at("day").value = setDay;
attempt(async () => {
  await knowChoices();
  await listBookings();
});
