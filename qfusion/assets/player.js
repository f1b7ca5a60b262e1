// What follows a recording that Streamlit plays: a playhead over the strip of its seconds, and the strip's clicks,
// which play from there. Both are other elements; they are looked up, as they are drawn when they like.

const near = 5;  // pixels by which a click may move

const media = host => document.querySelector(host.player);

const drawn = host => {
  const figure = host.strip && document.querySelector(host.strip);
  return figure?._fullLayout?.xaxis?._offset === undefined ? null : figure;
};

function place(host) {
  const figure = drawn(host), player = media(host);
  if (!figure || !player) return;
  const seconds = player.currentTime - host.start;
  const {xaxis, _size} = figure._fullLayout, at = xaxis.d2p(seconds);
  if (!host.head.isConnected || host.head.parentElement !== figure) figure.append(host.head);
  const inside = at >= 0 && at <= xaxis._length;
  Object.assign(host.head.style, {display: inside ? 'block' : 'none', left: `${xaxis._offset + at}px`, top: `${_size.t}px`, height: `${_size.h}px`});
  host.head.dataset.time = seconds.toFixed(3);
}

function follow(host) {
  place(host);
  if (host.isConnected && media(host) && !media(host).paused) requestAnimationFrame(() => follow(host));
}

function from(host, seconds) {
  const player = media(host);
  if (!player) return;
  player.currentTime = host.start + Math.max(0, seconds);
  player.play().catch(() => {});  // where a browser does not let a page begin to play, the reader does
  place(host);
}

function heard(host) {  // events of whatever plays, and of the strip; one of each kind a host
  const own = event => event.target === media(host);
  host.listeners = [
    ...['play', 'seeked', 'timeupdate', 'loadedmetadata'].map(name => [document, name, event => own(event) && follow(host)]),
    [document, 'pointerdown', event => {
      const figure = drawn(host);
      host.pressed = figure?.contains(event.target) ? [event.clientX, event.clientY] : null;
    }],
    [document, 'pointerup', event => {
      const figure = drawn(host), pressed = host.pressed;
      host.pressed = null;
      if (!figure || !pressed || Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > near) return;
      const {xaxis, _size} = figure._fullLayout, box = figure.getBoundingClientRect();
      const x = event.clientX - box.left - xaxis._offset, y = event.clientY - box.top - _size.t;
      if (x >= 0 && x <= xaxis._length && y >= 0 && y <= _size.h) from(host, xaxis.p2d(x));
    }],
    [window, 'resize', () => setTimeout(() => place(host), 300)],
  ];
  for (const [target, name, listener] of host.listeners) target.addEventListener(name, listener, true);
}

function begin(parent) {
  const host = document.createElement('div');
  host.className = 'qf-player';
  host.head = document.createElement('div');
  host.head.className = 'qf-playhead';
  host.head.ariaHidden = 'true';
  parent.append(host);
  heard(host);
  return host;
}

function fill(host, {peaks}) {
  host.replaceChildren();
  if (!peaks.length) return;
  const row = document.createElement('div');
  row.className = 'qf-peaks';
  row.append('Play from the largest step of');
  for (const {name, time, title} of peaks) {
    const button = document.createElement('button');
    Object.assign(button, {type: 'button', textContent: name, title, onclick: () => from(host, time)});
    row.append(button);
  }
  host.append(row);
}

export default function ({data, parentElement}) {
  const host = parentElement.querySelector(':scope > .qf-player') ?? begin(parentElement);
  const wanted = JSON.stringify(data);
  Object.assign(host, {strip: data.strip, player: data.player, start: data.start});
  if (host.filled !== wanted) { host.filled = wanted; fill(host, data); }
  return () => {
    for (const [target, name, listener] of host.listeners) target.removeEventListener(name, listener, true);
    host.head.remove();
    host.remove();
  };
}
