"""Nothing that is said of a classifier changes when one number is added to the scores of all its classes.

A softmax does not see such a common part. Models of every kind get one that depends on the sample and on several
modalities, and every figure, sentence and table of every page is compared before and after.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from qfusion.models import base
from qfusion.study.opening import open_sample, open_study
from qfusion.training import checkpoint
from tests.support.common_parts import assert_same, everything
from tests.support.third_model import DATA, among_the_users

# Of QiNN-QJ so many measurement vectors that their weights can be those of any Hermitian observable: 2^2 of a modality,
# 8^2 of the joint state of three.
KINDS = {
    "common-jump": ("quantum-jump", {"dims": 2, "jumps": 2, "hidden": 8}),
    "common-joint": (
        "quantum-jump",
        {"dims": 2, "jumps": 2, "hidden": 8, "readout": "joint", "measurements": 64},
    ),
    "common-network": ("entangled-qcnn", {"elements": 4, "hidden": 8}),
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """A set of three modalities and several classes; models of both systems are among the user's."""
    folder = tmp_path_factory.mktemp("models")
    with among_the_users(folder, KINDS) as found:
        for name in KINDS:
            kept = checkpoint.load(name)
            for path in kept.model.head_parameters():
                weights = kept.model.get_parameter(path)
                weights.data.copy_(on_grid(weights.data))
            checkpoint.save(folder / name, kept.model, kept.card)
        yield found, folder


def on_grid(values: Tensor) -> Tensor:
    """Values whose sums single precision, in which weights are kept, holds exactly."""
    return (values * 2**10).round() / 2**10


def with_common_part(model: Any, seed: int = 0) -> Any:
    """A model with the same probabilities: one random vector is added to the weights of all classes."""
    other, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for path in other.head_parameters():
            weights = other.get_parameter(path)
            common = torch.randn(weights.shape[1:], generator=generator, dtype=torch.float64)
            weights.add_(on_grid(2 * common).to(weights))
    return other


@pytest.mark.parametrize("name", KINDS)
def test_panels_do_not_depend_on_a_common_score(name: str, dataset: tuple[Any, Path]) -> None:
    data, folder = dataset
    sample = str(data.ids[data.rows("test")[3]])
    before = everything(name, sample)
    assert len(before) > 30
    kept = checkpoint.load(name)
    checkpoint.save(folder / name, with_common_part(kept.model), kept.card)
    try:
        after = everything(name, sample)
    finally:
        checkpoint.save(folder / name, kept.model, kept.card)
    for key in before:
        assert_same(before[key], after[key], key)


@pytest.mark.parametrize("name", KINDS)
def test_the_common_part_would_change_raw_scores(name: str, dataset: tuple[Any, Path]) -> None:
    """What the first test adds is no small thing: it moves raw scores, and not probabilities."""
    data, _ = dataset
    model = checkpoint.load(name).model
    other = with_common_part(model)
    inputs = data.inputs(data.rows("test")[:20], torch.float64)
    with torch.no_grad():
        raw, moved = model(inputs), other(inputs)
    assert float((raw - moved).std(0).max()) > 0.1
    assert torch.allclose(raw.softmax(1), moved.softmax(1), atol=1e-9)


def test_log_odds_without_a_head_ignore_a_common_score() -> None:
    """A program is asked by its scores alone."""
    from tests.support.small_models import model_of, rows_of

    model = model_of("tensor", 3, outputs=3)
    inputs = rows_of(model, 10, 1)
    states = model.encode(inputs)
    torch.manual_seed(1)
    width = sum(entry.shape[-1] for entry in states.values())
    network = torch.nn.Sequential(torch.nn.Linear(width, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    network = network.double()
    other = copy.copy(model)
    evaluate = model.scores
    other.scores = lambda states: evaluate(states) + 5 * network(torch.cat([*states.values()], -1))
    with torch.no_grad():
        raw, moved = model.scores(states), other.scores(states)
        ours = base.log_odds_against_others(model).scores(states)
        theirs = base.log_odds_against_others(other).scores(states)
    assert float((raw - moved).abs().max()) > 0.1
    assert torch.allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize("name", KINDS)
def test_predicted_class_has_positive_log_odds(name: str, dataset: tuple[Any, Path]) -> None:
    """`A rather than B` is above 0 for the class decided for, against every other, and adds up to its contributions."""
    data, _ = dataset
    study = open_study(name, DATA)
    sample = str(data.ids[data.rows("test")[2]])
    decided = study.classes[study.predicted[data.row(sample)]]
    for other in study.classes:
        if other == decided:
            continue
        one = open_sample(name, sample, DATA, output=f"{decided}:{other}")
        assert one.score > 0
        assert sum(one.dividends.values()) == pytest.approx(one.score)
        back = open_sample(name, sample, DATA, output=f"{other}:{decided}")
        assert back.score == pytest.approx(-one.score)
        assert back.dividends == pytest.approx({k: -v for k, v in one.dividends.items()})
        assert back.study.quantity == "log-odds"
