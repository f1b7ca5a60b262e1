"""Pictures of all pages of the running app, whole, at the widths and in the themes asked for, and what a machine can
see wrong in them.

    python scripts/screenshots.py FOLDER [--pages dynamics circuit] [--widths 1440 800] [--themes light dark]
    python scripts/screenshots.py --readme

The second makes the pictures of the documents; that of the README moves. Printed for every page: pages that scroll
sideways, words that are cut off, labels of a figure that lie on each other or leave it. What cannot be measured has to
be looked at.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
from scripts import dragging, serving, visits  # noqa: E402

TALLEST = 9000  # pixels of a picture
PICTURES = {"overview": ("/", 1000)}  # of the documents: address and height of the window
MAX_BYTES = 300_000
# The moving picture: a slider of the Dynamics page and its label.
MOVED = "/dynamics?model=qj-scenes"
SLIDER = "H.picture-question"
# Shares of the track at which the thumb is shown, one after another.
PLACES = [0.5 * (1 - step / 14) for step in range(15)] + [step / 20 for step in range(1, 10)]
FRAME = (1200, 800)  # pixels of the window
SHOWN_WIDTH = 900  # pixels of the picture
FRAME_TIME, END_TIME = 110, 1500  # milliseconds
MAX_MOVING_BYTES = 1_200_000
_CHECK = """() => {
  const found = [], main = document.querySelector('[data-testid="stMain"]'), say = words => found.push(words);
  const shown = e => { const b = e.getBoundingClientRect(), s = getComputedStyle(e);
    return b.width > 2 && b.height > 2 && s.visibility !== 'hidden' && s.opacity !== '0' && s.clipPath === 'none'
      && s.clip === 'auto'; };
  const said = e => e.textContent.trim().replace(/\\s+/g, ' ').slice(0, 60);
  if (main.scrollWidth > main.clientWidth) say(`scrolls sideways by ${main.scrollWidth - main.clientWidth} px`);
  const skip = '[data-testid="stDataFrame"], .js-plotly-plot, [data-testid="stCode"], [role="listbox"], '
    + '[aria-hidden="true"], textarea, [data-testid="stMultiSelectTagsContainer"]';
  for (const e of document.querySelectorAll('[data-testid="stMain"] *, [data-testid="stSidebar"] *')) {
    if (e.closest(skip) || !shown(e)) continue;
    const words = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const field = e.tagName === 'INPUT' && /text|number|search/.test(e.type);
    if (!words && !field) continue;
    for (let box = e, n = 0; box && n < 3; box = box.parentElement, n++) {
      const style = getComputedStyle(box);
      if (/hidden|clip/.test(style.overflowX) && box.scrollWidth > box.clientWidth + 1
          && e.scrollWidth > box.clientWidth + 1) {
        say(`cut off in ${box.dataset.testid || box.className}: '${said(e) || e.value}'`); break; }
    }
    if (field && e.scrollWidth > e.clientWidth + 1 && e.value) say(`cut off in a field: '${e.value.slice(0, 60)}'`);
  }
  for (const plot of document.querySelectorAll('.js-plotly-plot')) {
    const name = (plot.closest('[class*="st-key-"]')?.className.match(/st-key-(\\S+)/) || ['', '?'])[1];
    const edge = plot.getBoundingClientRect();
    const labels = '.xtick text, .ytick text, .annotation-text, .legendtext, .xtitle, .ytitle';
    const turned = e => /rotate\\((?!0)/.test(e.getAttribute('transform') || '');
    const texts = [...plot.querySelectorAll(labels + ', .textpoint text')]
      .filter(e => shown(e) && said(e)).map(e => ({e, b: e.getBoundingClientRect(), turned: turned(e)}));
    let pairs = 0;
    texts.forEach((one, i) => { for (const other of texts.slice(i + 1)) {
      if (one.turned && other.turned) continue;
      const w = Math.min(one.b.right, other.b.right) - Math.max(one.b.left, other.b.left);
      const h = Math.min(one.b.bottom, other.b.bottom) - Math.max(one.b.top, other.b.top);
      if (w > 2 && h > 3 && pairs++ < 3) say(`${name}: '${said(one.e)}' lies on '${said(other.e)}'`);
    }});
    if (pairs > 3) say(`${name}: ${pairs} pairs of labels in all`);
    for (const {e, b} of texts)
      if (b.left < edge.left - 2 || b.right > edge.right + 2 || b.top < edge.top - 2 || b.bottom > edge.bottom + 2) {
        say(`${name}: '${said(e)}' leaves the figure`); break; }
    if (edge.width < 80) say(`${name}: only ${Math.round(edge.width)} px wide`);
  }
  return [...new Set(found)];
}"""


def problems(page: Any) -> list[str]:
    """What a machine can see wrong with an open page: sideways scrolling, cut words, labels on each other."""
    return [str(words) for words in page.evaluate(_CHECK)]


def stretch(page: Any, width: int) -> None:
    """Makes the window as high as what the page has to show."""
    page.set_viewport_size({"width": width, "height": 1000})
    page.wait_for_timeout(400)
    height = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": min(int(height) + 20, TALLEST)})
    page.wait_for_timeout(600)
    visits.still(page, whole=True)


def pictures(server: serving.Server, browser: Any, folder: Path, asked: argparse.Namespace) -> int:
    """Takes them all; returns how many problems were printed."""
    folder.mkdir(parents=True, exist_ok=True)
    page, count = browser.new_context().new_page(), 0
    for visit in visits.chosen(asked.pages):
        began = time.monotonic()
        page.set_viewport_size({"width": asked.widths[0], "height": 1000})
        try:
            visits.open_page(page, server.url + visit.address, whole=True)
        except RuntimeError as error:
            print(f"{visit.name}: {error}", flush=True)
            count += 1
            continue
        for width in asked.widths:
            stretch(page, width)
            found = problems(page)
            count += len(found)
            for words in found:
                print(f"{visit.name} at {width}: {words}", flush=True)
            for theme in asked.themes:
                visits.show_in(page, theme)
                page.screenshot(path=str(folder / f"{visit.name}-{width}-{theme}.png"))
        print(f"{visit.name}: {time.monotonic() - began:.1f} s", flush=True)
    return count


def for_readme(server: serving.Server, browser: Any, folder: Path) -> None:
    """The still picture of the quick start, of few enough bytes.

    Raises:
        RuntimeError: when one is larger than `MAX_BYTES`.
    """
    from PIL import Image

    for name, (address, height) in PICTURES.items():
        page = browser.new_context(viewport={"width": 1440, "height": height}).new_page()
        visits.open_page(page, server.url + address)
        page.mouse.move(720, 4)
        page.wait_for_timeout(500)
        path = folder / f"{name}.png"
        page.screenshot(path=str(path))
        with Image.open(
            path
        ) as picture:  # median cut would lose the thin hatches; without k-means, greys get a tint
            few = picture.convert("RGB").quantize(
                256, method=Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE
            )
        few.save(path, optimize=True)
        if path.stat().st_size > MAX_BYTES:
            raise RuntimeError(
                f"{path.name} has {path.stat().st_size:,} bytes, more than {MAX_BYTES:,}. Show less of the page."
            )
        print(f"{path}: {path.stat().st_size:,} bytes")
        page.context.close()


def moving_picture(server: serving.Server, browser: Any, folder: Path) -> None:
    """Record a drag of a coupling on the Dynamics page, from its learned value to 0 and back.

    Raises:
        RuntimeError: when the file is larger than `MAX_MOVING_BYTES`.
    """
    width, height = FRAME
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    visits.open_page(page, server.url + MOVED, whole=True)
    page.locator(".qf-response").first.wait_for()
    slider = dragging.Slider(page, SLIDER)
    slider.hold()
    slider.move(0.48)
    dragging.wait_until_followed(page)
    frames = []
    for place in PLACES:
        slider.move(place)
        dragging.wait_until_drawn(page)
        frames.append(_frame(page))
    slider.release()
    times = [FRAME_TIME] * len(frames)
    times[0] = times[PLACES.index(0.0)] = END_TIME
    path = folder / "slider.webp"
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        duration=times,
        loop=0,
        quality=70,
        method=6,
        minimize_size=True,
    )
    page.context.close()
    if path.stat().st_size > MAX_MOVING_BYTES:
        raise RuntimeError(
            f"{path.name} has {path.stat().st_size:,} bytes, more than {MAX_MOVING_BYTES:,}. Take fewer frames."
        )
    print(f"{path}: {path.stat().st_size:,} bytes")


def _frame(page: Any) -> Any:
    """Returns what the window shows, as a picture of `SHOWN_WIDTH`."""
    from PIL import Image

    with Image.open(io.BytesIO(page.screenshot())) as shown:
        height = round(shown.height * SHOWN_WIDTH / shown.width)
        return shown.convert("RGB").resize((SHOWN_WIDTH, height), Image.Resampling.LANCZOS)


def main() -> int:
    """Takes the pictures; returns 1 when the machine saw something wrong."""
    parser = argparse.ArgumentParser(
        description="Pictures of all pages, and what a machine can see wrong in them."
    )
    parser.add_argument("folder", nargs="?", type=Path, help="where the pictures go")
    parser.add_argument(
        "--pages", nargs="*", default=[], help="names or beginnings of names; default all"
    )
    parser.add_argument(
        "--widths", nargs="*", type=int, default=[1440, 800], help="of the window, in pixels"
    )
    parser.add_argument("--themes", nargs="*", choices=("light", "dark"), default=["light", "dark"])
    parser.add_argument(
        "--readme", action="store_true", help="make the pictures of the README instead"
    )
    asked = parser.parse_args()
    if not asked.readme and asked.folder is None:
        parser.error("name a folder for the pictures")
    with tempfile.TemporaryDirectory() as own, visits.browsing(Path(own)) as (server, browser):
        if asked.readme:
            images = asked.folder or serving.ROOT / "docs" / "images"
            for_readme(server, browser, images)
            moving_picture(server, browser, images)
            return 0
        return 1 if pictures(server, browser, asked.folder, asked) else 0


if __name__ == "__main__":
    sys.exit(main())
