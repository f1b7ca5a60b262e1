// Sliders that are followed while they are dragged.
//
// When a slider is touched, the server sends what the page shows as polynomials of its value, see app/models/slider_answers.py.
// While the thumb moves, figures and numbers are drawn from them here, once a frame. When the thumb is let go, the server
// draws the exact page, which takes the place of what is shown here.

const HOVER = 120;  // milliseconds on a slider until its curves are asked for
const CALM = 1500;  // milliseconds after a page has come until the curves behind all sliders are asked for, unless one is touched
let page = null;  // what is followed: the data of the component that was drawn last
let touched = null;  // the slider that is followed
let frame = 0, hover = 0, calm = 0, pressed = false;

const place = knob => document.querySelector(`.st-key-${CSS.escape(page.knobs[knob].css)}`);
const input = knob => place(knob)?.querySelector('input[type="range"]');
const knobAt = target => {
  const box = page && target?.closest?.('.stElementContainer');
  return box ? Object.keys(page.knobs).find(knob => box.classList.contains(`st-key-${page.knobs[knob].css}`)) : undefined;
};

async function ask(address, stage, query, signal) {
  const answer = await fetch(`${address}/${stage}?${new URLSearchParams(query)}`, {signal});
  return answer.status === 200 ? answer.json() : null;
}

function touch(knob) {
  if (touched?.knob === knob && touched.address === page.address) return;
  if (touched) end();
  clearTimeout(calm);
  touched = {knob, address: page.address, groups: {}, late: [], asked: new Set(), undone: 0, abort: new AbortController(), followers: new Map(), written: new Map(), value: page.knobs[knob].value};
  const slider = input(knob);
  if (!slider) { touched = null; return; }
  page.knobs[knob].value ??= Number(slider.value);
  touched.value = page.knobs[knob].value;
  touched.watch = new MutationObserver(turned);
  touched.watch.observe(slider, {attributes: true, attributeFilter: ['value', 'aria-valuetext']});
  loading(touched);
}

// Stages that are asked for only where a figure shows one of their groups.
const DRAWN = {built: ['built'], states: ['states', 'ends', 'outcomes', 'entropies'], shared: ['shared']};
const shows = stage => !DRAWN[stage] || [...document.querySelectorAll('.qf-figure')].some(host => host.data?.some(({meta}) => DRAWN[stage].includes(meta?.group)));

// The stages come one after another, so that the decision follows first.
async function load(own) {
  for (const stage of page.stages) {
    if (own.asked.has(stage) || !shows(stage)) continue;
    own.asked.add(stage);
    const answer = await ask(own.address, stage, {knob: own.knob}, own.abort.signal);
    if (own !== touched) return;
    if (!answer) continue;
    const groups = Object.fromEntries(Object.entries(answer.groups).map(([name, group]) => [name, Object.assign(new Curves(group), {shown: group.shown})]));
    if (answer.metrics) own.metrics = answer.metrics;
    own.late.push(...answer.late);
    Object.assign(own.groups, groups);
    for (const follower of own.followers.values()) follower.give(groups);
    if (own.value !== page.knobs[own.knob].value) soon();
  }
  own.loaded = true;
  curvesSoon(window.qfusionKnobs.press);
}

const loading = own => load(own).catch(error => { if (error.name !== 'AbortError') console.error('A slider cannot be followed.', error); });

function turned() {
  const slider = touched && input(touched.knob);
  if (!slider) return;
  touched.value = Number(slider.value);
  if (touched.address === page.address) soon();
}

const soon = () => { frame ||= requestAnimationFrame(() => { frame = 0; draw().catch(error => console.error('A slider cannot be followed.', error)); }); };

// What a picture depends on: the slider, the series that have come, and what Plotly has drawn over it.
const picture = own => `${own.value} ${Object.keys(own.groups).length} ${own.undone}`;

// Draws one picture. While one is drawn, the next waits.
async function draw() {
  const own = touched;
  if (!own?.groups.scores || own.drawing) return;
  own.drawing = true;
  const drawn = picture(own);
  try {
    document.querySelector(page.room)?.setAttribute('data-knob', '');
    place(own.knob)?.closest('[class*="st-key-panel-"]')?.setAttribute('data-follows', '');
    for (const host of document.querySelectorAll('.qf-figure')) {
      if (host._fullLayout && host.seen) await follow(own, host);
      if (own !== touched) return;
    }
    tell(own);
  } finally {
    own.drawing = false;
  }
  if (own.loaded && page.stages.some(stage => !own.asked.has(stage) && shows(stage))) loading(own);
  own.shown = drawn;
  if (drawn !== picture(own)) soon();
}

async function follow(own, host) {
  let follower = own.followers.get(host);
  if (!follower) {
    const {time, high, angle} = page.knobs[own.knob];
    follower = new ModelFollower(host, time ? high : 0, page.learned, angle, page.output);
    if (!follower.follows) return;
    follower.give(own.groups);
    own.followers.set(host, follower);
    host.unfollow = () => {  // where Plotly draws, as at another size
      follower.restore();
      own.undone += 1;
      if (touched === own) soon();
    };
  }
  if (!follower.ready || follower.drawn !== host.drawn) {
    host.queue = host.queue.then(() => follower.prepare());
    await host.queue;
    host.classList.remove('plotly-live-moves');
    if (own !== touched) return;
  }
  if (!follower.moves) return;
  host.closest('[class*="st-key-panel-"]')?.setAttribute('data-follows', '');
  follower.draw(own.value);
}

// The number beside a slider, and where the page says its value in words.
function rewrite(own) {
  const {number: field, words} = page.knobs[own.knob], put = (node, key, text) => {
    if (!own.written.has(node)) own.written.set(node, {key, before: node[key]});
    if (node[key] !== text) node[key] = text;
  };
  const input = field && document.querySelector(`.st-key-${CSS.escape(field)} input`);
  if (input) put(input, 'value', own.value.toFixed(4));
  const values = words && document.querySelector('.st-key-gate-values p')?.firstChild;
  if (values) put(values, 'nodeValue', values.nodeValue.split(', ').map(part => part.startsWith(`${words} = `) ? `${words} = ${minus(own.value.toFixed(3))}` : part).join(', '));
}

function tell(own) {
  rewrite(own);
  const scores = [...own.groups.scores.at(own.value)], now = scores[page.output];
  const shares = scores.length > 1 ? softmax(scores.map(score => score * page.scale)) : [];
  const tiles = document.querySelectorAll('.st-key-pair-metrics [data-testid="stMetric"]');
  page.tiles.forEach(({metric, probability, learned}, n) => {
    let value = probability === undefined ? now : shares[probability];
    if (metric) {
      if (!own.metrics?.[metric]) return;
      const {low, high, values} = own.metrics[metric];
      value = values[Math.round((own.value - low) / (high - low) * (values.length - 1))];
    }
    if (!tiles[n]) return;
    const words = probability === undefined ? number(value, 3) : shareWords(value);
    write(tiles[n], words, value - learned);
  });
  const line = document.querySelector(page.line);
  if (!line) return;
  let words = line.querySelector(':scope > .qf-live');
  if (!words) {
    words = document.createElement('p');
    words.className = 'qf-live';
    line.append(words);
    line.setAttribute('data-live', '');
  }
  const {label, unit, after} = page.knobs[own.knob];
  const parts = [`${page.quantity} ${number(page.now, 3)} → ${number(now, 3)}`];
  if (scores.length > 1) {
    parts.push(`probability of ‘${page.classes[page.output]}’ ${(100 * shares[page.output]).toFixed(0)}%`, `decision: ${page.classes[scores.indexOf(Math.max(...scores))]}`);
  }
  if (own.late.length) parts.push(`${own.late.join(' and ')} when you let go`);
  words.textContent = `${label} ${unit}${own.value.toFixed(2)}${after ?? ''}: ${parts.join(', ')}`;
}

function write(tile, words, change) {
  let live = tile.querySelector('.qf-live');
  if (!live) {
    tile.style.minHeight = `${tile.offsetHeight}px`;
    const value = tile.querySelector('[data-testid="stMetricValue"]');
    live = value.cloneNode();
    live.classList.add('qf-live');
    live.removeAttribute('data-testid');
    live.append(document.createElement('span'), document.createElement('small'));
    value.after(live);
    tile.setAttribute('data-live', '');
  }
  live.firstChild.textContent = words;
  live.lastChild.textContent = Math.abs(change) < 5e-4 ? '' : ` ${change > 0 ? '+' : ''}${number(change, 3)}`;
}

// Removes what was drawn here: the server has drawn the exact page, or the slider is where it was.
function quiet() {
  for (const live of document.querySelectorAll('.qf-live')) live.remove();
  for (const place of document.querySelectorAll('[data-live]')) { place.removeAttribute('data-live'); place.style.minHeight = ''; }
  for (const name of ['data-knob', 'data-follows']) for (const part of document.querySelectorAll(`[${name}]`)) part.removeAttribute(name);
}

function end() {
  const own = touched;
  touched = null;
  own.abort.abort();
  own.watch?.disconnect();
  for (const [host, follower] of own.followers) {
    if (!follower.undo.length) continue;
    follower.restore();
    host.drawn = '';
    host.draw();
  }
  for (const [node, {key, before}] of own.written) node[key] = before;
  quiet();
  curvesSoon(window.qfusionKnobs.press);
}

// A curve behind every track: the score against the slider's value, and a mark wherever the decision changes.
async function curves(own, press) {
  const answer = await ask(own.address, 'responses', {}, AbortSignal.timeout(60_000));
  if (!answer || own !== page) return;
  own.drawn = true;
  for (const knob of Object.keys(page.knobs)) behind(knob, answer, press);
}

function curvesSoon(press) {
  clearTimeout(calm);
  if (page?.responses && !page.drawn) calm = setTimeout(() => requestIdleCallback(() => {
    if (!page) return;
    if (pressed || touched && !touched.loaded) curvesSoon(press);
    else curves(page, press).catch(() => {});
  }), CALM);
}

function behind(knob, {low, high, knobs}, press) {
  const track = place(knob)?.querySelector('[data-testid="stSlider"] [role="group"] > div'), own = knobs[knob];
  if (!track || !own) return;
  track.querySelector(':scope > .qf-response')?.remove();
  const box = document.createElement('div'), picture = document.createElementNS(SVG, 'svg'), span = Math.max(high - low, 1e-9);
  box.className = 'qf-response';
  picture.setAttribute('viewBox', '0 0 100 100');
  picture.setAttribute('preserveAspectRatio', 'none');
  picture.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', own.scores.map((score, n) => `${n ? 'L' : 'M'}${(100 * n / (own.scores.length - 1)).toFixed(2)},${(100 - 100 * (score - low) / span).toFixed(2)}`).join(''));
  picture.append(path);
  if (own.metric) {
    const metric = document.createElementNS(SVG, 'path'), {values, low: least, high: most} = own.metric;
    metric.setAttribute('class', 'qf-metric');
    metric.setAttribute('d', values.map((value, n) => `${n ? 'L' : 'M'}${(100 * n / (values.length - 1)).toFixed(2)},${(100 - 100 * (value - least) / Math.max(most - least, 1e-9)).toFixed(2)}`).join(''));
    picture.append(metric);
  }
  box.append(picture);
  for (const {share, value, words} of own.changes) {
    const mark = document.createElement('button');
    Object.assign(mark, {type: 'button', className: 'qf-flip', title: words, ariaLabel: words});
    mark.style.left = `${100 * share}%`;
    mark.onpointerdown = event => event.stopPropagation();
    mark.onclick = event => { event.stopPropagation(); press({knob, value}); };
    box.append(mark);
  }
  box.title = own.words;
  track.prepend(box);
}

if (!window.qfusionKnobs) {
  window.qfusionKnobs = {
    get groups() { return touched?.groups ?? {}; },
    // Whether the last picture shows the slider where it is, with all that has come.
    get settled() { return Boolean(touched) && touched.shown === picture(touched); },
  };
  const now = event => { const knob = knobAt(event.target); if (knob) touch(knob); };
  document.addEventListener('pointerdown', event => { pressed = true; clearTimeout(hover); now(event); }, true);
  document.addEventListener('pointerup', () => {
    pressed = false;
    setTimeout(() => { if (touched && !pressed && touched.value === page.knobs[touched.knob].value && touched.followers.size) end(); }, 50);
  }, true);
  document.addEventListener('focusin', now, true);
  document.addEventListener('focusout', event => {
    if (!pressed && touched && knobAt(event.target) === touched.knob && !touched.followers.size) end();
  }, true);
  document.addEventListener('pointerover', event => {
    clearTimeout(hover);
    const knob = !pressed && knobAt(event.target);
    if (knob) hover = setTimeout(() => page?.knobs[knob] && touch(knob), HOVER);
  }, true);
}

export default function ({data, parentElement, setTriggerValue}) {
  const fresh = page?.address !== data.address;
  page = data;
  if (fresh) for (const box of document.querySelectorAll('.qf-response')) box.remove();  // of the model before
  if (fresh && touched) {
    // the same slider may be dragged on while the page comes
    const {knob} = touched, held = data.knobs[knob] && (pressed || input(knob) === document.activeElement);
    for (const [host, follower] of touched.followers) { follower.restore(); host.draw(); }
    touched.abort.abort();
    touched.watch?.disconnect();
    touched = null;
    quiet();
    if (held) touch(knob);
  }
  window.qfusionKnobs.press = change => setTriggerValue('turn', change);
  curvesSoon(window.qfusionKnobs.press);
  return () => { if (page === data) { if (touched) end(); page = null; } };
}
