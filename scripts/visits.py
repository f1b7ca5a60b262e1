"""Every page of the app as a reader may open it: addresses for the accessibility check, the screenshots and their
tests."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
from scripts import serving  # noqa: E402

DRAWN = """() => document.querySelector('[data-testid="stException"]')
  || (document.querySelector('[data-testid="stMain"] h1')
  && !document.querySelector('[data-testid="stSkeleton"], [data-testid="stSpinner"], #qf-first')
  && ![...document.querySelectorAll('.qf-figure[aria-busy]')].some(e => e.checkVisibility() && e.clientWidth))"""
_SCHEME = "theme => document.getElementById('qf-theme')?.dataset.theme === theme"
STILL = '[data-testid="stApp"][data-test-script-state="notRunning"]'
# Whether nothing has run and all has been drawn for so many milliseconds in a row of this wait.
_HELD = f"""([wait, least, whole]) => {{
  const later = whole ? [...document.querySelectorAll('[class*="st-key-_later-"] button')] : [];
  const now = performance.now(), idle = document.querySelector('{STILL}');
  if (idle) later.forEach(button => button.click());
  const still = idle && !later.length && ({DRAWN})();
  if (!still || window.qfHeld?.wait !== wait) window.qfHeld = {{wait, since: now}};
  return still && now - window.qfHeld.since >= least;
}}"""
# Scrolls to a part that waits until it is drawn: it is pushed out of sight again by what comes above it. Panels have
# its name then, other parts have none. A panel may be in a part of another name that waits itself: that comes first.
_COME = """([name, wait]) => {
  const place = document.querySelector(`.st-key-later-${name}`);
  if (place) window.qfCame = wait;
  const shown = place || document.querySelector(`.st-key-panel-${name}, .st-key-figure-${name}`);
  const done = !place && (shown || window.qfCame === wait);
  const next = shown || (done ? null : document.querySelector('[class*="st-key-later-"]'));
  next?.scrollIntoView({block: 'center', behavior: 'instant'});
  return done;
}"""
_HELD_MS, _EVERY_MS = 300, 100
_WAITS = itertools.count()


@dataclass(frozen=True)
class Visit:
    """One thing to look at: `name` for files, and the address below the app's own."""

    name: str
    address: str


NETWORK = "model=qcnn-digits&data=digits"
VISITS = (
    Visit("overview", "/"),
    Visit("overview-planted", "/?model=qj-planted"),
    Visit("overview-network", f"/?{NETWORK}"),
    Visit("samples", "/samples"),
    Visit("samples-planted", "/samples?model=qj-planted"),
    Visit("samples-network", f"/samples?{NETWORK}"),
    Visit("dynamics", "/dynamics"),
    Visit("dynamics-planted", "/dynamics?model=qj-planted"),
    Visit("dynamics-built", "/dynamics?builtas=over%20time&model=qj-planted"),
    Visit("dynamics-flow", "/dynamics?builtas=flow&model=qj-planted"),
    Visit("dynamics-correlations", "/dynamics?view=Correlations&model=qj-planted"),
    Visit("dynamics-trajectories", "/dynamics?view=Trajectories&model=qj-planted"),
    Visit("dynamics-state", "/dynamics?view=State&model=qj-planted"),
    Visit(
        "dynamics-hinton",
        "/dynamics?model=qj-planted&view=State&matrixas=Hinton%20diagram&t=0.5&of=text",
    ),
    Visit("dynamics-steady", "/dynamics?view=Steady%20state&model=qj-planted"),
    Visit("dynamics-operators", "/dynamics?view=H%20and%20L&model=qj-planted"),
    Visit("dynamics-sensitivity", "/dynamics?view=Sensitivity&model=qj-planted"),
    Visit("dynamics-network", f"/dynamics?{NETWORK}"),
    Visit("circuit", "/circuit?model=qj-planted"),
    Visit("circuit-network", f"/circuit?{NETWORK}"),
    Visit(
        "circuit-network-cone",
        f"/circuit?{NETWORK}&cone=fused%5B1%5D&gate=4&display=probability%20of%201"
        "&qubitsas=Bloch%20balls",
    ),
    Visit("circuit-network-rules", f"/circuit?{NETWORK}&part=Fusion%20rules"),
    Visit("circuit-network-noise", f"/circuit?{NETWORK}&part=Noise%20and%20shots"),
    Visit("circuit-network-entropies", f"/circuit?{NETWORK}&part=Entropies"),
    Visit("circuit-network-sensitivity", f"/circuit?{NETWORK}&part=Sensitivity"),
    Visit("circuit-network-export", f"/circuit?{NETWORK}&part=Export"),
    Visit("what-if", "/what_if"),
    Visit("what-if-planted", "/what_if?model=qj-planted"),
    Visit("what-if-network", f"/what_if?{NETWORK}"),
    Visit("operators", "/operators"),
    Visit("operators-network", f"/operators?{NETWORK}"),
    Visit("samples-similar", "/samples?similar=modality%20states"),
    Visit("cohorts", "/cohorts"),
    Visit("cohorts-entanglement", "/cohorts?cohorts.view=Entanglement&cuts=true"),
    Visit("cohorts-quality", "/cohorts?cohorts.view=Quality"),
    Visit(
        "cohorts-map",
        "/cohorts?model=qj-planted&map=contributions&map.colour=error&slice=planted%20type&filter=relation%3Dconflict",
    ),
    Visit("cohorts-network", f"/cohorts?{NETWORK}"),
    Visit(
        "compare", "/compare?model=qj-planted&sample=p0031&pin=qj-planted/planted/p1671&H.text=0.3"
    ),
    Visit("compare-nothing", "/compare"),
    Visit("compare-several", "/compare?compare.view=Several%20samples&model=qj-planted"),
    Visit("compare-several-network", f"/compare?{NETWORK}&compare.view=Several%20samples"),
    Visit(
        "compare-network",
        "/compare?model=qcnn-digits&data=digits&pin=qcnn-digits/digits/digit-0003/all:and",
    ),
    Visit("faithfulness", "/faithfulness"),
    Visit("faithfulness-truth", "/faithfulness?proof=Truth"),
    Visit("faithfulness-methods", "/faithfulness?proof=Other%20methods"),
    Visit("faithfulness-seeds", "/faithfulness?proof=Training%20seeds"),
    Visit("faithfulness-people", "/faithfulness?model=qj-planted&proof=People"),
    Visit("faithfulness-network", f"/faithfulness?{NETWORK}"),
    Visit("why", "/why_fuse"),
    Visit("why-data", "/why_fuse?model=qj-planted&why=The%20data"),
    Visit("why-pieces", "/why_fuse?model=qj-planted&why=Which%20piece"),
    Visit("why-network", f"/why_fuse?{NETWORK}"),
    Visit("why-network-pieces", f"/why_fuse?{NETWORK}&why=Which%20piece"),
    Visit("data", "/data"),
    Visit("train", "/train"),
    Visit("sweeps", "/sweeps"),
    Visit("leaderboard", "/leaderboard"),
    Visit("glossary", "/glossary"),
    Visit("tour", "/tour"),
    Visit("tour-step", "/samples?tour=2"),
)


def chosen(names: Sequence[str]) -> list[Visit]:
    """The visits whose name begins with one of `names`; all without any.

    Raises:
        ValueError: when a name fits none.
    """
    for name in names:
        if not any(one.name.startswith(name) for one in VISITS):
            raise ValueError(
                f"No page begins with {name!r}. There are: {', '.join(one.name for one in VISITS)}."
            )
    return [one for one in VISITS if not names or any(one.name.startswith(name) for name in names)]


@contextlib.contextmanager
def browsing(folder: Path, app: Path = serving.ROOT) -> Iterator[tuple[serving.Server, Any]]:
    """The running app of a checkout, with a cache, runs and imported sets of its own in `folder`, and a browser."""
    from playwright.sync_api import sync_playwright

    own = serving.own_places(folder)
    with serving.serve(folder, own, place=app) as server, sync_playwright() as playwright:
        browser = serving.launch(playwright)
        yield server, browser
        browser.close()


def open_page(page: Any, address: str, limit_ms: int = 120_000, *, whole: bool = False) -> None:
    """Opens an address and waits until the script has ended and every figure is drawn; `whole` as of `still`.

    Raises:
        RuntimeError: when the page shows an exception.
    """
    page.goto(address)
    still(page, limit_ms, whole=whole)


def still(page: Any, limit_ms: int = 120_000, *, whole: bool = False) -> None:
    """Waits until nothing runs and all is drawn for a while, because a page may run again at once; with the `whole`
    page, also what is far below the screen, which costs as much again."""
    page.wait_for_function(
        _HELD, arg=[next(_WAITS), _HELD_MS, whole], polling=_EVERY_MS, timeout=limit_ms
    )
    if page.locator('[data-testid="stException"]').count():
        raise RuntimeError(
            f"{page.url} shows an exception: {page.locator('[data-testid=stException]').first.inner_text()}"
        )


def come(page: Any, *names: str) -> None:
    """Scrolls to panels, or other parts that wait below the screen, by their names, and waits until they are drawn."""
    for name in names:
        page.wait_for_function(_COME, arg=[name, next(_WAITS)], polling=_EVERY_MS)
    still(page)


def show_in(page: Any, theme: str, limit_ms: int = 120_000) -> None:
    """Switches an open page, the whole of it, to the light or dark theme, as the reader's system would, and waits until
    its figures are drawn anew."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_function(_SCHEME, arg=theme, timeout=limit_ms)
    page.wait_for_timeout(300)
    still(page, whole=True)
