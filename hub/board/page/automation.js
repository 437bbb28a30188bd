// What is switched off in Dagster though films depend on it, and the button that starts it again.

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
    // Dagster or the hub does not answer: nothing is known, and what was said before still is.
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
