// Review: shows what waits for a person, and sends what the person decides.
// Everything that comes from outside becomes text or an attribute, never markup. A group whose view has not changed
// keeps its elements, so that typed names, chosen files and the focus stay while the page looks for news.
"use strict";

const at = (id) => document.getElementById(id);
const only = new URLSearchParams(location.search).get("jump"); // one jump, to correct it
const LOOK_EVERY_MS = 5000;
const shown = new Map(); // jump -> {json, element}
let views = [];

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

function button(words, kind, press) {
  const made = h("button", { class: `button ${kind || ""}`, type: "button" }, words);
  made.addEventListener("click", press);
  return made;
}

const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;
const day = (iso) => new Date(`${iso}T12:00`).toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB`
  : bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`);

function note(words) {
  const line = h("p", { class: "note" }, words);
  at("notes").append(line);
  setTimeout(() => line.remove(), 8000);
}

// Asking the hub

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw Object.assign(new Error("The hub does not answer. Try again in a moment."), { code: "" });
  }
  const body = await answer.json();
  if (answer.ok) return body;
  const { code, what, advice } = body.error;
  throw Object.assign(new Error([what, advice].filter(Boolean).map((part) => part.replace(/\.?$/, ".")).join(" ")), { code, what });
}

// A decision: asks once more where the name contradicts what is known, with the name to confirm in large letters.
async function decide(jump, kind, body, name) {
  const who = at("who").value.trim();
  at("who").classList.toggle("missing", !who);
  if (!who) {
    at("who").focus();
    note("Write your name first: it is kept with the decision.");
    return null;
  }
  const send = (more) => ask(`/api/review/jumps/${encodeURIComponent(jump)}/${kind}`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ who, ...body, ...more }),
  });
  try {
    let answer;
    try {
      answer = await send({});
    } catch (problem) {
      if (problem.code !== "NAME_CONFLICT" || !name || !(await isSure(problem.what, name))) {
        if (problem.code === "NAME_CONFLICT") return null;
        throw problem;
      }
      answer = await send({ confirmed_name: name });
    }
    return answer;
  } catch (problem) {
    note(problem.message);
    return null;
  } finally {
    await look();
  }
}

function isSure(what, name) {
  const sentence = what.charAt(0).toUpperCase() + what.slice(1);
  at("sure-what").textContent = `${sentence.replace(/\.?$/, ".")} The film will carry this name:`;
  at("sure-name").textContent = name;
  at("sure").showModal();
  return new Promise((resolve) => {
    let yes = false;
    at("sure-yes").onclick = () => { yes = true; at("sure").close(); };
    at("sure").onclose = () => resolve(yes);
  });
}

// One file

function fileTile(view, file, changed) {
  const image = h("img", { alt: `A picture of ${file.name}`, loading: "lazy", src: file.pictures ? picture(file, 0.5) : null, hidden: !file.pictures });
  const behind = h("span", { class: "none" }, file.pictures ? "Making a picture of it…" : "Still on its card");
  image.addEventListener("error", () => {
    image.hidden = true;
    behind.textContent = "No picture can be made of it";
  });
  image.addEventListener("load", () => { image.hidden = false; });
  const open = h("button", { class: "view", type: "button", "aria-label": `Play ${file.name}` },
    behind, image,
    file.pictures ? h("span", { class: "sign" }, "▶ Play") : null);
  open.addEventListener("click", () => file.pictures && play(file));
  const scrub = h("input", { class: "scrub", type: "range", min: 0, max: 1, step: 0.05, value: 0.5, "aria-label": `Place in ${file.name}` });
  scrub.addEventListener("input", () => { image.src = picture(file, scrub.value); });
  const box = h("input", { type: "checkbox", value: file.file_id });
  const words = file.same_as
    ? `the same as ${file.same_as}; it is in the film once`
    : { qr: "the code", clip: size(file.size), left_out: "left out of the film" }[file.role];
  const tile = h("li", { class: "frame", "data-role": file.role },
    open, file.pictures ? scrub : null,
    h("div", { class: "row" },
      h("label", { class: "pick" }, box, h("span", null, file.name, h("small", null, `${file.recorded.slice(11, 16)} · ${words}`))),
      outButton(view, file)),
    file.code ? h("p", { class: "code" }, file.code) : null);
  box.addEventListener("change", () => {
    tile.toggleAttribute("data-picked", box.checked);
    changed();
  });
  return tile;
}

const picture = (file, part) => `/api/files/${file.file_id}/frame.jpg?at=${part}&size=large`;

function outButton(view, file) {
  if (file.same_as) return null;
  if (file.role === "clip") return button("Leave out", "", () => decide(view.jump, "leave-out", { file_id: file.file_id }));
  if (file.role === "left_out") return button("Put back", "", () => decide(view.jump, "put-back", { file_id: file.file_id }));
  return null;
}

function play(file) {
  const video = at("look").querySelector("video");
  at("look-name").textContent = file.name;
  video.src = `/api/files/${file.file_id}/clip.mp4`;
  video.onerror = () => video.getAttribute("src") && note("This browser can't play it. The pictures show what is in it.");
  at("look").showModal();
  video.play().catch(() => {}); // a browser may want a second tap
}

// Whose jump it is

function field(words, attributes) {
  const input = h("input", attributes);
  return { input, label: h("label", null, words, input) };
}

function assignForm(view) {
  const name = field("Passenger's name", { type: "text", required: true, maxlength: 80, autocomplete: "off", value: view.passenger });
  const booking = field("Booking", { type: "text", required: true, maxlength: 32, autocomplete: "off", autocapitalize: "off", spellcheck: "false", value: view.booking_id });
  const when = field("Day of the jump", { type: "date", required: true, value: view.jump_date });
  const list = h("div", { class: "choices" });
  const fill = (chosen) => {
    name.input.value = chosen.passenger_name;
    booking.input.value = chosen.booking_id;
    when.input.value = chosen.jump_date;
    submit.focus();
  };
  const offer = async () => {
    const wanted = name.input.value.trim();
    try {
      const query = new URLSearchParams({ q: wanted, day: when.input.value || view.jump_date, limit: 12 });
      const { bookings } = await ask(`/api/bookings?${query}`);
      if (wanted !== name.input.value.trim()) return;
      list.replaceChildren(...bookings.map((one) => {
        const choice = button("", "", () => fill(one));
        choice.append(h("strong", null, one.passenger_name), h("small", null, one.booking_id));
        return choice;
      }));
    } catch (problem) {
      note(problem.message);
    }
  };
  name.input.addEventListener("input", offer);
  when.input.addEventListener("change", offer);
  const submit = h("button", { class: "button main", type: "submit" }, view.passenger ? "Correct it" : "This is their jump");
  const codes = view.files.filter((file) => file.says);
  const form = h("form", { class: "assign" },
    h("h3", null, view.passenger ? "Correct whose jump it is" : "Whose jump is it?"),
    h("div", { class: "fields" }, name.label, booking.label, when.label),
    codes.length ? h("div", { class: "choices" }, codes.map((file) => {
      const choice = button("", "", () => fill(file.says));
      choice.append(h("strong", null, file.says.passenger_name), h("small", null, `as the code in ${file.name} says`));
      return choice;
    })) : null,
    list,
    h("div", { class: "actions" }, submit,
      canReadAgain(view) ? button("Read its codes again", "", async () => {
        if (await decide(view.jump, "read-again", {})) note("Its codes are read again. What becomes of its files shows here or on the board in a moment.");
      }) : null,
      button("It belongs to a jump that is there…", "", async () => {
        const into = await whither(view.jump);
        if (into) await decide(view.jump, "join", { into: into.jump }, into.passenger);
      })));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    const passenger = name.input.value.normalize("NFC").trim();
    const said = { passenger_name: passenger, booking_id: booking.input.value, jump_date: when.input.value };
    const done = await decide(view.jump, "assign", said, passenger);
    submit.disabled = false;
    if (!done) return;
    note(`It is ${passenger}'s jump now. The film follows by itself.`);
    if (only && done.jump !== only) location.search = `?jump=${encodeURIComponent(done.jump)}`;
  });
  offer();
  return form;
}

// A code that could not be taken may be now: its key was added, or the reader has learnt.
const canReadAgain = (view) => view.state === "review" && view.files.some((file) => file.code && !file.says);

// Choosing another jump

async function whither(jump) {
  let all;
  try {
    ({ jumps: all } = await ask("/api/jumps?limit=300"));
  } catch (problem) {
    note(problem.message);
    return null;
  }
  const others = all.filter((one) => one.jump !== jump && one.state !== "gone");
  return new Promise((resolve) => {
    let chosen = null;
    const show = () => {
      const wanted = at("whither-find").value.trim().toLowerCase();
      const fits = others.filter((one) => `${one.passenger || "unidentified"} ${one.jump}`.toLowerCase().includes(wanted));
      at("whither-list").replaceChildren(...fits.slice(0, 40).map((one) => {
        const choice = button("", "", () => { chosen = one; at("whither").close(); });
        choice.append(h("strong", null, one.passenger || "Unidentified"), h("small", null, one.passenger ? `${one.booking_id} · ${one.jump_date}` : one.jump));
        return h("li", null, choice);
      }));
      if (!fits.length) at("whither-list").replaceChildren(h("li", null, "No other jump fits."));
    };
    at("whither-find").value = "";
    at("whither-find").oninput = show;
    show();
    at("whither").onclose = () => resolve(chosen);
    at("whither").showModal();
  });
}

// One group

const DID = {
  assigned: (one) => `said that it is ${one.after.passenger_name} (${one.after.booking_id})` +
    (one.before.passenger_name && one.before.passenger_name !== one.after.passenger_name ? `, no longer ${one.before.passenger_name}` : ""),
  moved: (one) => `moved ${one.file || count(one.after.files.length, "file", "files")} from ${one.before.passenger_name || one.before.jump} to ${one.after.passenger_name || one.after.jump}`,
  joined: (one) => `joined ${one.before.passenger_name || one.before.jump} with ${one.after.passenger_name || one.after.jump}`,
  split: (one) => `split ${count(one.after.files.length, "file", "files")} off ${one.before.passenger_name || one.before.jump}`,
  left_out: (one) => `left ${one.file || "a clip"} out of the film`,
  put_back: (one) => `put ${one.file || "a clip"} back into the film`,
};

function historyOf(view) {
  if (!view.decisions.length) return null;
  const when = (moment) => new Date(moment).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  return h("details", null,
    h("summary", null, count(view.decisions.length, "decision", "decisions")),
    h("ul", { class: "history" }, view.decisions.map((one) => h("li", null, `${when(one.at)}: ${one.who} ${(DID[one.what] || (() => one.what))(one)}.`))));
}

function groupTile(view) {
  const frames = h("ul", { class: "frames" });
  const chosen = () => [...frames.querySelectorAll("input[type=checkbox]:checked")].map((box) => Number(box.value));
  const said = h("span", { role: "status" });
  const apart = button("Split off", "", () => decide(view.jump, "split", { file_ids: chosen() }));
  const tools = h("div", { class: "tools", hidden: true }, said, apart,
    button("Move to another jump…", "", async () => {
      const files = chosen();
      const to = await whither(view.jump);
      if (to) await decide(view.jump, "move", { file_ids: files, to: to.jump }, to.passenger);
    }));
  const changed = () => {
    const number = chosen().length;
    tools.hidden = number === 0;
    apart.hidden = number === view.files.length;
    said.textContent = `${count(number, "file", "files")} chosen`;
  };
  frames.append(...view.files.map((file) => fileTile(view, file, changed)));
  const isGone = view.state === "gone";
  return h("article", { class: "group" },
    h("div", { class: "head" },
      h("h2", { class: "name" }, view.passenger || "Unidentified"),
      h("p", { class: "about" }, [day(view.jump_date), view.booking_id ? `booking ${view.booking_id}` : null, count(view.files.length, "file", "files")].filter(Boolean).join(" · "))),
    view.reason ? h("p", { class: "why" }, `${view.reason.charAt(0).toUpperCase()}${view.reason.slice(1).replace(/\.?$/, ".")}`) : null,
    frames, isGone ? null : tools, isGone ? null : assignForm(view), historyOf(view));
}

// The page

// Somebody chose files or types in it: what changed meanwhile must not take that away.
const isInUse = (element) => element.querySelector("input[type=checkbox]:checked") !== null ||
  (element.contains(document.activeElement) && document.activeElement.nodeName === "INPUT");

function show(keepsWork) {
  const keys = new Set(views.map((view) => view.jump));
  for (const [key, { element }] of shown) {
    if (!keys.has(key)) {
      element.remove();
      shown.delete(key);
    }
  }
  const elements = views.map((view) => {
    const json = JSON.stringify(view);
    const known = shown.get(view.jump);
    if (known && (known.json === json || (keepsWork && isInUse(known.element)))) return known.element;
    const element = groupTile(view);
    if (known) known.element.replaceWith(element);
    shown.set(view.jump, { json, element });
    return element;
  });
  at("groups").querySelector(".empty")?.remove();
  elements.forEach((element, place) => {
    if (at("groups").children[place] !== element) at("groups").insertBefore(element, at("groups").children[place] || null);
  });
  if (!views.length) at("groups").append(h("p", { class: "empty" }, "Nothing waits for a person. Every jump is known."));
  at("summary").textContent = only ? "One jump" : views.length ? `${count(views.length, "group waits", "groups wait")} for a person` : "";
}

async function look(keepsWork = false) {
  try {
    views = only ? [await ask(`/api/review/jumps/${encodeURIComponent(only)}`)] : (await ask("/api/review")).groups;
    show(keepsWork);
  } catch (problem) {
    at("summary").textContent = problem.message;
  }
}

at("who").value = localStorage.getItem("stinercut.who") || "";
at("who").addEventListener("input", () => {
  localStorage.setItem("stinercut.who", at("who").value.trim());
  at("who").classList.remove("missing");
});

at("csv").addEventListener("change", async () => {
  const [file] = at("csv").files;
  if (!file) return;
  at("list-said").textContent = "Importing…";
  try {
    const done = await ask("/api/bookings", { method: "POST", headers: { "content-type": "text/csv" }, body: file });
    at("list-said").textContent = `${done.new} new, ${done.changed} changed, ${done.same} as before.`;
    shown.clear();
    at("groups").replaceChildren();
    show();
  } catch (problem) {
    at("list-said").textContent = problem.message;
  }
  at("csv").value = "";
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-action=close]")) event.target.closest("dialog").close();
  else if (event.target.nodeName === "DIALOG") event.target.close(); // a tap beside it
});

at("look").addEventListener("close", () => {
  const video = at("look").querySelector("video");
  video.pause();
  video.removeAttribute("src");
  video.load();
});

setInterval(() => document.hidden || document.querySelector("dialog[open]") || look(true), LOOK_EVERY_MS);
look();
