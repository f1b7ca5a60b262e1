// Lines, markers and bars of a Plotly figure that are moved in place from numbers, without Plotly.
//
// Plotly draws a changed figure in tens of milliseconds, which is too slow while a slider is dragged. Here the axes are
// widened once, to all that the slider can reach, and then only the attributes of what moves are set.
// `Follower.restore` puts back what stood there.

const PAD = 0.05;  // of a range, left free at its ends
const SCAN = 33;  // places at which the reach of a slider is looked at

// Series of one slider: polynomials, or a `table` of all values that it takes, see curves.py. `names` are those of the
// series, `length` of each.
class Curves {
  constructor({low, high, of_root, table, count, names, length, numbers}) {
    const bytes = Uint8Array.from(atob(numbers), letter => letter.charCodeAt());
    Object.assign(this, {low, high, of_root, table, count, names, length, numbers: new Float32Array(bytes.buffer)});
    this.size = names.length * length;
    this.places = new Map(names.map((name, n) => [name, n]));
  }

  at(x) {  // every series, one after another
    if (x === this.known) return this.values;
    if (this.table) {
      const place = Math.round((x - this.low) / (this.high - this.low) * (this.count - 1));
      const row = Math.min(Math.max(place, 0), this.count - 1);
      this.values = Float64Array.from(this.numbers.subarray(row * this.size, (row + 1) * this.size));
      this.known = x;
      return this.values;
    }
    const share = (x - this.low) / (this.high - this.low);
    const u = 2 * (this.of_root ? Math.sqrt(Math.max(share, 0)) : share) - 1;
    const values = new Float64Array(this.size);
    let before = 1, now = u;
    for (let k = 0; k < this.count; k++) {
      const weight = k === 0 ? 1 : k === 1 ? u : 2 * u * now - before;
      if (k > 1) [before, now] = [now, weight];
      const from = k * this.size;
      for (let n = 0; n < this.size; n++) values[n] += weight * this.numbers[from + n];
    }
    [this.known, this.values] = [x, values];
    return values;
  }

  samples() {  // places at which its reach is looked at
    return Array.from({length: SCAN}, (_, k) => this.low + (this.high - this.low) * k / (SCAN - 1));
  }

  series(x, name) {
    const place = this.places.get(name);
    return place === undefined ? null : this.at(x).subarray(place * this.length, (place + 1) * this.length);
  }

  sum(x, names) {
    const total = new Float64Array(this.length);
    for (const name of names) this.series(x, name)?.forEach((value, n) => { total[n] += value; });
    return total;
  }
}

const axisOf = (host, name) => host._fullLayout[`${name[0]}axis${name.slice(1)}`];
const closed = (low, high, pad) => [low - pad * Math.max(high - low, 0.1), high + pad * Math.max(high - low, 0.1)];

class Follower {
  // `series`: by the number of a trace, the `group` of curves that moves it and the `names` of those that it adds up.
  constructor(host, series) {
    Object.assign(this, {host, series, groups: {}, undo: [], ready: null});
  }

  meta(n) { return this.series[n]; }

  get follows() { return Boolean(this.host.data?.some((_, n) => this.meta(n))); }

  get moves() { return Boolean(this.lines?.length || this.blocks?.length); }

  give(groups) {
    Object.assign(this.groups, groups);
    if (this.host.data?.some((_, n) => this.meta(n)?.group in groups)) this.ready = null;
  }

  // Widens the axes and looks up what moves. To be done anew where series have come, or Plotly has drawn.
  async prepare() {
    this.restore();
    const {host} = this, ranges = this.wider();
    if (Object.keys(ranges).length) await host.relayout(ranges);
    for (const key in ranges) {
      const [name] = key.split('.');
      host.widened[name] = (host.widened[name] ?? 0) + 1;
    }
    this.collect();
    this.drawn = host.drawn;
    this.ready = true;
  }

  collect() {
    this.lines = [];
    this.blocks = [];
    this.host._fullData.forEach((trace, n) => {
      const meta = this.meta(n), curves = this.groups[meta?.group];
      if (!meta?.names || !curves) return;
      const axes = {xaxis: axisOf(this.host, trace.xaxis), yaxis: axisOf(this.host, trace.yaxis)};
      if (trace.type === 'scatter') {
        const line = this.line({trace, meta, curves, n, ...axes});
        if (line) this.lines.push(line);
      } else if (trace.type === 'bar') {
        const block = this.block({trace, meta, curves, n, ...axes});
        if (block) this.blocks.push(block);
      }
    });
  }

  // New ranges of axes that the slider's reach does not fit into.
  wider() {
    const {host} = this, reach = {}, ranges = {};
    const grow = (axis, low, high) => {
      reach[axis] = [Math.min(reach[axis]?.[0] ?? low, low), Math.max(reach[axis]?.[1] ?? high, high)];
    };
    host._fullData.forEach((trace, n) => {
      const meta = this.meta(n), curves = this.groups[meta?.group];
      if (!curves) return;
      for (const x of curves.samples()) this.reach(trace, meta, curves, x, grow);
    });
    for (const [name, [low, high]] of Object.entries(reach)) {
      const axis = axisOf(host, name);
      if (!this.widens(axis)) continue;
      const [least, most] = [axis.d2l(low), axis.d2l(high)], [from, to] = axis.range;
      if (!Number.isFinite(least) || !Number.isFinite(most)) continue;
      const padded = this.pads(axis) ? closed(least, most, PAD) : [least, most];
      const fits = least >= from - 1e-9 && most <= to + 1e-9;
      const stands = from <= 0 && least >= 0 && axis.type === 'linear';
      if (!fits) ranges[`${axis._name}.range`] = [stands ? from : Math.min(from, padded[0]), Math.max(to, padded[1])];
    }
    return ranges;
  }

  widens(axis) {
    return Boolean(axis.autorange) && ['linear', 'log'].includes(axis.type) && axis.range[0] < axis.range[1];
  }

  pads() { return true; }

  // Calls `grow(axis, low, high)` with what a trace reaches where the slider is at x.
  reach(trace, meta, curves, x, grow) {
    if (!meta.names) return;
    const along = trace.type === 'bar' && trace.orientation === 'h' ? trace.xaxis : trace.yaxis;
    for (const values of this.values(meta, curves, x)) grow(along, Math.min(...values), Math.max(...values));
  }

  // What a trace draws: the sum of some series.
  values(meta, curves, x) { return [curves.sum(x, meta.names)]; }

  line(line) {
    const layer = this.host.querySelector(`.trace${line.trace.uid}`), path = layer?.querySelector('.js-line');
    const marks = [...layer?.querySelectorAll('.points > path') ?? []];
    if (!path && !marks.length) return null;
    if (path) this.keep(path, 'd', 'style');
    for (const mark of marks) this.keep(mark, 'transform');
    return {...line, paths: path ? [path] : [], marks};
  }

  block(block) {
    const layers = [...this.host.querySelectorAll('.barlayer .trace.bars')];
    const layer = layers.find(one => one.__data__?.[0]?.trace?.uid === block.trace.uid);
    const paths = layer?.querySelectorAll('.point > path');
    if (paths?.length !== this.host.calcdata[block.n].length) return null;
    for (const path of paths) this.keep(path, 'd');
    return {...block, paths: [...paths]};
  }

  keep(element, ...names) {
    const before = names.map(name => [name, element.getAttribute(name)]);
    this.undo.push(() => {
      for (const [name, value] of before) {
        if (value === null) element.removeAttribute(name);
        else element.setAttribute(name, value);
      }
    });
  }

  restore() {
    for (const step of this.undo.splice(0).reverse()) step();
    this.ready = null;
  }

  draw(x) {
    for (const line of this.lines) this.drawLine(line, x);
    for (const block of this.blocks) this.drawBlock(block, x);
  }

  // Where the points of a line stand from left to right, in pixels: `count` of them.
  across({xaxis, n}) { return this.host.calcdata[n].map(({x}) => xaxis.c2p(x)); }

  drawLine(line, x) {
    const {yaxis, meta, curves, paths, marks} = line;
    this.values(meta, curves, x).forEach((values, k) => {
      const places = this.across(line, x, values.length);
      const points = Array.from(values, (value, n) => [places[n].toFixed(2), yaxis.d2p(value).toFixed(2)]);
      const steps = line.trace.line?.shape === 'hv' && points.slice(1).map(([x, y]) => `H${x}V${y}`);
      paths[k]?.setAttribute('d', steps ? `M${points[0]}${steps.join('')}` : `M${points.join('L')}`);
      marks.forEach((mark, n) => {
        if (points[n]) mark.setAttribute('transform', `translate(${points[n].join(',')})`);
      });
      if (!k) line.end = points.at(-1)?.map(Number) ?? [0, 0];
    });
  }

  drawBlock({trace, meta, curves, n, paths, xaxis, yaxis}, x) {
    const lies = trace.orientation === 'h', [along, across] = lies ? [xaxis, yaxis] : [yaxis, xaxis];
    this.values(meta, curves, x)[0].forEach((value, place) => {
      const {p0, p1, b} = this.host.calcdata[n][place], [low, high] = [across.c2p(p0, true), across.c2p(p1, true)];
      const [from, to] = [along.c2p(b, true), along.c2p(b + value, true)];
      const path = lies ? `M${from},${low}V${high}H${to}V${low}Z` : `M${low},${from}V${to}H${high}V${from}Z`;
      paths[place].setAttribute('d', path);
    });
  }
}
