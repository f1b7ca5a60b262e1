// Sliders of Streamlit that a figure follows while they are dragged, and the figure's cursor.

const areaOf = key => `.st-key-${CSS.escape(key)}`;
const sliderOf = key => document.querySelector(`${areaOf(key)} input[type="range"]`);

// Calls `turned(value)` when the thumb of a slider moves, and `back()` where it is let go at its old value. Returns a
// function that ends this.
function watchSlider(key, turned, back) {
  let slider = null, began = null, pressed = false;
  const observer = new MutationObserver(() => turned(Number(slider.value)));
  const touch = event => {
    if (!event.target.closest?.(areaOf(key)) || !(slider = sliderOf(key))) return;
    if (!pressed) began = Number(slider.value);  // the press comes before the thumb moves, the focus after it
    pressed ||= event.type === 'pointerdown';
    observer.disconnect();
    observer.observe(slider, {attributes: true, attributeFilter: ['value', 'aria-valuetext']});
  };
  const release = () => {
    if (!pressed) return;
    pressed = false;
    setTimeout(() => { if (!pressed && Number(slider.value) === began) back(); }, 50);
  };
  const listeners = [['pointerdown', touch], ['focusin', touch], ['pointerup', release], ['pointercancel', release]];
  for (const [name, listener] of listeners) document.addEventListener(name, listener, true);
  return () => {
    observer.disconnect();
    for (const [name, listener] of listeners) document.removeEventListener(name, listener, true);
  };
}

// Lets traces of a figure follow a slider. `entry` is what Python gives: the key of the slider, the `series` that
// traces draw, and their `groups` of curves.
function followSlider(host, entry) {
  const follower = new Follower(host, {});
  let value = null, given = null, frame = 0, busy = false;
  const failed = error => console.error('A slider cannot be followed.', error);
  const soon = () => { frame ||= requestAnimationFrame(() => { frame = 0; draw().catch(failed); }); };

  async function draw() {  // one picture; while one is drawn, the next waits
    if (busy || value === null || !host._fullLayout || !host.seen) return;
    const now = value;
    busy = true;
    try {
      if (given !== entry) {
        follower.restore();
        follower.series = entry.series;
        follower.groups = {};
        for (const name in entry.groups) follower.groups[name] = new Curves(entry.groups[name]);
        given = entry;
      }
      if (!follower.ready || follower.drawn !== host.drawn) {
        host.unfollow?.();
        await (host.queue = host.queue.then(() => follower.prepare()));
        host.classList.remove('plotly-live-moves');
        host.unfollow = () => follower.restore();
      }
      if (follower.moves) follower.draw(now);
    } finally {
      busy = false;
    }
    if (now !== value) soon();
  }

  const stop = watchSlider(entry.slider, now => { value = now; soon(); }, () => {
    value = null;
    if (!follower.undo.length) return;
    follower.restore();
    host.drawn = '';  // the axes may have been widened
    host.draw();
  });
  return {
    update(now) { entry = now; },
    end() { stop(); follower.restore(); },
  };
}

// Makes a figure follow the sliders of `entries`, and no others.
function followSliders(host, entries) {
  host.follows ??= new Map();
  for (const [slider, follow] of host.follows) {
    if (!entries.some(entry => entry.slider === slider)) { follow.end(); host.follows.delete(slider); }
  }
  for (const entry of entries) {
    if (host.follows.has(entry.slider)) host.follows.get(entry.slider).update(entry);
    else host.follows.set(entry.slider, followSlider(host, entry));
  }
}

// A vertical line over all plots of a figure: where the pointer is, or at the value of the slider of this key.
function beginCursor(host, slider) {
  const line = document.createElement('div');
  line.className = 'plotly-live-cursor';
  line.ariaHidden = 'true';
  line.hidden = true;
  let value = null;
  const stand = place => {  // pixels of the first plot
    const {xaxis, _size} = host._fullLayout ?? {};
    line.hidden = !xaxis?._length || !(place >= 0 && place <= xaxis._length);
    if (line.hidden) return;
    if (line.parentElement !== host) host.append(line);
    Object.assign(line.style, {left: `${xaxis._offset + place}px`, top: `${_size.t}px`, height: `${_size.h}px`});
  };
  if (!slider) {
    const move = event => {
      const offset = host._fullLayout?.xaxis?._offset;
      stand(event.clientX - host.getBoundingClientRect().left - offset);
    };
    const leave = () => { line.hidden = true; };
    host.addEventListener('pointermove', move);
    host.addEventListener('pointerleave', leave);
    return {slider, place() {}, end() {
      host.removeEventListener('pointermove', move);
      host.removeEventListener('pointerleave', leave);
      line.remove();
    }};
  }
  const place = () => { if (host._fullLayout?.xaxis && value !== null) stand(host._fullLayout.xaxis.d2p(value)); };
  const turned = now => { value = now; place(); };
  const stop = watchSlider(slider, turned, () => {});
  let wait = 0;
  const read = tries => {  // the slider may come to the page after the figure
    const input = sliderOf(slider);
    if (input) turned(Number(input.value));
    else if (tries) wait = setTimeout(() => read(tries - 1), 200);
  };
  read(25);
  return {slider, place() { const input = sliderOf(slider); if (input) value = Number(input.value); place(); }, end() {
    clearTimeout(wait);
    stop();
    line.remove();
  }};
}
