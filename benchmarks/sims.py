"""A set of CH-SIMS's size from file to explained sample: seconds and anonymous memory of every step.

    python benchmarks/sims.py [--part 0.05]

A stand-in is written: 2,281 samples, 39 steps of 768 features of text, 400 of 33 of voice, 55 of 709 of face, 0.75 GB,
Chinese words, labels of single modalities, made-up numbers (`--part` of the samples). Each step runs in a process of
its own, see `mosei.py`; then Chromium opens every page of a server that has just started. Figures of docs/mmsa.md.
"""

from __future__ import annotations

import argparse
import os
import pickle
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import mosei  # noqa: E402
import tables  # noqa: E402

from scripts import serving, visits  # noqa: E402

SHAPES = {"text": (39, 768), "audio": (400, 33), "vision": (55, 709)}
COUNTS = {"train": 1368, "valid": 456, "test": 457}
LETTERS = list("我觉得这部电影非常好看难很不真的差劲棒演员剧情")
PAGES = (
    "",
    "samples?inside=true",
    "dynamics",
    "dynamics?view=Correlations",
    "dynamics?view=Trajectories",
    "dynamics?view=Steady%20state",
    "dynamics?view=H%20and%20L",
    "dynamics?view=Sensitivity",
    "circuit",
    "operators",
    "what_if?knobs=true",
    "cohorts",
    "cohorts?filter=label_conflict%3Dyes",
    "compare",
    "compare?compare.view=Several%20samples",
    "faithfulness",
    "faithfulness?proof=People",
    "data",
    "train",
    "sweeps",
    "leaderboard",
    "glossary",
    "tour",
)
FIGURE = '[data-testid="stMain"] .js-plotly-plot'


def split_of(drawn: np.random.Generator, count: int, first: int) -> dict[str, Any]:
    """One split as MMSA lays it out: the score adds one hidden number a modality, with a sarcastic term between text
    and voice."""
    hidden = drawn.normal(size=(count, 3))
    text, audio, vision = hidden.T
    score = (
        np.clip(
            0.9 * text + 0.4 * audio + 0.4 * vision - np.maximum(text, 0) * np.maximum(-audio, 0),
            -3,
            3,
        )
        / 3
    )
    part: dict[str, Any] = {}
    for place, (name, (steps, size)) in enumerate(SHAPES.items()):
        along = np.random.default_rng(10 + place).normal(size=size) / np.sqrt(size)
        lengths = drawn.integers(steps // 5, steps + 1, size=count)
        values = drawn.standard_normal((count, steps, size), dtype="f4")
        values += (2 * hidden[:, place, None, None] * along).astype("f4")
        values[np.arange(steps)[None] >= lengths[:, None]] = 0
        part |= {
            name: values,
            f"{name}_lengths": lengths.tolist(),
            f"regression_labels_{name[0].upper()}": np.clip(hidden[:, place] / 2, -1, 1).astype(
                "f4"
            ),
        }
    return part | {
        "raw_text": np.array(
            ["".join(drawn.choice(LETTERS, count - 2)) for count in part["text_lengths"]]
        ),
        "id": np.array(
            [f"video_{(first + row) // 10:04d}$_${row % 10:04d}" for row in range(count)]
        ),
        "regression_labels": score.astype("f4"),
    }


def write(path: Path, part: float) -> None:
    """Writes the stand-in, or a part of it."""
    drawn = np.random.default_rng(0)
    content = {
        name: split_of(drawn, max(20, round(part * count)), 20_000 * place)
        for place, (name, count) in enumerate(COUNTS.items())
    }
    with path.open("wb") as file:
        pickle.dump(content, file, protocol=4)


def commands(folder: Path, part: float) -> list[tuple[str, mosei.Measured]]:
    """Makes the stand-in and takes it through every command."""
    file = folder / "sims.pkl"
    write(file, part)
    measured = [
        ("Import", mosei.run("data", "import", file, "--name", "sims")),
        (
            "Train: 10 epochs and the metrics",
            mosei.run("train", "--data", "sims", "--name", "sims-qj", "--set", "epochs=10"),
        ),
        ("Evaluate", mosei.run("evaluate", "--model", "sims-qj", "--json")),
    ]
    file.unlink()
    of = ("--model", "sims-qj", "--sample", mosei.sample_of("sims"))
    return [
        *measured,
        ("Explain one sample", mosei.run("explain", *of)),
        ("Figure, PDF", mosei.run("figure", *of, "--out", folder / "figure.pdf")),
        ("Report, HTML and PDF", mosei.run("report", *of, "--out", folder / "report")),
    ]


def pages(folder: Path) -> list[list[str]]:
    """Opens every page in a browser, of a server that has just started: rows of the table."""
    from playwright.sync_api import sync_playwright

    first, slowest = 0.0, (0.0, "")
    with (
        serving.serve(folder, {}, limit=300) as server,
        sync_playwright() as playwright,
        mosei.watched(server.pid) as most,
    ):
        browser = serving.launch(playwright)
        for address in PAGES:
            page, began = (
                browser.new_page(viewport={"width": 1440, "height": 900}),
                time.perf_counter(),
            )
            page.goto(
                f"{server.url}/{address}{'&' if '?' in address else '?'}model=sims-qj&data=sims"
            )
            if not address:
                page.wait_for_selector(FIGURE, timeout=300_000)
                first = time.perf_counter() - began
            visits.still(page, 300_000, whole=True)
            seconds = time.perf_counter() - began
            print(f"{address or 'overview'}: {seconds:.1f} s, {most[0] / 1e6:,.0f} MB", flush=True)
            slowest = max(
                slowest,
                (seconds, address.partition("?")[0].replace("_", " ")) if address else slowest,
            )
            page.close()
        browser.close()
    memory = f"{most[0] / 1e6:,.0f} MB"
    return [
        ["App: first figure", f"{first:.1f} s", memory],
        [
            f"App: the slowest other of {len(PAGES)} pages and views, whole ({slowest[1]})",
            f"{slowest[0]:.1f} s",
            memory,
        ],
    ]


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", type=float, default=1.0, help="of the samples")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    os.environ |= serving.own_places(folder)
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        lines = [
            [
                name,
                f"{step.seconds:.0f} s" if step.seconds >= 10 else f"{step.seconds:.1f} s",
                f"{step.memory / 1e6:,.0f} MB",
            ]
            for name, step in commands(folder, arguments.part)
        ]
        lines += pages(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table = tables.markdown(["Step", "Time", "Anonymous memory, most"], lines)
    size = (
        f"{round(sum(COUNTS.values()) * arguments.part):,} samples, {arguments.part * 0.75:.2f} GB."
    )
    print(f"{table}\n\n{size} {tables.provenance('sims.py')}")


if __name__ == "__main__":
    main()
