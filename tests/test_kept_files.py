"""Figures, checkpoints, commands and documented names of before the redesign (issue 13): see tests/keeping.py and
scripts/keep.py."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests import doors, keeping
from tests.keeping import KEPT

RECIPES, CHECKPOINTS, COMMANDS, NAMES = (
    keeping.read(f"{part}.json") for part in ("recipes", "checkpoints", "commands", "names")
)
MAX_SIZE = 1_500_000  # bytes of the whole record


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where commands write to; runs, models and imported sets are the record's and theirs."""
    folder = tmp_path_factory.mktemp("kept")
    shutil.copytree(KEPT / "runs", folder / "runs")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("RUNS", "MODELS", "IMPORTED"):
            patch.setenv(f"QFUSION_{name}", str(folder / name.lower()))
        yield folder


@pytest.fixture(scope="module")
def done() -> set[str]:
    """The commands that have been run."""
    return set()


def have(source: str) -> None:
    """Skips the test where a data set is missing."""
    if source and not doors.available(source):
        pytest.skip(f"the data set {source} is not on this machine")


@pytest.mark.parametrize("name", RECIPES)
def test_an_exported_figure_is_made_again_from_its_recipe(name: str, out: Path) -> None:
    kept = RECIPES[name]
    have(kept["needs"])
    recipe = doors.recipe(KEPT / "recipes" / name)
    assert {key: recipe[key] for key in kept["recipe"]} == kept["recipe"]
    made = doors.run(
        ["figure", "--recipe", f"{{kept}}/recipes/{name}", "--out", "{out}/again.json"], out
    )["written"]
    found = keeping.differences(kept["figure"], made, where=name)
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_gives_the_same_scores(name: str) -> None:
    kept = CHECKPOINTS[name]
    now = doors.scores(KEPT / "checkpoints" / f"{name}.json", kept["data"], kept["samples"])
    assert not keeping.differences(kept["scores"], now.tolist())


def test_a_card_of_before_read_outs_were_a_setting_reads_the_joint_state() -> None:
    assert CHECKPOINTS["jump-older"]["scores"] == CHECKPOINTS["jump-joint"]["scores"]
    assert '"readout"' not in (KEPT / "checkpoints" / "jump-older.json").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_gives_the_same_numbers(name: str, out: Path, done: set[str]) -> None:
    kept = COMMANDS[name]
    have(kept["needs"])
    before = kept.get("after")
    if before and before not in done:
        doors.run(COMMANDS[before]["words"], out)
    now = doors.run(kept["words"], out)
    done.add(name)
    numbers = {key: kept[key] for key in ("printed", "written") if key in kept}
    found = keeping.differences(numbers, now, kept.get("relative", keeping.RELATIVE))
    assert not found, "\n".join(found[:20])


@pytest.mark.parametrize("line", NAMES["imports"])
def test_what_the_documentation_imports_is_there(line: str) -> None:
    doors.imported(line)


def test_what_the_documentation_names_is_there() -> None:
    for name in NAMES["names"]:
        assert doors.named(name) is not None, name


@pytest.mark.parametrize("name", NAMES["programs"])
def test_a_program_of_the_documentation_gives_the_same_numbers(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = NAMES["programs"][name]
    now = doors.program(
        "\n".join(kept["code"]).replace("RECIPE", str(KEPT / "recipes" / "waterfall.svg"))
    )
    found = keeping.differences(kept["gives"], now, where=name)
    assert not found, "\n".join(found[:20])


def test_a_number_that_moves_a_row_that_moves_and_a_column_that_goes_are_seen() -> None:
    rows = pd.DataFrame(
        {
            "id": [f"s{row}" for row in range(20)],
            "v": np.linspace(-1, 1, 20),
            "said": ["one of 3"] * 20,
        }
    )
    kept = keeping.table(rows)
    assert not keeping.differences(
        kept, keeping.table(rows.assign(v=rows["v"] * (1 + 1e-9), new=0))
    )
    others = (
        rows.assign(v=rows["v"] * (1 + 1e-5)),
        rows.assign(v=rows["v"].to_numpy()[[1, 0, *range(2, 20)]]),
        rows.iloc[:-1],
        rows.drop(columns="v"),
        rows.assign(id=rows["id"] + "x"),
        rows.assign(said=["one of 4"] * 20),
        rows.assign(v=np.nan),
    )
    assert all(keeping.differences(kept, keeping.table(other)) for other in others)
    assert keeping.unsaid(keeping.numbers_in("p0031: +0.43 of \u22121\\.2 in 13 ms"), [-1.2]) == [
        0.43
    ]


def test_the_record_is_small_and_says_nothing_of_the_machine() -> None:
    files = [path for path in KEPT.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MAX_SIZE
    texts = [
        path.read_text(encoding="utf-8")
        for path in files
        if path.suffix in (".json", ".journal", ".svg", ".html", ".csv", ".toml")
    ]
    assert not [
        found.group()
        for text in texts
        if (found := re.search(r"/(?:tmp|home|root|work|mock)/\S*", text))
    ]
