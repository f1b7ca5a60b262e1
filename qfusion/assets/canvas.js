// A canvas to draw on, by mouse, finger or pen. After every stroke the picture goes to the server as a PNG of a few
// kilobytes; a wiped canvas says so. What is drawn stays for as long as the page does, also while it is folded. A
// picture can be uploaded instead, by whoever cannot draw.

const drawn = window.qfusionDrawn ??= {};  // strokes by the name of their canvas
const SIDE = 280, CALM = 120;  // pixels; milliseconds after a stroke until it is told

function draw(host) {
  const {pen, strokes, ground} = host;
  pen.fillStyle = ground;
  pen.fillRect(0, 0, SIDE, SIDE);
  pen.lineCap = pen.lineJoin = 'round';
  for (const {colour, width, points} of strokes) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    points.forEach(([x, y], at) => at ? pen.lineTo(x, y) : pen.moveTo(x, y));
    if (points.length === 1) pen.lineTo(points[0][0] + .1, points[0][1]);
    pen.stroke();
  }
  for (const button of host.wipes) button.disabled = !strokes.length;
}

function tell(host) {
  clearTimeout(host.waits);
  host.waits = setTimeout(() => host.say(host.strokes.length ? host.canvas.toDataURL('image/png') : ''), CALM);
}

function listen(host) {
  const {canvas} = host;
  const place = event => {
    const {left, top, width, height} = canvas.getBoundingClientRect();
    return [(event.clientX - left) * SIDE / width, (event.clientY - top) * SIDE / height];
  };
  canvas.addEventListener('pointerdown', event => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    clearTimeout(host.waits);
    host.now = {colour: host.colour, width: Number(host.brush.value), points: [place(event)]};
    host.strokes.push(host.now);
    draw(host);
    event.preventDefault();
  });
  canvas.addEventListener('pointermove', event => {
    if (!host.now) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) host.now.points.push(place(one));
    draw(host);
  });
  const end = () => {
    if (!host.now) return;
    host.now = null;
    tell(host);
  };
  canvas.addEventListener('pointerup', end);
  canvas.addEventListener('pointercancel', end);
}

function button(parent, label, press) {
  const made = document.createElement('button');
  Object.assign(made, {type: 'button', className: 'qf-button', textContent: label, onclick: press});
  parent.append(made);
  return made;
}

function offer(host, colours, width) {
  const bar = document.createElement('div');
  bar.className = 'qf-canvas-tools';
  const brush = document.createElement('label');
  brush.textContent = 'Brush ';
  host.brush = document.createElement('input');
  Object.assign(host.brush, {type: 'range', min: 6, max: 60, value: width});
  brush.append(host.brush);
  bar.append(brush);
  if (colours.length > 1) {
    const row = document.createElement('div');
    row.className = 'qf-colours';
    row.setAttribute('role', 'radiogroup');
    row.ariaLabel = 'Colour';
    colours.forEach((colour, at) => {
      const pick = document.createElement('label'), radio = document.createElement('input');
      Object.assign(radio, {type: 'radio', name: `colour-${host.dataset.name}`, checked: !at, ariaLabel: colour});
      radio.onchange = () => { host.colour = colour; };
      pick.style.background = colour;
      pick.title = colour;
      pick.append(radio);
      row.append(pick);
    });
    bar.append(row);
  }
  const wipe = change => () => { change(); draw(host); tell(host); };
  host.wipes = [button(bar, 'Undo', wipe(() => host.strokes.pop())), button(bar, 'Clear', wipe(() => { host.strokes.length = 0; }))];
  host.append(bar);
}

function begin(parent, data) {
  const host = document.createElement('div'), canvas = document.createElement('canvas');
  host.className = 'qf-canvas';
  host.dataset.name = data.name;
  Object.assign(canvas, {width: SIDE, height: SIDE, ariaLabel: data.label});
  canvas.setAttribute('role', 'img');
  Object.assign(host, {canvas, pen: canvas.getContext('2d'), strokes: drawn[data.name] ??= [], ground: data.ground, colour: data.colours[0]});
  host.append(canvas);
  offer(host, data.colours, data.width);
  listen(host);
  parent.append(host);
  draw(host);
  return host;
}

export default function ({data, parentElement, setStateValue}) {
  const host = parentElement.querySelector(':scope > .qf-canvas') ?? begin(parentElement, data);
  const isNew = !host.say;
  host.say = picture => setStateValue('drawing', picture);
  if (isNew && host.strokes.length) tell(host);
}
