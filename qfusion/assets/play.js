// Play: moves the slider of time, as a hand would drag it, until it is paused or the end is reached. While the slider is
// moved, by either, a line stands at its time in every figure over time. Once it stops, the server draws that moment.

const SECONDS = 6;  // of the whole evolution
const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;  // React's own is not told
const slider = player => player.room.querySelector('input[type="range"]');

function mark(player) {
  const {value, axis, end} = player.data, share = Number(slider(player)?.value ?? value);
  for (const host of document.querySelectorAll('.qf-figure')) {
    const {xaxis, _size} = host._fullLayout ?? {}, title = xaxis?.title?.text?.replaceAll('<br>', ' ');
    let line = host.querySelector(':scope > .plotly-live-cursor');
    if (Math.abs(share - value) < 1e-6 || title !== axis) { line?.remove(); continue; }
    if (!line) host.append(line = Object.assign(document.createElement('div'), {className: 'plotly-live-cursor', ariaHidden: 'true'}));
    Object.assign(line.style, {left: `${xaxis._offset + xaxis.d2p(share * end)}px`, top: `${_size.t}px`, height: `${_size.h}px`});
  }
}

function halt(player) {
  cancelAnimationFrame(player.frame);
  player.frame = 0;
  player.button.textContent = 'Play';
}

function pause(player) {
  halt(player);
  const share = Number(slider(player)?.value);
  if (Math.abs(share - player.data.value) >= 1e-6) player.send('paused', share);
}

function play(player) {
  const from = Number(slider(player).value), start = from < 1 ? from : 0, began = performance.now();
  player.button.textContent = 'Pause';
  const step = now => {
    const share = Math.min(1, start + Math.max(0, now - began) / (1000 * SECONDS)), input = slider(player);
    if (!input) { halt(player); return; }
    setValue.call(input, share);
    input.dispatchEvent(new Event('input', {bubbles: true}));
    if (share < 1) player.frame = requestAnimationFrame(step);
    else pause(player);
  };
  player.frame = requestAnimationFrame(step);
}

const players = new WeakMap();

function begin(parent) {
  const player = {room: parent.closest('.st-key-cursor'), button: document.createElement('button'), frame: 0};
  Object.assign(player.button, {type: 'button', className: 'qf-button', textContent: 'Play', title: 'Moves the time cursor through the evolution'});
  player.button.onclick = () => (player.frame ? pause : play)(player);
  player.grab = event => { if (player.frame && event.target.closest('[data-testid="stSlider"]')) halt(player); };
  for (const name of ['pointerdown', 'keydown']) player.room.addEventListener(name, player.grab, true);
  player.watch = new MutationObserver(() => mark(player));
  player.watch.observe(player.room, {subtree: true, attributes: true, attributeFilter: ['value', 'aria-valuetext']});
  parent.append(player.button);
  players.set(parent, player);
  return player;
}

export default function ({data, parentElement, setTriggerValue}) {
  const player = players.get(parentElement) ?? begin(parentElement);
  Object.assign(player, {data, send: setTriggerValue});
  mark(player);
  return () => {
    halt(player);
    player.watch.disconnect();
    for (const name of ['pointerdown', 'keydown']) player.room.removeEventListener(name, player.grab, true);
    for (const line of document.querySelectorAll('.qf-figure > .plotly-live-cursor')) line.remove();
    player.button.remove();
    players.delete(parentElement);
  };
}
