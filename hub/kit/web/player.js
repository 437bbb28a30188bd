// Plays a film or a clip in the page's dialog for films.

import { openDialog } from "./dialogs.js";
import { at } from "./dom.js";

const video = at("player").querySelector("video");

// The dialog shows `excuse` if the film can't be played.
export function play(url, title, excuse) {
  at("player-title").textContent = title;
  at("player-problem").hidden = true;
  video.hidden = false;
  video.onerror = () => {
    if (!video.hasAttribute("src")) return;
    at("player-problem").textContent = excuse;
    at("player-problem").hidden = false;
    video.hidden = true;
  };
  video.src = url;
  openDialog(at("player"));
  video.play().catch(() => {}); // a browser may require a second tap
}

at("player").addEventListener("close", () => {
  video.pause();
  video.removeAttribute("src");
  video.load();
});
