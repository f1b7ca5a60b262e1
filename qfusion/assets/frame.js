// Of the frame of every page, one of each a browser tab: figures are drawn anew when the reader's theme changes, and the keyboard can skip
// the sidebar and close a dialog even where a download has taken the focus out of it.
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

  const skip = document.createElement("a");
  skip.textContent = "Skip to the page";
  skip.href = "#";
  skip.className = "qf-skip";
  skip.addEventListener("click", (event) => {
    event.preventDefault();
    const title = document.querySelector('[data-testid="stMain"] h1');
    if (title) { title.tabIndex = -1; title.focus(); title.scrollIntoView(); }
  });
  document.body.prepend(skip);

  // One letter an action, where no field, slider, tab or figure has the keyboard; a dialog keeps it.
  const press = (key) => document.querySelector(`.st-key-${key} button:not([disabled])`)?.click();
  const keys = { ArrowLeft: "_previous", ArrowRight: "_next", p: "_pin_now", u: "_undo", r: "_redo", "?": "_shortcuts" };
  const busy = 'input, select, textarea, [contenteditable], [role="slider"], [role="tab"], [role="radio"], [role="option"], [role="listbox"], ' +
    '[role="grid"], [data-testid="stDataFrame"], audio, video';
  document.addEventListener("keydown", (event) => {
    const at = document.activeElement, open = document.querySelector('[role="dialog"]');
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
}
