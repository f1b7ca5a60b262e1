// Plays a story: uncovers the lines of its acts, one after the other; with a button and a slider. The page shows all of
// them where scripts may not run.
(() => {
  const part = (id) => document.getElementById(id);
  const story = part("story"), slider = part("at"), button = part("play");
  const acts = [...story.querySelectorAll(".act")], words = [...story.querySelectorAll(".says")];
  const seconds = Number(story.dataset.seconds), grown = 1 - Number(story.dataset.hold);
  for (const clip of story.querySelectorAll(".grows")) clip.dataset.width = clip.getAttribute("width");
  let at = 0, before = null, playing = false;
  const draw = () => {
    const place = Math.min(acts.length - 1, Math.floor((at / seconds) * acts.length));
    const share = Math.min(1, ((at / seconds) * acts.length - place) / grown);
    acts.forEach((act, i) => { act.hidden = i !== place; });
    words.forEach((one, i) => (i === place ? one.setAttribute("aria-current", "step") : one.removeAttribute("aria-current")));
    for (const drawing of acts[place].querySelectorAll("svg")) {
      const clip = drawing.querySelector(".grows"), wide = Number(clip.dataset.width) * share;
      clip.setAttribute("width", wide);
      drawing.querySelector(".cursor").setAttribute("x", Number(clip.getAttribute("x")) + wide);
    }
    slider.value = at;
    slider.setAttribute("aria-valuetext", `${at.toFixed(1)} of ${seconds} s: ${acts[place].dataset.name}`);
  };
  const set = (on) => {
    playing = on;
    before = null;
    button.textContent = on ? "Pause" : at >= seconds ? "Play again" : "Play";
    if (on) requestAnimationFrame(step);
  };
  const step = (now) => {
    if (!playing) return;
    at = Math.min(seconds, at + (before === null ? 0 : (now - before) / 1000));
    before = now;
    draw();
    if (at >= seconds) set(false);
    else requestAnimationFrame(step);
  };
  button.addEventListener("click", () => { if (!playing && at >= seconds) at = 0; set(!playing); });
  slider.addEventListener("input", () => { at = Number(slider.value); set(false); draw(); });
  part("controls").hidden = false;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (still) at = seconds;
  draw();
  set(!still);
})();
