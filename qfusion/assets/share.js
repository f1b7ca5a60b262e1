// Copies the address of the page. One listener a browser tab: Streamlit draws the button anew whenever it likes.
if (!window.qfusionShares) {
  window.qfusionShares = true;
  const part = (id) => document.getElementById(id);
  const link = () => {
    const about = JSON.parse(part("qf-link").dataset.link);
    const said = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries(about.always)) if (!said.has(key)) said.set(key, value);
    said.sort();
    const query = said.toString();
    return { text: location.origin + location.pathname + (query ? "?" + query : ""), longest: about.longest };
  };
  const copied = (text) => {
    const said = new URL(text).searchParams, sample = said.get("sample");
    if (sample?.startsWith("own-")) return "Copied, but a sample of your own is in this session alone.";
    return "Copied: it opens this view" + (sample && document.querySelector(".st-key-sample") ? ` of sample ${sample} by ${said.get("model")}.` : ".");
  };
  const say = (words) => { const at = part("qf-said"); at.textContent = words; at.hidden = false; };
  const show = (text) => { const field = part("qf-field"); field.value = text; field.hidden = false; return field; };
  const byHand = (text) => {
    const field = show(text);
    field.focus();
    field.select();
    let done = false;
    try { done = document.execCommand("copy"); } catch { done = false; }
    say(done ? copied(text) : "Your browser does not let pages copy. Copy the marked link yourself.");
  };
  const copy = async () => {
    const { text, longest } = link();
    if (text.length > longest) {
      part("qf-field").hidden = true;
      say(`This link has ${text.length.toLocaleString("en")} characters. Many servers and mail programs cut links at ` +
          `${longest.toLocaleString("en")}, so it is not copied. Change fewer settings, or share the figure with its recipe.`);
      return;
    }
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      byHand(text);
      return;
    }
    show(text);
    say(copied(text));
  };
  document.addEventListener("click", (event) => { if (event.target.closest?.("#qf-copy")) copy(); });
  // The link in the field is of this moment, not of the moment of the copy.
  document.addEventListener("focusin", (event) => {
    if (event.target.id === "qf-field") { event.target.value = link().text; event.target.select(); }
  });
}
