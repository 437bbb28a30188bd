// The page of codes. The hub makes them; here they are shown as large as the screen, or put on sheets to print.
// Names become text, never markup; the one thing taken as markup is the hub's own drawing of a code.
"use strict";

const at = (id) => document.getElementById(id);
const form = at("typed");
let listed = [];
let asked = 0; // answers to older questions are left alone
let awake = null;

async function ask(path, body) {
  const answer = await fetch(path, body && {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (answer.ok) return said;
  throw new Error([said.error.what, said.error.advice].filter(Boolean).map((part) => part.replace(/\.?$/, ".")).join(" "));
}

function drawing(svg) {
  const drawn = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  return document.importNode(drawn, true);
}

function about(booking) {
  return [booking.booking_id, booking.jump_date, booking.tandem_master_id].filter(Boolean).join(" · ");
}

async function codesOf(bookings) {
  return (await ask("/api/codes", { bookings, signed: form.elements.signed.checked })).codes;
}

async function attempt(work) {
  at("problem").hidden = true;
  try {
    await work();
  } catch (error) {
    const lost = error instanceof TypeError;
    at("problem").textContent = lost ? "The hub does not answer. Try again in a moment." : error.message;
    at("problem").hidden = false;
    at("problem").scrollIntoView({ block: "nearest" });
  }
}

async function show(booking) {
  const [code] = await codesOf([booking]);
  const dialog = at("show");
  dialog.querySelector(".code").replaceChildren(drawing(code.svg));
  at("show-name").textContent = code.booking.passenger_name;
  at("show-about").textContent = about(code.booking);
  dialog.showModal();
  fit();
  // Both are wishes: a browser may refuse them, and the code is readable all the same.
  document.documentElement.requestFullscreen?.().catch(() => {});
  awake = (await navigator.wakeLock?.request("screen").catch(() => null)) || null;
  if (!dialog.open) letSleep();
}

// Every module takes a whole number of pixels: between fractions of them screens show seams.
function fit() {
  const place = at("show").querySelector(".code");
  const svg = place.firstElementChild;
  if (!svg) return;
  const modules = svg.viewBox.baseVal.width / devicePixelRatio;
  const side = Math.max(1, Math.floor(Math.min(place.clientWidth, place.clientHeight) / modules)) * modules;
  svg.setAttribute("width", side);
  svg.setAttribute("height", side);
}

window.addEventListener("resize", fit);

function letSleep() {
  awake?.release().catch(() => {});
  awake = null;
}

at("show").addEventListener("close", () => {
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  letSleep();
});
at("show").addEventListener("click", (event) => {
  if (event.target.closest("[data-action=close]")) at("show").close();
});
// Leaving full-screen (Escape, a swipe) puts the code away too.
document.addEventListener("fullscreenchange", () => {
  if (!document.fullscreenElement && at("show").open) at("show").close();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(form));
  delete fields.signed;
  fields.tandem_master_id = fields.tandem_master_id || null;
  attempt(() => show(fields));
});

function tile(booking) {
  const name = document.createElement("strong");
  name.dir = "auto";
  name.textContent = booking.passenger_name;
  const line = document.createElement("span");
  line.textContent = about(booking);
  const button = document.createElement("button");
  button.type = "button";
  button.append(name, line);
  button.addEventListener("click", () => attempt(() => show(booking)));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function nobody() {
  const item = document.createElement("li");
  item.className = "empty";
  item.textContent = at("search").value ? "No booking has that name or number on this day." : "No bookings are listed for this day.";
  return item;
}

async function list() {
  const number = (asked += 1);
  const query = new URLSearchParams({ q: at("search").value });
  if (at("day").value) query.set("day", at("day").value);
  const { bookings } = await ask(`/api/bookings?${query}`);
  if (number !== asked) return;
  listed = bookings;
  at("bookings").replaceChildren(...(bookings.length ? bookings.map(tile) : [nobody()]));
  at("print").hidden = !bookings.length;
}

async function printListed() {
  const codes = await codesOf(listed);
  at("sheet").replaceChildren(
    ...codes.map((code) => {
      const figure = document.createElement("figure");
      const name = document.createElement("strong");
      name.dir = "auto";
      name.textContent = code.booking.passenger_name;
      const line = document.createElement("span");
      line.textContent = about(code.booking);
      figure.append(drawing(code.svg), name, line);
      return figure;
    }),
  );
  window.print();
}

at("print").addEventListener("click", () => attempt(printListed));
for (const id of ["day", "search"]) at(id).addEventListener("input", () => attempt(list));

function today() {
  const now = new Date();
  return new Date(now - now.getTimezoneOffset() * 60000).toISOString().slice(0, 10);
}

attempt(async () => {
  form.elements.jump_date.value = at("day").value = today();
  const { can_sign: can, must_sign: must } = await ask("/api/codes/choices");
  at("sign").hidden = !can;
  form.elements.signed.checked = can;
  form.elements.signed.disabled = must;
  await list();
});
