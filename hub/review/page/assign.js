// The form that tells whose jump it is: typed, or taken from the list of bookings or from a code.

import { request } from "./asking.js";
import { button, decide, whither } from "./deciding.js";
import { note } from "./dialogs.js";
import { h } from "./dom.js";
import { draftOf } from "./drafts.js";
import { afterPause } from "./timing.js";
import { apart } from "./words.js";

const BOOKINGS = 12;

// The draft keeps what a person types, so that it is there again when the form is built again.
function field(draft, name, words, attributes) {
  const value = draft[name] ?? attributes.value;
  const input = h("input", { required: true, autocomplete: "off", ...attributes, name, value });
  input.addEventListener("input", () => { draft[name] = input.value; });
  return { input, label: h("label", { class: "field" }, words, input) };
}

function choiceOf(name, about, press) {
  return h("button", { class: "button", type: "button", click: press },
    h("strong", { dir: "auto" }, name), h("small", null, about));
}

// A code that could not be accepted may be now: its key was added, or the reader was improved.
const canReadAgain = (view) => view.state === "review" && view.files.some((file) => file.code && !file.says);

async function readAgain(view) {
  if (await decide(view.jump, "read-again", {})) {
    note("Its codes are being read again. The result appears here or on the board in a moment.");
  }
}

async function joinAnother(view) {
  const into = await whither(view.jump);
  if (into) await decide(view.jump, "join", { into: into.jump }, into.passenger);
}

export function assignForm(view) {
  const draft = draftOf(view.jump).fields;
  const name = field(draft, "name", "Passenger's name", { type: "text", maxlength: 80, value: view.passenger });
  const plain = { autocapitalize: "off", spellcheck: "false" };
  const booking = field(draft, "booking", "Booking", { type: "text", maxlength: 32, value: view.booking_id, ...plain });
  const when = field(draft, "when", "Day of the jump", { type: "date", value: view.jump_date });
  const press = view.passenger ? "Correct it" : "This is their jump";
  const submit = h("button", { class: "button main", type: "submit" }, press);
  const list = h("div", { class: "choices" });

  const fill = (chosen) => {
    draft.name = name.input.value = chosen.passenger_name;
    draft.booking = booking.input.value = chosen.booking_id;
    draft.when = when.input.value = chosen.jump_date;
    submit.focus();
  };
  const offer = async () => {
    const wanted = name.input.value.trim();
    const query = new URLSearchParams({ q: wanted, day: when.input.value || view.jump_date, limit: BOOKINGS });
    try {
      const { bookings } = await request(`/api/bookings?${query}`);
      if (wanted !== name.input.value.trim()) return;
      list.replaceChildren(...bookings.map((one) => choiceOf(one.passenger_name, one.booking_id, () => fill(one))));
    } catch (problem) {
      list.replaceChildren(h("p", { class: "problem" }, problem.message));
    }
  };
  name.input.addEventListener("input", afterPause(offer));
  when.input.addEventListener("change", offer);

  const codes = view.files.filter((file) => file.says);
  const form = h("form", { class: "assign" },
    h("h3", null, view.passenger ? "Correct whose jump it is" : "Whose jump is it?"),
    h("div", { class: "fields" }, name.label, booking.label, when.label),
    codes.length ? h("div", { class: "choices" }, codes.map((file) =>
      choiceOf(file.says.passenger_name, `from the code in ${file.name}`, () => fill(file.says)))) : null,
    list,
    h("div", { class: "actions" }, submit,
      canReadAgain(view) ? button("Read its codes again", "", () => readAgain(view)) : null,
      button("It belongs to another jump…", "", () => joinAnother(view))));

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    const passenger = name.input.value.normalize("NFC").trim();
    const said = { passenger_name: passenger, booking_id: booking.input.value, jump_date: when.input.value };
    const done = await decide(view.jump, "assign", said, passenger);
    submit.disabled = false;
    if (done) note(`It is ${apart(passenger)}’s jump now. The film follows by itself.`);
  });
  offer();
  return form;
}
