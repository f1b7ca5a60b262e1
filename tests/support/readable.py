"""What a person cannot read or press on an open page: words that are broken or cut, and texts that lie on others."""

from __future__ import annotations

from typing import Any

# Texts of the page that can be seen, as [element, text, range of the whole text].
_TEXTS = r"""
  const unclipped = e => !e || getComputedStyle(e).clipPath === 'none' && unclipped(e.parentElement);
  const seen = e => e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}) && unclipped(e);
  const texts = function* (leftOut) {
    const walk = document.createTreeWalker(document.querySelector('[data-testid="stMain"]'), NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const e = node.parentElement, text = node.textContent.trim();
      if (!text || !e || e.closest('style, script, .katex, input, ' + leftOut) || !seen(e)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      yield [e, text, range, node];
    }
  };
"""
_UNREADABLE = f"""() => {{ {_TEXTS}
  const found = [];
  for (const [e, text, range, node] of texts('svg, pre, code, [data-testid="stIconMaterial"]')) {{
    const box = range.getBoundingClientRect();
    for (let part = e; part && !part.matches('[data-testid="stMain"]'); part = part.parentElement) {{
      const {{overflowX}} = getComputedStyle(part), room = part.getBoundingClientRect();
      if (overflowX === 'auto' || overflowX === 'scroll') break;
      if (overflowX !== 'visible' && (box.right > room.right + 1 || box.left < room.left - 1)) {{
        found.push(`'${{text.slice(0, 60)}}' is cut`);
        break;
      }}
    }}
    for (const word of node.textContent.matchAll(/[\\p{{L}}\\p{{N}}]+/gu)) {{
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const lines = [...range.getClientRects()].filter(line => line.width > 0.5).map(line => Math.round(line.top));
      if (new Set(lines).size > 1) found.push(`'${{word[0]}}' is broken in '${{text.slice(0, 60)}}'`);
    }}
  }}
  return [...new Set(found)];
}}"""
# Texts of figures that are turned have boxes larger than themselves.
_OVERLAPS = f"""() => {{ {_TEXTS}
  const turned = e => e.closest('svg') && (
    /rotate\\((?!0[,)])/.test(e.getAttribute('transform') ?? '') || turned(e.parentElement));
  const boxes = [];
  for (const [e, text, range] of texts('[data-testid="stDataFrame"]')) {{
    if (turned(e)) continue;
    for (const box of range.getClientRects()) if (box.width > 2 && box.height > 2) boxes.push([e, text, box]);
  }}
  boxes.sort((one, other) => one[2].top - other[2].top);
  const found = [];
  for (let first = 0; first < boxes.length; first++) for (let second = first + 1; second < boxes.length; second++) {{
    const [e, text, a] = boxes[first], [other, words, b] = boxes[second];
    if (b.top > a.bottom - 5) break;
    if (e === other) continue;
    const width = Math.min(a.right, b.right) - Math.max(a.left, b.left), height = Math.min(a.bottom, b.bottom) - b.top;
    if (width > 3 && height > 5) found.push(`'${{text.slice(0, 40)}}' lies on '${{words.slice(0, 40)}}'`);
  }}
  return [...new Set(found)];
}}"""


# Whether every figure is drawn for the room that it has now.
_FITTED = """() => [...document.querySelectorAll('.qf-figure:has(.main-svg)')].every(figure => {
  const room = figure.getBoundingClientRect(), drawn = figure.querySelector('.main-svg').getBoundingClientRect();
  return Math.abs(room.width - drawn.width) < 1 && Math.abs(room.height - drawn.height) < 1;
})"""


def wait_for_figures(page: Any) -> None:
    """Waits until the figures of a page are drawn anew in a window of another width."""
    page.wait_for_function(_FITTED)


def unreadable(page: Any) -> list[str]:
    """Returns the texts of a page that are cut by their boxes, and the words that are broken over two lines."""
    return list(page.evaluate(_UNREADABLE))


def overlaps(page: Any) -> list[str]:
    """Returns the pairs of texts of which one lies on the other, but for turned texts and cells of tables."""
    return list(page.evaluate(_OVERLAPS))
