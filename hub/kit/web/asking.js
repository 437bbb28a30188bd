// Asking the hub, addresses that lead somewhere from here, and the name of the person who decides.

import { fullStop, sentence } from "./words.js";

const SILENT = "The hub does not answer. Try again in a moment.";
const PATIENCE_MS = 60000;
const WHO = "stinercut.who";

const silent = () => Object.assign(new Error(SILENT), { code: "", what: SILENT });

// What the hub answers. Throws an Error with {message, code, what}: what the hub said of it, or that it says nothing.
// A body is sent as JSON, or as it is where a type is given.
export async function request(path, { method = "GET", body, type } = {}) {
  const asking = new AbortController(); // a Wi-Fi that has gone away would keep us waiting for many minutes
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
    said = await answer.json(); // a proxy before a hub that is away answers with a page of its own
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

// A browser may be told to keep nothing; then the name is typed each time.
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
    // It is sent with the decision all the same.
  }
}

// An address of this machine means nothing to a tablet: there the page's own host is the right one.
export function reachable(url) {
  if (!url) return null;
  const address = new URL(url, location.href);
  if (!/^https?:$/.test(address.protocol)) return null;
  const isLoopback = ["127.0.0.1", "localhost", "[::1]"].includes(address.hostname);
  if (isLoopback) address.hostname = location.hostname;
  return address.href;
}
