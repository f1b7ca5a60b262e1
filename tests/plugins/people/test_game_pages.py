"""Pages of a measured game, in Streamlit's test runner: with and without truth, of a score and of classes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qfusion import cli
from qfusion.plugins.people.games import game_reader, game_store
from tests.support.app import plain, said, visit

PLAYERS = ("text", "audio", "vision")
PAGES = (
    ("Overview", {}),
    ("Samples", {}),
    ("Samples", {"split": "all", "sample": "s03"}),
    ("Cohorts", {"filter": "group=a"}),
    ("Cohorts", {"cohorts.view": "Errors"}),
    ("Cohorts", {"cohorts.view": "Quality"}),
    ("Cohorts", {"cohorts.view": "Entanglement"}),
    ("Compare", {}),
    ("Faithfulness", {}),
    ("Faithfulness", {"proof": "Other methods"}),
    ("Faithfulness", {"proof": "Training seeds"}),
    ("Why fuse", {}),
    ("Why fuse", {"why": "The data"}),
    ("Why fuse", {"why": "The quantum part"}),
    ("Why fuse", {"why": "Which piece"}),
    ("What if", {}),
    ("Dynamics", {}),
    ("Circuit", {}),
    ("Decision operators", {}),
    ("Leaderboard", {}),
)
SAYS = {
    "What if": "measured game has no inputs to change",
    "Overview": "measured game",
    "Why fuse": "measured game",
}


def make_table(classes: bool, truth: bool, players: int = 3) -> pd.DataFrame:
    random, rows = np.random.default_rng(0), []
    for sample in range(30):
        for inside in product((0, 1), repeat=players):
            name = "+".join(p for p, one in zip(PLAYERS, inside, strict=False) if one)
            values = random.normal(size=3) + np.arange(3) * sum(inside)
            for output, value in zip("xyz" if classes else "x", values, strict=False):
                rows.append((f"s{sample:02d}", name, output, value, "ab"[sample % 2], sample % 3))
    frame = pd.DataFrame(rows, columns=["sample", "coalition", "output", "value", "group", "truth"])
    if classes:
        frame = frame.assign(quantity="logits", truth=frame["truth"].map(dict(enumerate("xyz"))))
    return frame if truth else frame.drop(columns="truth")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("games")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MODELS", "IMPORTED"):
            patch.setenv(f"QFUSION_{name}", str(folder / name.lower()))
        for classes, truth in product((False, True), repeat=2):
            table = game_reader.read_game(make_table(classes, truth), players=PLAYERS)
            game_store.store_game(table, f"game-{int(classes)}{int(truth)}")
        game_store.store_game(game_reader.read_game(make_table(False, False, 1)), "game-alone")
        yield


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", ["game-00", "game-01", "game-10", "game-11"])
@pytest.mark.parametrize(("title", "query"), PAGES)
def test_every_page_opens_with_a_game(title: str, query: dict[str, str], name: str) -> None:
    app = visit(title, model=name, **query)
    assert not app.exception
    assert not app.error, [problem.value for problem in app.error]
    words = plain(said(app))
    if not query:
        assert SAYS.get(title, "") in words.replace("‘", "")
    assert "nan" not in words.lower().split()
    if title not in ("Leaderboard", "Circuit", "Dynamics", "Decision operators"):
        assert "training samples, each modality" not in words
        assert app.selectbox(key="model").value == name


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("title", ["Samples", "Cohorts", "Why fuse", "Faithfulness"])
def test_pages_open_with_a_game_of_one_player(title: str) -> None:
    app = visit(title, model="game-alone")
    assert not app.exception
    assert not app.error


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", ["game-00", "game-11"])
def test_data_pages_show_a_game_and_offer_no_training(name: str) -> None:
    app = visit("Data", set=name, model=name)
    assert not app.exception
    assert "has no features" in said(app)
    assert "Train a model on it" not in said(app)
    form = visit("Train", model=name)
    assert not form.exception
    offered = [box.options for box in form.selectbox if box.key == "new.data"]
    assert offered
    assert not any(name in option for options in offered for option in options)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", ["game-00", "game-10", "game-11"])
def test_two_decisions_are_compared(name: str) -> None:
    app = visit("Compare", model=name, sample="s02")
    next(button for button in app.button if "as measured" in button.label).click().run()
    app.query_params["sample"] = "s04"
    app.run()
    assert not app.exception
    assert not app.error


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("name", ["game-00", "game-01", "game-10", "game-11"])
def test_reports_are_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(
            ["report", "--model", name, "--sample", "s01", "--out", str(tmp_path / "report.html")]
        )
    assert not ended.value.code
    page = (tmp_path / "report.html").read_text()
    assert "was trained" not in page
    assert "training samples" not in page
    assert "running the model" not in page
