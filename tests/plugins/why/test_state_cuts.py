"""Cuts of correlations against QuTiP's ptrace, tensor and mesolve; laws; invalid input."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import qutip
import torch
from torch import Tensor

from qfusion import cli, explain
from qfusion.errors import InvalidInput, NotFound
from qfusion.explain import bootstrap, cohort_filters, interval_ends
from qfusion.models import InputSpec, QuantumJump
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.plugins.why.cuts import (
    cohort_cuts,
    correlation_cuts,
    cut_losses,
    cut_measures,
    cut_summaries,
    mean_field,
    state_cuts,
    tables,
)
from qfusion.plugins.why.cuts.cut_losses import CutMetrics, cut_metrics
from qfusion.plugins.why.cuts.state_cuts import Cuts, cut_correlations
from qfusion.plugins.why.cuts.words import describe_cut, describe_cuts
from qfusion.quantum import states
from qfusion.study import cohorts, opening
from qfusion.training import checkpoint, metrics
from qfusion.views.pages import catalogue, rendering
from tests.plugins.why.support import NAMES, problem
from tests.support.entangled import model_of

TIMES = [0.0, 0.2, 0.5, 0.8, 1.0]


def by_qutip(model: QuantumJump, rho0: qutip.Qobj, m: int, kind: str, time: float) -> np.ndarray:
    """Scores without bias, worked out with QuTiP alone."""
    dims, T = list(model.dims), model.duration
    H = qutip.Qobj(model.generator().hamiltonian().detach().numpy(), dims=[dims, dims])
    L = [
        qutip.Qobj(each.numpy(), dims=[dims, dims])
        for each in model.generator().jump_operators().detach()
    ]
    options = {
        "method": "vern9",
        "rtol": 1e-11,
        "atol": 1e-13,
        "nsteps": 100_000,
        "matrix_form": True,
    }

    def evolved(rho: qutip.Qobj, duration: float) -> qutip.Qobj:
        return (
            qutip.mesolve(H, rho, [0, duration], L, options=options).states[-1] if duration else rho
        )

    rho = evolved(rho0, time)
    others = [k for k in range(len(dims)) if k != m]
    if kind == "cut":
        product = qutip.tensor(rho.ptrace(m), rho.ptrace(others))  # with m in front
        order = [[m, *others].index(k) for k in range(len(dims))]
        broken = product.permute(order)
    else:
        _, vectors = rho.ptrace(m).eigenstates()
        parts = []
        for vector in vectors:
            P = qutip.tensor(
                [vector.proj() if k == m else qutip.qeye(dims[k]) for k in range(len(dims))]
            )
            parts.append(P * rho * P)
        broken = sum(parts[1:], parts[0])
    final = evolved(broken, T - time).full()
    return np.einsum("cab,ba->c", model.readout().detach().numpy(), final).real


@pytest.mark.parametrize(
    ("dims", "places"),
    [((2, 2, 2), (0, 1, 2)), ((4, 4), (0, 1)), ((2, 4, 2), (1,)), ((4, 4, 4), (1,))],
    ids=["8", "16", "16 uneven", "64"],
)
def test_cuts_equal_qutip(dims: tuple[int, ...], places: tuple[int, ...]) -> None:
    model, inputs = problem(dims, B=1)
    psi = model.product_state(model.encode(inputs))[0].detach().numpy()
    rho0 = qutip.ket2dm(qutip.Qobj(psi[:, None], dims=[list(dims), [1] * len(dims)]))
    found = cut_correlations(model, inputs, TIMES)
    bias = model.bias.detach().numpy()
    for k, kind in enumerate(found.kinds):
        for m in places:
            for i, time in enumerate(TIMES):
                assert found.scores[k, m, i, 0] - bias == pytest.approx(
                    by_qutip(model, rho0, m, kind, time), abs=1e-7
                ), (kind, m, time)
    assert np.abs(found.changes).max() > 1e-3


def test_uncorrelated_states_are_unchanged() -> None:
    model, inputs = problem((4, 4, 4), B=3)
    background = explain.background(model, problem((4, 4, 4), B=7, seed=5)[1], "joint")
    found = cut_correlations(model, inputs, TIMES, background=background)
    with torch.no_grad():
        assert found.before == pytest.approx(model(inputs).numpy(), abs=1e-12)
    assert np.abs(found.changes[:, :, 0]).max() < 1e-12
    assert found.dividends is not None
    assert np.abs(found.dividends[:, :, 0] - found.dividends_before).max() < 1e-12
    for settings in ({"evolution": "none"}, {"duration": 0.0}):
        still, _ = problem((4, 4, 4), **settings)
        assert np.abs(cut_correlations(still, inputs).changes).max() < 1e-12
    alone, _ = problem((2, 2, 2), coupling="local", body=1)
    assert np.abs(cut_correlations(alone, inputs, TIMES).changes).max() < 1e-12
    assert cut_correlations(alone, inputs).times == pytest.approx(
        np.linspace(0, float(alone.duration), 21)
    )


@pytest.mark.parametrize("readout", ["local", "single"])
@pytest.mark.parametrize("seed", range(3))
def test_local_read_out_is_invariant_under_a_final_cut(readout: str, seed: int) -> None:
    model, inputs = problem((2, 3, 2), seed=seed, readout=readout)
    found = cut_correlations(model, inputs, [0.5, 1.0])
    assert np.abs(found.changes[:, :, 1]).max() < 1e-12
    assert np.abs(found.changes[:, :, 0]).max() > 1e-4


def test_a_cut_at_the_end_reads_the_product() -> None:
    model, inputs = problem((2, 3, 2), readout="joint")
    found = cut_correlations(model, inputs, [1.0], kinds=["cut"])
    with torch.no_grad():
        rho = model.evolve_states(states.density(model.product_state(model.encode(inputs))), [1.0])[
            0
        ]
        product = torch.stack(
            [
                torch.kron(a, b)
                for a, b in zip(
                    states.partial_trace(rho, model.dims, (0,)),
                    states.partial_trace(rho, model.dims, (1, 2)),
                    strict=True,
                )
            ]
        )
        expected = torch.einsum("cab,nba->nc", model.readout(), product).real + model.bias
    assert found.scores[0, 0, 0] == pytest.approx(expected.numpy(), abs=1e-12)
    assert np.abs(found.changes).max() > 1e-3


def test_order_of_modalities_has_no_effect() -> None:
    model, inputs = problem((2, 3, 2), readout="joint")
    order = (2, 0, 1)
    back = [order.index(m) for m in range(3)]

    class Permuted(QuantumJump):
        """The same model with its modalities in another order."""

        def observables(self, times: Any = None) -> Tensor:
            return permuted(model.observables(times))

        def evolve_states(self, rho: Tensor, times: Any) -> Tensor:
            return permuted(
                model.evolve_states(permuted(rho, back, [model.dims[m] for m in order]), times)
            )

    def permuted(X: Tensor, by: Any = order, dims: Any = model.dims) -> Tensor:
        b = X.ndim - 2
        axes = [*range(b), *(b + m for m in by), *(b + 3 + m for m in by)]
        return X.reshape(*X.shape[:-2], *dims, *dims).permute(axes).reshape(X.shape)

    other = (
        Permuted(
            {NAMES[m]: InputSpec(3) for m in order},
            model.outputs,
            dims=[model.dims[m] for m in order],
            hidden=4,
        )
        .double()
        .eval()
    )
    other.encoders, other.bias = model.encoders, model.bias
    found, moved = cut_correlations(model, inputs, TIMES), cut_correlations(other, inputs, TIMES)
    assert moved.scores == pytest.approx(found.scores[:, list(order)], abs=1e-12)
    only = cut_correlations(model, inputs, TIMES, modalities=["vision", "text"], kinds=["dephased"])
    assert only.modalities == ("vision", "text")
    assert only.scores == pytest.approx(found.scores[1:, [2, 0]], abs=1e-12)


def test_batched_samples_equal_single_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = problem((2, 3, 2), B=7)
    background = explain.background(model, inputs, "mixed")
    monkeypatch.setattr(state_cuts, "MAX_NUMBERS", 3 * 5 * 12**2)  # three samples at once
    whole = cut_correlations(model, inputs, TIMES, background=background)
    for row in range(7):
        one = cut_correlations(
            model,
            {name: x[row : row + 1] for name, x in inputs.items()},
            TIMES,
            background=background,
        )
        assert whole.scores[..., row, :] == pytest.approx(one.scores[..., 0, :], abs=1e-11)
        assert whole.before[row] == pytest.approx(one.before[0], abs=1e-11)
        assert whole.dividends[..., row, :, :] == pytest.approx(
            one.dividends[..., 0, :, :], abs=1e-11
        )


def test_dividends_equal_those_of_cut_values() -> None:
    """By hand for one time and modality: every coalition's state is made, evolved, cut, evolved and read."""
    model, inputs = problem((2, 3, 2), B=1)
    rows = problem((2, 3, 2), B=9, seed=4)[1]
    found = {
        kind: cut_correlations(
            model, inputs, [0.4], background=explain.background(model, rows, kind)
        )
        for kind in ("joint", "product")
    }
    one = found["joint"]
    assert found["product"].dividends == pytest.approx(one.dividends, abs=1e-12)
    assert one.dividends.sum(-2) == pytest.approx(one.scores, abs=1e-12)
    with torch.no_grad():
        kets, others = (
            [each[name] for name in NAMES] for each in (model.encode(inputs), model.encode(rows))
        )
        means = [(k.mT @ k.conj()) / 9 for k in others]
        own = [states.density(k[0]) for k in kets]

        def value(S: tuple[int, ...]) -> np.ndarray:
            a, b, c = (own[m] if m in S else means[m] for m in range(3))
            rho = model.evolve_states(torch.kron(torch.kron(a, b), c), [0.4])[0]
            broken = torch.kron(
                states.partial_trace(rho, model.dims, (0, 1)),
                states.partial_trace(rho, model.dims, (2,)),
            )
            final = model.evolve_states(broken, [0.6])[0]
            return (
                (torch.einsum("cab,ba->c", model.readout(), final).real + model.bias)
                .detach()
                .numpy()
            )

        pair = value((0, 2)) - value((0,)) - value((2,)) + value(())
    assert one.dividends[0, 2, 0, 0, one.coalitions.index("text+vision")] == pytest.approx(
        pair, abs=1e-11
    )
    assert one.dividends[0, 2, 0, 0, 0] == pytest.approx(value(()), abs=1e-11)
    expected = explain.explain(model, inputs, explain.background(model, rows, "product")).dividends
    assert one.dividends_before == pytest.approx(expected, abs=1e-11)
    after, before = one.sizes()
    assert after == pytest.approx(np.abs(one.dividends[:, :, :, 0]), abs=1e-15)
    assert before == pytest.approx(np.abs(expected[0]), abs=1e-11)


def dephased(rho: Tensor, dims: tuple[int, ...], m: int) -> Tensor:
    """What the method makes of one state."""
    d, r = dims[m], math.prod(dims) // dims[m]
    assert m == 0
    seen = state_cuts.dephase_first(state_cuts.first_part(rho, dims, m))
    return seen.reshape(d, d, r, r).permute(0, 2, 1, 3).reshape(d * r, d * r)


def test_dephasing_leaves_no_entanglement_and_both_reduced_states() -> None:
    generator = torch.Generator().manual_seed(2)
    A = torch.randn(6, 6, dtype=torch.complex128, generator=generator)
    rho = A @ A.mH
    rho = rho / torch.trace(rho).real
    bell = torch.zeros(4, dtype=torch.complex128)
    bell[0] = bell[3] = math.sqrt(0.5)
    tilted = bell.clone()
    tilted[0], tilted[3] = 0.8, 0.6
    for state, dims in (
        (rho, (2, 3)),
        (rho, (3, 2)),
        (states.density(bell), (2, 2)),
        (states.density(tilted), (2, 2)),
    ):
        left = dephased(state, dims, 0)
        for keep in ((0,), (1,)):
            assert torch.allclose(
                states.partial_trace(left, dims, keep),
                states.partial_trace(state, dims, keep),
                atol=1e-12,
            )
        # In 2 x 2 and 2 x 3 a positive partial transpose means separable.
        assert torch.linalg.eigvalsh(states.partial_transpose(left, dims, (0,))).min() > -1e-12
        assert torch.linalg.eigvalsh(left).min() > -1e-12
    assert torch.allclose(
        dephased(states.density(tilted), (2, 2), 0),
        torch.diag(torch.tensor([0.64, 0, 0, 0.36], dtype=torch.complex128)),
        atol=1e-12,
    )
    # Both bases of a Bell state's half are as good: the mean over all of them, here a Werner state, whatever basis it
    # is written in.
    U = torch.linalg.qr(torch.randn(2, 2, dtype=torch.complex128, generator=generator))[
        0
    ].contiguous()
    turn = torch.kron(U, torch.eye(2, dtype=torch.complex128))
    expected = (states.density(bell) + torch.eye(4) / 2) / 3
    assert torch.allclose(dephased(states.density(bell), (2, 2), 0), expected, atol=1e-12)
    assert torch.allclose(
        dephased(turn @ states.density(bell) @ turn.mH, (2, 2), 0),
        turn @ expected @ turn.mH,
        atol=1e-12,
    )


def made_up(scores: np.ndarray, before: np.ndarray) -> Cuts:
    return Cuts(
        NAMES[: scores.shape[1]],
        tuple(f"y{c}" for c in range(scores.shape[-1])),
        np.linspace(0, 1, scores.shape[2]),
        ("cut", "dephased"),
        scores,
        before,
    )


def test_sentences_about_cuts_of_a_sample() -> None:
    """Of the first sample, at the largest change of the output that is asked for, whichever way it goes."""
    scores, before = np.full((2, 2, 4, 2, 2), 1.0), np.full((2, 2), 1.0)
    scores[0, 1, 2, 0, 1] = 0.25  # the cut of the second modality at the third of four moments
    scores[1, 1, 2, 0, 1] = 0.75
    scores[0, 0, 3, 0, 1] = 1.5
    scores[0, 0, 1, 0, 0] = 1.019  # less than 2 % of the score
    scores[0, 0, 1, 1, :] = 9.0  # another sample's
    found = made_up(scores, before)
    assert [cut_summaries.most_moved(found, output) for output in (0, 1)] == [NAMES[0], NAMES[1]]
    assert describe_cut(found, 1) == (
        f"Removing all correlations with {NAMES[1]} at t = 0.67 lowers the score from 1.00 to 0.25 (0.75 if classical "
        "correlations are kept)"
    )
    assert describe_cut(found, 0) == (
        "Removing the correlations of one modality at one time changes the score by at most 0.02 (from 1.00)"
    )
    held = Cuts(found.modalities, found.outputs, found.times, ("cut", "held"), scores, before)
    scores[1, 1, -1, 0, 1] = 0.5
    turned = replace(held, kinds=("held", "cut"), scores=scores[::-1])  # in whichever order
    assert describe_cut(turned, 1) == describe_cut(held, 1)
    with pytest.raises(NotFound, match="Kind of cut 'cut'"):
        describe_cut(replace(held, kinds=("held",), scores=scores[1:]), 1)
    assert describe_cut(held, 1) == (
        f"Removing all correlations with {NAMES[1]} at t = 0.67 lowers the score from 1.00 to 0.25 (0.50 if "
        f"{NAMES[1]} is never correlated)"
    )
    assert describe_cut(found, 1, "log-odds") == (
        f"Cutting the correlations with {NAMES[1]} at t = 0.67 costs 0.75 of 1.00 nats; 0.25 if classical ones are kept"
    )
    scores[1, 1, 2, 0, 1] = 1.1  # a gain is no cost, nor is a change of sign
    assert describe_cut(found, 1, "log-odds").startswith("Removing all correlations")


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_metrics_equal_those_of_the_test_set(kind: str) -> None:
    rng = np.random.default_rng(0)
    C = 3 if kind == "classification" else 1
    scores, before = rng.normal(size=(2, 2, 4, 60, C)), rng.normal(size=(60, C))
    truth = (
        rng.integers(0, 3, 60)
        if kind == "classification"
        else before[:, 0] + 0.3 * rng.normal(size=60)
    )
    found = cut_metrics(made_up(scores, before), truth, kind, resamples=400)
    for name in cut_losses.METRICS[kind]:
        after, plain = found.after[name], metrics.score_metrics(before, truth, kind)[name]
        assert float(found.before[name].value) == pytest.approx(plain, abs=1e-12)
        for place in np.ndindex(2, 2, 4):
            expected = metrics.score_metrics(scores[place], truth, kind)[name]
            assert after.value[place] == pytest.approx(expected, abs=1e-12)
            assert found.losses[name].value[place] == pytest.approx(expected - plain, abs=1e-12)
        for each in (after, found.before[name], found.losses[name]):
            assert (each.low <= each.value).all()
            assert (each.value <= each.high).all()
            assert (each.low < each.high).all()
    assert found.n == 60
    assert found.chance == pytest.approx(
        {"accuracy": np.bincount(truth).max() / 60}
        if kind == "classification"
        else {"r2": 0.0, "mae": min(np.abs(truth - value).mean() for value in truth)}
    )


def by_hand(scores: np.ndarray, truth: np.ndarray, kind: str) -> dict[str, float]:
    """The metrics of scores (B, C)."""
    if kind == "classification":
        return {"accuracy": np.mean(scores.argmax(1) == truth)}
    p = scores[:, 0]
    if kind == "sims":
        p, truth = np.clip(p, -1, 1), np.clip(truth, -1, 1)
        return {"acc2": np.mean((p > 0) == (truth > 0)), "mae": np.abs(p - truth).mean()}
    r2 = 1 - np.square(p - truth).mean() / truth.var()
    return {"r2": r2, "mae": np.abs(p - truth).mean()}


@pytest.mark.parametrize("kind", ["classification", "regression", "sims"])
def test_metric_intervals_equal_direct_resampling(kind: str) -> None:
    """Resample by resample: whole clusters are drawn, a loss is after less before of the same ones."""
    rng = np.random.default_rng(1)
    C = 3 if kind == "classification" else 1
    scores, before = rng.normal(size=(2, 2, 4, 48, C)), rng.normal(size=(48, C))
    truth = rng.integers(0, 3, 48) if C == 3 else before[:, 0] + rng.normal(size=48)
    clusters = np.repeat(np.arange(24), 2)[:, None]
    found = cut_metrics(
        made_up(scores, before), truth, kind, resamples=30, seed=2, clusters=clusters
    )
    place, runs = (1, 0, 2), []
    for row in np.concatenate(list(bootstrap.counts(48, 30, 2, clusters))):
        drawn = np.repeat(np.arange(48), row.astype(int))
        runs.append([by_hand(part[drawn], truth[drawn], kind) for part in (scores[place], before)])
    columns = cut_losses.metric_columns(np.stack([scores[place], before]), truth, kind)
    for name in cut_losses.METRICS[kind]:
        if name in cut_losses.SHARES:
            hits = columns[cut_losses.SHARES[name]] > 0
            change = hits[:, 0].astype(int) - hits[:, 1]
            for estimates, outcomes in (
                (found.after[name], hits[:, 0]),
                (found.losses[name], change),
            ):
                ends = estimates.low[place], estimates.high[place]
                assert ends == pytest.approx(bootstrap.outcome_ends(outcomes, clusters))
            continue
        after, plain = (np.array([run[i][name] for run in runs]) for i in (0, 1))
        for estimates, values in (
            (found.after[name], after),
            (found.losses[name], after - plain),
        ):
            ends = estimates.low[place], estimates.high[place]
            assert ends == pytest.approx(np.quantile(values, interval_ends.edges(24), 0), abs=1e-9)
        ends = float(found.before[name].low), float(found.before[name].high)
        assert ends == pytest.approx(np.quantile(plain, interval_ends.edges(24), 0), abs=1e-9)
        whole = by_hand(scores[place], truth, kind)[name]
        assert found.after[name].value[place] == pytest.approx(whole)
    assert found.modalities == NAMES[:2]
    assert found.chance == cut_losses.chance(truth, kind)


def test_metrics_of_few_samples_have_no_intervals_and_of_a_constant_truth_are_numbers() -> None:
    rng = np.random.default_rng(0)
    few = cut_metrics(
        made_up(rng.normal(size=(2, 2, 4, 5, 1)), rng.normal(size=(5, 1))),
        np.zeros(5),
        "regression",
    )
    assert few.after["r2"].low is None
    assert np.isfinite(few.after["r2"].value).all()
    ends = cut_losses.estimates(np.concatenate([[0.0], np.arange(1001.0)])[:, None], 10**6)
    assert [float(ends.low[0]), float(ends.high[0])] == pytest.approx(
        [25, 975], abs=0.01
    )  # 95 % of them lie between
    same = np.broadcast_to(rng.normal(size=(20, 1)), (2, 2, 4, 20, 1))
    calm = cut_metrics(made_up(same, same[0, 0, 0]), rng.normal(size=20), "regression")
    assert np.abs(calm.losses["r2"].low).max() < 1e-12
    assert np.abs(calm.losses["r2"].high).max() < 1e-12
    with pytest.raises(InvalidInput, match=r"`truth` must have shape \(20,\)"):
        cut_metrics(made_up(same, same[0, 0, 0]), np.zeros(3), "regression")
    with pytest.raises(NotFound, match="rank"):
        cut_metrics(made_up(same, same[0, 0, 0]), np.zeros(20), "ranking")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"times": [0.5, 1.5, -0.25]}, r"`times` must lie in \[0, 1\].*1.5, -0.25"),
        ({"times": [math.nan]}, r"`times` must lie in \[0, 1\].*nan"),
        ({"times": []}, "`times` must hold one"),
        ({"times": [0.5, 0.2]}, "`times` must be ascending"),
        ({"modalities": ["smell"]}, "Modality 'smell' does not exist"),
        ({"modalities": []}, "must each name one"),
        ({"kinds": ["dephase"]}, "Kind of cut 'dephase' does not exist. Did you mean 'dephased'"),
    ],
)
def test_invalid_input_is_refused(asked: dict[str, Any], message: str) -> None:
    model, inputs = problem((2, 2, 2))
    with pytest.raises((InvalidInput, NotFound), match=message):
        cut_correlations(model, inputs, **asked)


def test_models_without_cuts_are_refused() -> None:
    model, inputs = problem((2,))
    with pytest.raises(InvalidInput, match="one, 'text': it is correlated with nothing"):
        cut_correlations(model, inputs)
    network = model_of(2, 2, 2, seed=0)
    with pytest.raises(
        InvalidInput, match=r"entangled-qcnn, which has no evolution in time.*Choose a quantum-jump"
    ):
        cut_correlations(network, inputs)
    model, inputs = problem((2, 2))
    other, rows = problem((2, 3))
    with pytest.raises(InvalidInput, match="`background` comes from"):
        cut_correlations(model, inputs, background=explain.background(other, rows, "joint"))
    with pytest.raises(InvalidInput, match="hold no dividends"):
        cut_correlations(model, inputs).sizes()


def told(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    return int(ended.value.code or 0), *capsys.readouterr()


def test_constant_prediction_metrics() -> None:
    """The more frequent class or sign, and the mean absolute distance from the median."""
    assert cut_losses.chance(np.array([0, 1, 1, 1]), "classification") == {"accuracy": 0.75}
    for truth in (np.array([-0.5, 0.2, 0.4, 3.0]), np.array([-3.0, -0.2, -0.4, 0.5])):
        clipped = np.clip(truth, -1, 1)
        mae = np.abs(clipped - np.median(clipped)).mean()
        assert cut_losses.chance(truth, "sims") == {"acc2": 0.75, "mae": mae}


def test_command_line_prints_the_curve(capsys: pytest.CaptureFixture[str], planted: Any) -> None:
    row = int(planted.rows("test")[0])
    words = ["cut", "--model", "qj-planted", "--sample", planted.ids[row], "--times", 3]
    code, out, _ = told(capsys, *words, "--modality", "text", "--modality", "vision", "--json")
    assert code == 0
    curve = json.loads(out, parse_constant=lambda name: pytest.fail(name))
    model = checkpoint.load("qj-planted").model
    inputs = planted.inputs([row], dtype=torch.float64)
    found = cut_correlations(
        model,
        inputs,
        curve["times"],
        modalities=["text", "vision"],
        kinds=["cut", "dephased", "held"],
    )
    assert list(curve["modalities"]) == ["text", "vision"]
    assert curve["undisturbed"]["scores"]["score"] == pytest.approx(found.before[0, 0], abs=1e-9)
    for m, name in enumerate(("text", "vision")):
        for k, kind in enumerate(("cut", "dephased", "held")):
            one = curve["modalities"][name][kind]
            assert one["scores"]["score"] == pytest.approx(found.scores[k, m, :, 0, 0], abs=1e-6)
            assert one["changes"]["score"] == pytest.approx(found.changes[k, m, :, 0, 0], abs=1e-6)
            assert np.sum(list(one["dividends"].values()), axis=0) == pytest.approx(
                found.scores[k, m, :, 0, 0], abs=1e-6
            )
    code, out, _ = told(capsys, *words)
    assert code == 0
    assert "correlations of vision are taken away" in out
    assert f"{found.before[0, 0]:.3f}" in out
    for wrong, said in (
        (["--modality", "smell"], "'smell' does not exist"),
        (["--times", 1], "Invalid value for '--times'"),
    ):
        code, out, err = told(capsys, *words[:5], *wrong)
        assert (code, out) == (2 if "Invalid" in said else 1, "")
        assert said in err
        assert err.count("\n") == 1
    code, _, err = told(capsys, "cut", "--model", "qcnn-parity", "--sample", "pair-0003")
    assert code == 1
    assert "no evolution in time" in err


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_precisions_agree(dtype: torch.dtype) -> None:
    model, inputs = problem((2, 2))
    exact = cut_correlations(model, inputs, [0.0, 0.5]).scores
    single = {name: values.to(dtype) for name, values in inputs.items()}
    assert cut_correlations(model.to(dtype), single, [0.0, 0.5]).scores == pytest.approx(
        exact, abs=1e-4
    )


@pytest.fixture(scope="module")
def study(planted: Any) -> Any:
    found = checkpoint.load("qj-planted")
    return opening.build_study("qj-planted", found.card, found.model, planted)


def test_pages_equal_cuts_of_a_sample(study: Any, planted: Any) -> None:
    row, tweak = int(planted.rows("test")[2]), LEARNED
    found, terms = (
        cut_measures.cuts_of_sample(study, row, tweak, terms=with_terms)
        for with_terms in (False, True)
    )
    one = opening.open_sample("qj-planted", str(planted.ids[row]), planted)
    times = np.linspace(0, float(one.model.duration), state_cuts.TIMES)
    alone = cut_correlations(one.model, one.inputs, times, kinds=tuple(state_cuts.KINDS))
    pd.testing.assert_frame_equal(found.frame(), alone.frame(0, 0), atol=1e-10)
    name = cut_summaries.most_moved(found, 0)
    alone = cut_correlations(one.model, one.inputs, times, background=one.background)
    pd.testing.assert_frame_equal(
        tables.cut_sizes_table(terms, name, 0),
        tables.cut_sizes_table(alone, name, 0),
        atol=1e-10,
    )
    assert name in describe_cut(found, 0)
    drawn = correlation_cuts.cut_curves(
        found.times,
        cut_measures.curves(found, 0),
        found.before[0, 0],
        study.modalities,
        unit="score",
    )
    assert {trace.name for trace in drawn.data} == {
        *study.modalities,
        "undisturbed",
        *(words for words, _ in correlation_cuts.KINDS.values()),
    }
    assert all(
        np.isfinite(np.asarray(trace.y, dtype=float)).all()
        for trace in drawn.data
        if trace.y[0] is not None
    )
    weaker = cut_measures.cuts_of_sample(study, row, Tweak(duration=0.0))
    assert "at one time changes the score by" in describe_cut(weaker, 0)
    assert correlation_cuts.cut_curves(
        weaker.times, cut_measures.curves(weaker, 0), 0.0, study.modalities
    ).layout.xaxis.range == (0, 1e-6)


@pytest.mark.parametrize("names", [("left", "right"), ("sound", "text", "face")])
def test_equal_lines_are_drawn_once(names: tuple[str, ...]) -> None:
    times, line = np.linspace(0, 1, 5), np.arange(5.0)
    lines = dict.fromkeys(names[:2], line) | dict.fromkeys(names[2:], -line)
    apart = {name: line + place for place, name in enumerate(names)}
    drawn = correlation_cuts.cut_curves(times, {"cut": lines, "dephased": apart}, 0.0, names)
    legend = [trace.name for trace in drawn.data if trace.showlegend is not False]
    equal = f"{names[0]} and {names[1]} (equal)"
    assert legend[:-3] == [equal, *names[2:], *names[:2]]
    metric = correlation_cuts.cut_metric(
        times,
        {"cut": {name: (values,) for name, values in lines.items()}},
        {"undisturbed": 1.0},
        names,
        y_title="accuracy",
    )
    assert [trace.name for trace in metric.data] == [equal, *names[2:], "undisturbed"]


def test_pages_reuse_computed_states(study: Any, planted: Any) -> None:
    row = int(planted.rows("test")[3])
    tweaks = [LEARNED, Tweak(duration=0.7), Tweak(duration=0.0)]
    for tweak, terms in itertools.product(tweaks, (False, True)):
        model = study.model.tweaked(tweak)
        alone = cut_correlations(
            model,
            study.inputs([row]),
            np.linspace(0, float(model.duration), state_cuts.TIMES),
            kinds=state_cuts.DEFAULT if terms else tuple(state_cuts.KINDS),
            background=study.background if terms else None,
        )
        found = cut_measures.cuts_of_sample(study, row, tweak, terms=terms)
        assert np.allclose(found.scores, alone.scores, rtol=0, atol=1e-12)
        assert np.allclose(found.before, alone.before, rtol=0, atol=1e-12)
        if terms:
            assert np.allclose(found.dividends, alone.dividends, rtol=0, atol=1e-12)


def test_given_states_must_fit(study: Any, planted: Any) -> None:
    inputs, T = study.inputs([int(planted.rows("test")[3])]), float(study.model.duration)
    O, rho = study.model.observables([0.0, T]).flip(0), study.model.observables([0.0, T])[:, :1]
    for known, times in (((O[:1], rho), [0, T]), ((O, rho[..., 0]), [0, T]), ((O, rho), [0.1, T])):
        with pytest.raises(InvalidInput, match="`known` must hold observables"):
            cut_correlations(study.model, inputs, times, known=known)


@pytest.mark.parametrize(("d", "r", "jumps"), [(2, 3, 1), (4, 16, 3), (5, 2, 2), (3, 4, 0)])
def test_both_ways_to_evolve_without_correlation_agree_with_partial_traces(
    d: int, r: int, jumps: int
) -> None:
    torch.manual_seed(0)
    H = torch.randn(d * r, d * r, dtype=torch.complex128)
    H, L = H + H.mH, torch.randn(jumps, d * r, d * r, dtype=torch.complex128)
    parts = [torch.randn(2, n, n, dtype=torch.complex128) for n in (d, r)]
    parts = [part + part.mH for part in parts]  # Hermitian, of any eigenvalues
    rho = torch.stack([torch.kron(*both) for both in zip(*parts, strict=True)])
    slope = -1j * (H @ rho - rho @ H)
    for each in L:
        slope = slope + each @ rho @ each.mH - (each.mH @ each @ rho + rho @ each.mH @ each) / 2
    slope = slope.view(2, d, r, d, r)
    wanted = torch.einsum("nibjb->nij", slope), torch.einsum("nibic->nbc", slope)
    for kind in (mean_field.ProductSlopes, mean_field.TableSlopes):
        rate = kind(H, L, d, r)
        found = rate(*(rate.enter(part).numpy() for part in parts))
        for one, exact in zip(found, wanted, strict=True):
            one = rate.leave(torch.from_numpy(np.ascontiguousarray(one)).view(exact.shape))
            assert torch.allclose(one, exact, rtol=1e-11, atol=1e-11)


def test_test_set_has_intervals(study: Any, planted: Any) -> None:
    rows = planted.rows("test")[:60]
    found = cut_measures.cuts_of_rows(study, rows, times=5)
    assert found.after["mae"].value.shape == (2, 3, 5)
    for metric, better in (("r2", -1), ("mae", 1)):
        said = describe_cuts(found, metric)
        worst = (better * found.losses[metric].value[0, :, 2]).argmax()
        low, high = found.losses[metric].low[0, worst, 2], found.losses[metric].high[0, worst, 2]
        gain = abs(float(found.before[metric].value) - found.chance[metric])
        large = abs(found.losses[metric].value[0, worst, 2]) >= 0.1 * gain
        degree = "matter" if large else "matter little"
        assert ("No significant loss" if low <= 0 <= high else degree) in said
        kind = cut_summaries.dependence(found, metric).kind
        known = "NOT_SHOWN" if low <= 0 <= high else "NEEDED" if large else "SLIGHT"
        assert kind == cut_summaries.Dependence[known]
        assert f"{study.modalities[worst]} at t = 0.50" in said
        assert (
            f"{found.losses[metric].value[0, worst, 2]:+.3f} (95% CI {found.losses[metric].low[0, worst, 2]:+.3f}"
            in said
        )
    table = tables.cut_table(found)
    assert table["cut[text]:low"].tolist() == found.after["r2"].low[0, 0].tolist()
    drawn = cohort_cuts.draw_cut_test(table, study.modalities, "r2", levels={"no evolution": 0.7})
    assert {"no evolution", "undisturbed"} < {trace.name for trace in drawn.data}
    near = table.assign(
        chance=table["undisturbed"] - 1e-3
    )  # a level far from all lines would flatten them
    level = {
        trace.name for trace in cohort_cuts.draw_cut_test(near, study.modalities, "r2").data
    } - {trace.name for trace in drawn.data}
    assert level == {"one answer for all"}
    few = cut_measures.cuts_of_rows(study, rows[:4], times=2)
    assert "CI" not in describe_cuts(few)
    drawn = cohort_cuts.draw_cut_test(tables.cut_table(few), study.modalities, "r2")
    assert not any(trace.fill == "toself" for trace in drawn.data)
    lost = CutMetrics(
        **{**vars(found), "losses": {"r2": cut_losses.Estimates(*(np.full((2, 3, 5), -0.5),) * 3)}}
    )
    assert "at t = 0.50 matter: without" in describe_cuts(lost, "r2")
    little = CutMetrics(
        **{
            **vars(found),
            "losses": {"r2": cut_losses.Estimates(*(np.full((2, 3, 5), -0.01),) * 3)},
        }
    )
    assert "at t = 0.50 matter little: without" in describe_cuts(little, "r2")
    same = CutMetrics(
        **{
            **vars(found),
            "losses": {"r2": cut_losses.Estimates(*(0 * found.losses["r2"].value,) * 3)},
        }
    )
    assert "at t = 0.50 do not matter: without" in describe_cuts(same, "r2")


def test_figure_is_reproduced_from_its_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The other views, with their numbers, in tests/test_figures.py."""
    first, second = tmp_path / "first.pdf", tmp_path / "second.pdf"
    words = [
        "figure",
        "--link",
        "http://here/dynamics?model=qj-parity&sample=pair-6601",
        "--panel",
        "cut-terms",
        "--caption",
    ]
    assert told(capsys, *words, "--theme", "dark", "--out", first)[0] == 0
    code, out, _ = told(capsys, "figure", "--recipe", first, "--out", second, "--json")
    assert code == 0
    assert first.read_bytes() == second.read_bytes()
    assert json.loads(out)["numbers"]


def test_programs_reproduce_the_tables(study: Any, planted: Any) -> None:
    sample = str(planted.ids[planted.rows("test")[2]])
    address = {"model": "qj-planted", "data": "planted", "sample": sample}
    for panel in ("cut", "cut-terms"):
        names: dict[str, Any] = {}
        exec(rendering.program("Dynamics", panel, address), names)
        expected = catalogue.build_panel("dynamics", panel, address).numbers
        pd.testing.assert_frame_equal(names["numbers"], expected, atol=1e-10)
    names = {}
    exec(
        rendering.program("Cohorts", "cut-test", {**address, "filter": "split=valid; truth>1"}),
        names,
    )
    table = cohorts.cohort_table(study, None)
    inside = cohort_filters.select_rows(cohort_filters.parse("split=valid; truth>1"), table)
    assert names["numbers"]["n"].iloc[0] == inside.sum() < len(planted.rows("valid"))


def pairwise_step(model: QuantumJump, rho: Tensor, m: int, dt: float) -> Tensor:
    """Evolves states and cuts all correlation of m with the rest."""
    rho = model.evolve_states(rho, [dt])[0]
    broken = state_cuts.cut_first(state_cuts.first_part(rho, model.dims, m))
    d, D = model.dims[m], math.prod(model.dims)
    left = math.prod(model.dims[:m])
    seen = broken.reshape(-1, d, d, left, D // d // left, left, D // d // left)
    return (
        seen.permute(0, 3, 1, 4, 5, 2, 6).reshape(-1, D, D)
        / torch.diagonal(rho, dim1=-2, dim2=-1).sum(-1)[:, None, None] ** 2
    )


@pytest.mark.parametrize("m", [0, 1, 2])
def test_mean_field_is_the_limit_of_repeated_cuts(m: int) -> None:
    """The error of n cuts falls as 1/n; extrapolated from 64, 128 and 256 of them it is the integrated one."""
    model, inputs = problem((2, 3, 2), B=2)
    found = cut_correlations(model, inputs, [0.0, 0.5, 1.0], kinds=["held"])
    with torch.no_grad():
        start = states.density(model.product_state(model.encode(inputs)))
        rows = []
        for n in (64, 128, 256):
            rho = start
            for _ in range(n // 2):
                rho = pairwise_step(model, rho, m, 1 / n)
            later = model.evolve_states(rho, [0.5])[0]
            rows.append(
                (torch.einsum("cab,nba->nc", model.readout(), later).real + model.bias).numpy()
            )
    once = [2 * b - a for a, b in itertools.pairwise(rows)]
    expected = (4 * once[1] - once[0]) / 3
    assert found.scores[0, m, 1] == pytest.approx(expected, abs=1e-6)
    assert np.abs(found.changes[0, m, 1]).max() > 1e-3
    assert np.abs(found.changes[0, :, 0]).max() < 1e-12


@pytest.mark.parametrize(("d", "r", "K"), [(2, 3, 2), (3, 2, 0), (2, 6, 1)])
def test_mean_field_by_table_equals_products(
    monkeypatch: pytest.MonkeyPatch, d: int, r: int, K: int
) -> None:
    D, wide = d * r, torch.complex128
    A, jumps = torch.randn(D, D, dtype=wide), 0.3 * torch.randn(K, D, D, dtype=wide)
    own, rest = (
        states.density(torch.nn.functional.normalize(torch.randn(4, n, dtype=wide), dim=-1))
        for n in (d, r)
    )
    found = []
    for numbers in (0, 10**9):
        monkeypatch.setattr(mean_field, "MAX_TABLE", numbers)
        found.append(
            mean_field.evolve_mean_field((A + A.mH) / 2, jumps, own, rest, [0.0, 0.7, 0.7])
        )
    for products, table in zip(*found, strict=True):
        assert torch.allclose(products, table, atol=1e-7)
        assert torch.equal(table[1], table[2])
    for start, still in zip(
        (own, rest),
        mean_field.evolve_mean_field(A + A.mH, jumps, own, rest, [0.0, 0.0]),
        strict=True,
    ):
        assert torch.equal(still, torch.stack([start, start]))


def test_mean_field_without_coupling_or_time_is_unchanged() -> None:
    for settings in ({"coupling": "local", "body": 1}, {"evolution": "none"}, {"duration": 0.0}):
        model, inputs = problem((2, 3, 2), **settings)
        assert np.abs(cut_correlations(model, inputs, kinds=["held"]).changes).max() < 1e-6
    model, inputs = problem((2, 3), B=3)
    both = cut_correlations(
        model,
        inputs,
        TIMES,
        kinds=["cut", "held"],
        background=explain.background(model, inputs, "joint"),
    )
    assert both.scores[:, 0] == pytest.approx(both.scores[:, 1], abs=1e-6)
    assert both.dividends.sum(-2) == pytest.approx(both.scores, abs=1e-6)
    one = cut_correlations(
        model, {name: x[1:2] for name, x in inputs.items()}, TIMES, kinds=["held"]
    )
    assert both.scores[1:, ..., 1, :] == pytest.approx(one.scores[..., 0, :], abs=1e-6)


def test_mean_field_of_basis_states_reproduces_conditional_phases() -> None:
    """One qubit turns the other's phase: the mean field of a basis state does all of it, that of a superposition
    cannot."""
    Z, X = (
        torch.diag(torch.tensor([1.0, -1.0], dtype=torch.complex128)),
        torch.tensor([[0, 1], [1, 0]], dtype=torch.complex128),
    )
    H = torch.kron(Z, Z)
    zero, plus = (
        torch.tensor([1, 0], dtype=torch.complex128),
        torch.full((2,), math.sqrt(0.5), dtype=torch.complex128),
    )
    for control, expected in (
        (zero, math.cos(2)),
        (plus, 1.0),
    ):  # <X> of the second qubit, which starts in |+>
        own, rest = mean_field.evolve_mean_field(
            H,
            torch.zeros(0, 4, 4, dtype=torch.complex128),
            states.density(control)[None],
            states.density(plus)[None],
            [0.0, 1.0, 1.0],
        )
        assert torch.einsum("ab,ba", X, rest[1, 0]).real.item() == pytest.approx(expected, abs=1e-7)
        assert torch.equal(rest[1], rest[2])
        assert torch.allclose(own[1, 0].abs(), states.density(control).abs(), atol=1e-7)
