"""Shapley values of the network's gate groups against brute force on density matrices; laws; invalid input."""

from __future__ import annotations

import copy
import itertools
import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax

from qfusion import cli
from qfusion._sentences import true_minus
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import bootstrap, fusion
from qfusion.models import EntangledQCNN
from qfusion.models.network import qcnn
from qfusion.plugins.why.pieces import gate_shapley, model_pieces
from qfusion.plugins.why.pieces.words import NO_LOSS, describe_gate_groups
from qfusion.quantum import states
from qfusion.study import opening
from tests.plugins.why.support import problem
from tests.support.entangled import model_of


def masses(model: EntangledQCNN, rows: int, seed: int = 1) -> dict[str, torch.Tensor]:
    """Random masses of so many rows."""
    random = torch.Generator().manual_seed(seed)
    shape = rows, model.elements
    return {
        name: torch.rand(shape, generator=random, dtype=torch.float64) for name in model.modalities
    }


def read_out(
    model: EntangledQCNN, vectors: torch.Tensor, inside: set[str]
) -> tuple[np.ndarray, float, np.ndarray]:
    """Scores (C,), mean entropy and variance of a shot (C,) of one row with some groups, by density matrices."""
    blank = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    vectors = torch.stack([v if f"fusion[{i}]" in inside else blank for i, v in enumerate(vectors)])
    other = copy.deepcopy(model)
    words = {"conv": "convolution", "pool": "pooling"}
    other.network.steps = [
        step for step in other.network.steps if f"{words[step.kind]}[{step.layer}]" in inside
    ]
    rho = qcnn.density_states(other.network, vectors[None])[-1][0]
    p = torch.diagonal(rho).real.numpy()
    n, stored = model.elements, model.network.retained
    worth = []
    for bits in itertools.product((0, 1), repeat=n):
        joint = np.zeros(2 ** len(stored))
        joint[int("".join(str(bits[q]) for q in stored), 2)] = 1
        features = [*joint, *(1 - 2 * bits[q] for q in model.network.measured)]
        worth.append(qcnn.HEAD_SCALE * model.network.head.detach().numpy() @ features)
    values = np.array(worth)
    means = p @ values
    entropies = []
    for q in range(n):
        local = states.partial_trace(rho, (2,) * n, (q,)).numpy()
        local = np.diag(np.diag(local)) if q in model.network.measured else local
        levels = np.clip(np.linalg.eigvalsh(local), 1e-300, 1)
        entropies.append(-(levels * np.log(levels)).sum())
    scores = means + model.bias.detach().numpy()
    return scores, float(np.mean(entropies)), p @ values**2 - means**2


def by_permutations(value: dict[frozenset[str], float], players: list[str]) -> np.ndarray:
    """Shapley values as the mean gain over all orders."""
    gains = dict.fromkeys(players, 0.0)
    for order in itertools.permutations(players):
        for k, player in enumerate(order):
            before = frozenset(order[:k])
            gains[player] += value[before | {player}] - value[before]
    return np.array([gains[player] for player in players]) / math.factorial(len(players))


@pytest.mark.parametrize(("n", "M", "C"), [(2, 2, 3), (3, 3, 1), (4, 4, 4)])
def test_values_equal_brute_force(n: int, M: int, C: int) -> None:
    model = model_of(n, M, C)
    one, rows = masses(model, 1), masses(model, 3, seed=2)
    random = np.random.default_rng(0)
    truth = random.integers(0, C, 3) if C > 1 else random.normal(size=3)
    result = gate_shapley.gate_groups(model, one, f"c{C - 1}", rows, truth, shots=50)
    players = [group.key for group in result.groups]
    assert len(players) == n + 2
    own, theirs = model.fuse(one)[0][0].detach(), model.fuse(rows)[0].detach()
    score, entropy, spread, loss = {}, {}, {}, {}
    for size in range(len(players) + 1):
        for some in map(frozenset, itertools.combinations(players, size)):
            scores, entropy[some], variances = read_out(model, own, set(some))
            score[some], spread[some] = scores[C - 1], variances[C - 1]
            many = np.array([read_out(model, row, set(some))[0] for row in theirs])
            error = (
                np.abs(many[:, 0] - truth)
                if C == 1
                else -np.log(softmax(many, 1)[np.arange(3), truth.astype(int)])
            )
            loss[some] = float(error.mean())
    for name, values in (("decision", score), ("entanglement", entropy), ("loss", loss)):
        assert result.shapley[name] == pytest.approx(by_permutations(values, players), abs=1e-10)
        whole, empty = values[frozenset(players)], values[frozenset()]
        assert result.whole[name] == pytest.approx(whole, abs=1e-10)
        assert result.empty[name] == pytest.approx(empty, abs=1e-10)
        assert result.shapley[name].sum() == pytest.approx(whole - empty, abs=1e-10)
    assert [i.value for i in result.losses] == pytest.approx(result.shapley["loss"], abs=1e-12)
    G = len(players)
    for g, player in enumerate(players):
        variance = 0.0
        for some, value in spread.items():
            r = len(some - {player})
            weight = math.factorial(r) * math.factorial(G - r - 1) / math.factorial(G)
            variance += weight**2 * value / 50
        assert result.errors[g] ** 2 == pytest.approx(variance, abs=1e-10)


def test_all_groups_give_the_model_score() -> None:
    model = model_of(8, 3, 2)
    one = masses(model, 1)
    result = gate_shapley.gate_groups(model, one, "c0", one, np.array([1]))
    assert result.whole["decision"] == pytest.approx(model.scores(one)[0, 0].item(), abs=1e-10)
    single = fusion.layer_entropies(model, model.fuse(one)[0][0].detach()).single[-1]
    assert result.whole["entanglement"] == pytest.approx(single.mean(), abs=1e-10)
    assert result.empty["entanglement"] == 0
    for name, values in result.shapley.items():
        gain = result.whole[name] - result.empty[name]
        assert values.sum() == pytest.approx(gain, abs=1e-10)
    assert list(result.frame()["group"]) == [group.key for group in result.groups]


def test_ten_qubits_have_fourteen_groups_and_are_exact() -> None:
    model = model_of(10, 2, 1)
    one = masses(model, 1)
    result = gate_shapley.gate_groups(model, one, "c0", masses(model, 1, seed=2), np.array([1]))
    assert len(result.groups) == 14
    assert result.whole["decision"] == pytest.approx(model.scores(one)[0, 0].item(), abs=1e-9)
    for name, values in result.shapley.items():
        gain = result.whole[name] - result.empty[name]
        assert values.sum() == pytest.approx(gain, abs=1e-9)


def test_spread_of_shots_equals_the_error() -> None:
    random = np.random.default_rng(0)
    variances = random.uniform(0.5, 2, (2,) * 4)
    noise = random.normal(size=(4000, *variances.shape)) * np.sqrt(variances)
    drawn = np.array([gate_shapley.shapley_values(one, 4) for one in noise])
    assert drawn.var(0) == pytest.approx(gate_shapley.shapley_variances(variances), rel=0.1)


def test_inactive_group_has_zero_value() -> None:
    model = model_of(4, 2, 2)
    with torch.no_grad():
        model.network.pooling.zero_()
        phi = model.phi.clone()
        phi[1] = 0.0  # element 1 is not turned by any outcome
    edited = model.with_angles(phi)
    one = masses(model, 1)
    result = gate_shapley.gate_groups(edited, one, "c0", one, np.array([0]))
    idle = {group.key: k for k, group in enumerate(result.groups)}
    for name in ("pooling[0]", "fusion[1]"):
        for values in result.shapley.values():
            assert values[idle[name]] == pytest.approx(0, abs=1e-10)


def result_of(losses: list[tuple[float, float, float]], **more: Any) -> gate_shapley.GateGroups:
    """Groups whose losses have these values and ends."""
    groups = tuple(gate_shapley.Group(f"fusion[{i}]", f"fusion {i}", "fusion") for i in range(3))
    values = np.array([value for value, _, _ in losses])
    ends = tuple(bootstrap.Interval(*one, n=50, resamples=2000) for one in losses)
    named = {"decision": np.array([0.5, -0.3, 0.2]), "loss": values} | more
    zeros = dict.fromkeys(named, 0.0)
    return gate_shapley.GateGroups(
        groups, "y", named, zeros, zeros | {"decision": 0.4}, np.zeros(3), ends, 50, 1000
    )


def test_titles_match_the_values() -> None:
    clear, open_ = (-0.2, -0.3, -0.1), (-0.2, -0.5, 0.1)
    up = (0.3, 0.1, 0.5)
    assert describe_gate_groups(result_of([open_] * 3), "loss") == NO_LOSS.format(rows=50)
    words = describe_gate_groups(result_of([clear, open_, up]), "loss")
    assert words == "fusion 0 (-0.200) lowers the loss; fusion 2 (+0.300) raises it"
    for ends in ((-0.2, -0.3, 0.0), (0.2, 0.0, 0.3)):  # zero is not excluded
        assert describe_gate_groups(result_of([ends] * 3), "loss") == NO_LOSS.format(rows=50)
    assert describe_gate_groups(result_of([up, open_, up]), "loss") == (
        "fusion 2 (+0.300) and fusion 0 (+0.300) raise the loss"
    )
    most = "fusion 0 contributes most to the score of y: +0.50 (50% of the summed sizes"
    assert most in describe_gate_groups(result_of([clear] * 3))
    still = result_of([clear] * 3, decision=np.zeros(3))
    assert describe_gate_groups(still) == "No gate group changes the score of y"


def test_models_without_groups_are_refused() -> None:
    model = model_of(4)
    one = masses(model, 1)
    zero = np.array([0])
    with pytest.raises(InvalidInput, match="must hold one sample, but holds 2"):
        gate_shapley.gate_groups(model, masses(model, 2), "c0", one, zero)
    with pytest.raises(NotFound, match="Output 'c9'"):
        gate_shapley.gate_groups(model, one, "c9", one, zero)
    with pytest.raises(InvalidInput, match="`shots` must be at least 1"):
        gate_shapley.gate_groups(model, one, "c0", one, zero, shots=0)
    with pytest.raises(InvalidInput, match="one value for each row"):
        gate_shapley.gate_groups(model, one, "c0", one, np.array([0, 1]))
    jump, inputs = problem((2, 2))
    kets = jump.encode(inputs)
    with pytest.raises(InvalidInput, match="gate groups"):
        gate_shapley.gate_groups(jump, kets, "y0", kets, np.zeros(2))


def test_panels_and_command_line_agree(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["why", "--model", "qcnn-parity", "--groups", "pair-6601", "--json"])
    assert not ended.value.code
    result = json.loads(capsys.readouterr().out)["groups"]
    one = opening.open_sample("qcnn-parity", "pair-6601")
    assert result["whole"]["decision"] == pytest.approx(one.score, abs=1e-9)
    loss = one.study.split_metrics(one.study.scores[one.dataset.rows("test")])["nll"]
    assert result["whole"]["loss"] == pytest.approx(loss, abs=1e-9)
    for target in gate_shapley.TARGETS:
        values = [row[target] for row in result["groups"]]
        gain = result["whole"][target] - result["empty"][target]
        assert sum(values) == pytest.approx(gain, abs=1e-9)
        picture = model_pieces.gate_groups(one, of=target)
        assert picture.numbers[target].tolist() == pytest.approx(values, abs=1e-9)
        assert true_minus(f"{gain:+z.2f}") in picture.caption
