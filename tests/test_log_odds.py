"""Log-odds of classifiers against references: QuTiP through time, brute force over all coalitions, and the command line
on two checkpoints with the same probabilities."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import qutip
import torch

from qfusion import cli, explain, plugin
from qfusion.errors import DataUnavailable, InvalidInput, NotFound
from qfusion.models import base
from qfusion.quantum.decomposition import subsets
from qfusion.study.opening import open_sample, open_study
from qfusion.study.sample import Output, parse
from qfusion.training import checkpoint
from tests.support.small_models import model_of, rows_of

SHIPPED = [path.stem for path in plugin.glob_assets("models", "*.json")]
KINDS = (
    "quantum-jump",
    "entangled-qcnn",
    "product-qcnn",
    "state-linear",
    "tensor",
)


def study_of(name: str) -> Any:
    try:
        return open_study(name)
    except DataUnavailable:
        pytest.skip("the data are not on this machine")


def against_others(z: np.ndarray) -> np.ndarray:
    """s_c = z_c - mean of the other z, by its definition."""
    C = z.shape[-1]
    parts = [z[..., c] - np.delete(z, c, -1).mean(-1) for c in range(C)]
    return np.stack(parts, -1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("C", [2, 3, 5])
def test_scores_equal_log_odds_of_the_probabilities(kind: str, C: int) -> None:
    model = model_of(kind, 2, outputs=C)
    inputs = rows_of(model, 6, 0)
    with torch.no_grad():
        z = model(inputs)
        others = base.log_odds_against_others(model)
        s = others(inputs)
        rather = base.log_odds_against_class(others, C - 1)(inputs)
    assert np.abs(s.numpy() - against_others(z.numpy())).max() < 1e-12
    assert np.abs((rather - (z - z[:, -1:])).numpy()).max() < 1e-12
    assert torch.allclose((others.logit_scale * s).softmax(1), z.softmax(1), atol=1e-14)
    assert torch.allclose(rather.softmax(1), z.softmax(1), atol=1e-14)
    assert base.log_odds_against_others(others) is others
    with torch.no_grad():
        assert torch.equal(model(inputs), z)  # the model itself is as before


def test_single_output_is_unchanged() -> None:
    model = model_of("quantum-jump", 2, outputs=1)
    assert base.log_odds_against_others(model) is model
    with pytest.raises(InvalidInput, match="must number one of the 1 classes"):
        base.log_odds_against_class(model, 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("background", ["joint", "product"])
def test_contributions_equal_brute_force(kind: str, background: str) -> None:
    """Every coalition of three modalities against every row, or every combination of rows."""
    model = model_of(kind, 3, outputs=3)
    x, rows = rows_of(model, 2, 1), rows_of(model, 4, 2)
    names, N = model.modalities, 4
    explained = base.log_odds_against_others(model)
    behind = explain.background(explained, rows, background)
    found = explain.explain(explained, x, behind)
    for b, (s, S) in itertools.product(range(2), enumerate(subsets(3))):
        absent = [m for m in range(3) if m not in S]
        if background == "joint":
            drawn = [(n,) * len(absent) for n in range(N)]
        else:
            drawn = list(itertools.product(range(N), repeat=len(absent)))
        values = []
        for places in drawn:
            mixed = {names[m]: x[names[m]][[b]] for m in S}
            mixed |= {names[m]: rows[names[m]][[n]] for m, n in zip(absent, places, strict=True)}
            with torch.no_grad():
                values.append(against_others(model({name: mixed[name] for name in names}).numpy()))
        exact = np.mean(values, 0)[0]
        if found.errors is None:
            assert np.abs(found.values[b, s] - exact).max() < 1e-10
        else:  # of all combinations of rows, as many as there are rows
            assert np.isfinite(found.values[b, s] - exact).all()


def test_log_odds_over_time_equal_qutip() -> None:
    """`qj-scenes`: what the read-out says at t, from the state that QuTiP evolves to."""
    study = study_of("qj-scenes")
    row = int(study.dataset.rows("test")[3])
    sample = open_sample("qj-scenes", str(study.dataset.ids[row]))
    trained, output = study.trained, sample.output
    system = trained.system()
    ket = qutip.Qobj(study.backend.ket(row).numpy()[:, None])
    times = np.asarray(sample.places)[::8]
    solved = qutip.mesolve(
        qutip.Qobj(system.H.numpy()),
        qutip.ket2dm(ket),
        times,
        [qutip.Qobj(jump.numpy()) for jump in system.jumps],
        options={"method": "vern9", "atol": 1e-12, "rtol": 1e-11, "matrix_form": True},
    )
    read = trained.readout().detach().numpy()
    bias = trained.bias.detach().numpy()
    z = np.array(
        [np.einsum("cab,ba->c", read, state.full()).real + bias for state in solved.states]
    )
    ours = sum(sample.path_dividends.values())[::8]
    assert np.abs(ours - against_others(z)[:, output]).max() < 1e-7


@pytest.mark.parametrize("name", SHIPPED)
def test_sign_of_the_log_odds_is_the_decision(name: str) -> None:
    """Of every test sample: with two classes the log-odds of the class decided for are above 0; with more, those of A
    rather than B are, against every B."""
    study = study_of(name)
    if not study.classes:
        pytest.skip("a regression")
    rows = study.dataset.rows("test")
    decided = study.predicted[rows]
    every = np.arange(len(rows))
    assert (study.scores[rows][every, decided] > 0).all()
    for reference in range(len(study.classes)):
        pair = study.with_reference(reference)
        scores = pair.scores[rows][every, decided]
        assert (scores[decided != reference] > 0).all()
        assert np.abs(scores[decided == reference]).max(initial=0) < 1e-9


def command(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    assert not ended.value.code
    return capsys.readouterr().out


@pytest.mark.parametrize("name", ["qj-parity", "qcnn-parity"])
def test_two_checkpoints_with_the_same_probabilities_give_the_same_table(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = checkpoint.load(name)
    other = copy.deepcopy(kept.model)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for path in other.head_parameters():
            weights = other.get_parameter(path)
            weights += torch.randn(weights.shape[1:], generator=random, dtype=torch.float64)
    saved = checkpoint.save(tmp_path / "other", other, kept.card)
    tables = []
    for model, file in ((name, "a.csv"), (saved, "b.csv")):
        words = ("explain", "--model", model, "--data", kept.card["data"]["name"])
        command(capsys, *words, "--split", "test", "--out", tmp_path / file)
        tables.append(pd.read_csv(tmp_path / file, keep_default_na=False))
    first, second = tables
    numbers = first.select_dtypes("number").columns.drop("seeds_agree")  # of the shipped one alone
    assert len(numbers) == 8
    assert np.abs(first[numbers] - second[numbers]).max().max() < 1e-5
    assert (first["output"] == second["output"]).all()
    if name == "qj-parity":  # nobody's picture says anything of the sum
        assert (first["leader"] != "none").mean() <= 0.08
    assert first["relation"].isin(["agreement", "dominance", "conflict"]).mean() <= 0.1


def test_command_line_explains_the_predicted_class(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("explain", "--model", "qj-parity", "--sample", "pair-6602", "--json")
    decided = json.loads(command(capsys, *words))
    assert decided["output"] == "odd"
    assert decided["prediction"] > 0
    pair = json.loads(command(capsys, *words, "--output", "even:odd"))
    assert pair["output"] == "even:odd"
    assert pair["prediction"] == pytest.approx(-decided["prediction"])
    with pytest.raises(SystemExit):
        cli.main([*words, "--output", "odd:odd"])
    assert "Output 'odd:odd' does not exist" in capsys.readouterr().err


def test_outputs_round_trip_through_text() -> None:
    classes = ("a", "b:c", "b", "c")
    for text in ("", *classes, "a:b:c", "b:c:a", "b:a", "c:b"):
        assert str(parse(text, classes)) == text
    assert parse("b:c", classes) == Output(1, None, classes)  # the class of that name
    assert parse("a:b:c", classes) == Output(0, 1, classes)
    assert parse("", ()) == Output()
    for bad in ("d", "a:d", "a:a", ":", "a:"):
        with pytest.raises(NotFound, match="Output"):
            parse(bad, classes)
    with pytest.raises(NotFound):
        parse("yes", ())
