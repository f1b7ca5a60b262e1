"""Sliders that are dragged in Chromium with real moves of the mouse.

    python benchmarks/sliders.py [qj-planted qj-scenes qj-mosi qcnn-digits] [--seconds 10] [--seed 0] [--dry]

For the strongest coupling, the strongest dissipation and the duration of each model with time, and for the first angle
of the fusion rules of a network, in a fresh server: the time from pressing the thumb until the decision follows, in its
tiles, and until the first figure does; the pictures per second while it is dragged, median over seconds; the largest
deviation of any line or bar from the exact one at 20 random places, in pixels; and, as rival, the time from letting go
until the server has drawn the exact page, which is what a slider without following takes for one picture.
Writes the table `sliders` of docs/results.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import tables  # noqa: E402

from qfusion.models.network import gate_angles  # noqa: E402
from qfusion.models.protocols import Evolution  # noqa: E402
from qfusion.models.tweak import DURATION, couplings, dissipations  # noqa: E402
from qfusion.quantum import decomposition  # noqa: E402
from qfusion.study.opening import open_sample, open_study  # noqa: E402
from qfusion.study.sample import Sample  # noqa: E402
from qfusion.views.pages.address import default_sample  # noqa: E402
from scripts import dragging, visits  # noqa: E402

MODELS = ("qj-planted", "qj-scenes", "qj-mosi", "qcnn-digits")
ANGLE = "_phi.0.0.0"  # slider of the first angle of the fusion rules
PLACES = 20  # random places of the thumb at which pictures are compared with the exact ones
HEIGHT = 2600  # of a window that shows all figures of the page


def sliders(model: str) -> list[str]:
    """Return the keys of the strongest coupling, the strongest dissipation and the duration, or the first angle."""
    study = open_study(model)
    if not study.model.part(Evolution):
        return [ANGLE]
    energies, rates = decomposition.coalition_strengths(study.model.system())
    names = tuple(study.modalities)
    coupling = max(couplings(names).items(), key=lambda entry: energies.get(entry[1], 0.0))[0]
    dissipation = max(dissipations(names).items(), key=lambda entry: rates.get(entry[1], 0.0))[0]
    return [coupling, dissipation, DURATION]


def measure(
    page: Any, address: str, model: str, key: str, seconds: float, seed: int
) -> list[float]:
    """Return milliseconds until the decision follows and until the figure over time does, pictures per second,
    deviation in pixels, and milliseconds from letting go to the exact page.
    """
    sample_id = default_sample(open_study(model))
    page.set_viewport_size({"width": 1440, "height": 900})
    where = "circuit?part=Fusion%20rules&element=0&outcome=000&" if key == ANGLE else "dynamics?"
    visits.open_page(page, f"{address}/{where}model={model}&sample={sample_id}")
    slider = dragging.Slider(page, key)
    slider.track()
    page.mouse.move(5, 5)
    page.wait_for_timeout(3000)
    dragging.count_pictures(page)
    slider.hold()
    deadline = time.monotonic() + 10
    share = 0.45
    while not dragging.picture_times(page) and time.monotonic() < deadline:
        share = 0.9 - share + 0.01
        slider.move(share)
    decision, first = dragging.first_times(page)
    dragging.wait_until_followed(page, ("scores", "final" if key == ANGLE else "upper"))
    began = page.evaluate("() => performance.now()")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        slider.move(0.95, steps=60)
        slider.move(0.05, steps=60)
    counts = np.bincount(
        [int((t - began) / 1000) for t in dragging.picture_times(page) if t > began]
    )
    rate = statistics.median(counts[1 : int(seconds) - 1].tolist())
    page.set_viewport_size({"width": 1440, "height": HEIGHT})
    page.wait_for_timeout(1500)
    sample = open_sample(model, sample_id)
    rng = np.random.default_rng(seed)
    worst = 0.0
    for place in rng.uniform(0, 1, PLACES):
        slider.move(float(place))
        dragging.wait_until_drawn(page)
        worst = max(worst, *dragging.deviations(page, exact_sample(sample, key, slider.value)))
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_timeout(500)
    slider.move(0.7)
    released = time.monotonic()
    slider.release()
    page.wait_for_function("() => !document.querySelector('.qf-live')")
    return [decision, first, rate, worst, 1000 * (time.monotonic() - released)]


def exact_sample(sample: Sample, key: str, value: float) -> Sample:
    """Return a sample under another value of a slider."""
    if key == ANGLE:
        name = gate_angles.edit_key(gate_angles.table_shape(sample.study.model), 0, 0, 0)
        return replace(sample, tweak=f"{name}={value!r}")
    return dragging.turned(sample, key, value)


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dry", action="store_true", help="write no table")
    options = parser.parse_args()
    rows = []
    for model in options.models:
        with (
            tempfile.TemporaryDirectory() as folder,
            visits.browsing(Path(folder)) as (server, browser),
        ):
            page = browser.new_page()
            for key in sliders(model):
                numbers = measure(page, server.url, model, key, options.seconds, options.seed)
                rows.append([model, f"`{key}`", *numbers])
                print(model, key, *(f"{number:.3g}" for number in numbers), flush=True)
    if not options.dry:
        header = [
            "model",
            "slider",
            "ms until the decision follows",
            "ms until the first figure follows",
            "pictures a second",
            "largest deviation (pixels)",
            "ms to the exact page after letting go",
        ]
        shown = [[*row[:2], *(f"{x:.3g}" for x in row[2:])] for row in rows]
        text = f"{tables.markdown(header, shown)}\n\n{tables.provenance('sliders.py')}"
        tables.write("sliders", text)


if __name__ == "__main__":
    main()
