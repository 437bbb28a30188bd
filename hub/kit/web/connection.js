// The connection to the hub: reconnects by itself, and gives up a connection that falls silent.
// A lost Wi-Fi closes no socket, but the hub sends something every few seconds, so silence means a lost connection.

const SILENCE_MS = 12000; // the hub's beat is 5 s
const CONNECTING_MS = 5000;
const LOOK_MS = 1000;
const ALARM_MS = 1500; // a restarting hub is back within a second: no need to alarm anybody
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;

let socket = null;
let heard = 0; // the time of the last frame, or of the start of connecting
let wait = FIRST_WAIT_MS;
let alarm = 0;
let again = 0;
let take = () => {};
let showLost = () => {};

// `onFrame` gets each frame; `onLost` gets whether the page's data may be old.
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

// Use dates and no monotonic clock: in some browsers that stands still while the machine sleeps.
function check() {
  if (!socket) return;
  const silent = Date.now() - heard;
  if (silent < 0) heard = Date.now(); // somebody set the clock back
  const isOpen = socket.readyState === WebSocket.OPEN;
  if (silent <= (isOpen ? SILENCE_MS : CONNECTING_MS)) return;
  if (isOpen) showLost(true); // the data has been old for a while
  lose();
}

// Somebody looks at the page, or the network is back: don't show old news for another second.
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
