// The connection to the hub: comes back by itself, and is given up when it falls silent.
// A Wi-Fi that has gone away closes no socket; the hub says something every few seconds, and silence tells.

const SILENCE_MS = 12000; // the hub's beat is 5 s
const CONNECTING_MS = 5000;
const LOOK_MS = 1000;
const ALARM_MS = 1500; // a hub that restarts is back within a second: no need to alarm anybody
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;

let socket = null;
let heard = 0; // when something came last, or connecting began
let wait = FIRST_WAIT_MS;
let alarm = 0;
let again = 0;
let take = () => {};
let showLost = () => {};

// `onFrame` gets each frame, `onLost` whether what was told may be old.
export function stayConnected(onFrame, onLost) {
  take = onFrame;
  showLost = onLost;
  setInterval(check, LOOK_MS);
  document.addEventListener("visibilitychange", wake);
  window.addEventListener("online", wake);
  connect();
}

function connect() {
  clearTimeout(again);
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const mine = new WebSocket(`${scheme}//${location.host}/ws/board`);
  socket = mine;
  heard = Date.now();
  mine.onopen = () => {
    if (mine === socket) heard = Date.now();
  };
  mine.onmessage = (message) => {
    if (mine !== socket) return;
    heard = Date.now();
    wait = FIRST_WAIT_MS;
    clearTimeout(alarm);
    alarm = 0;
    showLost(false);
    take(JSON.parse(message.data));
  };
  mine.onclose = () => {
    if (mine === socket) lose();
  };
}

// Dates, not a stopwatch: that stands still in some browsers while the machine sleeps.
function check() {
  if (!socket) return;
  const silent = Date.now() - heard;
  if (silent < 0) heard = Date.now(); // somebody set the clock back
  const isOpen = socket.readyState === WebSocket.OPEN;
  if (silent <= (isOpen ? SILENCE_MS : CONNECTING_MS)) return;
  if (isOpen) showLost(true); // it has been old for a while
  lose();
}

// Somebody looks at the page, or the network is back: old news must not be there for another second.
function wake() {
  if (document.hidden) return;
  check();
  if (socket) return;
  wait = FIRST_WAIT_MS;
  connect();
}

function lose() {
  const gone = socket;
  socket = null;
  gone.close();
  if (!alarm) alarm = setTimeout(() => showLost(true), ALARM_MS);
  clearTimeout(again);
  again = setTimeout(connect, wait);
  wait = Math.min(wait * 2, LONGEST_WAIT_MS);
}
