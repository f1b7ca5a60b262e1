"""What an action costs: processor seconds of the server and of Chromium apart, beside another checkout in the same run.

    python benchmarks/actions.py [--rival CHECKOUT] [--bare] [--moves 8] [--whole]

An action is a coupling's slider on Dynamics released (D = 16 and 64), a step to the next sample on Samples and on
Dynamics, and a click on another page in the sidebar, each page having been seen once. Counted is what the processes
took, threads and all, from the click until nothing changes and a second more, so that what a page does afterwards
counts too; of the `whole` page, or of what is near its first screen. The checkouts take turns, action by action, in
tabs of one browser, and with them a `bare` app, see `bare/app.py`, which tells what Streamlit and Plotly take of it.
Of a machine that others use, ratios count. Prints a table; beside the bare app alone, writes the table `actions` of
docs/results.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import browser  # noqa: E402
import tables  # noqa: E402

from scripts import serving, visits  # noqa: E402

AFTER = 1000  # milliseconds that count after the last change
LIMIT = 600_000  # that a page may take, on a busy machine
Spent = dict[str, list[tuple[float, float]]]  # by action: seconds of the server, of Chromium


def seconds(process: int) -> float:
    """Processor seconds that a process has taken, 0 of one that has ended (Linux)."""
    try:
        words = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def below(process: int) -> list[int]:
    """A process and all that it and they have begun."""
    with contextlib.suppress(OSError):
        children = [
            int(word)
            for thread in Path(f"/proc/{process}/task").iterdir()
            for word in (thread / "children").read_text().split()
        ]
        return [process, *(other for child in children for other in below(child))]
    return []


def chromium() -> float:
    """Processor seconds of the browser that this process has begun."""
    names = {process: Path(f"/proc/{process}/cmdline") for process in below(os.getpid())}
    return sum(
        seconds(process)
        for process, path in names.items()
        if path.exists() and b"chrom" in path.read_bytes().split(b"\0")[0]
    )


class Side:
    """One checkout: its server, and a page of the browser on it."""

    def __init__(self, server: serving.Server, context: Any, whole: bool):
        self.server, self.page, self.spent = server, context.new_page(), Spent()
        self.whole = whole

    def open(self, address: str) -> None:
        """Opens an address below the app's."""
        visits.open_page(self.page, f"{self.server.url}/{address}", LIMIT, whole=self.whole)
        self.page.wait_for_timeout(2 * AFTER)

    def act(self, name: str, action: Callable[[Any, int], object], move: int) -> None:
        """Does something, and counts what it takes; what warms up, before the first move, is not."""
        self.page.bring_to_front()
        before = seconds(self.server.pid), chromium()
        action(self.page, move)
        self.page.wait_for_timeout(200)  # until the page has begun
        visits.still(self.page, LIMIT, whole=self.whole)
        self.page.wait_for_timeout(AFTER)
        if move > 0:
            self.spent.setdefault(name, []).append(
                (seconds(self.server.pid) - before[0], chromium() - before[1])
            )


def slide(page: Any, move: int) -> None:
    """Releases the first coupling's slider at another place."""
    slider = page.locator('[class*="st-key-pair-knobs"] [data-testid="stSlider"]').first
    slider.scroll_into_view_if_needed()
    browser.drag(page, slider, 0.08 + 0.84 * (move * 0.618034 % 1))


def following(page: Any, move: int) -> None:
    """Steps to the next sample."""
    page.locator(".st-key-_next button:visible").first.click()


def turn(title: str, page: Any, move: int) -> None:
    """Goes to a page by the sidebar."""
    bar = page.locator('[data-testid="stSidebar"]')
    bar.get_by_role("link", name=title, exact=True).click()


def measure(sides: list[Side], moves: int) -> None:
    """Does all actions on all sides in turn."""
    cases = {
        "slider, D = 16": ("dynamics?model=qj-parity", slide),
        "slider, D = 64": ("dynamics?model=qj-planted", slide),
        "next sample on Samples": ("samples", following),
        "next sample on Dynamics": ("dynamics", following),
    }
    for name, (address, action) in cases.items():
        for side in sides:
            side.open(address)
        for move in range(-1, moves + 1):
            for side in sides:
                side.act(name, action, move)
    for move in range(1 + max(1, moves // 4)):
        for title in browser.VISITED:
            for side in sides:
                side.act("change of page", partial(turn, title), move)


@contextlib.contextmanager
def opened(places: list[Path], folder: Path, whole: bool) -> Iterator[list[Side]]:
    """The checkouts with their servers, and a tab of a browser each."""
    from playwright.sync_api import sync_playwright

    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        servers = []
        for number, place in enumerate(places):
            own = folder / str(number)
            own.mkdir()
            names = ("CACHE", "RUNS", "IMPORTED", "MODELS")
            environment = {f"QFUSION_{name}": str(own / name.lower()) for name in names}
            servers.append(
                stack.enter_context(serving.serve(own, environment, limit=240, place=place))
            )
        context = serving.launch(playwright).new_context(viewport={"width": 1440, "height": 900})
        yield [Side(server, context, whole) for server in servers]
        context.browser.close()


def lines(sides: list[Side]) -> list[list[str]]:
    """A row for each action: how often, the medians of both sides, and their ratios."""
    rows = []
    for name, values in sides[0].spent.items():
        own, *others = (
            [statistics.median(pair[part] for pair in side.spent[name]) for part in (0, 1)]
            for side in sides
        )
        cells = [f"{value:.2f}" for value in own]
        for other in others:
            ratios = [a / max(b, 0.01) for a, b in zip(own, other, strict=True)]
            cells += [f"{value:.2f}" for value in other] + [f"{ratio:.2f}" for ratio in ratios]
        rows.append([name, str(len(values)), *cells])
    return rows


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rival", type=Path, help="another checkout")
    parser.add_argument("--bare", action="store_true", help="a plain Streamlit app beside them")
    parser.add_argument("--moves", type=int, default=8)
    parser.add_argument("--whole", action="store_true", help="with what is far below the screen")
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        others = {"before": asked.rival, "bare": asked.bare and Path(__file__).parent / "bare"}
        others = {name: place.resolve() for name, place in others.items() if place}
        places = [ROOT, *others.values()]
        with opened(places, Path(folder), asked.whole) as sides:
            measure(sides, asked.moves)
    head = ["what", "n", "server, s", "Chromium, s"]
    for name in others:
        head += [f"server {name}, s", f"Chromium {name}, s", "server, ratio", "Chromium, ratio"]
    text = (
        tables.markdown(head, lines(sides))
        + "\n\n"
        + tables.provenance(f"actions.py{' --bare' * asked.bare}")
    )
    if [*others] == ["bare"]:
        tables.write("actions", text)  # which prints it
    else:
        print(text)


if __name__ == "__main__":
    main()
