// A person's unfinished work on a group: typed texts, chosen files, places in clips. It outlives the elements, which are
// built again when the group changes.

const drafts = new Map(); // jump -> {fields: {name: text}, picked: Set of files, places: Map of file to place in it}

export function draftOf(jump) {
  if (!drafts.has(jump)) drafts.set(jump, { fields: {}, picked: new Set(), places: new Map() });
  return drafts.get(jump);
}

export function dropDraft(jump) {
  drafts.delete(jump);
}

export function isHalfDone(jump) {
  const draft = drafts.get(jump);
  return draft !== undefined && (draft.picked.size > 0 || Object.keys(draft.fields).length > 0);
}
