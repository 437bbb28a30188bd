// Sensors and schedules that films need and that are switched off in Dagster, and the button that starts them again.

import { request } from "./asking.js";
import { at, write } from "./dom.js";

const AUTOMATION_MS = 10000;
const NOT_STARTED = "They could not be started.";

export function watchAutomation() {
  at("off-start").addEventListener("click", startWhatIsOff);
  document.addEventListener("visibilitychange", lookWhatIsOff);
  setInterval(lookWhatIsOff, AUTOMATION_MS);
  lookWhatIsOff();
}

async function lookWhatIsOff() {
  if (document.hidden) return;
  try {
    showWhatIsOff((await request("/api/automation")).problem);
  } catch {
    // Dagster or the hub does not answer: the state is unknown, so the page keeps what it shows.
  }
}

function showWhatIsOff(problem) {
  write(at("off-what"), problem);
  at("off").hidden = !problem;
}

async function startWhatIsOff() {
  at("off-start").disabled = true;
  try {
    await request("/api/automation/start", { method: "POST" });
    await lookWhatIsOff();
  } catch (refused) {
    write(at("off-what"), `${NOT_STARTED} ${refused.message}`);
  } finally {
    at("off-start").disabled = false;
  }
}
