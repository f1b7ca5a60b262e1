"""From recordings and ratings of the same clips to Compare, with the commands of docs/plugins/people.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qfusion import data, study
from qfusion.plugins.people.beside import crowd_comparison
from tests.support import recordings
from tests.support.app import plain, said
from tests.support.command_line import run
from tests.support.page_visits import visit

__all__ = ["run"]  # a fixture
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "plugins" / "people.md").read_text()
EMOTIONS = {"ANG": "anger", "HAP": "happy", "SAD": "sad"}
VOICE = {"ANG": 1, "HAP": 1, "SAD": -1}  # a tone that rises or falls
FACE = {"ANG": -1, "HAP": 1, "SAD": -1}  # a light that is cold or warm
ACTORS, CLIPS = 12, 6


def make_study(folder: Path) -> Path:
    """Make clips of a few actors, and return the table of the votes on them."""
    folder.mkdir()
    rows = []
    for actor in range(ACTORS):
        for number in range(CLIPS):
            rng = np.random.default_rng([actor, number])
            code = list(EMOTIONS)[(actor + number) % 3]
            name = f"{1001 + actor}_S{number:02d}_{code}_XX"
            recordings.write(
                folder / f"{name}.mp4",
                recordings.film(rng, 1.0, 0.25, FACE[code]),
                recordings.voice(rng, 1.0, rng.uniform(0.2, 0.4), VOICE[code]),
            )
            by_voice, by_face = (
                np.array([5.0 if signs[other] == signs[code] else 1.0 for other in EMOTIONS])
                for signs in (VOICE, FACE)
            )
            for shown, weights in (
                ("voice", by_voice),
                ("face", by_face),
                ("voice+face", by_voice * by_face),
            ):
                votes = rng.multinomial(10, weights / weights.sum()).tolist()
                rows.append([name, shown, *votes, EMOTIONS[code], 1001 + actor])
    table = folder.parent / "ratings.csv"
    columns = ["clip", "condition", *EMOTIONS.values(), "intended", "actor"]
    pd.DataFrame(rows, columns=columns).to_csv(table, index=False)
    return table


def test_recordings_and_ratings_of_the_same_clips_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    for name in ("MODELS", "IMPORTED", "RUNS"):
        monkeypatch.setenv(f"QFUSION_{name}", str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)
    ratings = make_study(tmp_path / "clips")
    [program] = re.findall(r"```python\n# labels.py\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(program, "labels.py", "exec"), {})

    made = run(
        *("data", "extract", "clips", "--labels", "labels.csv", "--name", "features"),
        *("--words", "none", "--json"),
    )
    assert (made.code, made.json["left_out"]) == (0, [])
    dataset = data.load("features")
    assert [modality.name for modality in dataset.modalities] == ["audio", "vision"]
    actors = np.array([name[:4] for name in dataset.ids])
    parts = {part: set(actors[dataset.split == part]) for part in ("train", "valid", "test")}
    assert sum(map(len, parts.values())) == ACTORS, "no actor is in two parts"

    trained = run("train", "--data", "features", "--name", "seen", "--model", "linear", "--json")
    assert trained.code == 0
    classes = ",".join(EMOTIONS.values())
    imported = run(
        *("data", "import-ratings", ratings, "--name", "raters", "--classes", classes),
        *("--group", "actor", "--json"),
    )
    assert imported.json["clips"] == ACTORS * CLIPS

    compared = run("people", "--model", "raters", "--beside", "seen", "--json")
    assert compared.code == 0
    assert compared.json["clips"] == len(parts["test"]) * CLIPS
    assert compared.json["matched"] == {"voice": ["audio"], "face": ["vision"]}
    assert "anger is ANG, happy is HAP and sad is SAD" in compared.json["says"][0]
    [decision] = [one for one in compared.json["agreement"] if one["aspect"] == "decision"]
    assert decision["kappa"] > 0.6

    assert crowd_comparison.find_partners(study.open_study("raters")) == ["seen"]
    clip = str(dataset.ids[dataset.split == "test"][0])
    page = visit(
        f"/compare?model=seen&sample={clip}&pin=raters/raters/{clip}&compare.view=People+and+model"
    )
    assert {"crowd-waterfall", "crowd-agreement", "crowd-terms", "crowd-alone"} <= set(page.tables)
    assert "have different names" not in plain(said(page.app))
