"""Sentences on generators, at every threshold from which on they say something else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from qfusion.plugins.generator import summary, words
from qfusion.plugins.generator.entropy_production import EntropyProduction
from qfusion.plugins.generator.nearest_generators import JumpRanks


def shares(**changes: Any) -> summary.BandShares:
    """Two bands beside the slowest mode, whose gap of 0.1 misleads."""
    base = summary.BandShares(
        samples=12,
        duration=1.0,
        low=np.array([0.1, 0.1, 0.2]),
        high=np.array([0.1, 0.2, -1.0]),
        counts=np.array([1.0, 5.0, 9.0]),
        rates=np.array([0.1, 0.15, 0.9]),
        times=np.array([0.0, 1.0]),
        distance=np.array([1.0, 0.5]),
        shares=np.array([[0.001, 0.099, 0.9], [0.004, 0.296, 0.7]]),
        parts=np.array([0.0003, 0.0297, 0.57]),
        rate=0.6,
        lowest=0.5,
        highest=0.7,
        error=1e-4,
        slow_start=0.001,
        slow_end=0.004,
        dominance=50.0,
        square_rate=0.8,
        orthogonal_rate=0.9,
        crossings=3,
        pairs=66,
        example=("a", "b"),
        reach=5.0,
    )
    return replace(base, **changes)


def spectrum(**changes: Any) -> summary.Spectrum:
    base = summary.Spectrum(
        dimension=2,
        side=3,
        real=np.array([-0.5, -1.0]),
        imag=np.array([0.0, 1.0]),
        gap=0.5,
        conditions=np.array([1.5, 2.5]),
        defective=0,
        norm=2.0,
        departure=1.0,
        abscissa=0.3,
        radius=0.25,
        kreiss=1.1,
        kreiss_upper=9.0,
        growth_times=np.array([0.0, 1.0, 2.0]),
        growth=np.array([1.0, 1.2, 0.9]),
        range_real=np.zeros(3),
        range_imag=np.zeros(3),
        grid_real=np.zeros(2),
        grid_imag=np.zeros(2),
        resolvent=np.zeros((2, 2)),
        conserved=0,
        symmetries=0,
    )
    return replace(base, **changes)


def simplifications(
    loss: tuple[float, ...], rates: tuple[float, ...] = (3.0, 1.0)
) -> summary.Simplifications:
    metric = (0.9, 0.8, 1.0) if loss else ()
    ones = [
        summary.Simpler(name, 0.5, 0.25, metric, loss)
        for name in (summary.LEARNED, summary.LOCAL, summary.HAMILTONIAN, summary.NONE)
    ]
    ranks = JumpRanks(np.array(rates), len(rates))
    return summary.Simplifications("accuracy" if loss else "", 600, tuple(ones), ranks, 3, 0)


def symmetries(number: int | None) -> summary.Simplifications:
    return replace(simplifications(()), symmetries=number)


def entropy(*rates: float) -> str:
    """The sentence on a sample whose entropy production has these rates at 0 and T."""
    production = EntropyProduction(
        np.array([0.0, 1.0]), np.array([list(rates)]), np.array([[2.0, 1.5]])
    )
    return words.describe_entropy(summary.SampleEntropy("", production, 0.5, 0.5))


PAIR = np.array([2.0, 5.0, 9.0])  # two slowest modes
CUT = shares(duration=0.5, reach=0.5)
SLOW = shares(rate=0.1, parts=np.array([0.09, 0.01, 0.0]), slow_end=0.95)
SHRINKS = spectrum(abscissa=-0.3, growth=np.array([1.0, 0.8, 0.6]))
FLAT = spectrum(growth=np.array([1.0, 1.005, 0.9]))


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        # from 1.5 gaps, and below their inverse, the gap misleads
        (words.describe_gap(shares(rate=0.151)), "1.5 times the spectral gap"),
        (words.describe_gap(shares(rate=0.149)), "near the spectral gap of 0.1"),
        (words.describe_gap(shares(rate=0.07)), "near the spectral gap of 0.1"),
        (words.describe_gap(shares(rate=0.05)), "0.5 times the spectral gap"),
        (words.title_gap(shares(rate=0.149)), "near the gap"),
        (words.describe_gap(shares(slow_end=0.996)), "and more than 99 % at T"),
        (words.describe_gap(shares(slow_end=2.3)), "and 230 % at T"),
        (words.describe_gap(shares(counts=PAIR)), "modes alone, which have"),
        (words.describe_gap(shares(parts=np.array([-0.006, 0.036, 0.57]))), "makes -1 %"),
        # near the gap, but not because of the slowest mode
        (
            words.describe_gap(shares(rate=0.1, parts=np.array([0.01, 0.03, 0.06]))),
            "This is not due to the slowest mode",
        ),
        (words.describe_gap(SLOW), "The slowest mode has 0.1 % of the distance at 0 and 95 % at T"),
        (words.describe_gap(CUT), "up to t = 0.5, after which some are lost in rounding"),
        # the slowest mode dominates from a time on that is known, or at any, or never
        (words.describe_dominance(shares(dominance=-1.0)), "at any time"),
        (words.describe_dominance(shares(dominance=0.5)), "From t = 0.5 on"),
        (words.describe_dominance(shares()), "from t = 50 on, 50 T, when what decays at the gap"),
        (words.describe_dominance(shares(dominance=1666.0)), "has fallen to 10^-72"),
        (words.describe_dominance(shares(counts=PAIR)), "The slowest modes are sure to dominate"),
        (
            words.describe_dominance(shares(samples=1, dominance=-1.0)),
            "At no time does the slowest mode dominate its distance",
        ),
        (
            words.describe_dominance(shares(dominance=-1.0, orthogonal_rate=-1.0)),
            "no time is known from which",
        ),
        # parts that miss the rate by more than their errors
        (
            words.describe_bands(shares(parts=np.array([0.0003, 0.0297, 0.55]))),
            "up to 0.02 by which their integrals miss it",
        ),
        (words.describe_crossings(shares()), "In 3 of 66 pairs"),
        (words.describe_crossings(shares(crossings=0)), "none that starts farther"),
        (words.describe_crossings(shares(crossings=0, pairs=0)), "no order"),
        (words.describe_orthogonality(shares()), "non-normality makes -0.1"),
        (words.describe_orthogonality(shares(orthogonal_rate=-1.0)), "defective"),
        (
            words.describe_orthogonality(shares(square_rate=0.9, orthogonal_rate=0.9 + 1e-12)),
            "non-normality changes nothing",
        ),
        # normal where the departure is nothing; grows from 1 % on
        (words.describe_normality(spectrum()), "departure from normality is 1, 50% of the norm"),
        (words.describe_normality(spectrum(departure=0.0)), "The generator is normal"),
        (words.describe_normality(spectrum(norm=0.0, departure=0.0)), "is zero"),
        (words.describe_normality(SHRINKS), "no Hilbert-Schmidt distance grows, as"),
        (words.describe_normality(FLAT), "by less than 1 % at the 2 times up to 2"),
        (words.title_normality(spectrum()), "can grow 1.2 times"),
        (words.title_normality(FLAT), "by 1 % was seen"),
        (words.describe_defects(spectrum(defective=2)), "2 eigenvalues of 3 are defective"),
        (words.describe_symmetries(spectrum()), "No strong symmetry: "),
        (words.describe_symmetries(spectrum(conserved=1)), "1 independent observable is conserved"),
        (words.describe_symmetries(spectrum(conserved=2, symmetries=1)), "1 of them strong"),
        (words.describe_strong_symmetries(symmetries(0)), "No strong"),
        (words.describe_strong_symmetries(symmetries(1)), "1 independent operator"),
        (words.describe_strong_symmetries(symmetries(None)), "too many"),
        (words.describe_jumps(simplifications(())), "needs 2 jump operators; the model has 3. "),
        (words.describe_jumps(simplifications((), (1.0, 1e-6))), "the largest has more than 99%"),
        (words.describe_jumps(simplifications((), ())), "nothing dissipates"),
        (entropy(np.inf, 0.5), "produces 0.5 nats of entropy, 25% of all"),
        (entropy(np.inf, -1e-20), "at T it produces 0 per unit"),
        (entropy(np.inf, np.inf), "produces infinitely much"),
        (
            words.describe_entropy(summary.SampleEntropy("Nothing evolves.", None, 0.0, 0.0)),
            "Nothing evolves",
        ),
        (words.describe_missing_modes(64, "my model; ls", "T=2"), "--model 'my model; ls'"),
        (words.describe_missing_modes(512, "m", ""), "this one has dimension 512"),
    ],
)
def test_what_is_said_beyond_a_threshold(said: str, wanted: str) -> None:
    assert wanted in said


def test_a_loss_needs_an_interval_without_zero() -> None:
    local = 1
    for loss, sentence, title in (
        ((0.1, 0.05, 0.15), "it costs 0.100 of accuracy (95% CI +0.050", "loses 0.100"),
        ((0.01, -0.01, 0.03), "no significant loss of accuracy", "loses nothing significant"),
        ((-0.1, -0.2, -0.05), "the accuracy is better by 0.100", "better by 0.100"),
        ((0.1, np.nan, np.nan), "it costs +0.100 of accuracy", "loses 0.100"),
        ((), "changes the output by 0.25", "changes the output by 0.25"),
    ):
        result = simplifications(loss)
        assert sentence in words.describe_simpler(result, result.generators[local])
        assert title in words.title_simpler(result)


def test_a_generator_that_is_simple_already_is_its_own_nearest() -> None:
    result = simplifications((0.0, 0.0, 0.0))
    local = replace(result.generators[1], distance=1e-9)
    result = replace(result, generators=(result.generators[0], local, *result.generators[2:]))
    assert (
        words.describe_simpler(result, local)
        == "The nearest local generator is the generator itself"
    )
    assert words.title_simpler(result).startswith("the local one is the generator itself and")
