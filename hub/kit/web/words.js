// Words and numbers, the same on every page.

export const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

export const fullStop = (text) => (/[.!?…]$/.test(text) ? text : `${text}.`);

export const sentence = (text) => fullStop(`${text.charAt(0).toUpperCase()}${text.slice(1)}`);

export function size(bytes) {
  if (bytes < 1e6) return `${bytes && Math.max(1, Math.round(bytes / 1e3))} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return `${(bytes / 1e9).toFixed(bytes < 1e10 ? 2 : 1)} GB`;
}

export function left(seconds) {
  if (seconds < 5) return "nearly done";
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} s left`;
  if (seconds < 3600) return `about ${Math.ceil(seconds / 60)} min left`;
  return `about ${(seconds / 3600).toFixed(1)} h left`;
}

export function length(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

// A name within a sentence, isolated so that a right-to-left name doesn't reorder the words around it.
export const apart = (name) => (RIGHT_TO_LEFT.test(name) ? `\u2068${name}\u2069` : name);

// The day in this place's time zone, not in UTC.
export function isoDay(date) {
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function dayWords(iso) {
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  const [year, month, day] = iso.split("-").map(Number);
  const words = new Date(year, month - 1, day).toLocaleDateString("en-GB", {
    weekday: "long", day: "numeric", month: "long", year: year === today.getFullYear() ? undefined : "numeric",
  });
  if (iso === isoDay(today)) return `Today, ${words}`;
  return iso === isoDay(yesterday) ? `Yesterday, ${words}` : words;
}

export const clock = (moment) => new Date(moment).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

// The role of a file in its jump, in words; empty for an ordinary clip of the film.
export function fileWords(file) {
  if (file.same_as) return `the same as ${file.same_as}; it is in the film once`;
  return { qr: "the code", photo: "a photo", left_out: "left out of the film" }[file.role] || "";
}
