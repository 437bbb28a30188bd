// Requests to the hub, addresses that work from this device, and the name of the person who decides.

import { fullStop, sentence } from "./words.js";

const SILENT = "The hub does not answer. Try again in a moment.";
const PATIENCE_MS = 60000;
const WHO = "stinercut.who";

const silent = () => Object.assign(new Error(SILENT), { code: "", what: SILENT });

// The hub's answer. Throws an Error with {message, code, what}: the hub's error, or that the hub does not answer.
// A body is sent as JSON, or as it is if a type is given.
export async function request(path, { method = "GET", body, type } = {}) {
  const asking = new AbortController(); // with a lost Wi-Fi the page would wait for many minutes
  const timer = setTimeout(() => asking.abort(), PATIENCE_MS);
  let answer;
  let said;
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "content-type": type || "application/json" },
      body: body === undefined || type ? body : JSON.stringify(body),
      signal: asking.signal,
    });
    said = await answer.json(); // a proxy in front of a hub that is away answers with its own page
  } catch {
    throw silent();
  } finally {
    clearTimeout(timer);
  }
  if (answer.ok) return said;
  if (!said?.error) throw silent();
  const { code, what, advice } = said.error;
  throw Object.assign(new Error(sentence([what, advice].filter(Boolean).map(fullStop).join(" "))), { code, what });
}

// A browser may be set to keep nothing; then people type their name each time.
export function who() {
  try {
    return localStorage.getItem(WHO) || "";
  } catch {
    return "";
  }
}

export function setWho(name) {
  try {
    localStorage.setItem(WHO, name);
  } catch {
    // The name is sent with the decision anyway.
  }
}

// On a tablet, an address such as 127.0.0.1 would mean the tablet itself, so use the page's own host instead.
export function reachable(url) {
  if (!url) return null;
  const address = new URL(url, location.href);
  if (!/^https?:$/.test(address.protocol)) return null;
  const isLoopback = ["127.0.0.1", "localhost", "[::1]"].includes(address.hostname);
  if (isLoopback) address.hostname = location.hostname;
  return address.href;
}
