"""Figures by name: they draw the library's numbers, which stand in the tables beside them; bad names are named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from qfusion import explain, figures
from qfusion.analysis.sample import Sample, loaded, opened
from qfusion.errors import InvalidInput, NotFound
from qfusion.figures import numbers
from qfusion.models import Tweak

ROOT = Path(__file__).resolve().parent.parent
ONLY_JUMP, ONLY_NETWORK = (
    {
        "populations",
        "density_matrix",
        "cut",
        "cut_terms",
        "cut_test",
        "built",
        "built_over_time",
        "built_flow",
    },
    {"masses"},
)
NAMES = [name for name in figures.__all__ if name not in ("numbers", "open_sample")]


@pytest.fixture(scope="module")
def jump() -> Sample:
    found, dataset = opened("qj-planted")
    return figures.open_sample(found, str(dataset.ids[dataset.rows("test")[3]]), dataset)


@pytest.fixture(scope="module")
def network() -> Sample:
    return figures.open_sample("qcnn-digits", "digit-0012")


def drawn_numbers(figure: go.Figure) -> np.ndarray:
    """Every number that a figure draws."""
    found = [
        np.asarray(trace[axis], dtype=object).ravel()
        for trace in figure.data
        for axis in ("x", "y", "z")
        if axis in trace
    ]
    return np.array(
        [
            float(value)
            for values in found
            for value in values
            if isinstance(value, (int, float, np.number))
        ]
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_name_draws_what_its_table_says(name: str, jump: Sample) -> None:
    if name in ONLY_NETWORK:
        with pytest.raises(InvalidInput, match="Choose an entangled-qcnn"):
            getattr(figures, name)(jump)
        return
    drawn, table = getattr(figures, name)(jump, theme="dark"), getattr(figures.numbers, name)(jump)
    assert isinstance(drawn, go.Figure)
    assert len(table) > 0
    if name in (
        "diagram",
        "density_matrix",
        "built_flow",
    ):  # gates, complex numbers of which moduli are drawn, widths
        return
    wanted = {
        "contributions": "dividend",
        "shapley": "shapley",
        "entropies": "entropy[all]",
        "populations": "probability",
        "verdict": "prediction",
        "deletion": "deletion",
        "stability": "text",
        "over_time": "dividend[text+audio]",
        "cut": "dephased[audio]",
        "cut_terms": "cut[text+audio]",
        "cut_test": "cut[vision]:low",
        "built": "H[text+audio]",
        "built_over_time": "value",
    }[name]
    values = drawn_numbers(drawn)
    assert max(np.abs(values - value).min() for value in table[wanted]) < 1e-6


@pytest.mark.parametrize("name", ["contributions", "masses", "entropies", "verdict"])
def test_networks_are_drawn_too(name: str, network: Sample) -> None:
    assert isinstance(getattr(figures, name)(network), go.Figure)
    assert len(getattr(figures.numbers, name)(network)) > 0


def test_a_network_has_no_state_that_evolves(network: Sample) -> None:
    for name in ONLY_JUMP:
        with pytest.raises(InvalidInput, match="Choose a quantum-jump model"):
            getattr(figures, name)(network)


def test_numbers_are_those_of_explain(jump: Sample) -> None:
    found = explain.explain(jump.model, jump.inputs, jump.background)
    assert (
        figures.numbers.contributions(jump)["dividend"].tolist()
        == found.dividends[0, :, 0].tolist()
    )
    assert figures.numbers.shapley(jump)["shapley"].tolist() == found.shapley[0, :, 0].tolist()
    through = figures.numbers.over_time(jump)
    assert through["dividend[text+audio]"].iloc[-1] == pytest.approx(
        found.dividends[0, found.coalitions.index("text+audio"), 0], abs=1e-9
    )
    assert through["entropy[all]"].iloc[0] == pytest.approx(0, abs=1e-6)
    assert figures.numbers.populations(jump)["probability"].sum() == pytest.approx(1)
    rho = figures.numbers.density_matrix(jump, at=0.5)
    assert rho.loc[rho["row"] == rho["column"], "real"].sum() == pytest.approx(1)


def test_a_model_by_name_by_file_and_loaded_is_the_same(jump: Sample, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for suffix in (".json", ".safetensors"):
        (folder / f"model{suffix}").write_bytes(
            (ROOT / "qfusion" / "assets" / "models" / f"qj-planted{suffix}").read_bytes()
        )
    by_name, by_folder = (
        figures.numbers.contributions(model, jump.id) for model in ("qj-planted", folder)
    )
    assert by_name.equals(by_folder)
    assert by_name.equals(
        figures.numbers.contributions(loaded(jump.name), jump.id, data=jump.dataset)
    )


@pytest.mark.parametrize(
    ("tweak", "words"),
    [
        ("H.text-audio=0, T=0.5", "H.text-audio=0,T=0.5"),
        (Tweak({"text+audio": 0.0}, (), 0.5), "H.text-audio=0,T=0.5"),
        ("H.text=1,rate.1=1", ""),
        ("rate.2=0", "rate.2=0"),
    ],
)
def test_a_tweak_changes_the_model_and_is_said(tweak: Any, words: str, jump: Sample) -> None:
    changed = figures.open_sample(loaded(jump.name), jump.id, jump.dataset, tweak=tweak)
    assert changed.changed == words
    if words:
        assert changed.score == pytest.approx(float(changed.model(jump.inputs)[0, 0]))
        assert abs(changed.score - jump.score) > 1e-4
    else:
        assert changed.score == jump.score


def test_edited_rules_change_a_network(network: Sample) -> None:
    changed = figures.open_sample(
        loaded(network.name), network.id, network.dataset, tweak="all:and", output="1"
    )
    assert changed.score == pytest.approx(float(changed.model(network.inputs)[0, 1]))
    assert changed.score != network.score


@pytest.mark.parametrize(
    ("chosen", "error", "words"),
    [
        ({"sample": "nobody"}, NotFound, "nobody"),
        ({"output": "mood"}, NotFound, "mood"),
        ({"background": "mean"}, NotFound, "mean"),
        ({"background": "cohort"}, InvalidInput, "Cohort"),
        ({"contrast": "p0031", "background": "mixed"}, InvalidInput, "either"),
        ({"tweak": "H.tex=1"}, NotFound, "H.text"),
        ({"tweak": "T"}, InvalidInput, "must look like"),
        ({"tweak": "T=25"}, InvalidInput, "20"),
        ({"tweak": "rate.1=-1"}, InvalidInput, "0 and 10"),
    ],
)
def test_what_does_not_fit_is_named(
    chosen: dict[str, str], error: type[Exception], words: str, jump: Sample
) -> None:
    with pytest.raises(error, match=words):
        figures.contributions(
            loaded(jump.name), **({"sample": jump.id, "data": jump.dataset} | chosen)
        )


def test_a_case_knows_its_sample(jump: Sample) -> None:
    with pytest.raises(InvalidInput, match="either an opened sample"):
        figures.shapley(jump, "p0031")
    with pytest.raises(InvalidInput, match="must be the id"):
        figures.shapley("qj-planted")
    with pytest.raises(NotFound, match="Measure"):
        figures.entropies(jump, measure="temperature")
    with pytest.raises(AttributeError, match="nothing"):
        figures.nothing  # noqa: B018


def test_figures_stay_light_until_a_name_is_used() -> None:
    code = "import sys, qfusion.figures; print(sorted({'torch', 'plotly', 'qutip'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    assert set(numbers.__dict__) >= set(NAMES)
