// The office's list of bookings: a file is read first, the page shows what it would change, and then it is imported.

import { request } from "./asking.js";
import { button } from "./deciding.js";
import { at, h } from "./dom.js";
import { count, fullStop, sentence } from "./words.js";

const ENCODINGS = {
  "": "detected automatically",
  "windows-1252": "Windows-1252 (Western Europe)",
  "windows-1250": "Windows-1250 (Central Europe)",
  "windows-1251": "Windows-1251 (Cyrillic)",
  "windows-1253": "Windows-1253 (Greek)",
  "windows-1254": "Windows-1254 (Turkish)",
  "windows-1255": "Windows-1255 (Hebrew)",
  "windows-1256": "Windows-1256 (Arabic)",
  "windows-1257": "Windows-1257 (Baltic)",
};
const FIELDS = { passenger_name: "name", tandem_master_id: "tandem master", email: "email", phone: "phone" };

let file = null;
let encoding = "";
let imported = () => {};
let asked = 0; // counts questions: a late answer about an earlier file, or after closing, must not be shown

const said = (words) => (at("list-said").textContent = words);

function send(preview) {
  const query = new URLSearchParams({ preview, ...(encoding && { encoding }) });
  return request(`/api/bookings?${query}`, { method: "POST", body: file, type: "text/csv" });
}

async function lookAtList() {
  const mine = (asked += 1);
  said("Reading the file…");
  at("list-preview").inert = true; // the preview is of another file, or another encoding
  try {
    const view = await send(true);
    if (mine !== asked) return;
    show(view);
    said("");
  } catch (problem) {
    if (mine !== asked) return;
    at("list-preview").replaceChildren(encoding ? encodingField() : "");
    said(problem.message);
  }
  at("list-preview").inert = false;
}

async function takeList() {
  const mine = (asked += 1);
  said("Importing…");
  at("list-preview").inert = true; // a second press would be a second import, and a late "Cancel" would cancel nothing
  try {
    const done = `Imported: ${numbers(await send(false))}.`;
    imported();
    if (mine !== asked) return; // another file was chosen meanwhile
    said(done);
    leave();
  } catch (problem) {
    if (mine === asked) said(problem.message);
  }
  if (mine === asked) at("list-preview").inert = false;
}

function leave() {
  file = null;
  encoding = "";
  at("list-preview").replaceChildren();
}

const numbers = (view) => {
  const refused = view.refused ? `, ${view.refused} not imported` : "";
  return `${view.new} new, ${view.changed} changed, ${view.same} unchanged${refused}`;
};

function show(view) {
  const rows = view.new + view.changed;
  at("list-preview").replaceChildren(
    h("p", { class: "numbers" }, h("strong", {}, file.name), `: ${numbers(view)}.`),
    view.assumed || encoding ? h("p", { class: "problem" }, fullStop(view.assumed || "You chose the encoding")) : "",
    view.assumed || encoding ? encodingField() : "",
    sectionOf("Not imported", view.refusals, view.refused),
    sectionOf("Check these", view.warnings, view.warnings.length),
    changedRows(view.changes, rows),
    h("p", { class: "actions" },
      takeButton(rows),
      h("button", { class: "button", type: "button", click: () => { leave(); said(""); } }, "Cancel")),
  );
}

// Tapped twice, it would report all imported bookings as already known.
function takeButton(rows) {
  const take = button(rows ? `Import ${count(rows, "booking", "bookings")}` : "Nothing changes", "main", takeList);
  take.disabled = !rows;
  return take;
}

function encodingField() {
  const options = Object.entries(ENCODINGS).map(([value, words]) => h("option", { value, selected: value === encoding }, words));
  const change = (event) => {
    encoding = event.target.value;
    lookAtList();
  };
  const words = "If names look wrong, choose the file's encoding: ";
  return h("label", { class: "field" }, words, h("select", { change }, options));
}

function sectionOf(title, rows, number) {
  if (!rows.length) return "";
  const more = number > rows.length ? h("li", {}, `… and ${number - rows.length} more`) : null;
  return h("section", {}, h("h3", {}, title),
    h("ul", { class: "rows" }, rows.map((row) => h("li", {}, h("b", {}, `Line ${row.line}`), sentence(row.what))), more));
}

function changedRows(rows, number) {
  if (!rows.length) return "";
  const more = number > rows.length ? h("li", {}, `… and ${number - rows.length} more`) : null;
  return h("section", {}, h("h3", {}, "New and changed"), h("ul", { class: "rows" }, rows.map(changedRow), more));
}

function changedRow(row) {
  const what = row.change === "new" ? "new" : `changed: ${row.fields.map((name) => FIELDS[name]).join(", ")}`;
  const name = h("bdi", {}, row.passenger_name);
  return h("li", {}, h("b", {}, row.before ? [h("bdi", {}, row.before), " → ", name] : name),
    h("small", {}, `${row.booking_id} · ${row.jump_date} · ${what}`));
}

// `afterwards` is called when a list was imported, since the bookings to choose from have changed then.
export function listenToList(afterwards) {
  imported = afterwards;
  at("csv").addEventListener("change", () => {
    const [chosen] = at("csv").files;
    at("csv").value = ""; // the same file, corrected, may be chosen again
    if (!chosen) return;
    file = chosen;
    encoding = "";
    lookAtList();
  });
}
