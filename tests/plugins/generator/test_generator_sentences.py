"""Sentences on generators follow from their numbers, at every threshold."""

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


@pytest.mark.parametrize(
    ("rate", "misleads"), [(0.6, True), (0.151, True), (0.149, False), (0.07, False), (0.05, True)]
)
def test_the_gap_misleads_where_the_rate_is_far_from_it(rate: float, misleads: bool) -> None:
    text, title = words.describe_gap(shares(rate=rate)), words.title_gap(shares(rate=rate))
    assert ("times the spectral gap" in text) == misleads
    assert ("near the spectral gap of 0.1" in text) == (not misleads)
    assert ("near the gap" in title) == (not misleads)


def test_the_number_that_explains_the_gap() -> None:
    text = words.describe_gap(shares())
    assert "0.6 up to T (0.5 to 0.7 over 12 samples), 6 times the spectral gap of 0.1" in text
    assert "mode alone, which has 0.1 % of the distance at 0 and 0.4 % at T" in text
    assert "makes 0.05 % of the rate" in text
    opposed = shares(parts=np.array([-0.006, 0.036, 0.57]))
    assert "makes -1 % of the rate" in words.describe_gap(opposed)
    assert "120 times the spectral gap" in words.describe_gap(shares(rate=12.0))
    assert "99.6" not in words.describe_gap(shares(slow_end=0.996))
    assert "and more than 99 % at T" in words.describe_gap(shares(slow_end=0.996))
    assert "and 230 % at T" in words.describe_gap(shares(slow_end=2.3))
    assert "1e+02" not in words.title_gap(shares(slow_end=1.0))
    assert "0.6 up to T, 6 times" in words.describe_gap(shares(samples=1))
    pair = words.describe_gap(shares(counts=np.array([2.0, 5.0, 9.0])))
    assert "modes alone, which have" in pair
    assert "and make 0.05 %" in pair
    assert "5 modes of 1 to 2 gaps and +0.57 by 9 modes of at least 2 gaps" in words.describe_bands(
        shares()
    )


def test_when_the_slowest_mode_dominates() -> None:
    assert "at any time" in words.describe_dominance(shares(dominance=-1.0))
    assert "From t = 0.5 on" in words.describe_dominance(shares(dominance=0.5))
    assert (
        "from t = 50 on, 50 T, when what decays at the gap has fallen to 0.0067"
        in words.describe_dominance(shares())
    )
    assert "on, 1,670 T, when what decays at the gap has fallen to 10^-72" in (
        words.describe_dominance(shares(dominance=1666.0))
    )
    pair = shares(counts=np.array([2.0, 5.0, 9.0]))
    assert "The slowest modes are sure to dominate" in words.describe_dominance(pair)
    one = shares(samples=1)
    assert "sure to dominate its distance only" in words.describe_dominance(one)
    assert "At no time does the slowest mode dominate its distance" in words.describe_dominance(
        shares(samples=1, dominance=-1.0)
    )
    defective = shares(dominance=-1.0, orthogonal_rate=-1.0)
    assert "no time is known from which" in words.describe_dominance(defective)


def test_a_rate_near_the_gap_need_not_be_the_rate_of_the_slowest_mode() -> None:
    chance = words.describe_gap(shares(rate=0.1, parts=np.array([0.01, 0.03, 0.06])))
    assert (
        "near the spectral gap of 0.1 (1.00 times). This is not due to the slowest mode" in chance
    )
    assert "makes 10 % of the rate" in chance
    ruled = words.describe_gap(shares(rate=0.1, parts=np.array([0.09, 0.01, 0.0]), slow_end=0.95))
    assert "not due" not in ruled
    assert "The slowest mode has 0.1 % of the distance at 0 and 95 % at T" in ruled


def test_distances_that_vanish_before_the_end_are_measured_until_then() -> None:
    cut = shares(duration=0.5, reach=0.5)
    assert "up to t = 0.5, after which some are lost in rounding" in words.describe_gap(cut)
    assert "fall at 0.6 up to t = 0.5" in words.title_gap(cut)
    assert "up to t = 0.5" in words.describe_orthogonality(cut)
    assert " T," not in words.describe_dominance(cut)


def test_parts_of_the_rate_say_what_they_miss() -> None:
    assert "miss it" not in words.describe_bands(shares())
    parts = np.array([0.0003, 0.0297, 0.55])
    assert "up to 0.02 by which their integrals miss it" in words.describe_bands(
        shares(parts=parts)
    )
    nothing = shares(parts=np.array([1e-31, 0.03, 0.57]))
    assert "of +0 by the slowest mode" in words.describe_bands(nothing)


def test_crossings_and_orthogonal_modes() -> None:
    assert "In 3 of 66 pairs" in words.describe_crossings(shares())
    assert "none that starts farther" in words.describe_crossings(shares(crossings=0))
    assert "no order" in words.describe_crossings(shares(crossings=0, pairs=0))
    assert "non-normality makes -0.1" in words.describe_orthogonality(shares())
    assert "defective" in words.describe_orthogonality(shares(orthogonal_rate=-1.0))
    same = words.describe_orthogonality(shares(square_rate=0.9, orthogonal_rate=0.9 + 1e-12))
    assert "non-normality changes nothing" in same


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


def test_normal_and_other_generators() -> None:
    text = words.describe_normality(spectrum())
    assert "departure from normality is 1, 50% of the norm" in text
    assert "at a rate of at most 0.3, and be 1.2 times as large at t = 1;" in text
    assert "by 0.25 in the spectral norm can end the decay of a mode, 0.5 of the gap" in text
    assert "another Lindblad generator may need more" in text
    shrinks = spectrum(abscissa=-0.3, growth=np.array([1.0, 0.8, 0.6]))
    assert "no Hilbert-Schmidt distance grows, as" in words.describe_normality(shrinks)
    assert "yet no Hilbert-Schmidt distance grows" in words.title_normality(shrinks)
    assert "can grow 1.2 times" in words.title_normality(spectrum())
    assert "the last that was computed" in words.describe_normality(
        spectrum(growth=np.array([1.0, 1.1, 1.2]))
    )
    flat = spectrum(growth=np.array([1.0, 1.005, 0.9]))
    assert "by less than 1 % at the 2 times up to 2" in words.describe_normality(flat)
    assert "by 1 % was seen" in words.title_normality(flat)
    assert "The generator is normal" in words.describe_normality(spectrum(departure=0.0))
    assert "is zero" in words.describe_normality(spectrum(norm=0.0, departure=0.0))
    assert "is normal" in words.title_normality(spectrum(norm=0.0, departure=0.0))
    assert "end the decay" not in words.describe_normality(spectrum(gap=0.0))


def test_defects_and_symmetries() -> None:
    assert "2 eigenvalues of 3 are defective" in words.describe_defects(spectrum(defective=2))
    assert "condition number of an eigenvalue is 2.5" in words.describe_defects(spectrum())
    assert "No strong symmetry: " in words.describe_symmetries(spectrum())
    assert "one steady state" in words.describe_symmetries(spectrum())
    assert "1 independent observable is conserved" in words.describe_symmetries(
        spectrum(conserved=1)
    )
    assert "1 of them strong" in words.describe_symmetries(spectrum(conserved=2, symmetries=1))


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


def test_jump_operators() -> None:
    text = words.describe_jumps(simplifications(()))
    assert "needs 2 jump operators; the model has 3. " in text
    assert "Of the sum of all rates, the largest has 75% and the two largest 100%" in text
    small = words.describe_jumps(simplifications((), (1.0, 1e-6)))
    assert "the largest has more than 99% and the two largest 100%" in small
    assert "needs 1 jump operator;" in words.describe_jumps(simplifications((), (1.0,)))
    assert "nothing dissipates" in words.describe_jumps(simplifications((), ()))


def test_a_generator_that_is_simple_already_is_its_own_nearest() -> None:
    result = simplifications((0.0, 0.0, 0.0))
    local = replace(result.generators[1], distance=1e-9)
    result = replace(result, generators=(result.generators[0], local, *result.generators[2:]))
    assert (
        words.describe_simpler(result, local)
        == "The nearest local generator is the generator itself"
    )
    assert words.title_simpler(result).startswith("the local one is the generator itself and")


def test_strong_symmetries_of_large_systems() -> None:
    for number, text in ((0, "No strong"), (1, "1 independent operator"), (None, "too many")):
        result = replace(simplifications(()), symmetries=number)
        assert text in words.describe_strong_symmetries(result)


def test_entropy_or_the_reason_why_there_is_none() -> None:
    production = EntropyProduction(
        np.array([0.0, 1.0]), np.array([[np.inf, 0.5]]), np.array([[2.0, 1.5]])
    )
    text = words.describe_entropy(summary.SampleEntropy("", production, 0.5, 0.5))
    assert "produces 0.5 nats of entropy, 25% of all" in text
    over = replace(production, rates=np.array([[np.inf, -1e-20]]))
    assert "at T it produces 0 per unit" in words.describe_entropy(
        summary.SampleEntropy("", over, 0.5, 0.5)
    )
    endless = replace(production, rates=np.array([[np.inf, np.inf]]))
    assert "produces infinitely much" in words.describe_entropy(
        summary.SampleEntropy("", endless, 0.5, 0.5)
    )
    assert "0.5 nats until T, 25%" in words.title_entropy(
        summary.SampleEntropy("", production, 0.5, 0.5)
    )
    none = summary.SampleEntropy("Nothing evolves.", None, 0.0, 0.0)
    assert words.describe_entropy(none) == "Nothing evolves"
    assert words.title_entropy(none) == "Nothing evolves"


def test_missing_modes_name_the_command_or_the_limit() -> None:
    assert "--model m --tweak T=2" in words.describe_missing_modes(64, "m", "T=2")
    assert "--tweak" not in words.describe_missing_modes(64, "m", "")
    named = words.describe_missing_modes(64, "my model; ls", "")
    assert "--model 'my model; ls'" in named
    assert "this one has dimension 512" in words.describe_missing_modes(512, "m", "")
