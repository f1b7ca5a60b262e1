// What qfusion's figures draw while a slider is dragged, besides lines (plotly_live): labels, waterfalls, matrices.
//
// Traces name their series in `meta`, see figures/followed_series.py.

const SVG = 'http://www.w3.org/2000/svg';
const APART = 15, LEADER = 16;  // pixels, see figures/line_labels.py
const BAR_PAD = 0.18, LABEL_ROOM = 0.17;  // of a range, see decision_charts.py
const BAR_HALF = 0.31;  // of a row
const NEEDLE = 2;  // pixels below which a needle is a dot

// Places at least `apart` from each other and as near to the wanted ones as can be: a monotonic regression by pooling.
function placeLabels(wanted, apart, low, high) {
  const order = wanted.map((_, n) => n).sort((a, b) => wanted[a] - wanted[b] || a - b);
  const most = Math.max(low, high - apart * (order.length - 1)), pools = [];
  order.forEach((n, rank) => {
    pools.push({sum: wanted[n] - apart * rank, count: 1});
    while (pools.length > 1 && pools.at(-2).sum / pools.at(-2).count > pools.at(-1).sum / pools.at(-1).count) {
      const last = pools.pop();
      pools.at(-1).sum += last.sum;
      pools.at(-1).count += last.count;
    }
  });
  const pushed = pools.flatMap(({sum, count}) => Array(count).fill(sum / count)), places = [];
  order.forEach((n, rank) => { places[n] = Math.min(Math.max(pushed[rank], low), most) + apart * rank; });
  return places;
}

const minus = text => text.replace('-', '−');
const signed = value => {
  const text = value.toFixed(2);
  return Number(text) === 0 ? '+0.00' : minus(value < 0 ? text : `+${text}`);
};

const shareWords = value => value >= 0.9995 ? '> 0.999' : value < 0.0005 ? '< 0.001' : value.toFixed(3);

const number = (value, digits) => {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? (0).toFixed(digits) : minus(text);
};

function cellNumbers(values) {  // as of figures/generator_attribution.py
  const most = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  const digits = most > 1e-12 ? Math.min(9, Math.max(2, 1 - Math.floor(Math.log10(most)))) : 2;
  return Array.from(values, value => number(value, digits));
}

function softmax(values) {
  const most = Math.max(...values), powers = values.map(value => Math.exp(value - most)), sum = powers.reduce((total, power) => total + power, 0);
  return powers.map(power => power / sum);
}

function scaled(scale, share) {  // the colour at a share of a colour scale
  const next = Math.max(1, scale.findIndex(([place]) => place >= share)), [from, low] = scale[next - 1], [to, high] = scale[next];
  const channels = colour => colour.match(/[\d.]+/g).map(Number), part = (share - from) / (to - from);
  const start = channels(low), end = channels(high);
  return `rgb(${start.map((value, n) => Math.round(value + part * (end[n] - value))).join(',')})`;
}

class ModelFollower extends Follower {
  // `duration`: the largest value of the slider where it is the length of the axis of time. `learned`: whether the
  // figure shows the model as learned, whose lines then stay as dotted ones. `angle`: name of the one that the slider
  // turns. `output`: number of the explained score.
  constructor(host, duration, learned, angle, output) {
    super(host, null);
    Object.assign(this, {duration, learned, angle, output});
  }

  meta(n) { return this.host.data[n]?.meta; }

  get follows() { return this.host.data?.some(({meta}) => meta?.group || meta?.classes || meta?.angle); }

  get moves() { return Boolean(super.moves || this.bars || this.cells || this.classes || this.circuit || this.ring); }

  give(groups) {
    super.give(groups);
    if (groups.scores && this.host.data?.some(({meta}) => meta?.classes)) this.ready = null;
  }

  collect() {
    super.collect();
    this.labels = this.lines.map(line => this.label(line)).filter(Boolean);
    this.bars = this.groups.final && this.waterfall();
    this.cells = this.groups.end && this.matrix();
    this.classes = this.groups.scores?.shown && this.probabilities();
    this.circuit = this.groups.ends && this.qubits();
    this.ring = this.angle && this.groups.scores && this.scoreNow();
  }

  widens() { return true; }

  pads(axis) { return axis._name[0] === 'y'; }

  reach(trace, meta, curves, x, grow) {
    super.reach(trace, meta, curves, x, grow);
    if (meta.names && this.duration) grow(trace.xaxis, 0, this.duration);
    if (!meta.rows) return;
    let end = 0;
    const ends = meta.rows.map(names => (end += curves.sum(x, names)[0]));
    const [low, high] = closed(Math.min(0, ...ends), Math.max(0, ...ends), BAR_PAD), room = LABEL_ROOM * (high - low);
    grow(trace.xaxis, Math.min(low, Math.min(0, ...ends) - room), Math.max(high, Math.max(0, ...ends) + room));
  }

  // What a line draws: several series that were equal, or their sum.
  values(meta, curves, x) {
    return meta.equal ? meta.names.map(name => curves.series(x, name) ?? []) : super.values(meta, curves, x);
  }

  line(parts) {
    const line = super.line(parts), path = line?.paths[0];
    if (!path) return line;
    if (this.learned && !this.host._fullData.some(({legendgroup}) => legendgroup === 'as learned')) {
      const ghost = path.cloneNode();
      ghost.setAttribute('class', 'qf-ghost');
      Object.assign(ghost.style, {strokeWidth: '1.2px', strokeDasharray: '3px,3px', opacity: 0.6});
      path.before(ghost);
      this.undo.push(() => ghost.remove());
    }
    for (let more = line.meta.equal ? line.meta.names.length - 1 : 0; more; more--) {
      const other = path.cloneNode();
      other.setAttribute('class', 'qf-other');
      path.after(other);
      line.paths.push(other);
      this.undo.push(() => other.remove());
    }
    return line;
  }

  label(line) {
    const {trace} = line, {annotations} = this.host._fullLayout;
    const n = annotations.findIndex(({text, yref}) => text === trace.name && yref === trace.yaxis);
    const group = n < 0 ? null : this.host.querySelector(`.infolayer .annotation[data-index="${n}"]`);
    const text = group?.querySelector('.annotation-text-g');
    if (!text) return null;
    const arrow = group.querySelector('.annotation-arrow-g'), leader = document.createElementNS(SVG, 'path');
    if (arrow) { this.keep(arrow, 'style'); arrow.style.visibility = 'hidden'; }
    for (const [name, value] of Object.entries({fill: 'none', stroke: trace.line.color, 'stroke-width': 1.5})) leader.setAttribute(name, value);
    group.prepend(leader);
    this.keep(text, 'transform');
    this.undo.push(() => leader.remove());
    const {x, y, ay} = annotations[n], {xaxis, yaxis} = line;
    if (line.meta.equal) this.plain(text);
    return {line, text, leader, from: [xaxis._offset + xaxis.d2p(x), yaxis._offset + yaxis.d2p(y) + ay], transform: text.getAttribute('transform') ?? ''};
  }

  plain(text) {  // a name of series that are equal no longer says so
    const words = text.querySelector('text'), before = words.textContent;
    words.textContent = before.replace(/ \(equal\)$/, '');
    this.undo.push(() => { words.textContent = before; });
  }

  waterfall() {
    const {host} = this, n = host.data.findIndex(({meta}) => meta?.rows);
    if (n < 0) return null;
    const points = [...host.querySelectorAll(`.barlayer .trace.bars .point`)], {rows} = host.data[n].meta;
    if (points.length !== rows.length + 1) return null;
    const links = host.data.findIndex(({meta}) => meta?.part === 'connectors');
    const joins = links < 0 ? [] : [...host.querySelectorAll(`.trace${host._fullData[links].uid} .js-line`)];
    const parts = points.map(point => ({path: point.querySelector('path'), text: point.querySelector('text')}));
    for (const {path, text} of parts) { this.keep(path, 'd'); if (text) this.keepText(text); }
    for (const path of joins) this.keep(path, 'd');
    return {rows, parts, joins, xaxis: axisOf(host, host._fullData[n].xaxis), yaxis: axisOf(host, host._fullData[n].yaxis)};
  }

  matrix() {
    const {host} = this, of = part => host.data.flatMap(({meta}, n) => meta?.group === 'built' && meta.part === part ? [n] : []);
    const [cells, texts, start, end] = ['cells', 'texts', 'start', 'end'].map(of);
    if (!cells.length) return null;
    const {shown} = this.groups.built, first = host._fullData[cells[0]], [xaxis, yaxis] = [axisOf(host, first.xaxis), axisOf(host, first.yaxis)];
    const layer = host.querySelector(`.hm, .heatmaplayer`), group = document.createElementNS(SVG, 'g'), rects = [];
    for (const image of host.querySelectorAll('.heatmaplayer image')) { this.keep(image, 'style'); image.style.visibility = 'hidden'; }
    for (const n of cells) for (const y of host._fullData[n].y ?? []) for (let g = 0; g < shown.columns; g++) {
      const rect = document.createElementNS(SVG, 'rect'), at = [xaxis.d2p(g - 0.5), yaxis.d2p(y - 0.5)], to = [xaxis.d2p(g + 0.5), yaxis.d2p(y + 0.5)];
      for (const [name, value] of Object.entries({x: at[0] + 0.5, y: Math.min(at[1], to[1]) + 0.5, width: to[0] - at[0] - 1, height: Math.abs(to[1] - at[1]) - 1}))
        rect.setAttribute(name, value);
      group.append(rect);
      rects.push(rect);
    }
    layer.append(group);
    this.undo.push(() => group.remove());
    const words = ns => ns.flatMap(n => [...host.querySelectorAll(`.trace${host._fullData[n].uid} .textpoint text, .trace${host._fullData[n].uid} .text text`)]);
    const found = [texts, start, end].map(words);
    for (const text of found.flat()) this.keepText(text);
    return {rects, texts: found[0], start: found[1], end: found[2], scale: first.colorscale, shown};
  }

  probabilities() {
    const {host} = this, n = host.data.findIndex(({meta}) => meta?.classes);
    if (n < 0) return null;
    const paths = [...host.querySelectorAll('.barlayer .trace.bars .point path')], {classes} = host.data[n].meta, {x, marker} = host._fullData[n];
    if (paths.length !== classes.length) return null;
    for (const path of paths) this.keep(path, 'd', 'style');
    const likeliest = x.indexOf(Math.max(...x)), best = marker.color[likeliest], other = marker.color.find(colour => colour !== best) ?? best;
    return {paths, classes, best, other, xaxis: axisOf(host, host._fullData[n].xaxis)};
  }

  // The needles of discs, how likely qubits read 1 at the ends of their wires, and the decision.
  qubits() {
    const {host} = this, {annotations, xaxis, yaxis} = host._fullLayout, find = part => host._fullData.find((_, n) => this.meta(n)?.[part]);
    const noteAt = (x, y, fits) => annotations.flatMap((note, n) => Math.abs(note.y - y) < 1e-6 && fits(note, note.x - x) ? [host.querySelector(`.infolayer .annotation[data-index="${n}"]`)] : []);
    const place = (x, y) => [xaxis._offset + xaxis.d2p(x), yaxis._offset + yaxis.d2p(y)];
    const textAt = (x, y, fits) => {
      const text = noteAt(x, y, fits)[0]?.querySelector('.annotation-text-g text');
      const leaves = text ? [...text.querySelectorAll('tspan')].filter(span => !span.children.length) : [];
      return (leaves.length ? leaves : text ? [text] : []).map(leaf => { this.keepText(leaf); return leaf; });
    };
    const [discs, ends, decision] = ['discs', 'ends', 'decision'].map(find), shown = {discs: [], ends: null, decision: null};
    if (!ends && !(discs && this.groups.states)) return null;
    discs?.meta.discs.forEach((name, n) => {
      const [x, y] = [discs.x[n], discs.y[n]], size = discs.marker.size;
      for (const note of noteAt(x, y, ({ax, axref, text}, apart) => !apart && (axref === 'pixel' && ax !== undefined && !text || text === '•'))) {
        this.keep(note, 'style');
        note.style.visibility = 'hidden';
      }
      const [thin, thick] = [1.2, 1.6].map(width => {
        const path = document.createElementNS(SVG, 'path');
        path.style.strokeWidth = width;
        host.querySelector('.infolayer').append(path);
        this.undo.push(() => path.remove());
        return path;
      });
      shown.discs.push({name, hue: discs.meta.colors[n], at: place(x, y), radius: (size[n] ?? size) / 2, thin, thick, entropy: textAt(x, y, ({text}, apart) => !apart && / nats$/.test(text))});
    });
    if (ends) {
      const layer = host.querySelector(`.trace${ends.uid}`), paths = [...layer.querySelectorAll('.js-fill, .js-line')];
      for (const path of paths) this.keep(path, 'd');
      const frames = ends.meta.ends.map((name, n) => {
        const [left, right, low] = [ends.x[6 * n], ends.x[6 * n + 1], ends.y[6 * n + 2]];
        return {name, left, right, low, text: textAt(right, low - ends.meta.height / 2, ({text}, apart) => apart < 0.5 && /^[\d.]+$/.test(text))};
      });
      shown.ends = {paths, frames, height: ends.meta.height, now: ends.meta.group === 'states', xaxis, yaxis};
    }
    if (decision) shown.decision = {classes: decision.meta.decision, leaves: textAt(decision.x[0], decision.y[0], (_, apart) => !apart)};
    return {...shown, before: discs?.meta.before};
  }

  // On the curve of the score against the slider's own angle, where it stands.
  scoreNow() {
    const {host} = this, now = host._fullData.find((_, n) => this.meta(n)?.angle === this.angle);
    const ring = now && host.querySelector(`.trace${now.uid} .points > path`), line = host.querySelector('.shapelayer path[data-index="0"]');
    if (!ring || !line) return null;
    this.keep(ring, 'transform');
    this.keep(line, 'transform');
    return {ring, line, xaxis: axisOf(host, now.xaxis), yaxis: axisOf(host, now.yaxis), from: now.x[0]};
  }

  drawScore({ring, line, xaxis, yaxis, from}, x) {
    const [low, high] = xaxis.range, turn = 2 * Math.PI, at = x < low ? x + turn : x > high ? x - turn : x;
    ring.setAttribute('transform', `translate(${xaxis.d2p(at)},${yaxis.d2p(this.groups.scores.at(x)[this.output])})`);
    line.setAttribute('transform', `translate(${xaxis.d2p(at) - xaxis.d2p(from)},0)`);
  }

  drawQubits({discs, ends, decision, before}, x) {
    const {states, scores} = this.groups, write = (text, words) => { if (text && text.textContent !== words) text.textContent = words; };
    for (const {name, hue, at: [left, top], radius, thin, thick, entropy} of discs) {
      const values = states?.series(x, name), needle = (path, [a, , c]) => {
        const r = radius < 12 ? 0.6 : 1, [across, down] = [left + a * radius, top - c * radius];
        path.setAttribute('d', `${Math.hypot(a, c) * radius < NEEDLE ? '' : `M${left},${top}L${across},${down}`}M${across - r},${down}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`);
        Object.assign(path.style, {stroke: hue, fill: hue});
      };
      if (!values) continue;  // not known until the slider is let go: a disc without a needle
      const [now, was] = [values.slice(0, 3), values.slice(3)], length = Math.min(Math.hypot(...now), 1);
      needle(thick, now);
      if (before) { needle(thin, was); thin.style.opacity = now.some((value, n) => Math.abs(value - was[n]) > 0.02) ? 0.35 : 0; }
      const bits = [(1 + length) / 2, (1 - length) / 2].reduce((sum, p) => p > 0 ? sum - p * Math.log(p) : sum, 0);
      write(entropy[0], `${bits.toFixed(2)} nats`);
    }
    if (ends) {
      const {paths, frames, height, now, xaxis, yaxis} = ends, path = frames.map(({name, left, right, low, text}) => {
        const own = now ? states?.series(x, name) : this.groups.ends.series(x, name);
        if (!own) { write(text[0], ''); return ''; }  // not known until the slider is let go
        const share = Math.min(Math.max(now ? (1 - own[2]) / 2 : own[0], 0), 1), [from, to, top, bottom] = [xaxis.d2p(left), xaxis.d2p(right), yaxis.d2p(low - height * share), yaxis.d2p(low)];
        write(text[0], share.toFixed(2));
        return `M${from},${top}H${to}V${bottom}H${from}Z`;
      }).join('');
      for (const one of paths) one.setAttribute('d', path);
    }
    if (!decision || !scores) return;
    const values = [...scores.at(x)], {classes, leaves: [first, second]} = decision;
    if (classes.length) {
      const shares = softmax(values.map(value => value * scores.shown.scale)), best = shares.indexOf(Math.max(...shares));
      write(first, classes[best]);
      write(second, shareWords(shares[best]));
    } else write(second, signed(values[0]));
  }

  keepText(text) {
    const before = text.textContent;
    this.keep(text, 'transform', 'style');
    this.undo.push(() => { if (text.textContent !== before) text.textContent = before; });
  }

  draw(x) {
    super.draw(x);
    this.drawLabels();
    if (this.bars) this.drawBars(this.bars, x);
    if (this.cells) this.drawCells(this.cells, x);
    if (this.classes) this.drawClasses(this.classes, x);
    if (this.circuit) this.drawQubits(this.circuit, x);
    if (this.ring) this.drawScore(this.ring, x);
  }

  across(line, x, count) {  // times are evenly spaced, and the last one may move
    if (!this.duration) return super.across(line);
    const {xaxis} = line, left = xaxis.d2p(0), step = (xaxis.d2p(x) - left) / (count - 1);
    return Array.from({length: count}, (_, n) => left + step * n);
  }

  drawLabels() {
    for (const axis of new Set(this.labels.map(({line}) => line.yaxis))) {
      const labels = this.labels.filter(({line}) => line.yaxis === axis), ends = labels.map(({line}) => line.end[1]);
      const places = placeLabels(ends, APART, APART / 2, axis._length - APART / 2);
      labels.forEach(({line, text, leader, from, transform}, n) => {
        const [x, y] = [line.xaxis._offset + line.end[0], axis._offset + line.end[1]], at = axis._offset + places[n];
        leader.setAttribute('d', `M${x},${y}L${x + LEADER},${at}`);
        text.setAttribute('transform', `translate(${x - from[0]},${at - from[1]}) ${transform}`);
      });
    }
  }

  drawBars({rows, parts, joins, xaxis, yaxis}, x) {
    const steps = rows.map(names => this.groups.final.sum(x, names)[0]);
    const total = steps.reduce((sum, step) => sum + step, 0);
    let end = 0;
    [...steps, total].forEach((step, n) => {
      const from = n < steps.length ? end : 0, to = n < steps.length ? (end += step) : total, {path, text} = parts[n];
      const [x0, x1, y0, y1] = [xaxis.d2p(from), xaxis.d2p(to), yaxis.d2p(n - BAR_HALF), yaxis.d2p(n + BAR_HALF)];
      path.setAttribute('d', `M${x0},${y0}V${y1}H${x1}V${y0}Z`);
      if (text) {
        const words = signed(step), away = step < 0 ? -1 : 1;
        if (text.textContent !== words) text.textContent = words;
        text.setAttribute('transform', `translate(${x1 + away * (3 + text.getComputedTextLength() / 2)},${(y0 + y1) / 2 + 4})`);
      }
      if (joins[n]) joins[n].setAttribute('d', `M${x1},${yaxis.d2p(n + 0.31)}L${x1},${yaxis.d2p(n + 0.69)}`);
    });
  }

  drawClasses({paths, classes, best, other, xaxis}, x) {
    const {scores} = this.groups, shares = softmax([...scores.at(x)].map(score => score * scores.shown.scale)), most = Math.max(...shares);
    classes.forEach((place, n) => {
      paths[n].setAttribute('d', paths[n].getAttribute('d').replace(/H[^V]+/, `H${xaxis.d2p(shares[place])}`));
      Object.assign(paths[n].style, {fill: shares[place] === most ? best : other, fillOpacity: 1});  // colours have an opacity of their own
    });
  }

  drawCells({rects, texts, start, end, scale, shown}, x) {
    const {columns, dark, bright, light} = shown, {built} = this.groups, parts = built.at(x), rows = parts.length / columns;
    const sums = Array.from({length: columns}, (_, g) => { let sum = 0; for (let s = 0; s < rows; s++) sum += parts[s * columns + g]; return sum; });
    const values = [...parts, ...sums], most = Math.max(1e-12, ...values.map(Math.abs)), words = cellNumbers(values);
    values.forEach((value, n) => {
      rects[n]?.setAttribute('fill', scaled(scale, (value / most + 1) / 2));
      if (!texts[n]) return;
      if (texts[n].textContent !== words[n]) texts[n].textContent = words[n];
      texts[n].style.fill = (Math.abs(value) > 0.6 * most) === light ? dark : bright;
    });
    const ends = ['start', 'end'].map(name => { const own = [...this.groups[name].at(x)]; return [...own, own.reduce((sum, value) => sum + value, 0)]; });
    const numbers = cellNumbers(ends.flat());
    [start, end].forEach((column, k) => column.forEach((text, n) => { const word = numbers[k * ends[0].length + n]; if (text.textContent !== word) text.textContent = word; }));
  }
}
