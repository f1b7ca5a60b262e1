// A Plotly figure that is changed in place.
//
// Streamlit's own element takes a figure with other numbers for another element: it throws the old one away and draws
// three times until the new one has its size. Here a figure stays for as long as its key does, is drawn once a change,
// and says what is chosen in it once, as a trigger, so that nothing stays marked.

const point = each => ({curve_number: each.curveNumber, point_index: each.pointIndex ?? each.pointNumber,
  x: each.x, y: each.y, customdata: each.customdata ?? null});

// Titles of axes are broken where they are longer than their axis, which Plotly would cut: on phones.
const PHONE = 480;  // pixels of a figure's width
const pen = document.createElement('canvas').getContext('2d');

function broken(text, room, size) {
  pen.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  const lines = [];
  for (const word of text.split(/<br>|\s+/)) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && pen.measureText(longer).width <= room) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join('<br>');
}

function titled(axis, name, layout, width, height) {
  const text = axis.title?.text ?? axis.title;
  if (typeof text !== 'string' || /<(?!br)/.test(text)) return axis;
  const [low, high] = axis.domain ?? [0, 1], size = axis.title?.font?.size ?? 12;
  const room = (high - low) * (name[0] === 'x' ? width - (layout.margin?.l ?? 80) - 40 : height - 60);
  pen.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  if (text.split('<br>').every(line => pen.measureText(line).width <= room)) return axis;
  return {...axis, automargin: true, title: {...axis.title, text: broken(text, room, size)}};
}

// Names of rows take at most this share of the width, and as many lines as there is room for.
const NAMES = 0.4;

function row(text, room, size, most) {
  if (/<(?!br)/.test(text)) return text;
  pen.font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  const lines = (text.includes('<br>') ? text : broken(text, room, size)).split('<br>');
  most = Math.max(most, text.split('<br>').length);
  if (lines.length > most) lines.splice(most - 1, lines.length, lines.slice(most - 1).join(' '));
  return lines.map(line => {
    if (pen.measureText(line).width <= room) return line;
    const letters = [...line];
    while (letters.length && pen.measureText(`${letters.join('')}…`).width > room) letters.pop();
    return `${letters.join('').trimEnd()}…`;
  }).join('<br>');
}

function rowed(axis, layout, width, height) {
  if (!Array.isArray(axis.ticktext)) return axis;
  const size = axis.tickfont?.size ?? layout.font?.size ?? 12, [low, high] = axis.domain ?? [0, 1];
  const inside = (high - low) * (height - (layout.margin?.t ?? 100) - (layout.margin?.b ?? 80));
  const lines = Math.min(2, Math.floor(inside / axis.ticktext.length / (1.3 * size)));
  return {...axis, ticktext: axis.ticktext.map(text => row(String(text), NAMES * width, size, Math.max(1, lines)))};
}

// Lines are named at their ends where the figure is wide enough, else in its legend; see figures/line_labels.py.
const SHARE = 0.25;  // of the width that the names may take

function named(data, layout, width) {
  const offer = layout.meta?.line_labels;
  if (!offer || offer.right > SHARE * width) return layout;
  const labels = offer.labels.filter(({text, yref}) => data.some(trace => trace.name === text && (trace.yaxis ?? 'y') === yref));
  const axes = Object.entries(offer.ranges).map(([name, range]) => [name, {...layout[name], range, autorange: false}]);
  return {...layout, ...Object.fromEntries(axes), showlegend: false, margin: {...layout.margin, r: offer.right, t: offer.top},
    annotations: [...layout.annotations ?? [], ...labels, ...offer.notes]};
}

function settled(data, layout, chosen, width, height) {
  layout = named(data, layout, width);
  if (width < PHONE) {
    layout = {...layout};
    for (const name in layout) if (/^[xy]axis/.test(name)) layout[name] = titled(layout[name], name, layout, width, height);
    for (const name in layout) if (/^yaxis/.test(name)) layout[name] = rowed(layout[name], layout, width, height);
  }
  for (const name in layout) if (/^[xy]axis/.test(name)) layout[name].ticklabeloverflow ??= 'allow';  // a third faster
  if (chosen) Object.assign(layout, {clickmode: 'event', hovermode: layout.hovermode ?? 'closest'});
  return {...layout, width, height, dragmode: layout.dragmode ?? 'pan', modebar: {...layout.modebar, uirevision: true},
    legend: {...layout.legend, itemclick: false, itemdoubleclick: false}};
}

const MANY = 3000;  // points from which the graphics card draws them: as SVG elements each takes its own time
let gpu;

function compiles() {  // Plotly's drawing on the card compiles scripts, which a strict server does not allow
  try { return Boolean(new Function('')); } catch { return false; }
}

// What has not changed stays the same array, or template, by which Plotly knows that it need not draw it anew.
const BYTES = {f8: Float64Array, f4: Float32Array, i4: Int32Array, i2: Int16Array, i1: Int8Array, u4: Uint32Array, u2: Uint16Array, u1: Uint8Array};

function kept(then, now, whole = Array.isArray(now)) {
  if (!now || typeof now !== 'object') return now;
  if (now.bdata && BYTES[now.dtype] && !now.shape) {
    if (then?.bytes === now.bdata && then instanceof BYTES[now.dtype]) return then;
    const bytes = Uint8Array.from(atob(now.bdata), letter => letter.charCodeAt());
    return Object.assign(new BYTES[now.dtype](bytes.buffer), {bytes: now.bdata});
  }
  const deep = (key, value) => kept(then?.[key], value, whole || key === 'template' || Array.isArray(value));
  if (Array.isArray(now)) {
    const own = now.map((value, n) => deep(n, value));
    return own.length === then?.length && own.every((value, n) => value === then[n]) ? then : own;
  }
  const own = Object.fromEntries(Object.entries(now).map(([key, value]) => [key, deep(key, value)]));
  return whole && then && Object.keys(then).length === Object.keys(own).length && Object.keys(own).every(key => own[key] === then[key]) ? then : own;
}

// A ring around one point is a shape, which is drawn alone when it moves, and a trace with all others.
function ringed({data, layout}) {
  const ring = data.at(-1), half = ring?.marker?.size / 2;
  if (ring?.marker?.symbol !== 'circle-open' || ring.hoverinfo !== 'skip' || ring.x?.length !== 1 || data.length < 2)
    return {data, layout};
  const shape = {type: 'circle', xsizemode: 'pixel', ysizemode: 'pixel', xanchor: ring.x[0], yanchor: ring.y[0],
    x0: -half, x1: half, y0: -half, y1: half, line: ring.marker.line, showlegend: ring.showlegend ?? layout.showlegend ?? true, name: ring.name};
  return {data: data.slice(0, -1), layout: {...layout, shapes: [...layout.shapes ?? [], shape]}};
}

const FEW = 1000;  // points of a line that is drawn with all of them, so that it can move point by point

function detailed(figure) {
  for (const trace of figure.data) {
    const count = trace.x?.length ?? trace.x?.bdata?.length / 10;  // ten letters a number, about
    if (trace.type === 'scatter' && trace.mode?.includes('lines') && count <= FEW) trace.line = {...trace.line, simplify: false};
  }
  return figure;
}

function fast(figure) {  // on the screen only: a figure that is saved keeps its vectors
  // numbers may stand there as bytes, which have no length; what a point is stands beside them
  const many = figure.data.filter(trace => trace.type === 'scatter' && trace.mode === 'markers'
    && (trace.x?.length ?? trace.customdata?.length ?? 0) > MANY);
  if (!many.length) return figure;
  gpu ??= compiles() && Boolean(document.createElement('canvas').getContext('webgl'));
  if (gpu) for (const trace of many) trace.type = 'scattergl';
  return figure;
}

// Draws a figure in place of what stands there. Points that move within fixed axes are drawn alone first: what is left to
// draw then are single shapes and texts, out of hundreds.
const MOVES = ['x', 'y', 'text', 'hovertext', 'customdata', 'marker'];

async function show(plotly, host, figure) {
  const {_fullLayout: was, data: points} = host, then = host.now, now = kept(then, detailed(figure));
  const moved = now.data.flatMap((trace, n) => trace === then?.data[n] ? [] : [n]);
  const fixed = was?._subplots.cartesian.length && !was.showlegend && [...was._subplots.xaxis, ...was._subplots.yaxis].every(
    name => was[`${name[0]}axis${name.slice(1)}`].autorange === false);
  if (moved.length && fixed && points === then.data && points.length === now.data.length && moved.every(n => now.data[n].type === 'scatter'
    && Object.keys({...points[n], ...now.data[n]}).every(key => MOVES.includes(key) || points[n][key] === now.data[n][key])))
    await plotly.animate(host, {data: moved.map(n => now.data[n]), traces: moved},
      {mode: 'immediate', frame: {duration: 0, redraw: false}, transition: {duration: 0}});
  const {width, height} = host.room, {data, layout} = ringed(fast(host.now = now));
  await plotly.react(host, data, settled(data, layout, host.chosen, width, height), host.config);
  for (const layer of host.querySelectorAll('.shapelayer')) {  // a shape that is drawn alone comes to lie above all others
    const parts = [...layer.children], sorted = parts.toSorted((a, b) => a.dataset.index - b.dataset.index);
    if (parts.some((part, n) => part !== sorted[n])) layer.append(...sorted);
  }
}

// Traces that stay move to their new places, by the rules of the style sheet. A figure of another size, or with other
// traces, does not: its lines would move to places of others.
const MOVING = 300;  // milliseconds from when they are drawn

async function move(plotly, host, figure) {
  const size = JSON.stringify(host.room), traces = JSON.stringify(figure.data.map(({type, name, xaxis, yaxis}) => [type, name, xaxis, yaxis]));
  const moves = host.size === size && host.traces === traces;
  Object.assign(host, {size, traces});
  clearTimeout(host.moving);
  host.unfollow?.();  // what a slider has moved, see follow.js
  host.classList.toggle('qf-moves', moves);
  await show(plotly, host, figure);
  if (moves) host.moving = setTimeout(() => host.classList.remove('qf-moves'), MOVING);
}

const MOST = 20;  // points that are told: the first is what was clicked, and a region says the others

function listen(host) {
  const say = found => host.say({points: [], box: [], lasso: [], ...found});
  host.on('plotly_click', event => say({points: event.points.slice(0, MOST).map(point)}));
  host.on('plotly_selected', event => {
    if (!event) return;
    const axes = ranges => ({x: Object.entries(ranges).find(([name]) => name[0] === 'x')[1],
      y: Object.entries(ranges).find(([name]) => name[0] === 'y')[1]});
    if (event.lassoPoints) say({points: event.points.slice(0, MOST).map(point), lasso: [axes(event.lassoPoints)]});
    else if (event.range) say({points: event.points.slice(0, MOST).map(point), box: [axes(event.range)]});
    host.drawn = '';
    host.draw();
  });
}

function rest() {  // has the server send the rest of a page, once
  const first = document.getElementById('qf-first');
  if (!first?.dataset.address) return;
  fetch(first.dataset.address);
  first.dataset.address = '';
}

function begin(parent) {
  const host = document.createElement('div');
  host.className = 'qf-figure';
  host.setAttribute('role', 'figure');
  parent.append(host);
  host.queue = Promise.resolve();
  setTimeout(rest, 400);  // what takes longer, as the first visit over a slow network, is not waited for
  host.drawNow = () => {
    host.queue = host.queue.then(async () => {
      const {width, height} = host.room, wanted = `${width} ${height} ${host.spec}`;
      if (!width || !host.isConnected) return;
      if (wanted === host.drawn) { host.removeAttribute('aria-busy'); rest(); return; }
      const plotly = await window.qfusionPlotly(host.library);
      const fresh = !host.drawn && !host.on, top = host._fullLayout?._size.t;
      host.drawn = wanted;
      await move(plotly, host, JSON.parse(host.spec));
      // Plotly places a legend before it knows the margin that the legend makes
      if (!fresh && host._fullLayout._size.t !== top) await plotly.redraw(host);
      if (fresh) listen(host);
      host.removeAttribute('aria-busy');
      requestAnimationFrame(() => setTimeout(rest));  // once it is on the screen, which what comes then would hold up
    }).catch(error => {
      host.removeAttribute('aria-busy');
      console.error('A figure could not be drawn.', error);
    });
  };
  host.draw = () => {  // what is on the screen first, the rest once the browser has nothing else to do
    if (host.seen) host.drawNow();
    else requestIdleCallback(host.drawNow, {timeout: 1000});
  };
  host.watch = new IntersectionObserver(([{isIntersecting}]) => {
    host.seen = isIntersecting;
    if (host.seen) host.drawNow();
  });
  host.watch.observe(host);
  host.room = {width: 0, height: 0};
  host.sizes = new ResizeObserver(([{contentRect}]) => { host.room = contentRect; host.draw(); });
  host.sizes.observe(host);
  return host;
}

// A cursor plays. At a stop all is drawn; between two of them its line goes on evenly, and all else stays.
function standing(figure, changes) {
  const whole = JSON.parse(figure);
  for (const [path, value] of changes) {
    const name = path.at(-1), place = path.slice(0, -1).reduce((part, key) => part[key], whole);
    if (value === null) delete place[name];
    else place[name] = value;
  }
  return whole;
}

function lines(here, next, share) {
  const moved = {};
  for (const [n, shape] of here.layout.shapes?.entries() ?? []) for (const end of ['x0', 'x1']) {
    const then = next.layout.shapes?.[n]?.[end];
    if (typeof shape[end] === 'number' && typeof then === 'number' && then !== shape[end])
      moved[`shapes[${n}].${end}`] = shape[end] + (then - shape[end]) * share;
  }
  return moved;
}

async function play(host, {turn, seconds, figure, stops}) {
  const plotly = await window.qfusionPlotly(host.library), sign = document.createElement('div');
  if (window.qfusionPlays?.turn !== turn) window.qfusionPlays = {turn, began: performance.now()};  // one clock for all
  const {began} = window.qfusionPlays;
  const panel = host.closest('[class*="st-key-panel-"]'), standsAt = stop => standing(figure, stops[stop][1]);
  sign.className = 'qf-moment';
  host.append(sign);
  panel?.setAttribute('data-plays', '');
  let drawn = '', place = -2, here, next;
  for (let now = 0; now < 1 && host.turn === turn && host.isConnected; now = (performance.now() - began) / 1000 / seconds) {
    const at = now * stops.length, stop = Math.floor(at), {width, height} = host.room, wanted = `${stop} ${width} ${height}`;
    if (host.seen && width && drawn !== wanted) {
      if (stop !== place) {
        here = stop === place + 1 ? next : standsAt(stop);
        [next, place] = [stop + 1 < stops.length ? standsAt(stop + 1) : here, stop];
      }
      await show(plotly, host, here);
      [drawn, sign.textContent] = [wanted, stops[stop][0]];
    } else if (host.seen && width) {
      const moved = lines(here, next, at - stop);
      if (Object.keys(moved).length) await plotly.relayout(host, moved);
    }
    await new Promise(requestAnimationFrame);
  }
  sign.remove();
  panel?.removeAttribute('data-plays');
  host.drawn = ' ';
  host.draw();
}

const download = ({name, text}) => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type: 'text/csv'}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};

// The words of a figure, opened by their button: in place, over the page, closed by Escape or a click elsewhere.
function worded(parent, button) {
  const words = document.createElement('div');
  Object.assign(words, {popover: 'auto', className: 'qf-words', tabIndex: 0, role: 'note', ariaLabel: 'About this figure'});
  words.addEventListener('toggle', ({newState}) => {
    if (newState !== 'open') return;
    const at = button.getBoundingClientRect(), {width, height} = words.getBoundingClientRect();
    words.style.left = `${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`;
    words.style.top = `${Math.max(8, Math.min(at.bottom + 4, innerHeight - height - 8))}px`;
  });
  words.onclick = event => {  // a link to another page of the app, without loading all of it again
    const link = event.target.closest('a.qf-page');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    words.hidePopover();
    history.pushState({}, '', link.href);
    dispatchEvent(new PopStateEvent('popstate'));
  };
  parent.append(words);
  button.popoverTargetElement = words;
}

// Buttons above the figure: drawn here, since three elements of Streamlit take longer to draw than the figure.
function offer(parent, helps, press) {
  const bar = document.createElement('div');
  bar.className = 'qf-tools';
  for (const [what, icon, label] of [['words', 'info', 'About'], ['export', 'ios_share', 'Export'], ['numbers', 'download', 'CSV']]) {
    if (!helps[what]) continue;
    const button = document.createElement('button');
    Object.assign(button, {type: 'button', className: `qf-${what === 'words' ? 'about' : what}`, ariaLabel: label, title: helps[what]});
    button.innerHTML = `<span aria-hidden="true">${icon}</span>`;
    bar.append(button);
    if (what === 'words') worded(parent, button);
    else button.onclick = () => press(what);
  }
  parent.prepend(bar);
}

export default function ({data, parentElement, setTriggerValue}) {
  const host = parentElement.querySelector(':scope > .qf-figure') ?? begin(parentElement);
  host.press = what => setTriggerValue(what, true);
  if (data.tools && !parentElement.querySelector(':scope > .qf-tools'))
    offer(parentElement, data.tools, what => host.press(what));
  const words = parentElement.querySelector(':scope > .qf-words');
  if (words && host.words !== data.words) words.innerHTML = host.words = data.words ?? '';
  if (data.file && data.file.turn !== host.saved) { host.saved = data.file.turn; download(data.file); }
  Object.assign(host, {spec: data.figure, config: data.config, library: data.library, chosen: data.chosen,
    say: found => host.chosen && setTriggerValue('selection', found)});
  if (data.film.turn && data.film.turn !== host.turn) {
    host.turn = data.film.turn;
    host.queue = host.queue.then(() => play(host, data.film)).catch(error => console.error('A figure could not be played.', error));
  } else if (host.told && host.told !== data.figure) host.turn = null;  // something else is shown
  host.told = data.figure;
  const least = `${data.height}px`;
  if (host.style.getPropertyValue('--least') !== least) host.style.setProperty('--least', least);
  if (host.ariaLabel !== data.alt) host.ariaLabel = data.alt;
  if (!host.drawn?.endsWith(` ${host.spec}`)) host.setAttribute('aria-busy', 'true');
  host.draw();
  return () => {
    host.sizes.disconnect();
    host.watch.disconnect();
    window.Plotly?.purge(host);
    host.remove();
    for (const each of parentElement.querySelectorAll(':scope > :is(.qf-tools, .qf-words)')) each.remove();
  };
}
