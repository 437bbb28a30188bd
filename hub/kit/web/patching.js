// Changes as little of the page as possible, so that focus, open details and a playing film stay as they are.

// Make `old` look like `fresh`. Children with a data-key are matched by it.
function patch(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !isOfThePage(old, name, fresh)) old.removeAttribute(name);
  }
  patchChildren(old, [...fresh.childNodes]);
}

// Attributes to keep: a person opened it, its picture is missing, or a script gave it the focus.
function isOfThePage(old, name, fresh) {
  if (name === "hidden") return old.nodeName === "IMG" && old.getAttribute("src") === fresh.getAttribute("src");
  return name === "tabindex" || (name === "open" && old.nodeName === "DETAILS");
}

function keyOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null;
}

function patchChildren(parent, fresh) {
  const keyed = new Map([...parent.childNodes].filter(keyOf).map((node) => [keyOf(node), node]));
  let next = parent.firstChild;
  for (const node of fresh) {
    const key = keyOf(node);
    const match = key ? keyed.get(key) : next && !keyOf(next) ? next : null;
    if (!match) {
      parent.insertBefore(node, next);
      continue;
    }
    if (match !== next) parent.insertBefore(match, next);
    next = match.nextSibling;
    patch(match, node);
  }
  while (next) {
    const after = next.nextSibling;
    next.remove();
    next = after;
  }
}

// Give `parent` exactly these elements, in this order. Elements that are in place already are not touched.
export function place(parent, elements) {
  const wanted = new Set(elements);
  for (const old of [...parent.childNodes]) if (!wanted.has(old)) old.remove();
  let next = parent.firstChild;
  for (const element of elements) {
    if (element === next) next = next.nextSibling;
    else parent.insertBefore(element, next);
  }
}

const areSame = (some, others) => some.length === others.length && some.every((one, number) => one === others[number]);

// Elements by key. An element is built again, and patched into its place, only when one of its parts has changed.
export function tilesOf(build) {
  const kept = new Map();
  return {
    of(key, ...parts) {
      const known = kept.get(key);
      if (known && areSame(known.parts, parts)) return known.element;
      const fresh = build(...parts);
      if (known) patch(known.element, fresh);
      const element = known ? known.element : fresh;
      kept.set(key, { element, parts });
      return element;
    },
    keepOnly(keys) {
      const wanted = new Set(keys);
      for (const key of kept.keys()) if (!wanted.has(key)) kept.delete(key);
    },
  };
}
