// A Plotly figure that is changed in place.
//
// Streamlit's own element takes a figure with other numbers for another element: it throws the old one away and draws
// three times until the new one has its size. Here a figure stays for as long as its key does, is drawn once a change,
// and says what is chosen in it once, as a trigger, so that nothing stays marked.
//
// `extend` adds hooks, each optional, which a script of your own calls it with (see Extension in drawing.py):
//   begin(host, parent)                      the figure's element has come to the page
//   update(host, data, parent, setTrigger)   the script of the app has run, and has given this data
//   arrange(data, layout, width)             returns the layout as it is drawn, for traces and a width in pixels
//   drawn(host)                              the figure is on the screen
//   end(host, parent)                        the element goes
// Of the `host` such a script, and any other of the page, may use: `draw()`, which draws what has changed; `drawn`,
// what is drawn, set to '' where it has to be drawn anew; `queue`, a promise after which nothing is drawn; `seen`,
// whether it is on the screen; `relayout(changes)`, which changes Plotly's layout; `unfollow()`, called before Plotly
// draws; and Plotly's `data`, `_fullData` and `_fullLayout`.

const extensions = [];
const extend = hooks => extensions.push(hooks);
const hook = (name, ...given) => { for (const hooks of extensions) hooks[name]?.(...given); };

const STYLE = `
:where(.plotly-live) { contain: strict; height: 100%; min-height: var(--least); }
.plotly-live-cursor { position: absolute; width: 1px; background: currentColor; opacity: .6; pointer-events: none;
  z-index: 5; }
@media (prefers-reduced-motion: no-preference) {
  .plotly-live-moves :is(.scatterlayer, .barlayer) path {
    transition: d .25s ease-out, transform .25s ease-out, fill .25s, stroke .25s; }
}`;
if (!document.getElementById('plotly-live-style'))
  document.head.append(Object.assign(document.createElement('style'), {id: 'plotly-live-style', textContent: STYLE}));

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

function settled(data, layout, host) {
  const {chosen, view, room: {width, height}} = host;
  for (const {arrange} of extensions) layout = arrange?.(data, layout, width) ?? layout;
  if (width < PHONE) {
    layout = {...layout};
    for (const name in layout)
      if (/^[xy]axis/.test(name)) layout[name] = titled(layout[name], name, layout, width, height);
    for (const name in layout) if (/^yaxis/.test(name)) layout[name] = rowed(layout[name], layout, width, height);
  }
  for (const name in layout) if (/^[xy]axis/.test(name)) layout[name].ticklabeloverflow ??= 'allow';  // a third faster
  if (chosen) Object.assign(layout = {...layout}, {clickmode: 'event', hovermode: layout.hovermode ?? 'closest'});
  if (view) {
    const uirevision = layout.uirevision ?? view;
    layout = {...layout, uirevision, selectionrevision: host.marks};
    // a range that was widened while a slider was dragged is not the reader's
    for (const name in host.widened)
      layout[name] = {uirevision: `${uirevision} ${host.widened[name]}`, ...layout[name]};
  }
  return {...layout, width, height, modebar: {...layout.modebar, uirevision: true}};
}

const MANY = 3000;  // points from which the graphics card draws them: as SVG elements each takes its own time
let gpu;

function compiles() {  // Plotly's drawing on the card compiles scripts, which a strict server does not allow
  try { return Boolean(new Function('')); } catch { return false; }
}

// What has not changed stays the same array, or template, by which Plotly knows that it need not draw it anew.
const BYTES = {f8: Float64Array, f4: Float32Array, i4: Int32Array, i2: Int16Array, i1: Int8Array, u4: Uint32Array,
  u2: Uint16Array, u1: Uint8Array};

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
  const same = whole && then && Object.keys(then).length === Object.keys(own).length
    && Object.keys(own).every(key => own[key] === then[key]);
  return same ? then : own;
}

// A ring around one point is a shape, which is drawn alone when it moves, and a trace with all others.
function ringed({data, layout}) {
  const ring = data.at(-1), half = ring?.marker?.size / 2;
  if (ring?.marker?.symbol !== 'circle-open' || ring.hoverinfo !== 'skip' || ring.x?.length !== 1 || data.length < 2)
    return {data, layout};
  const shape = {type: 'circle', xsizemode: 'pixel', ysizemode: 'pixel', xanchor: ring.x[0], yanchor: ring.y[0],
    x0: -half, x1: half, y0: -half, y1: half, line: ring.marker.line, name: ring.name,
    showlegend: ring.showlegend ?? layout.showlegend ?? true};
  return {data: data.slice(0, -1), layout: {...layout, shapes: [...layout.shapes ?? [], shape]}};
}

const FEW = 1000;  // points of a line that is drawn with all of them, so that it can move point by point

function detailed(figure) {
  for (const trace of figure.data) {
    const count = trace.x?.length ?? trace.x?.bdata?.length / 10;  // ten letters a number, about
    if (trace.type === 'scatter' && (trace.mode ?? 'lines').includes('lines') && count <= FEW)
      trace.line = {...trace.line, simplify: false};
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

// Draws a figure in place of what stands there. Points that move within fixed axes are drawn alone first: left to
// draw then are single shapes and texts, out of hundreds.
const MOVES = ['x', 'y', 'text', 'hovertext', 'customdata', 'marker'];

async function show(plotly, host, figure) {
  const {_fullLayout: was, data: points} = host, then = host.now, now = kept(then, detailed(figure));
  const moved = now.data.flatMap((trace, n) => trace === then?.data[n] ? [] : [n]);
  const axes = was ? [...was._subplots.xaxis, ...was._subplots.yaxis] : [];
  const fixed = was?._subplots.cartesian.length && !was.showlegend
    && axes.every(name => was[`${name[0]}axis${name.slice(1)}`].autorange === false);
  const goes = n => now.data[n].type === 'scatter' && Object.keys({...points[n], ...now.data[n]}).every(
    key => MOVES.includes(key) || points[n][key] === now.data[n][key]);
  if (moved.length && fixed && points === then.data && points.length === now.data.length && moved.every(goes))
    await plotly.animate(host, {data: moved.map(n => now.data[n]), traces: moved},
      {mode: 'immediate', frame: {duration: 0, redraw: false}, transition: {duration: 0}});
  const {data, layout} = ringed(fast(host.now = now));
  await plotly.react(host, data, settled(data, layout, host), host.config);
  // a shape that is drawn alone comes to lie above all others
  for (const layer of host.querySelectorAll('.shapelayer')) {
    const parts = [...layer.children], sorted = parts.toSorted((a, b) => a.dataset.index - b.dataset.index);
    if (parts.some((part, n) => part !== sorted[n])) layer.append(...sorted);
  }
  host.cursor?.place();
}

// Traces that stay move to their new places, by the rules of the style sheet. A figure of another size, or with other
// traces, does not: its lines would move to places of others.
const MOVING = 300;  // milliseconds from when they are drawn

async function move(plotly, host, figure) {
  const size = JSON.stringify(host.room);
  const traces = JSON.stringify(figure.data.map(({type, name, xaxis, yaxis}) => [type, name, xaxis, yaxis]));
  const moves = host.size === size && host.traces === traces;
  Object.assign(host, {size, traces});
  clearTimeout(host.moving);
  host.unfollow?.();  // what a slider has moved
  host.classList.toggle('plotly-live-moves', moves);
  await show(plotly, host, figure);
  if (moves) host.moving = setTimeout(() => host.classList.remove('plotly-live-moves'), MOVING);
}

const CALM = 250;  // milliseconds after the last change of a range until the zoom is reported

// The ranges that a change of the layout by the reader has set: by axis, null where it shows all again.
function zoomed(host, change) {
  const ranges = {};
  for (const key in change) {
    const [, axis] = /^([xy]axis\d*)\.(?:range|autorange)/.exec(key) ?? [];
    if (axis) ranges[axis] = change[`${axis}.autorange`] ? null : [...host._fullLayout[axis].range];
  }
  return ranges;
}

function listen(host) {
  const say = parts => host.say({points: [], box: [], lasso: [], ...parts});
  const told = points => points.slice(0, host.most).map(point);
  host.on('plotly_click', event => say({points: told(event.points)}));
  host.on('plotly_selected', event => {
    if (!event) return;
    const axes = ranges => ({x: Object.entries(ranges).find(([name]) => name[0] === 'x')[1],
      y: Object.entries(ranges).find(([name]) => name[0] === 'y')[1]});
    if (event.lassoPoints) say({points: told(event.points), lasso: [axes(event.lassoPoints)]});
    else if (event.range) say({points: told(event.points), box: [axes(event.range)]});
    host.drawn = '';
    host.marks += 1;
    host.draw();
  });
  host.on('plotly_relayout', change => {
    if (!host.zooms || host.ours) return;
    const ranges = zoomed(host, change);
    if (!Object.keys(ranges).length) return;
    Object.assign(host.zoom ??= {}, ranges);
    clearTimeout(host.zooming);
    host.zooming = setTimeout(() => { host.report(host.zoom); host.zoom = null; }, CALM);
  });
}

function begin(parent, name) {
  const host = document.createElement('div');
  host.className = `plotly-live ${name}`.trim();
  host.setAttribute('role', 'figure');
  parent.append(host);
  host.queue = Promise.resolve();
  Object.assign(host, {marks: 0, widened: {}, ours: 0});
  host.relayout = async changes => {  // in a way that is not the reader's: no zoom is reported
    host.ours += 1;
    try { await window.Plotly.relayout(host, changes); } finally { host.ours -= 1; }
  };
  host.drawNow = () => {
    host.queue = host.queue.then(async () => {
      const {width, height} = host.room, wanted = `${width} ${height} ${host.spec}`;
      if (!width || !host.isConnected) return;
      if (wanted === host.drawn) { host.removeAttribute('aria-busy'); hook('drawn', host); return; }
      const plotly = await window.plotlyLiveLibrary(host.library);
      const fresh = !host.drawn && !host.on, top = host._fullLayout?._size.t;
      host.drawn = wanted;
      await move(plotly, host, themed(host, host.spec));
      // Plotly places a legend before it knows the margin that the legend makes
      if (!fresh && host._fullLayout._size.t !== top) await plotly.redraw(host);
      if (fresh) listen(host);
      host.removeAttribute('aria-busy');
      requestAnimationFrame(() => setTimeout(() => hook('drawn', host)));  // once it is on the screen
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
  hook('begin', host, parent);
  return host;
}

export default function ({data, parentElement, setTriggerValue}) {
  const host = parentElement.querySelector(':scope > .plotly-live') ?? begin(parentElement, data.name);
  const {figure, config, library, chosen, view, most, zooms} = data;
  Object.assign(host, {spec: figure, config, library, chosen, view, most, zooms});
  host.say = choice => host.chosen && setTriggerValue('selection', choice);
  host.report = ranges => host.zooms && setTriggerValue('zoom', ranges);
  hook('update', host, data, parentElement, setTriggerValue);
  if (data.follows.length || host.follows) followSliders(host, data.follows);
  if (!data.cursor || host.cursor?.slider !== data.cursor.slider) { host.cursor?.end(); host.cursor = null; }
  if (data.cursor) host.cursor ??= beginCursor(host, data.cursor.slider);
  const least = `${data.height}px`;
  if (host.style.getPropertyValue('--least') !== least) host.style.setProperty('--least', least);
  if (host.ariaLabel !== data.alt) host.ariaLabel = data.alt;
  if (!host.drawn?.endsWith(` ${host.spec}`)) host.setAttribute('aria-busy', 'true');
  host.draw();
  return () => {
    host.sizes.disconnect();
    host.watch.disconnect();
    if (host.follows) followSliders(host, []);
    host.cursor?.end();
    clearTimeout(host.zooming);
    window.Plotly?.purge(host);
    host.remove();
    hook('end', host, parentElement);
  };
}
