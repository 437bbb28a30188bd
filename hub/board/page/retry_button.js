// The button that retries a failed jump or card.

import { h, icon } from "./dom.js";

export function retryButton(id, busy, kind) {
  return h("button", { class: `button ${kind}`, type: "button", "data-action": "retry", "data-id": id, disabled: busy },
    icon("retry"), busy ? "Starting…" : "Try again");
}
