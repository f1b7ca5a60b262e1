"""Sentences about the physics and the conditions under which they are stated."""

from __future__ import annotations

import itertools
import math
import re
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import qutip
import torch
from scipy.special import softmax

from qfusion.analysis import steady_states
from qfusion.analysis.opening import open_sample, open_study
from qfusion.errors import InvalidInput
from qfusion.figures import colour_scales, colour_values, jump_trajectories, style
from qfusion.models import truth_tables
from qfusion.models.tweak import LEARNED
from qfusion.panels import (
    circuit_panel,
    cohort_quality,
    convergence,
    qubit_panels,
    sample_decision,
    sample_evidence,
    trajectory_panels,
)
from qfusion.quantum import measure_kinds, measures
from qfusion.quantum.lindblad import System, evolve_states
from qfusion.quantum.states import density
from qfusion.track import attractor, contraction
from qfusion.track.contraction_rates import MIXED, Contraction, dissipator_norm
from qfusion.training import metrics
from qfusion.wording.evidence import INERT
from qfusion.wording.samples import describe_softmax
from qfusion.wording.steady_states import describe_attractor

ROOT = Path(__file__).resolve().parents[1]


def system(D: int, seed: int = 0, loss: float = 0.3, duration: float = 1.0) -> System:
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(D, D, dtype=torch.complex128, generator=generator)
    L = torch.randn(2, D, D, dtype=torch.complex128, generator=generator)
    return System((A + A.mH) / 4, loss * L / math.sqrt(D), (D,), ("text",), duration)


def kets(count: int, D: int, seed: int = 1) -> torch.Tensor:
    psi = torch.randn(
        count, D, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed)
    )
    return psi / psi.norm(dim=-1, keepdim=True)


def pairs_with(
    rates: list[float], random: list[float], mixing_time: float | None = 3.0
) -> Contraction:
    times = np.linspace(0, 2, 5)
    return Contraction(times, 0.9 * np.exp(-np.outer(times, rates)), np.array(random), mixing_time)


def numbers(sentence: str) -> list[float]:
    return [float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?", sentence)]


# Contraction and the steady state -------------------------------------------------------------------------------------


@pytest.mark.parametrize("rates", [[0.05], [0.02, 0.06, 0.4], [0.0, 0.0]])
def test_contraction_title(rates: list[float]) -> None:
    """`States of inputs converge at rate r up to T (low to high over n pairs), later at the spectral gap g`: r, low and
    high are of -ln(d(T) / d(0)) / T over the pairs, and g, another number, is the long run's alone."""
    said = numbers(convergence.describe_contraction(pairs_with(rates, [0.1]), 0.0103))
    assert said == pytest.approx(
        [np.mean(rates), min(rates), max(rates), len(rates), 0.0103], rel=0.05, abs=1e-9
    )
    alone = convergence.describe_contraction(None, 0.0103)
    assert "asymptotic rate" in alone
    assert "up to T" not in alone


@pytest.mark.parametrize(
    ("rates", "random", "words"),
    [
        ([0.5, 0.7], [0.1, 0.2], "faster than under each of 2"),
        ([0.01, 0.03], [0.1, 0.2], "slower than under each of 2"),
        ([0.1, 0.2], [0.1, 0.2], "within the range of 2"),
        ([0.2], [0.1, 0.2], "within the range of 2"),
    ],
)
def test_contraction_compared_with_random_generators(
    rates: list[float], random: list[float], words: str
) -> None:
    """`faster than under each of n random generators` only where the mean rate is above that of every one, `slower`
    below every one, else `within the range`; what is left at T is d(T) / d(0)."""
    pairs = pairs_with(rates, random)
    said = convergence.describe_random_comparison(pairs)
    assert words in said
    left = np.exp(-2 * np.array(rates))
    for value in (left.mean(), left.min(), left.max()):
        assert f"{value:.1%}" in said
    assert convergence.describe_random_comparison(None) == ""


def test_sentences_about_the_limit_and_about_t() -> None:
    """`approached at a mean rate of a up to T, and at an asymptotic rate of g`: a is of the distance at 0 and at T,
    where the distance decays in two parts, and g is the slower."""
    times = np.linspace(0, 10, 101)
    distance = 0.5 * np.exp(-2 * times) + 0.4 * np.exp(-0.1 * times)
    settled = types.SimpleNamespace(
        times=times, attractor=types.SimpleNamespace(distance=distance, gap=0.1)
    )
    said = convergence.describe_approach_rate(settled, 1.0)  # type: ignore[arg-type]
    wanted = math.log(distance[0] / distance[10])
    assert f"{wanted:.3g} up to T" in said
    assert "asymptotic rate of 0.1" in said
    assert wanted > 5 * 0.1


@pytest.mark.parametrize(
    ("mixing_time", "words"), [(3.0, "from t = 3 on, 1.5 T"), (None, "not all closer")]
)
def test_mixing_sentence(mixing_time: float | None, words: str) -> None:
    """`The last of these pairs is closer than 0.25 from t = m on` only where it was seen to be; else that it is not."""
    assert words in convergence.describe_mixing_time(pairs_with([0.1], [0.1], mixing_time), 2.0)
    assert convergence.describe_mixing_time(None, 2.0) == ""


@pytest.mark.parametrize("seed", range(4))
def test_mixing_time_covers_the_slowest_pair(seed: int) -> None:
    """The mixing time: shortly before it some pair is farther than 1/4, shortly after it none is."""
    physics, psi = system(6, seed, loss=0.4 + 0.4 * seed), kets(4, 6, seed)
    found = contraction(physics, psi[0], psi[1:])
    assert found.mixing_time is not None
    rho = density(psi)
    for factor, inside in ((0.97, False), (1.03, True)):
        at = evolve_states(physics.H, physics.jumps, rho, [factor * found.mixing_time])[0]
        assert bool((measures.trace_distance(at[:1], at[1:]).max() < MIXED) == inside)


def test_monotone_trace_distance_is_not_reported_as_a_finding() -> None:
    """That a state comes closer to the steady state holds under any channel: distances never grow, whatever the
    generator, and the panel says that this is no finding."""
    for seed in (0, 4):
        physics, psi = system(5, seed, loss=0.1 + 0.3 * seed), kets(5, 5, seed)
        found = contraction(physics, psi[0], psi[1:], seeds=2)
        still = contraction(replace(physics, jumps=physics.jumps[:0]), psi[0], psi[1:], seeds=1)
        assert np.ptp(still.distances, 0) == pytest.approx(0, abs=1e-5)  # nothing dissipates
        assert (np.diff(found.distances, axis=0) <= 1e-5).all()
        assert (found.random_rates > 0).all()
        rho = evolve_states(
            physics.H, physics.jumps, density(psi[0]), np.linspace(0, 3, 9).tolist()
        )
        assert (np.diff(attractor(physics, rho).distance) <= 1e-9).all()
    assert "no finding" in convergence.distance(open_sample("qj-parity", "pair-6601")).not_shown


def test_contraction_equals_that_of_exact_states() -> None:
    """Distances between pairs equal QuTiP's, to single precision; the same state is no pair."""
    physics, psi = system(4, 3), kets(3, 4)
    found = contraction(physics, psi[0], torch.cat([psi[1:], psi[:1]]), seeds=1)
    assert found.distances.shape[1] == 2
    ends = [
        qutip.mesolve(
            qutip.Qobj(physics.H.numpy()),
            qutip.ket2dm(qutip.Qobj(ket.numpy())),
            [0, 1.0],
            [qutip.Qobj(L.numpy()) for L in physics.jumps],
            options={"atol": 1e-10, "rtol": 1e-10},
        ).states[-1]
        for ket in psi
    ]
    wanted = [qutip.tracedist(ends[0], end) for end in ends[1:]]
    assert found.distances[-1] == pytest.approx(wanted, abs=1e-5)
    with pytest.raises(InvalidInput, match="a state other than `psi`"):
        contraction(physics, psi[0], psi[:1])


def test_random_generators_have_the_stated_norms() -> None:
    """`the same Hilbert-Schmidt norms of H and of the dissipator`: the norm is that of the superoperator."""
    from qfusion.track.contraction_rates import random_generator

    physics = system(4, 2)
    L = physics.jumps - torch.diagonal(physics.jumps, dim1=-2, dim2=-1).mean(-1)[
        :, None, None
    ] * torch.eye(4)
    S, one = (L.mH @ L).sum(0), torch.eye(4, dtype=L.dtype)
    whole = (
        sum(torch.kron(each, each.conj()) for each in L)
        - (torch.kron(S, one) + torch.kron(one, S.conj())) / 2
    )
    assert dissipator_norm(L) == pytest.approx(float(torch.linalg.norm(whole)), rel=1e-12)
    H, jumps = random_generator(physics.H, L, 5)
    assert dissipator_norm(jumps) == pytest.approx(dissipator_norm(L), rel=1e-9)
    traceless = physics.H - torch.trace(physics.H) / 4 * one
    assert float(torch.linalg.norm(H)) == pytest.approx(
        float(torch.linalg.norm(traceless)), rel=1e-9
    )


@pytest.mark.parametrize(
    ("spread", "unit"), [((0.7, 0.8), "score"), ((1.9, 4.5), "score of ‘odd’")]
)
def test_readout_dependence(spread: tuple[float, float], unit: str) -> None:
    """`Read out at the steady state, it is one number for every input` stands only under a unique steady state; the
    spread at T and at 0 is the standard deviation of the scores of the test samples."""
    said = convergence.describe_readout_dependence(np.array(spread), unit)
    assert f"is {spread[1]:.3g} at T" in said
    assert f"{spread[0]:.3g} at t = 0" in said


def test_readout_at_the_steady_state_is_one_number() -> None:
    """Of a shipped model: late read-outs of all test samples agree, those at T spread as said."""
    study = open_study("qj-parity")
    rows = study.dataset.rows("test")
    settled = steady_states.attract(study, int(rows[0]), LEARNED)
    assert settled.attractor.unique
    with torch.no_grad():
        late = study.model.observables([60 / settled.attractor.gap])[0]
    scores = study.space.observable_scores(rows, late, study.model.bias)
    assert np.ptp(scores, axis=0).max() < 1e-8
    assert settled.spread[1] == pytest.approx(
        study.scores[rows[: steady_states.MOST_SPREAD]].std(0), rel=1e-6
    )


def test_several_steady_states_are_not_described_as_forgetting() -> None:
    """`Every start ends in one steady state` only where the gap is above zero."""
    Z = torch.diag(torch.tensor([1.0, -1.0], dtype=torch.complex128))
    several = attractor(System(Z, Z[None], (2,), ("text",)))
    assert "several steady states" in describe_attractor(several)
    assert "Every initial state" not in describe_attractor(several)
    assert "long run" in describe_attractor(attractor(system(4)))


@pytest.mark.parametrize("seed", range(6))
def test_asymptotic_rate(seed: int) -> None:
    """The gap is what the last of a deviation decays with: of systems above those that are diagonalised, compared with
    all eigenvalues, whether the slowest oscillates or not."""
    physics = system(18, seed, loss=(0.05, 0.3, 1.0)[seed % 3])
    found = attractor(physics)
    values = qutip.liouvillian(
        qutip.Qobj(physics.H.numpy()), [qutip.Qobj(L.numpy()) for L in physics.jumps]
    ).eigenenergies()
    assert found.gap == pytest.approx(np.sort(-values.real)[1], rel=1e-2)
    assert found.residual < 1e-12


def test_the_steady_state_of_the_shipped_large_model() -> None:
    """Residual and rates that stand on the page, at D = 64; samples approach faster within T than the gap says."""
    sample = open_sample("qj-planted", "p1671")
    settled = convergence.long_time_limit(sample)
    assert settled.attractor.residual < 1e-12
    assert settled.attractor.gap == pytest.approx(0.01027, rel=5e-3)
    distance = settled.attractor.distance
    within_T = math.log(distance[0] / distance[steady_states.STEPS]) / float(sample.model.duration)
    assert within_T > 4 * settled.attractor.gap
    lead = convergence.distance(sample).lead
    assert f"{within_T:.3g} up to T" in lead


def test_no_text_equates_the_gap_with_a_decay_time() -> None:
    """How much is left at 1 / gap depends on the amplitudes: no sentence of the app or its pages gives a share."""
    for page in [*(ROOT / "docs").glob("*.md"), *(ROOT / "qfusion").rglob("*.toml")]:
        if page.name != "panels.md":
            assert "third of it is left" not in page.read_text()
            assert (
                "forgotten at rate" not in page.read_text() or "once all faster" in page.read_text()
            )


@pytest.mark.parametrize(
    "values",
    [
        [0.75, 0.99],
        [0.9, 0.91],
        [0.01, 0.012],
        [1e-6, 1],
        [0.2, 0.9],
        [0.31, 0.34],
        [0.099, 0.101],
        [3e-5, 4e-5],
        [0.1, 10.0],
        [0.96, 0.97],
    ],
)
def test_log_axes_have_readable_ticks(values: list[float]) -> None:
    """At least two ticks within half a tick of what is shown, none written twice."""
    ticks = style.log_ticks(np.array(values))
    low, high = min(values), max(values)
    near = [tick for tick in ticks["tickvals"] if low * 0.9 <= tick <= high * 1.1]
    assert len(near) >= 2
    assert len(set(ticks["ticktext"])) == len(ticks["ticktext"]) <= 30


def test_distance_figure_shows_at_least_three_ticks() -> None:
    """The axis of the opening sample's distances, which fall from .99 to .78."""
    figure = convergence.distance(open_sample("qj-planted", "p1671")).figure
    assert figure is not None
    shown = np.concatenate(
        [np.asarray(trace.y, dtype=float) for trace in figure.data if trace.y is not None]
    )
    assert sum(shown.min() <= tick <= shown.max() for tick in figure.layout.yaxis.tickvals) >= 3


# Entanglement, units --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("M", "seed"), list(itertools.product([1, 2, 3, 4], [0, 1])))
@pytest.mark.parametrize("when", ["before", "after"])
def test_fusion_entanglement_is_inert(M: int, seed: int, when: str) -> None:
    """`The entanglement that the fusion makes is inert for the scores`: a fused qubit, and so every score, is the same
    whether or not the modality qubits are dephased in Z before or after the multiplexed rotation."""
    generator = torch.Generator().manual_seed(seed)
    masses = torch.rand(M, dtype=torch.float64, generator=generator)
    phi = 2 * math.pi * torch.rand(1, 1, 2**M, dtype=torch.float64, generator=generator)
    amplitudes = [torch.stack([(1 - p).sqrt(), p.sqrt()]) for p in masses]
    psi = amplitudes[0]
    for each in amplitudes[1:]:
        psi = torch.kron(psi, each)
    rho = torch.outer(psi, psi)
    turns = torch.zeros(2 * 2**M, 2 * 2**M, dtype=torch.float64)
    for b, angle in enumerate(phi[0, 0]):
        c, s = torch.cos(angle / 2), torch.sin(angle / 2)
        turns[2 * b : 2 * b + 2, 2 * b : 2 * b + 2] = torch.stack(
            [torch.stack([c, -s]), torch.stack([s, c])]
        )
    start = torch.diag(torch.tensor([1.0, 0.0], dtype=torch.float64))

    def fused(dephase: str) -> torch.Tensor:
        state = torch.diag(torch.diagonal(rho)) if dephase == "before" else rho
        joint = (turns @ torch.kron(state, start) @ turns.T).reshape(2**M, 2, 2**M, 2)
        if dephase == "after":
            joint = joint * torch.eye(2**M, dtype=joint.dtype)[:, None, :, None]
        return torch.einsum("bibj->ij", joint)

    with_it, without = fused("never"), fused(when)
    assert torch.allclose(with_it, without, atol=1e-12, rtol=0)
    vector = truth_tables.fuse(masses[None, None], phi)[0][0, 0]
    read = torch.stack(
        [torch.ones((), dtype=torch.float64), 2 * without[0, 1], without[0, 0] - without[1, 1]]
    )
    assert torch.allclose(vector, read, atol=1e-12, rtol=0)


def test_inert_entanglement_leaves_every_score_of_a_shipped_network() -> None:
    """The same for the scores of a shipped network: read from the qubits of a classical mixture over outcomes."""
    study = open_study("qcnn-parity")
    inputs = study.dataset.inputs(study.dataset.rows("test")[:5], torch.float64)
    with torch.no_grad():
        states = study.model.encode(inputs)
        masses = torch.stack([states[name].double() for name in study.modalities], -1)
        P = truth_tables.probabilities(
            masses
        )  # a mixture over outcomes, as if the modality qubits had been measured
        phi = study.model.phi.double()[:, 0]
        vectors = torch.stack(
            [
                torch.ones_like(P[..., 0]),
                (P * torch.sin(phi)).sum(-1),
                (P * torch.cos(phi)).sum(-1),
            ],
            -1,
        )
        assert phi.shape[-1] == P.shape[-1]
        mixed = study.model.read(vectors) + study.model.bias
        assert torch.allclose(mixed, study.model.double()(inputs), atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    "draw",
    [
        sample_evidence.fused_entropies,
        sample_evidence.masses,
        circuit_panel.diagram,
        qubit_panels.entropies,
    ],
)
def test_inert_entanglement_is_stated_where_it_is_drawn(draw: object) -> None:
    """On Samples (fused entropies, masses) and on Circuit, of a network that fuses by tables; of no other model."""
    study = open_study("qcnn-digits")
    sample = open_sample("qcnn-digits", study.dataset.ids[int(study.dataset.rows("test")[0])])
    picture = draw(sample)  # type: ignore[operator]
    assert INERT in picture.shows + picture.not_shown
    assert INERT not in circuit_panel.diagram(open_sample("qj-parity", "pair-6601")).not_shown


@pytest.mark.parametrize(
    ("error", "words"),
    [(3e-17, "nothing tells how far"), (0.05, "stays within 2.0 standard errors")],
)
def test_equal_runs_are_not_described_as_close(error: float, words: str) -> None:
    even = np.full((3, 4), 0.25)
    track = types.SimpleNamespace(
        times=np.linspace(0, 1, 3),
        populations=even,
        ensemble=types.SimpleNamespace(
            populations=even + 0.1, populations_error=even * 0 + error, size=20
        ),
    )
    model = types.SimpleNamespace(dims=(2, 2))
    sample = types.SimpleNamespace(track=lambda runs: track, model=model, id="s1")
    assert words in trajectory_panels.ensemble(sample).title  # type: ignore[arg-type]


def test_negativity_is_in_bits() -> None:
    """A maximally entangled pair of qubits has 1, of levels d log2 d; every title of a negativity says bits, of an
    entropy nats."""
    for d in (2, 3, 4):
        psi = torch.eye(d, dtype=torch.complex128).flatten() / math.sqrt(d)
        assert float(measures.logarithmic_negativity(density(psi), (d, d), (0,))) == pytest.approx(
            math.log2(d)
        )
        assert float(measures.entanglement_entropy(psi, (d, d), 0)) == pytest.approx(math.log(d))
    for name, about in measure_kinds.KINDS.items():
        unit = "bits" if name == "negativity" else "nats"
        assert about.unit in ("", unit)
        assert ("bits" if unit == "nats" else "nats") not in f"{about.axis} {about.cohort}"
    pages = [*(ROOT / "qfusion").rglob("*.py"), *(ROOT / "docs").glob("*.md")]
    wrong = re.compile(r"negativit(?:y|ies) (?:are |is )?(?:\()?(?:in )?nats")
    assert not [path.name for path in pages if wrong.search(path.read_text())]


def test_correlation_sentence_has_its_number() -> None:
    """docs/faq.md: what keeping parity uncorrelated up to T costs, with sample size and interval, is the table's."""
    faq, table = ((ROOT / "docs" / name).read_text() for name in ("faq.md", "explain.md"))
    for model in ("qj-parity", "qj-avparity"):
        row = next(
            line for line in table.splitlines() if line.startswith(f"| `{model}` | accuracy")
        )
        before = re.search(r"accuracy 0(\.\d+) \(([\d,]+)\)", row)
        loss = re.findall(r"-0(\.\d+) \[-0(\.\d+), ([+-])0(\.\d+)\]", row)[-1]
        assert before is not None
        sentence = faq[faq.index(f"`{model}`") :][:200].replace("\n", " ")
        for number in (before[1], loss[0], loss[1], loss[3]):
            assert number in sentence, (model, number, sentence)
        assert ("no loss is shown" in sentence) == (loss[2] == "+")  # the interval holds 0
    assert "1,200 test samples" in faq
    assert "largely a by-product" not in faq


# Softmax --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1.0, "softmax > 0.999"),
        (0.9996, "softmax > 0.999"),
        (0.998, "softmax 0.998"),
        (0.5, "softmax 0.500"),
        (1e-9, "softmax < 0.001"),
    ],
)
def test_softmax_is_named(value: float, said: str) -> None:
    """No softmax is said to be certain: what rounds to 1 is `> 0.999`, and no percent stands there."""
    assert describe_softmax(value) == said


@pytest.mark.parametrize("model", ["qcnn-digits", "qj-parity"])
def test_softmax_verdict_and_its_calibration(model: str) -> None:
    """`Predicted ‘a’: softmax p` names the row's own softmax; below stands the expected calibration error over all test
    samples, by its definition; the words probability and percent do not stand in the title."""
    study = open_study(model)
    rows = study.dataset.rows("test")
    row = int(rows[0])
    picture = sample_decision.verdict(open_sample(model, study.dataset.ids[row]))
    scores = study.model.logit_scale * study.scores
    p = softmax(scores[row]).max()
    assert describe_softmax(p) in picture.title
    assert "%" not in picture.title
    assert "probabilit" not in picture.title + picture.shows
    sure, right = (
        softmax(scores[rows], 1).max(1),
        scores[rows].argmax(1) == study.dataset.y[rows],
    )
    places = np.minimum((sure * 10).astype(int), 9)
    error = sum(
        abs(sure[places == k].mean() - right[places == k].mean()) * (places == k).mean()
        for k in np.unique(places)
    )
    assert f"expected calibration error {error:.3f} on {len(rows):,} test samples" in picture.shows
    assert metrics.calibration(sure, right.astype(float))[-1] == pytest.approx(error)


@pytest.mark.parametrize(
    ("sure", "right", "count", "said"),
    [
        (0.97, 0.96, 50, "no significant difference"),
        (0.97, 0.90, 5000, "overconfident"),
        (0.80, 0.97, 5000, "underconfident"),
        (1.0, 1.0, 10, "no significant difference"),
        (0.5, 1.0, 1, "no significant difference"),
        (0.9, 0.9, 100000, "no significant difference"),
    ],
)
def test_calibration_sentence(sure: float, right: float, count: int, said: str) -> None:
    """`overconfident` only where the means differ by more than two standard errors of the share right."""
    assert said in cohort_quality.describe_calibration(sure, right, count)


# Colours --------------------------------------------------------------------------------------------------------------


def _lab(colour: str) -> np.ndarray:
    linear = np.array(
        [
            v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
            for v in (value / 255 for value in style.rgb_channels(colour))
        ]
    )
    x = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ linear
        / [0.9505, 1, 1.089]
    )
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def _luminance(colour: str) -> float:
    L = float(_lab(colour)[0])
    return ((L + 16) / 116) ** 3 if L > 8 else L / 903.3


def test_states_and_jumps_have_distinct_hues() -> None:
    """Hues of jump operators, basis states and runs are far from all modalities and pairs, seen on both papers."""
    others = [*style.MODALITY_HUES, *style.LIGHT_MIXTURES.values(), style.GREY]
    for k, hue in enumerate(style.STATE_HUES):
        for other in [*others, *style.STATE_HUES[:k]]:
            assert np.linalg.norm(_lab(hue) - _lab(other)) > 25
        for paper in style.PAPER.values():
            high, low = sorted([_luminance(hue), _luminance(paper)], reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 3
    T = np.linspace(0, 1, 5)
    figure = jump_trajectories.single_runs(
        T, [(T, T), (T, 1 - T)], [[], [(0.5, 0)]], None, "entropy", channels=1
    )
    used = {trace.line.color for trace in figure.data if trace.mode == "lines"}
    assert used <= set(style.STATE_HUES)


def test_signed_maps_are_neutral_at_zero() -> None:
    """Zero is nearest to the paper and both arms leave it: lightest on light paper, darkest on dark."""
    for name, sign in (("light", -1), ("dark", 1)):
        stops = [
            colour_scales.interpolate_colour(colour_scales.SIGNED_SCALE[name], place)
            for place in np.linspace(0, 1, 11)
        ]  # type: ignore[index]
        light = sign * np.array([colour_values.lightness(colour) for colour in stops])
        assert light.argmin() == 5
        assert (np.diff(light[:6]) < 0).all()
        assert (np.diff(light[5:]) > 0).all()
        gap = abs(colour_values.lightness(stops[5]) - colour_values.lightness(style.PAPER[name]))  # type: ignore[index]
        assert gap < 12
