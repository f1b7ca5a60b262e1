"""Models without a known structure work on every page and with every command that supports them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from qfusion import report
from qfusion.data import DataSet
from qfusion.study.opening import open_sample, open_study
from qfusion.views.pages import catalogue
from qfusion.views.words import systems
from tests.support.app import plain, said, visit
from tests.support.third_model import DATA, PAGES, among_the_users, command

KIND = "mult"
WHY = {
    "Dynamics": "no evolution in time",
    "What if": "no physical parameters",
    "Decision operators": "decision of this model is not linear in states",
    "Samples": "no entropies",
    "Overview": "read out at its end only",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataSet]:
    """The data set; a model is among the user's."""
    with among_the_users(tmp_path_factory.mktemp("models"), {f"my-{KIND}": (KIND, {})}) as dataset:
        yield dataset


@pytest.mark.parametrize("title", PAGES)
def test_every_page_shows_the_model_or_a_reason(title: str, trained: DataSet) -> None:
    app = visit(title, model=f"my-{KIND}", data=DATA)
    assert app.selectbox(key="model").value == f"my-{KIND}"
    assert not app.error
    assert not app.warning
    words = plain(said(app))
    assert WHY.get(title, "") in words
    if title == "Circuit":
        assert "no circuit of gates" in words
        # its page is opened by a link all the same, but the menu has it only where there is something to see
        assert "Circuit is left out: the model has no circuit" in words
        assert "Circuit" not in [each.proto.label for each in app.get("page_link")]
    assert title in ("Dynamics", "Compare", "Decision operators", "Circuit") or "**Shows**" in words


def test_sample_and_test_set_are_decomposed_exactly(trained: DataSet) -> None:
    study = open_study("my-mult", DATA)
    row = int(trained.rows("test")[0])
    output = int(study.predicted[row])
    assert f"{sum(study.dividends(row).values()):.10f}" == f"{study.scores[row, output]:.10f}"
    assert study.explanation_background.total == study.background.size == len(trained.rows("train"))
    frame = study.frame()
    terms = [column for column in frame if column.startswith("dividend[")]
    assert len(terms) == 7
    assert bool(
        np.isfinite(frame.loc[trained.ids[trained.rows("test")], terms].to_numpy(dtype=float)).all()
    )
    assert "Its decisions are split by replacing every combination" in systems.describe_system(
        study
    )


def test_slow_test_set_is_decomposed_against_drawn_rows(
    trained: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qfusion.study.backends import evaluated

    monkeypatch.setattr(evaluated, "BUDGET", 1.0)
    monkeypatch.setattr(evaluated, "FEWEST", 16)
    study = open_study("my-mult", DATA)
    study = study.with_background(
        study.background.subsample(50)
    )  # of its own: results are kept by background
    assert (study.explanation_background.size, study.explanation_background.total) == (
        16,
        len(trained.rows("train")),
    )
    assert study.explanation.background == f"product, 16 of {len(trained.rows('train'))} rows"
    assert study.explanation.errors is not None


def test_what_if_page_swaps_drops_and_flips(trained: DataSet) -> None:
    sample = open_sample("my-mult", str(trained.ids[trained.rows("test")[0]]), DATA)
    address = {"model": "my-mult", "data": DATA, "sample": sample.id}
    flips = catalogue.build_panel("What if", "flips", address)
    assert "the best found by gradients and other samples" in flips.caption
    table = flips.numbers
    assert bool(table.loc[table["possible"], "verified"].all())


def test_reports_and_commands(trained: DataSet, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    sample = str(trained.ids[trained.rows("test")[0]])
    words = report.sample(open_sample("my-mult", sample)).html().decode()
    assert "When it was decided" not in words
    code, out, _ = command("explain", "--model", "my-mult", "--sample", sample, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["prediction"] == pytest.approx(sum(found["dividends"].values()), abs=1e-9)
    assert (
        command(
            "figure", "--model", "my-mult", "--sample", sample, "--out", str(tmp_path / "a.svg")
        )[0]
        == 0
    )
    code, _, err = command(
        "track", "--model", "my-mult", "--sample", sample, "--out", str(tmp_path / "track.csv")
    )
    assert code == 1
    assert "no evolution in time" in err
    code, _, err = command(
        "explain", "--model", "my-mult", "--sample", sample, "--background", "mixed"
    )
    assert code == 1
    assert "one of product, joint, cohort, contrast" in err
    assert torch.get_num_threads() == threads
