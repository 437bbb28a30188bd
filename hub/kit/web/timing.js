// When to ask: repeatedly, or after somebody has stopped typing.

const EVERY_MS = 5000;

// Ask, show the answer, and ask again some seconds after that; not while the page is hidden or `isHeld()` is true.
// Drops an answer that comes after a newer question. Returns a function that asks at once.
export function keepLooking({ ask, show, fail, isHeld = () => false, every = EVERY_MS }) {
  let number = 0;
  let timer = 0;

  async function look() {
    const mine = (number += 1);
    clearTimeout(timer);
    let found;
    try {
      found = await ask();
    } catch (problem) {
      if (mine === number) fail(problem.message);
      return;
    } finally {
      if (mine === number) timer = setTimeout(again, every);
    }
    if (mine === number) show(found);
  }

  function again() {
    if (document.hidden) return; // continues when somebody looks
    if (isHeld()) timer = setTimeout(again, every);
    else look();
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    timer = setTimeout(again, 0);
  });
  return look;
}

// Returns a function that does the work once, when it has not been called for a moment.
export function afterPause(work, pause = 200) {
  let timer = 0;
  return (...said) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...said), pause);
  };
}
