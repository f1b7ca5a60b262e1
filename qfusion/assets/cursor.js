// The cursor of time, or of layers, follows its slider while it is dragged: its line in every figure, and the numbers
// at it, which have come with the page. The server draws the exact page when the thumb is let go.

let page = null;  // what is followed: the data of the component that was drawn last
let watch = null, watched = null, frame = 0, undo = [];

const input = () => page && document.querySelector(`.st-key-${CSS.escape(page.slider)} input[type="range"]`);

function stop() {  // number of the stop where the thumb is
  const slider = input();
  if (!slider) return -1;
  const [low, high, value] = [slider.min, slider.max, slider.value].map(Number), last = page.places.length - 1;
  return high > low ? Math.min(Math.max(Math.round((value - low) / (high - low) * last), 0), last) : -1;
}

function observe() {
  const slider = input();
  if (slider === watched) return;
  watch?.disconnect();
  watched = slider;
  if (!slider) return;
  watch = new MutationObserver(() => { frame ||= requestAnimationFrame(() => { frame = 0; draw(); }); });
  watch.observe(slider, {attributes: true, attributeFilter: ['value', 'aria-valuetext']});
}

function clear() {
  for (const step of undo.splice(0).reverse()) step();
}

function draw() {
  clear();
  const at = stop();
  if (at < 0 || at === page.now) return;
  let late = false;
  for (const name of page.panels) {
    const host = document.querySelector(`.st-key-figure-${CSS.escape(name)} .qf-figure`);
    if (!host?._fullLayout) continue;
    const inside = page.ends.includes(name) || at > 0 && at < page.places.length - 1;
    const drawn = line(host, page.places[at], inside);
    if (drawn && !page.states.includes(name)) continue;
    late = true;  // it shows a state, which only the server computes
    fade(host.closest('[class*="st-key-panel-"]') ?? host);
  }
  const words = page.words[at] ?? `${page.label}: ${page.stops[at]}${late ? `; ${page.late}` : ''}`;
  write(page.words.length ? '.st-key-cursor-values' : page.line, words);
}

// Draws the line over a figure and hides that of the server; false of a figure without such an axis.
function line(host, place, inside) {
  const layout = host._fullLayout;
  const plot = Object.values(layout._plots ?? {}).find(({xaxis}) => xaxis.title?.text?.startsWith(page.axis));
  if (!plot) return false;
  const axis = plot.xaxis, rows = Object.values(layout._plots).filter(({xaxis}) => xaxis === axis).map(({yaxis}) => yaxis);
  (layout.shapes ?? []).forEach((shape, n) => {
    if (shape.xref?.split(' ')[0] !== axis._id || shape.x0 !== shape.x1 || shape.line?.dash !== 'dash') return;
    for (const path of host.querySelectorAll(`.shapelayer path[data-index="${n}"]`)) {
      path.style.visibility = 'hidden';
      undo.push(() => { path.style.visibility = ''; });
    }
  });
  if (!inside) return true;
  const top = Math.min(...rows.map(row => row._offset)), bottom = Math.max(...rows.map(row => row._offset + row._length));
  const own = document.createElement('div');
  own.className = 'qf-cursor';
  own.ariaHidden = 'true';
  own.dataset.place = place;
  Object.assign(own.style, {left: `${axis._offset + axis.d2p(place)}px`, top: `${top}px`, height: `${bottom - top}px`});
  host.append(own);
  undo.push(() => own.remove());
  return true;
}

function fade(panel) {
  panel.setAttribute('data-late', '');
  undo.push(() => panel.removeAttribute('data-late'));
}

function write(place, words) {
  const shown = document.querySelector(`${place} p:not(.qf-live)`);
  if (!shown) return;
  const live = shown.cloneNode();
  live.className = 'qf-live';
  live.textContent = words;
  shown.after(live);
  shown.style.display = 'none';
  undo.push(() => { live.remove(); shown.style.display = ''; });
}

export default function ({data}) {
  page = data;
  observe();
  clear();
  if (stop() !== page.now) draw();  // it is dragged on while the page comes
  if (!window.qfusionCursor) {
    window.qfusionCursor = true;
    for (const name of ['pointerdown', 'focusin']) document.addEventListener(name, observe, true);
  }
  return () => { if (page === data) { clear(); page = null; observe(); } };
}
