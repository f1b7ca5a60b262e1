"""Readers at a time who turn and drag sliders: whether any of them is shown what belongs to another.

    python benchmarks/cross_talk.py [--model qj-planted] [--readers 8] [--interactions 2000] [--seed 0]

A reader speaks the app's protocol (`scripts/visitor.py`), without a browser. It sets a slider, drags one, which fetches
polynomials of it as the browser does, or opens another sample. After each, the score in the page's tile, or that of the
polynomials where the slider stands, is compared with the score that this process computes for the reader's own sample
and sliders. Prints the number of interactions and of deviations, and exits with 1 if there are any.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import re
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from qfusion._sentences import true_minus  # noqa: E402
from qfusion.analysis import interpolation, slider_curves  # noqa: E402
from qfusion.analysis.opening import open_sample, open_study  # noqa: E402
from qfusion.analysis.sample import Sample  # noqa: E402
from qfusion.models.tweak import Tweak, learned_values  # noqa: E402
from scripts import serving  # noqa: E402
from scripts.visitor import Visitor  # noqa: E402

_computing = threading.Lock()  # this process computes one expected value at a time


class Reader(threading.Thread):
    """A reader with a sample and sliders of its own.

    Args:
        url: of the server. model: name. number: of the reader. interactions: how many. seed: of all readers.
    """

    def __init__(self, url: str, model: str, number: int, interactions: int, seed: int):
        super().__init__()
        self.visitor, self.url, self.model, self.number = Visitor(url), url, model, number
        self.interactions = interactions
        self.rng = random.Random(1000 * seed + number)
        self.tweak: dict[str, float] = {}
        self.deviations: list[str] = []
        self.count = {"turn": 0, "drag": 0, "open": 0}

    def run(self) -> None:
        """Reads. An error ends it, and counts as a deviation."""
        try:
            with self.visitor:
                self.open()
                for _ in range(self.interactions):
                    action = self.rng.choices(("turn", "drag", "open"), (5, 4, 1))[0]
                    getattr(self, action)()
                    self.count[action] += 1
        except Exception as error:
            self.deviations.append(f"{type(error).__name__}: {error}")

    def open(self) -> None:
        """Open another sample."""
        study = open_study(self.model)
        ids = study.dataset.ids[study.dataset.rows("test")]
        self.sample = open_sample(self.model, str(self.rng.choice(list(ids))))
        self.tweak = {}
        self.visitor.open("dynamics", model=self.model, sample=self.sample.id)
        self.compare_tile()

    def turn(self) -> None:
        """Set a slider."""
        key = self.rng.choice(list(learned_values(self.sample.study.model)))
        low, high = slider_curves.slider_range(self.sample.study.model, key)
        step = (high - low) / (2 * slider_curves.STEPS)
        value = low + step * self.rng.randrange(1, 2 * slider_curves.STEPS)
        self.tweak[key] = round(value, 10)
        self.visitor.set(key, self.tweak[key])
        self.compare_tile()

    def drag(self) -> None:
        """Fetch polynomials of a slider, and evaluate them where it stands."""
        key = self.rng.choice(list(learned_values(self.sample.study.model)))
        value = self.tweak.get(key, learned_values(self.sample.study.model)[key])
        query = urllib.parse.urlencode({"knob": key})
        stage = self.rng.choice(("final", "decision"))
        with urllib.request.urlopen(f"{self.url}{self.address()}/{stage}?{query}") as reply:
            group = json.load(reply)["groups"]["scores"]
        shown = evaluate(group, value)
        exact = self.expected().scores
        if np.abs(shown - exact).max() > 2 * interpolation.TOLERANCE * max(1, np.abs(exact).max()):
            self.deviations.append(f"drag of {key} on {self.sample.id}: {shown}, not {exact}")

    def address(self) -> str:
        """Return the address of the page's polynomials."""
        for element in self.visitor.seen.elements.values():
            place = re.search(rb"/knobs/[\w-]+", element.SerializeToString())
            if place:
                return place[0].decode()
        raise RuntimeError("The page has no sliders that are followed.")

    def expected(self) -> Sample:
        """Return the reader's sample under its sliders."""
        tweak = Tweak.of(list(self.tweak.items()), self.sample.study.model)
        return replace(self.sample, tweak=tweak)

    def compare_tile(self) -> None:
        """Compare the score in the first tile with the expected one."""
        seen = self.visitor.seen
        self.deviations += seen.exceptions
        tiles = [tile.body for tile in seen.of("metric")]
        with _computing:
            wanted = true_minus(f"{self.expected().score:.3f}")
        if not any(wanted in tile for tile in tiles):
            self.deviations.append(f"{self.sample.id} {self.tweak}: {tiles}, not {wanted}")


def evaluate(group: dict[str, Any], x: float) -> np.ndarray:
    """Return the series of a group of polynomials at a value of the slider, as the browser does."""
    numbers = np.frombuffer(base64.b64decode(group["numbers"]), "<f4").astype(float)
    numbers = numbers.reshape(group["count"], -1)
    u = interpolation.unit_place(x, group["low"], group["high"], group["of_root"])
    return np.asarray(chebyshev.chebval(u, numbers))


def main() -> None:
    """Let the readers read, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default="qj-planted")
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--interactions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with serving.serve(place, serving.own_places(place)) as server:
            share = -(-options.interactions // options.readers)
            readers = [
                Reader(server.url, options.model, number, share, options.seed)
                for number in range(options.readers)
            ]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
    counts = {name: sum(reader.count[name] for reader in readers) for name in readers[0].count}
    deviations = [line for reader in readers for line in reader.deviations]
    print(
        f"{sum(counts.values())} interactions of {options.readers} readers {counts} in "
        f"{time.monotonic() - began:.0f} s: {len(deviations)} deviations"
    )
    print(*deviations[:10], sep="\n")
    sys.exit(bool(deviations))


if __name__ == "__main__":
    main()
