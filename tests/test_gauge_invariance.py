"""Nothing that is said of a model depends on the gauge of its generator: a few random ones of two shipped models, or
100 of every one with QFUSION_ALL_GAUGES, where rates of single operators differ; sliders against an evolution of QuTiP
and a split of NumPy."""

from __future__ import annotations

import copy
import itertools
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qutip
import torch

from qfusion import cli, explain
from qfusion.errors import DataUnavailable
from qfusion.explain import counterfactual, path_attribution, sensitivity
from qfusion.models import QuantumJump, Tweak
from qfusion.models.jump import kets
from qfusion.quantum import decomposition
from qfusion.quantum.lindblad import Generator, Term, act
from qfusion.study import opening
from qfusion.study.sample import Sample, build_sample
from qfusion.training import checkpoint, checkpoint_cards
from qfusion.views.generator_attribution import attribution_matrix, describe_building
from qfusion.views.sensitivity import term_response, tornado
from tests.support.gauges import in_gauge
from tests.support.sensitivity_models import jump_model

SAME = 1e-9  # of the largest number of a kind
# minutes a model: for whoever changes what could depend on operators
ALL = bool(os.environ.get("QFUSION_ALL_GAUGES"))
GAUGES = 100 if ALL else 2
# Two modalities and two classes, three modalities and one score: the others go the same way.
SHIPPED = [
    name
    for name in checkpoint_cards.available()
    if name.startswith("qj-") and (ALL or name in ("qj-parity", "qj-planted"))
]


@cache
def opened(name: str) -> tuple[Any, Any]:
    """A shipped model in double precision, and its data."""
    from qfusion import data

    found = checkpoint.load(name)
    try:
        dataset = data.load(found.card["data"]["name"])
    except DataUnavailable:
        pytest.skip("the data are not on this machine")
    found.model.double()
    return found, dataset


def before(name: str, model: QuantumJump, tag: str) -> Sample:
    """A sample before a model that stands in for a shipped one, whose results are kept apart by a tag."""
    found, dataset = opened(name)
    study = opening.build_study(name, {**found.card, "weights_sha256": tag}, model, dataset)
    return build_sample(study, int(dataset.rows("test")[7]))


def undecided(model: QuantumJump, dataset: Any) -> dict[str, torch.Tensor]:
    """The states of the test sample whose decision is closest."""
    rows = dataset.rows("test")[:200]
    found = scores(model, dataset.inputs(rows, torch.float64))
    lead = np.abs(found[:, 0]) if found.shape[1] == 1 else np.diff(np.sort(found, 1)[:, -2:])[:, 0]
    return counterfactual.encode_samples(
        model, dataset.inputs([rows[int(lead.argmin())]], torch.float64)
    )


def same(ours: Any, reference: Any) -> None:
    """Both are equal to SAME of the largest number, or of 1."""
    ours, reference = np.asarray(ours, dtype=float), np.asarray(reference, dtype=float)
    assert ours.shape == reference.shape
    assert np.abs(ours - reference).max() <= SAME * max(1.0, np.abs(reference).max())


def scores(model: QuantumJump, inputs: dict, tweak: Tweak | None = None) -> np.ndarray:
    with torch.no_grad():
        return model.tweaked(tweak or Tweak())(inputs).numpy()


@pytest.mark.parametrize("name", SHIPPED)
def test_panels_of_shipped_models_are_gauge_invariant(name: str) -> None:
    found, dataset = opened(name)
    model = found.model
    rows = dataset.rows("test")[:4]
    inputs, one = (dataset.inputs(each, torch.float64) for each in (rows, rows[:1]))
    behind = explain.background(
        model, dataset.inputs(dataset.rows("train")[:50], torch.float64), "joint"
    )
    pair = "+".join(model.modalities[:2])
    turned = [
        Tweak({pair: 0.45, model.modalities[0]: 1.5}),
        Tweak(dissipations={pair: 0.45, model.modalities[0]: 1.3}),
        Tweak({pair: 0.0}, {model.modalities[1]: 0.0}, 1.5),
    ]
    few = GAUGES if ALL else 1

    def quick(m: QuantumJump) -> list[Any]:
        system = m.system()
        energies, rates = decomposition.coalition_strengths(system)
        return [
            scores(m, inputs),
            *(scores(m, inputs, tweak) for tweak in turned),
            list(energies.values()),
            list(rates.values()),
            torch.view_as_real(system.H),
            torch.view_as_real(system.jumps),
        ]

    def slow(m: QuantumJump) -> list[Any]:
        built = path_attribution.aumann_shapley(m, one, behind)
        terms = sensitivity.sensitivity(m, one, behind, targets=["score", f"dividend[{pair}]"])
        return [built.parts, built.start, built.end, terms.slopes, terms.effects]

    reference = [quick(model), slow(model)]
    answer = describe_building(path_attribution.aumann_shapley(model, one, behind))
    for seed in range(GAUGES):
        other = in_gauge(model, seed)
        for ours, theirs in zip(quick(other), reference[0], strict=True):
            same(ours, theirs)
        if seed < few:
            for ours, theirs in zip(slow(other), reference[1], strict=True):
                same(ours, theirs)
            assert describe_building(path_attribution.aumann_shapley(other, one, behind)) == answer


@pytest.mark.parametrize("name", SHIPPED if ALL else ["qj-parity"])
def test_flips_and_headlines_are_gauge_invariant(name: str) -> None:
    found, dataset = opened(name)
    states = undecided(found.model, dataset)

    def turns(m: QuantumJump) -> tuple[list[tuple[str, str]], list[float]]:
        nearest = sensitivity.nearest_parameters(m, states).changes
        return [(turn.kind, turn.name) for turn in nearest], [turn.value for turn in nearest]

    def headlines(m: QuantumJump, tag: str) -> list[str]:
        sample = before(name, m, tag)
        panels = (
            attribution_matrix,
            tornado,
            term_response,
        )
        return [panel(sample).title for panel in panels]

    reference, words = turns(found.model), headlines(found.model, f"{name}-learned")
    assert len(reference[0]) > 1
    for seed in range(GAUGES if ALL else 1):
        other = in_gauge(found.model, GAUGES + seed)
        named, values = turns(other)
        assert named == reference[0]
        same(values, reference[1])
        assert headlines(other, f"{name}-other-{seed}") == words


@pytest.mark.parametrize("name", SHIPPED)
def test_rates_of_single_operators_depend_on_the_gauge(name: str) -> None:
    """Which operator is taken away is a choice of gauge: scores without it differ."""
    found, dataset = opened(name)
    model, inputs = found.model, dataset.inputs(dataset.rows("test")[:4], torch.float64)
    K = model.jump_count

    def removed(m: QuantumJump) -> np.ndarray:
        without = []
        for gone in range(K):
            other = copy.deepcopy(m)
            with torch.no_grad():
                other.L[0][gone] = 0
            without.append(scores(other, inputs))
        return np.stack(without)

    other = in_gauge(model, 0)
    same(scores(other, inputs), scores(model, inputs))
    with pytest.raises(AssertionError):
        same(removed(other), removed(model))
    assert np.abs(removed(other) - removed(model)).max() > 1e-4


def test_unit_factors_keep_the_model_bit_for_bit() -> None:
    model = jump_model(2)
    learned, unit = (
        m.generator().terms[0] for m in (model, model.tweaked(Tweak({"text": 1.0}, {"audio": 1.0})))
    )
    assert torch.equal(learned.H, unit.H)
    assert torch.equal(learned.jumps, unit.jumps)


def test_the_canonical_unravelling_is_the_same_generator_by_orthogonal_operators() -> None:
    model = jump_model(3, jumps=4)
    system, X = model.system(), torch.randn(2, 27, 27, dtype=torch.complex128)
    whole = Generator(model.dims, (Term((0, 1, 2), system.H, system.jumps),))
    same(torch.view_as_real(act(whole, X)), torch.view_as_real(act(model.generator(), X)).detach())
    gram = torch.einsum("kab,lab->kl", system.jumps.conj(), system.jumps)
    rates = torch.diagonal(gram).real
    same(gram.abs(), torch.diag(rates))
    assert bool((rates.diff() < 0).all())
    assert float(torch.einsum("kaa->k", system.jumps).abs().max()) < 1e-12
    for jump in system.jumps.flatten(1).detach():
        largest = jump[(jump.abs() > (1 - 1e-6) * jump.abs().max()).nonzero()[0, 0]]
        assert largest.real > 0
        assert abs(largest.imag) < 1e-12
    assert decomposition.canonical_jump_operators(
        torch.zeros(0, 3, 3, dtype=torch.complex128)
    ).shape == (
        0,
        3,
        3,
    )
    assert not decomposition.canonical_jump_operators(
        torch.zeros(2, 3, 3, dtype=torch.complex128)
    ).any()


def split(A: np.ndarray, dims: tuple[int, ...]) -> dict[tuple[int, ...], np.ndarray]:
    """A = sum_S A_S by inclusion and exclusion over means, A_S = sum_{R in S} (-1)^{|S| - |R|} E_R[A]."""
    M = len(dims)

    def mean(keep: tuple[int, ...]) -> np.ndarray:
        kept = (
            qutip.Qobj(A, dims=[list(dims)] * 2).ptrace(list(keep)).full()
            if keep
            else np.array([[np.trace(A)]])
        )
        gone = [m for m in range(M) if m not in keep]
        rest = int(np.prod([dims[m] for m in gone]))
        order = [*keep, *gone]
        whole = np.kron(kept, np.eye(rest) / rest).reshape([dims[m] for m in order] * 2)
        back = [order.index(m) for m in range(M)]
        return whole.transpose(*back, *(M + k for k in back)).reshape(A.shape)

    every = [s for n in range(M + 1) for s in itertools.combinations(range(M), n)]
    return {
        S: sum((-1) ** (len(S) - len(R)) * mean(R) for R in every if set(R) <= set(S))
        for S in every
    }


def evolved(model: QuantumJump, psi: np.ndarray, couplings: dict, dissipations: dict) -> np.ndarray:
    """The scores at T by QuTiP, from the weights, with factors on the parts of H and of traceless L_k."""
    H = kets.compose_hermitian(model.A[0]).detach().numpy()
    jumps = torch.view_as_complex(model.L[0]).detach().numpy()
    D = len(H)
    for L in jumps:
        c = np.trace(L) / D
        H = H - (np.conj(c) * L - c * L.conj().T) / 2j
    H = sum(couplings.get(S, 1.0) * part for S, part in split(H, model.dims).items())
    made = [
        sum(dissipations.get(S, 1.0) * part for S, part in split(L, model.dims).items() if S)
        for L in jumps
    ]
    options = {"method": "vern9", "atol": 1e-12, "rtol": 1e-11, "nsteps": 100_000}
    solved = qutip.mesolve(
        qutip.Qobj(H),
        qutip.ket2dm(qutip.Qobj(psi[:, None])),
        [0.0, float(model.duration)],
        [qutip.Qobj(L) for L in made],
        options={**options, "matrix_form": True},
    )
    rho, read = solved.states[-1].full(), model.readout().detach().numpy()
    return np.einsum("cab,ba->c", read, rho).real + model.bias.detach().numpy()


@pytest.mark.parametrize("name", ["qj-parity", "qj-planted"])
def test_sliders_equal_an_evolution_of_qutip(name: str) -> None:
    found, dataset = opened(name)
    model, inputs = found.model, dataset.inputs(dataset.rows("test")[:1], torch.float64)
    with torch.no_grad():
        psi = model.product_state(model.encode(inputs))[0].numpy()
    for seed, (H, D) in enumerate(
        (({}, {(0, 1): 0.45}), ({(0, 1): 0.3, (1,): 1.7}, {(0,): 2.0, (0, 1): 0.0}))
    ):
        names = [
            {"+".join(model.modalities[m] for m in s): f for s, f in each.items()}
            for each in (H, D)
        ]
        ours = scores(in_gauge(model, seed), inputs, Tweak(names[0], dissipations=names[1]))[0]
        assert np.abs(ours - evolved(model, psi, H, D)).max() < 1e-7
        assert np.abs(ours - scores(model, inputs)[0]).max() > 1e-3


def run(capsys: pytest.CaptureFixture[str], *words: Any) -> dict[str, Any]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in (*words, "--json")])
    assert not ended.value.code
    return dict(json.loads(capsys.readouterr().out))


def test_command_prints_a_gauge_invariant_matrix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, _ = opened("qj-parity")
    words = ("explain", "--sample", "pair-6601", "--physics")
    learned = run(capsys, *words, "--model", "qj-parity")
    other = run(
        capsys,
        *words,
        "--model",
        checkpoint.save(tmp_path / "other", in_gauge(found.model, 1), found.card),
    )
    assert list(other["physics"]["left+right"]) == [
        f"{letter}[{name}]" for letter in "HD" for name in ("left", "right", "left+right")
    ]
    scale = max(abs(value) for value in learned["physics_end"].values())
    for name, row in learned["physics"].items():
        for key, part in row.items():
            assert other["physics"][name][key] == pytest.approx(part, abs=1e-3 * scale)
