// The command palette: a field and its results. The server searches; texts are set as text, never as markup.
const WAIT = 120;  // milliseconds between the last letter and the search
let serial = 0;

function begin(parent, data) {
  const host = document.createElement('div');
  host.className = 'qf-palette';
  const name = `qf-palette-${serial++}`;
  const field = document.createElement('input'), list = document.createElement('div'), status = document.createElement('p');
  Object.assign(field, {type: 'text', placeholder: data.label, ariaLabel: data.label, autocomplete: 'off', spellcheck: false});
  for (const [key, value] of Object.entries({role: 'combobox', 'aria-expanded': 'true', 'aria-controls': name,
    'aria-autocomplete': 'list', 'aria-haspopup': 'listbox'})) field.setAttribute(key, value);
  list.id = name;
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', 'Results');
  status.setAttribute('role', 'status');
  host.append(field, list, status);
  Object.assign(host, {field, list, status, at: 0, waiting: 0});
  field.addEventListener('input', () => {
    clearTimeout(host.waiting);
    host.waiting = setTimeout(() => host.type(field.value), WAIT);
  });
  field.addEventListener('keydown', event => press(host, event));
  list.addEventListener('click', event => {
    const option = event.target.closest('[role="option"]');
    if (option) host.open(option.dataset.key);
  });
  list.addEventListener('mousemove', event => {
    const option = event.target.closest('[role="option"]');
    if (option) mark(host, options(host).indexOf(option));
  });
  parent.append(host);
  setTimeout(() => field.focus(), 50);  // after the dialog has moved the focus
  return host;
}

const options = host => [...host.list.querySelectorAll('[role="option"]')];

function mark(host, at, moves = false) {
  const all = options(host);
  host.at = all.length ? (at + all.length) % all.length : 0;
  all.forEach((option, place) => option.setAttribute('aria-selected', String(place === host.at)));
  const option = all[host.at];
  if (!option) { host.field.removeAttribute('aria-activedescendant'); return; }
  host.field.setAttribute('aria-activedescendant', option.id);
  if (moves) option.scrollIntoView({block: 'nearest'});
}

function press(host, event) {
  const steps = {ArrowDown: 1, ArrowUp: -1};
  if (steps[event.key]) mark(host, host.at + steps[event.key], true);
  else if (event.key === 'Home' && event.ctrlKey) mark(host, 0, true);
  else if (event.key === 'Enter') {
    // what stands there may be of an earlier text: it is opened once the results are of this one
    if (host.typed === host.field.value) { const option = options(host)[host.at]; if (option) host.open(option.dataset.key); }
    else { host.enters = true; clearTimeout(host.waiting); host.type(host.field.value); }
  } else return;
  event.preventDefault();
}

function row(entry, id) {
  const option = document.createElement('div'), title = document.createElement('span'), detail = document.createElement('small');
  option.setAttribute('role', 'option');
  option.id = id;
  option.dataset.key = entry.key;
  title.textContent = entry.title;
  detail.textContent = entry.detail;
  option.append(title, detail);
  return option;
}

function show(host, data) {
  let place = 0;
  const groups = data.groups.map((group, number) => {
    const box = document.createElement('div'), head = document.createElement('div');
    box.setAttribute('role', 'group');
    head.id = `${host.list.id}-group-${number}`;
    head.className = 'qf-palette-group';
    head.textContent = group.name;
    box.setAttribute('aria-labelledby', head.id);
    box.append(head, ...group.entries.map(entry => row(entry, `${host.list.id}-${place++}`)));
    return box;
  });
  host.list.replaceChildren(...groups);
  host.field.setAttribute('aria-expanded', String(place > 0));
  const results = `${data.total} result${data.total > 1 ? 's' : ''}`;
  if (!place) host.status.textContent = data.none;
  else host.status.textContent = place < data.total ? `First ${place} of ${results}` : results;
  mark(host, 0);
  host.list.scrollTop = 0;
}

export default function ({data, parentElement, setStateValue, setTriggerValue}) {
  const host = parentElement.querySelector(':scope > .qf-palette') ?? begin(parentElement, data);
  host.type = words => setStateValue('typed', words);
  host.open = key => setTriggerValue('opened', key);
  host.typed = data.typed;
  if (!host.list.childElementCount && data.typed && !host.field.value) host.field.value = data.typed;
  show(host, data);
  if (host.enters && host.typed === host.field.value) {
    host.enters = false;
    const option = options(host)[0];
    if (option) host.open(option.dataset.key);
  }
}
