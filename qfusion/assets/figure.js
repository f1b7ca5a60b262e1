// What qfusion adds to figures (plotly_live): names of lines at their ends, the buttons above a figure, its words and its
// numbers, and the sign that the rest of a page may come.

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

function rest() {  // has the server send the rest of a page, once
  const first = document.getElementById('qf-first');
  if (!first?.dataset.address) return;
  fetch(first.dataset.address);
  first.dataset.address = '';
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

extend({
  begin() { setTimeout(rest, 400); },  // what takes longer, as the first visit over a slow network, is not waited for
  update(host, data, parent, setTriggerValue) {
    host.press = what => setTriggerValue(what, true);
    if (data.tools && !parent.querySelector(':scope > .qf-tools')) offer(parent, data.tools, what => host.press(what));
    const words = parent.querySelector(':scope > .qf-words');
    if (words && host.words !== data.words) words.innerHTML = host.words = data.words ?? '';
    if (data.file && data.file.turn !== host.saved) { host.saved = data.file.turn; download(data.file); }
  },
  arrange(data, layout, width) {
    const {dragmode, legend} = layout;
    return {...named(data, layout, width), dragmode: dragmode ?? 'pan', legend: {...legend, itemclick: false, itemdoubleclick: false}};
  },
  drawn: rest,
  end(host, parent) { for (const part of parent.querySelectorAll(':scope > :is(.qf-tools, .qf-words)')) part.remove(); },
});
