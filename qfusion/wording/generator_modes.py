"""Why the gap of a generator misleads, what its modes do, and what simpler generators cost, in sentences."""

from __future__ import annotations

import math

from qfusion._sentences import count, listed, share
from qfusion.analysis.generator_summary import (
    HAMILTONIAN,
    LEARNED,
    LOCAL,
    NONE,
    BandShares,
    SampleEntropy,
    Simpler,
    Simplifications,
    Spectrum,
)
from qfusion.quantum.real_generators import MAX_DIMENSION
from qfusion.wording.numbers import format_interval, name_metric

MISLEADS = 1.5  # ratio of the measured rate to the gap from which the gap is said to mislead
CLEARLY = 1.01  # growth from which distances are said to grow
GENERATORS = {
    LEARNED: "the learned generator",
    LOCAL: "the nearest local generator",
    HAMILTONIAN: "the nearest Hamiltonian generator",
    NONE: "no evolution",
}
NO_SHARES = "Samples have no common steady state with these sliders, so no distance to it is split by modes."
MISSING_MODES = (
    "All modes of a system of dimension {dimension} take minutes, and are not computed on a page. `python -m qfusion "
    "generator --model {model}{tweak}` prints them."
)
TOO_LARGE = (
    "Modes are computed of systems of dimension 2 to {most}; this one has dimension {dimension:,}."
)


def describe_missing_modes(dimension: int, model: str, tweak: str) -> str:
    """Return why the modes of a generator are not shown."""
    if not 1 < dimension <= MAX_DIMENSION:
        return TOO_LARGE.format(most=MAX_DIMENSION, dimension=dimension)
    change = f" --tweak {tweak}" if tweak else ""
    return MISSING_MODES.format(dimension=dimension, model=model, tweak=change)


def describe_gap(shares: BandShares) -> str:
    """Return whether the gap predicts the measured rate, and the number that explains why not."""
    gap = float(shares.rates[0])
    measured = (
        f"Distances to the steady state fall at a mean rate of {shares.rate:.3g} up to T "
        f"({shares.lowest:.3g} to {shares.highest:.3g} over {count(shares.samples, 'sample')})"
    )
    ratio = shares.rate / gap if gap > 0 else math.inf
    if 1 / MISLEADS < ratio < MISLEADS:
        return f"{measured}, near the spectral gap of {gap:.3g}"
    one = shares.counts[0] == 1
    slowest = "mode alone, which has" if one else "modes alone, which have"
    makes = "makes" if one else "make"
    return (
        f"{measured}, {ratio:.2g} times the spectral gap of {gap:.3g}. The gap is the rate of the slowest {slowest} "
        f"{_small_share(shares.slow_start)} of the distance at 0 and {_small_share(shares.slow_end)} at T, and {makes} "
        f"{_small_share(abs(float(shares.parts[0])) / abs(shares.rate))} of the rate"
    )


def title_gap(shares: BandShares) -> str:
    """Return the measured rate against the gap in one line."""
    gap = float(shares.rates[0])
    if gap <= 0 or 1 / MISLEADS < shares.rate / gap < MISLEADS:
        return f"distances fall at {shares.rate:.3g} up to T, near the gap of {gap:.3g}"
    has = "mode has" if shares.counts[0] == 1 else "modes have"
    return (
        f"distances fall at {shares.rate:.3g} up to T, {shares.rate / gap:.2g} times the gap of {gap:.3g}; the slowest "
        f"{has} {_small_share(shares.slow_end)} of the distance at T"
    )


def describe_bands(shares: BandShares) -> str:
    """Return which decay rates the measured rate consists of."""
    gap = float(shares.rates[0])
    parts = []
    for low, high, number, part in zip(
        shares.low, shares.high, shares.counts, shares.parts, strict=True
    ):
        if low == high:
            slowest = "the slowest mode" if number == 1 else "the slowest modes"
            parts.append(f"{part:+.3g} by {slowest}")
            continue
        ends = (
            f"at least {low / gap:.3g} gaps"
            if high < 0
            else f"{low / gap:.3g} to {high / gap:.3g} gaps"
        )
        parts.append(f"{part:+.3g} by {count(int(number), 'mode')} of {ends}")
    return f"The rate of {shares.rate:.3g} consists of {listed(parts)}"


def describe_dominance(shares: BandShares) -> str:
    """Return from when the slowest mode has half of a distance."""
    gap, at = float(shares.rates[0]), shares.dominance
    if at < 0:
        return "The slowest mode dominates the distance of none of these samples at any time"
    if at <= shares.duration:
        return (
            f"From t = {at:.3g} on the slowest mode dominates the distance of one of these samples"
        )
    left = -gap * at / math.log(10)
    fallen = f"10^{left:.0f}" if left < -4 else f"{math.exp(-gap * at):.2g}"
    return (
        f"The slowest mode is sure to dominate the distance of one of these samples only from t = {_long(at)} on, "
        f"{_long(at / shares.duration)} T, when it has itself fallen to {fallen} of its size"
    )


def describe_orthogonality(shares: BandShares) -> str:
    """Return what non-normality does to the rate of the Hilbert-Schmidt distance."""
    start = f"The Hilbert-Schmidt distance falls at {shares.square_rate:.3g} up to T"
    if shares.orthogonal_rate < 0:
        return (
            f"{start}; the generator is defective, so it has no rate of orthogonal modes to compare"
        )
    return (
        f"{start}; if modes of the same sizes were orthogonal, it would fall at {shares.orthogonal_rate:.3g}: "
        f"non-normality makes {shares.square_rate - shares.orthogonal_rate:+.3g}"
    )


def describe_crossings(shares: BandShares) -> str:
    """Return how many pairs of samples change their order, as in the Mpemba effect."""
    if shares.pairs == 0:
        return "A single sample has no order of distances"
    if not shares.crossings:
        return (
            f"Of {count(shares.pairs, 'pair')} of samples, none that starts farther from the steady state is nearer at "
            f"t = {shares.reach:g}"
        )
    return (
        f"In {shares.crossings:,} of {count(shares.pairs, 'pair')} of samples, the one that starts farther from the "
        f"steady state is nearer at t = {shares.reach:g}, a Mpemba-like crossing"
    )


def describe_normality(spectrum: Spectrum) -> str:
    """Return how far a generator is from normal, and the growth and sensitivity that follow."""
    if spectrum.norm == 0:
        return "The generator is zero: nothing changes"
    part = spectrum.departure / spectrum.norm
    if part < 1e-7:
        return "The generator is normal: its modes are orthogonal, and no Hilbert-Schmidt distance grows"
    peak = int(spectrum.growth.argmax())
    still = ", the last that was computed" if peak == len(spectrum.growth) - 1 else ""
    grows = (
        f"Hilbert-Schmidt distances can grow up to {spectrum.growth[peak]:.3g} times (at t = "
        f"{spectrum.growth_times[peak]:.3g}{still})"
        if spectrum.growth[peak] >= CLEARLY
        else f"at no time up to {spectrum.growth_times[-1]:g} that was computed can Hilbert-Schmidt distances grow by "
        "1 % or more"
    )
    radius = (
        f"; a perturbation of norm {spectrum.radius:.3g} can end the decay of a mode, "
        f"{spectrum.radius / spectrum.gap:.2g} of the gap"
        if spectrum.gap > 0
        else ""
    )
    return (
        f"Henrici's departure from normality is {spectrum.departure:.3g}, {share(part)} of the norm of the generator: "
        f"{grows}, at most at rate {spectrum.abscissa:.3g}; the Kreiss constant is at least "
        f"{spectrum.kreiss:.3g}{radius}"
    )


def title_normality(spectrum: Spectrum) -> str:
    """Return the departure from normality and the growth in one line."""
    part = spectrum.departure / spectrum.norm if spectrum.norm > 0 else 0.0
    if part < 1e-7:
        return "the generator is normal, and no Hilbert-Schmidt distance grows"
    return (
        f"the departure is {share(part)} of the generator's norm, and Hilbert-Schmidt distances can grow up to "
        f"{max(float(spectrum.growth.max()), 1.0):.3g} times"
    )


def describe_defects(spectrum: Spectrum) -> str:
    """Return whether eigenvectors are missing, or how badly conditioned eigenvalues are."""
    if spectrum.defective:
        return (
            f"{count(spectrum.defective, 'eigenvalue')} of {spectrum.side:,} are defective within rounding: "
            "eigenvectors are missing, and their condition numbers are infinite"
        )
    largest = float(spectrum.conditions.max())
    return f"All {spectrum.side:,} modes exist; the largest condition number of an eigenvalue is {largest:.3g}"


def describe_symmetries(spectrum: Spectrum) -> str:
    """Return strong symmetries and conserved quantities beside the trivial ones."""
    if not spectrum.conserved:
        return (
            "No symmetry: only the identity commutes with H and all jump operators, and only the trace is conserved, "
            "so there is one steady state"
        )
    strong = (
        f"{spectrum.symmetries} of them strong symmetries, which commute with H and all jump operators"
        if spectrum.symmetries
        else "none of them a strong symmetry"
    )
    more = "observable is" if spectrum.conserved == 1 else "observables are"
    return (
        f"{spectrum.conserved} independent {more} conserved beside the trace, {strong}: there are as many further "
        "steady states"
    )


def describe_jumps(result: Simplifications) -> str:
    """Return how many jump operators are needed, and what the leading ones carry."""
    ranks = result.ranks
    if not ranks.needed:
        return "No jump operator is needed: nothing dissipates"
    start = (
        f"The dissipator needs {count(ranks.needed, 'jump operator')}; the model has {result.given}"
    )
    if ranks.needed == 1:
        return start
    shares = [f"{part:.0%}" for part in ranks.shares[: min(ranks.needed, 4)]]
    return f"{start}. The leading ones carry {listed(shares)} of all rates"


def describe_simpler(result: Simplifications, one: Simpler) -> str:
    """Return how far a simpler generator is, and what it costs on the test rows."""
    name = GENERATORS[one.name][0].upper() + GENERATORS[one.name][1:]
    start = f"{name} is {one.distance:.2f} of the norm away"
    if one.name == NONE:
        start = name
    if not one.loss:
        return f"{start}: it changes the output by {one.change:.3g} (root mean square over {result.rows:,} samples)"
    value, low, high = one.loss
    ends, metric = format_interval(low, high, "+.3f"), name_metric(result.metric)
    if not all(map(math.isfinite, one.loss)):
        cost = f"it costs {value:+.3f} of {metric}"
    elif low <= 0 <= high:
        cost = f"no significant loss of {metric} ({value:+.3f}, 95% CI {ends})"
    elif low > 0:
        cost = f"it costs {value:.3f} of {metric} (95% CI {ends})"
    else:
        cost = f"the {metric} is better by {-value:.3f} (95% CI of the loss {ends})"
    return f"{start}: {cost}"


def title_simpler(result: Simplifications) -> str:
    """Return what the nearest local and Hamiltonian generators cost in one line."""
    parts = []
    for one in result.generators:
        if one.name not in (LOCAL, HAMILTONIAN):
            continue
        if not one.loss:
            parts.append(f"the {one.name} one changes the output by {one.change:.2g}")
            continue
        value, low, high = one.loss
        if all(map(math.isfinite, one.loss)) and low <= 0 <= high:
            parts.append(f"the {one.name} one loses nothing significant")
        elif high < 0:
            parts.append(
                f"the {one.name} one is better by {-value:.3f} of {name_metric(result.metric)}"
            )
        else:
            parts.append(f"the {one.name} one loses {value:.3f} of {name_metric(result.metric)}")
    return listed(parts)


def title_entropy(entropy: SampleEntropy) -> str:
    """Return the entropy that one sample produces until T in one line."""
    if entropy.production is None:
        return entropy.reason.rstrip(".")
    start, total = float(entropy.production.relative[0, 0]), float(entropy.production.total[0])
    part = share(total / start) if start > 0 else "0%"
    return f"{total:.3g} nats until T, {part} of what it will produce in the end"


def describe_entropy(entropy: SampleEntropy) -> str:
    """Return the entropy that one sample produces until T, or why there is none."""
    if entropy.production is None:
        return entropy.reason.rstrip(".")
    production = entropy.production
    start, end = (float(production.relative[0, at]) for at in (0, -1))
    left = float(production.rates[0, -1])
    return (
        f"Up to T the evolution of this sample produces {float(production.total[0]):.3g} nats of entropy, "
        f"{share((start - end) / start) if start > 0 else '0%'} of all that it will produce on its way to the steady "
        f"state ({start:.3g}); at T it produces {left:.3g} per unit of time"
    )


def describe_spectrum(spectrum: Spectrum) -> list[str]:
    """Return all findings on the spectrum, a sentence each."""
    return [
        f"{sentence}."
        for sentence in (
            describe_normality(spectrum),
            describe_defects(spectrum),
            describe_symmetries(spectrum),
        )
    ]


def describe_shares(shares: BandShares) -> list[str]:
    """Return all findings on the rates of samples, a sentence each."""
    return [
        f"{sentence}."
        for sentence in (
            describe_gap(shares),
            describe_bands(shares),
            describe_dominance(shares),
            describe_orthogonality(shares),
            describe_crossings(shares),
        )
    ]


def describe_simplifications(result: Simplifications) -> list[str]:
    """Return what simpler generators cost, a sentence each."""
    sentences = [describe_simpler(result, one) for one in result.generators if one.name != LEARNED]
    return [f"{sentence}." for sentence in (*sentences, describe_jumps(result))]


def _long(time: float) -> str:
    """Return a time with three digits: "26.7", "1,670"."""
    return f"{float(f'{time:.3g}'):,.0f}" if time >= 100 else f"{time:.3g}"


def _small_share(part: float) -> str:
    """Return a small share of a whole with two digits: "0.043 %"."""
    return "none" if part == 0 else f"{100 * part:.2g} %"
