// Of the frame of every page, one of each a browser tab: figures are drawn anew when the reader's theme changes, and the keyboard can
// close a dialog even where a download has taken the focus out of it.
if (!window.qfusionFrame) {
  window.qfusionFrame = true;
  const app = () => document.querySelector(".stApp");
  let asked = "";
  const follow = () => {
    const drawn = document.getElementById("qf-theme")?.dataset.theme, shown = app() && getComputedStyle(app()).colorScheme;
    if (!drawn || !shown || drawn === shown) { asked = ""; return; }
    if (asked === shown) return;
    asked = shown;
    document.querySelector(".st-key-_redraw button")?.click();
  };
  let waiting = 0;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(follow, 200); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", soon);
  new MutationObserver(soon).observe(document.body, { attributes: true, attributeFilter: ["class"], subtree: true });

  // The (?) of a field is no stop of the Tab key: F1 in the field leads there, and Tab back.
  const HELP = '[data-testid="stWidgetLabel"] [data-testid="stTooltipIcon"] button';
  // One letter an action, where no field, slider, tab or figure has the keyboard; a dialog keeps it.
  const press = (key) => document.querySelector(`.st-key-${key} button:not([disabled])`)?.click();
  const keys = { ArrowLeft: "_previous", ArrowRight: "_next", p: "_pin_now", u: "_undo", r: "_redo", "?": "_shortcuts" };
  const busy = 'input, select, textarea, [contenteditable], [role="slider"], [role="tab"], [role="radio"], [role="option"], [role="listbox"], ' +
    '[role="grid"], [data-testid="stDataFrame"], audio, video';
  document.addEventListener("keydown", (event) => {
    const at = document.activeElement, open = document.querySelector('[role="dialog"]');
    if (event.key === "F1") {
      const help = at?.closest('[data-testid="stElementContainer"]')?.querySelector(HELP);
      if (help) { event.preventDefault(); help.focus(); }
      return;
    }
    if (event.key === "Escape" && at === document.body) open?.querySelector('button[aria-label="Close"]')?.click();
    if (event.ctrlKey || event.metaKey || event.altKey || open || at?.closest(busy)) return;
    if (event.key === "/") document.querySelector(".st-key-sample input")?.focus();
    else if (event.key === "w") document.querySelector('.st-key-words button[aria-checked="false"]')?.click();
    else if (event.key === "c") document.getElementById("qf-copy")?.click();
    else if (keys[event.key]) press(keys[event.key]);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  // What is told to the address of a page does not lead away from it: one press of Back goes to the page before.
  // Streamlit empties the address just before it opens another page: what it was is what Back shows.
  const go = history.pushState.bind(history);
  let full = "", emptied = 0;
  history.pushState = (state, title, url) => {
    const { pathname, search } = new URL(url ?? "", location.href);
    if (pathname === location.pathname) {
      if (!search) [full, emptied] = [location.href, Date.now()];
      history.replaceState(state, title, url);
    } else {
      if (full && Date.now() - emptied < 1000) history.replaceState(history.state, "", full);
      full = "";
      go(state, title, url);
    }
  };

  // What stands below the first screen is drawn once it comes near it: the button in its place is pressed then. The
  // place is as high as what stood there before.
  const pressed = new WeakSet(), heights = new Map();
  const name = (element) => /st-key-(?:later|panel)-(\S+)/.exec(element.className)?.[1];
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) if (target.isConnected) heights.set(name(target), target.offsetHeight);
  });
  // A press that follows a click on a link names the page that is being left, and leads back to it.
  let left = 0;
  addEventListener("click", (event) => { if (event.target.closest?.("a[href]")) left = Date.now(); }, true);
  addEventListener("popstate", () => { left = Date.now(); });
  const come = (place) => {
    const button = place.querySelector("button");
    if (!button || !place.isConnected) return;
    const state = document.querySelector("[data-test-script-state]")?.dataset.testScriptState;
    if (state !== "notRunning" || Date.now() - left < 2000) { setTimeout(() => come(place), 100); return; }
    button.click();
    // A click that was lost, as one that came just before another is; the place may have another button by now.
    setTimeout(() => { if (place.isConnected) pressed.delete(place); look(); }, 5000);
  };
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) if (isIntersecting) { near.unobserve(target); come(target); }
  });  // no margin: inside of Streamlit's scroller the window's has no effect, and with its own each action draws more
  const look = () => {
    for (const place of document.querySelectorAll('[class*="st-key-later-"]')) {
      if (pressed.has(place) || !place.querySelector("button")) continue;  // its button may come after it
      pressed.add(place);
      if (heights.has(name(place))) place.style.minHeight = `${heights.get(name(place))}px`;
      near.observe(place);
    }
    for (const help of document.querySelectorAll(`${HELP}:not([tabindex])`)) help.tabIndex = -1;
    for (const panel of document.querySelectorAll('[class*="st-key-panel-"]')) sizes.observe(panel);
  };
  let looking = 0;
  new MutationObserver(() => { looking ||= requestAnimationFrame(() => { looking = 0; look(); }); })
    .observe(document.body, { childList: true, subtree: true });
  // On paper everything stands: what is left is drawn before the dialog of the browser opens.
  window.qfusionWhole = async () => {
    for (let quiet = 0; quiet < 3;) {
      const places = [...document.querySelectorAll('[class*="st-key-later-"]')];
      places.forEach((place) => place.querySelector("button")?.click());
      const busy = places.length || document.querySelector('[data-test-script-state="running"], .qf-figure[aria-busy]');
      quiet = busy ? 0 : quiet + 1;
      await new Promise((after) => setTimeout(after, 200));
    }
  };
  addEventListener("keydown", (event) => {
    if (event.key !== "p" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    window.qfusionWhole().then(() => print());
  });
}
