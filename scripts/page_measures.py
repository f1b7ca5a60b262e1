"""What can be measured of a page's calm: its words of prose, its largest empty rectangle, and where its answer ends.

    python scripts/page_measures.py [--pages dynamics circuit] [--widths 1440 1100 800] [--out FILE.json]
                                    [--before FILE.json] [--app FOLDER]

Prose is every word that can be read without a click and is not a title, a label, a control, a cell of a table, a part
of a figure, or what a sample itself says, nor a fact in a chip. The largest empty rectangle is that of the page's area
(from the title to the end) in which nothing is written or drawn, in per cent of it; what stays in view beside a column
counts as beside all of it. The answer is the first figure, panel or table of the page: it ends so many pixels below the
top of the window. `--before` takes the file of an earlier state to print both; `--app` measures another checkout's app.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]
from scripts import visits  # noqa: E402

CELL, FIRST_SCREEN = 8, 900  # pixels
MOST_EMPTY = 15.0  # per cent of a page's area
_MEASURE = """() => {
  const main = document.querySelector('[data-testid="stMainBlockContainer"]');
  const shown = e => { const b = e.getBoundingClientRect(), s = getComputedStyle(e);
    return b.width > 2 && b.height > 2 && e.checkVisibility() && s.visibility !== 'hidden'
      && s.opacity !== '0' && s.clipPath === 'none'
      && s.clip === 'auto' && !e.closest('[hidden], [aria-hidden="true"]'); };
  const not = 'h1, h2, h3, h4, h5, h6, button, a, label, input, select, textarea, table, svg, canvas, style, script, '
    + '[role="tab"], [role="listbox"], .js-plotly-plot, [data-testid="stMetric"], [data-testid="stCode"], '
    + '[data-testid="stText"], [data-testid="stSlider"], [data-testid="stSelectbox"], [data-testid="stMultiSelect"], '
    + '[data-testid="stIconMaterial"], [role="img"], '
    + '[data-testid="stDataFrame"], [data-testid="stFileUploader"], '
    + '[class*="st-key-said-"], [class*="st-key-chips-"], .katex';
  let words = 0; const boxes = [];
  const count = text => (text.match(/[\\p{L}\\p{N}][\\p{L}\\p{N}'’.,-]*/gu) || []).length;
  for (const root of document.querySelectorAll('[data-testid="stMain"], [data-testid="stSidebar"]')) {
    const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let n = walk.nextNode(); n; n = walk.nextNode()) {
      const e = n.parentElement;
      if (!n.textContent.trim() || !e || !shown(e)) continue;
      if (main.contains(e)) { const range = document.createRange(); range.selectNodeContents(n);
        boxes.push(...range.getClientRects()); }
      if (!e.closest(not)) words += count(n.textContent);
    }
  }
  const drawn = '.js-plotly-plot, canvas, img, input, textarea, button, audio, table, [data-testid="stDataFrame"], '
    + '[data-testid="stSlider"], [data-testid="stSelectbox"], [data-testid="stFileUploader"], [data-testid="stAlert"], '
    + '[data-testid="stImage"], [data-testid="stCode"]';
  for (const e of main.querySelectorAll(drawn)) if (shown(e)) boxes.push(e.getBoundingClientRect());
  for (const e of main.querySelectorAll('*')) {
    if (getComputedStyle(e).position !== 'sticky' || !e.parentElement) continue;
    const own = e.getBoundingClientRect(), track = e.parentElement.getBoundingClientRect();
    if (track.height > own.height + 8 && own.width < track.width + 8)  // it goes along as one reads
      boxes.push({left: own.left, right: own.right, top: own.top, bottom: track.bottom});
  }
  const style = getComputedStyle(main), box = main.getBoundingClientRect();
  const area = [box.left + parseFloat(style.paddingLeft), box.top + parseFloat(style.paddingTop),
                box.right - parseFloat(style.paddingRight), box.bottom - parseFloat(style.paddingBottom)];
  const answers = '.js-plotly-plot, [data-testid="stDataFrame"], [class*="st-key-panel-"], .st-key-cohort-ladder table';
  const answer = [...main.querySelectorAll(answers)].filter(shown)[0];
  return {words, area, boxes: boxes.map(b => [b.left, b.top, b.right, b.bottom]),
          answer: answer ? Math.round(answer.getBoundingClientRect().bottom) : null};
}"""


def largest_empty(area: list[float], boxes: list[list[float]]) -> tuple[float, list[int]]:
    """The largest rectangle of an area in which no box lies.

    Args:
        area: left, top, right, bottom in pixels. boxes: the same of what is written or drawn.

    Returns:
        per cent of the area, and the rectangle in pixels, to `CELL`.
    """
    left, top, right, bottom = area
    # an extent smaller than the page's last box ends there: below it there is nothing to scroll to
    bottom = max([min(b[3], bottom) for b in boxes], default=bottom)
    columns, rows = int((right - left) // CELL), int((bottom - top) // CELL)
    taken: NDArray[np.bool_] = np.zeros((max(rows, 1), max(columns, 1)), bool)
    for b in boxes:
        x, y = (b[0] - left) / CELL, (b[1] - top) / CELL
        X, Y = (b[2] - left) / CELL, (b[3] - top) / CELL
        if X > 0 and Y > 0:
            taken[max(int(y), 0) : int(np.ceil(Y)), max(int(x), 0) : int(np.ceil(X))] = True
    best, where = 0, [0, 0, 0, 0]
    free = np.zeros(
        taken.shape[1] + 1, int
    )  # cells free above, by column; the last stays 0 and ends every run
    for y, line in enumerate(taken):
        free[:-1] = np.where(line, 0, free[:-1] + 1)
        open_: list[tuple[int, int]] = []
        for x, height in enumerate(free):
            start = x
            while open_ and open_[-1][1] >= height:
                start, tall = open_.pop()
                if tall * (x - start) > best:
                    best, where = tall * (x - start), [start, y - tall + 1, x, y + 1]
            open_.append((start, int(height)))
    corner = [left, top, left, top]
    return 100 * best / taken.size, [int(CELL * w + c) for w, c in zip(where, corner, strict=True)]


def measured(page: Any, width: int) -> dict[str, Any]:
    """Words, emptiness and place of the answer of an open page at a width."""
    page.set_viewport_size({"width": width, "height": FIRST_SCREEN})
    page.wait_for_timeout(500)
    visits.still(page, whole=True)
    return as_it_stands(page)


def as_it_stands(page: Any) -> dict[str, Any]:
    """Words, emptiness and place of the answer of an open page that is drawn, from its top."""
    page.evaluate("() => { document.querySelector('[data-testid=stMain]').scrollTop = 0; }")
    found = page.evaluate(_MEASURE)
    share, where = largest_empty(found["area"], found["boxes"])
    return {
        "words": found["words"],
        "empty": round(share, 1),
        "where": where,
        "answer": found["answer"],
        "height": round(found["area"][3] - found["area"][1]),
    }


def faults(found: dict[str, Any]) -> list[str]:
    """What the pages are not to have: an answer that ends below the first screen, or a hole."""
    late = (found["answer"] or 0) > FIRST_SCREEN
    return ([f"its answer ends at {found['answer']} px"] if late else []) + (
        [f"empty at {found['where']}: {found['empty']} %"] if found["empty"] > MOST_EMPTY else []
    )


def main() -> int:
    """Prints a line a page and width."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--pages", nargs="*", default=[], help="names or beginnings of names; default all"
    )
    parser.add_argument(
        "--widths", nargs="*", type=int, default=[1440], help="of the window, in pixels"
    )
    parser.add_argument("--out", type=Path, help="keeps the numbers as JSON")
    parser.add_argument("--before", type=Path, help="of an earlier state, to print both")
    parser.add_argument("--app", type=Path, default=ROOT, help="the checkout whose app is measured")
    asked = parser.parse_args()
    before = json.loads(asked.before.read_text()) if asked.before else {}
    found: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory() as own,
        visits.browsing(Path(own), asked.app) as (server, browser),
    ):
        page = browser.new_context(
            viewport={"width": asked.widths[0], "height": FIRST_SCREEN}
        ).new_page()
        for visit in visits.chosen(asked.pages):
            try:
                visits.open_page(page, server.url + visit.address, whole=True)
            except RuntimeError as error:
                print(f"{visit.name}: {error}", flush=True)
                continue
            for width in asked.widths:
                key = f"{visit.name}-{width}"
                found[key] = now = measured(page, width)
                was = before.get(key)
                less = (
                    f" (before {was['words']}, {100 - 100 * now['words'] / was['words']:.0f} % fewer)"
                    if was
                    else ""
                )
                print(
                    f"{key}: {now['words']} words{less}; empty {now['empty']} % at {now['where']}; answer ends at "
                    f"{now['answer']}; {now['height']} px high{''.join(f' ! {fault}' for fault in faults(now))}",
                    flush=True,
                )
    both = [key for key in found if key in before]
    if both:
        now, was = (sum(one[key]["words"] for key in both) for one in (found, before))
        print(
            f"{len(both)} pages: {was} words before, {now} now, {100 - 100 * now / was:.0f} % fewer"
        )
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
