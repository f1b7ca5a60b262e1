// The map of two sliders: both follow the pointer while it is pressed on the map, or the arrow keys on its ring. What the
// page shows follows them by knobs.js, from polynomials of both. Fingers scroll the page; a tap of one sets both sliders,
// see ui/slider_maps.py.

const MOVED = 3;  // pixels from which a press is no click
const IDLE = 500;  // milliseconds after an arrow key until the server draws the page
const NAME = 'pair';
let page = null;  // the data of the component that was drawn last
let pressed = null;  // where the pointer was pressed, and whether it has moved
let value = null, idle = 0, ring = null;

const figure = () => page && document.querySelector(`.st-key-figure-${CSS.escape(page.figure)} .qf-figure`);
const axes = host => host?._fullLayout?.yaxis?._length ? [host._fullLayout.xaxis, host._fullLayout.yaxis] : null;
const same = (one, other) => one.every((number, n) => Math.abs(number - other[n]) < 1e-9);
const now = () => page.sides.map(side => side.value);

function snap(numbers) {  // to values that the sliders take
  return numbers.map((number, n) => {
    const {step, high} = page.sides[n];
    return Math.min(Math.max(Number((Math.round(number / step) * step).toFixed(10)), 0), high);
  });
}

function pointed(event) {
  const host = figure(), both = axes(host), box = host.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left - both[0]._offset, event.clientY - box.top - both[1]._offset];
  return snap([both[0].p2d(x), both[1].p2d(y)]);
}

function turn(numbers) {
  if (value && same(value, numbers)) return;
  if (!value) requestAnimationFrame(say);
  value = numbers;
  place();
  window.qfusionKnobs?.hold(NAME, {css: page.panel, sides: page.sides, sheet: page.sheet, value: now()});
  window.qfusionKnobs?.turn(NAME, numbers);
}

function set() {  // the server draws the exact page
  clearTimeout(idle);
  idle = 0;
  if (!value) return;
  if (same(value, now())) { value = null; window.qfusionKnobs?.drop(NAME); place(); return; }
  const [across, up] = page.sides;
  window.qfusionKnobs?.press({values: {[across.knob]: value[0], [up.knob]: value[1]}});
}

function place(tries = 40) {
  const host = figure(), both = axes(host);
  if (!both) { if (tries && page) setTimeout(() => place(tries - 1), 250); return; }
  if (!ring) {
    ring = document.createElement('button');
    Object.assign(ring, {type: 'button', className: 'qf-ring', role: 'slider', ariaLabel: page.usage, onkeydown: key, onblur: () => idle && set()});
  }
  if (ring.parentElement !== host) host.append(ring);
  const [x, y] = value ?? now();
  Object.assign(ring.style, {left: `${both[0]._offset + both[0].d2p(x)}px`, top: `${both[1]._offset + both[1].d2p(y)}px`});
  ring.toggleAttribute('data-moves', Boolean(value));
  mark(host).style.visibility = value ? 'hidden' : '';
  const words = page.sides.map(({label, unit}, n) => `${label} ${unit}${[x, y][n].toFixed(2)}`).join(', ');
  Object.assign(ring, {ariaValueNow: x, ariaValueText: words});
}

function mark(host) {  // the ring that the server has drawn
  const drawn = host._fullData.find(({hovertemplate}) => hovertemplate?.startsWith('now'));
  return host.querySelector(`.trace${drawn?.uid} .points`) ?? ring;
}

// The words about both sliders stand above the page's numbers, which a window may not show together with the map.
function say() {
  const host = figure(), words = document.querySelector('.st-key-tweak-line > .qf-live')?.textContent;
  let label = host?.querySelector(':scope > .qf-pair');
  if (!value) { label?.remove(); return; }
  if (!label && words) {
    label = document.createElement('div');
    label.className = 'plotly-live-moment qf-pair';
    label.ariaHidden = 'true';
    host.append(label);
  }
  if (label && words && label.textContent !== words) label.textContent = words;
  requestAnimationFrame(say);
}

const KEYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1]};

function key(event) {
  const way = KEYS[event.key];
  if (!way) return;
  event.preventDefault();
  const size = event.shiftKey ? 10 : 1, from = value ?? now();
  turn(snap(from.map((number, n) => number + size * way[n] * page.sides[n].step)));
  clearTimeout(idle);
  idle = setTimeout(set, IDLE);
}

function listen() {
  document.addEventListener('pointerdown', event => {
    const host = figure();
    if (event.button || event.pointerType === 'touch' || !axes(host) || !host.contains(event.target) || !event.target.closest('.nsewdrag, .qf-ring')) return;
    if (!window.qfusionKnobs?.press) return;
    event.preventDefault();  // else Plotly takes a drag that ends for a click where it began
    pressed = {x: event.clientX, y: event.clientY, moved: false};
  }, true);
  document.addEventListener('pointermove', event => {
    if (!pressed || !axes(figure())) return;
    pressed.moved ||= Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) >= MOVED;
    if (pressed.moved) turn(pointed(event));
  }, true);
  for (const name of ['pointerup', 'pointercancel']) document.addEventListener(name, event => {
    if (!pressed) return;
    pressed = null;
    if (event.type === 'pointerup' && axes(figure())) turn(pointed(event));
    set();
  }, true);
  window.addEventListener('resize', () => setTimeout(place, 400));
}

export default function ({data}) {
  page = data;
  if (!pressed?.moved && !idle) value = null;
  place();
  if (!window.qfusionPairs) { window.qfusionPairs = true; listen(); }
  return () => { if (page === data) { page = null; value = null; ring?.remove(); } };
}
