"""Whether the gap of a generator misleads, what its modes do, and what simpler generators cost, in sentences."""

from __future__ import annotations

import math
import shlex

from qfusion._sentences import count, listed, share
from qfusion.plugins.generator.real_generators import MAX_DIMENSION
from qfusion.plugins.generator.summary import (
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
from qfusion.views.words.rules import format_interval, name_metric

HALF = 0.5  # part of the rate from which the slowest mode is said to make it
NOTHING = 1e-12  # of a whole, below which a part is rounding
MISLEADS = 1.5  # ratio of the measured rate to the gap from which the gap is said to mislead
SAME_RATE = 1e-6  # difference of rates relative to them, below which they are the same
NORMAL = 1e-7  # departure from normality relative to the norm, below which it is rounding
CLEARLY = 1.01  # growth from which distances are said to grow
LEADING = (  # jump operators of the largest rates, and the part that they have together
    "the largest has",
    "the two largest",
    "the three largest",
    "the four largest",
)
EQUAL = 1e-6  # distance relative to the norm, below which generators are the same
GENERATORS = {
    LEARNED: "the learned generator",
    LOCAL: "the nearest local generator",
    HAMILTONIAN: "the nearest Hamiltonian generator",
    NONE: "no evolution",
}
NO_SHARES = "Samples have no common steady state with these sliders, so no distance to it is split by modes."
MISSING_MODES = (
    "All modes of a system of dimension {dimension} take minutes, and are not computed on a page. "
    "`{command}` prints them."
)
TOO_LARGE = (
    "Modes are computed of systems of dimension 2 to {most}; this one has dimension {dimension:,}."
)


def describe_missing_modes(dimension: int, model: str, tweak: str) -> str:
    """Return why the modes of a generator are not shown, as markdown."""
    if not 1 < dimension <= MAX_DIMENSION:
        return TOO_LARGE.format(most=MAX_DIMENSION, dimension=dimension)
    arguments = ["--model", model, *(["--tweak", tweak] if tweak else [])]
    command = f"python -m qfusion generator {shlex.join(arguments)}"
    return MISSING_MODES.format(dimension=dimension, command=command)


def describe_gap(shares: BandShares) -> str:
    """Return whether the gap predicts the measured rate, and what the slowest mode has to do with it."""
    gap = float(shares.rates[0])
    ratio = _gap_ratio(shares)
    range_over = (
        f" ({shares.lowest:.3g} to {shares.highest:.3g} over {shares.samples:,} samples)"
        if shares.samples > 1
        else ""
    )
    until = "T"
    if shares.is_cut:
        until = f"t = {shares.duration:.3g}, after which some are lost in rounding"
    measured = f"Distances to the steady state fall at a mean rate of {shares.rate:.3g} up to {until}{range_over}"
    one = shares.counts[0] == 1
    part = float(shares.parts[0]) / shares.rate if shares.rate else 0.0
    own = (
        f"{'has' if one else 'have'} {_small_share(shares.slow_start)} of the distance at 0 and "
        f"{_small_share(shares.slow_end)} {'then' if shares.is_cut else 'at T'} (mean size of the share), and "
        f"{'makes' if one else 'make'} {_small_share(part)} of the rate"
    )
    slowest = "mode" if one else "modes"
    if _misleads(shares):
        return (
            f"{measured}, {_few_digits(ratio)} times the spectral gap of {gap:.3g}. The gap is the rate of the slowest "
            f"{slowest} alone, which {own}"
        )
    near = f"{measured}, near the spectral gap of {gap:.3g} ({ratio:.2f} times)"
    if part >= HALF:
        return f"{near}. The slowest {slowest} {own}"
    return f"{near}. This is not due to the slowest {slowest}, which {own}"


def title_gap(shares: BandShares) -> str:
    """Return the measured rate against the gap in one line."""
    gap = float(shares.rates[0])
    one = shares.counts[0] == 1
    until = f"t = {shares.duration:.3g}" if shares.is_cut else "T"
    start = f"distances fall at {shares.rate:.3g} up to {until}"
    has = "mode has" if one else "modes have"
    own = f"the slowest {has} {_small_share(shares.slow_end)} of the distance at {until}"
    if not _misleads(shares):
        return f"{start}, near the gap of {gap:.3g}; {own}"
    return f"{start}, {_few_digits(_gap_ratio(shares))} times the gap of {gap:.3g}; {own}"


def _gap_ratio(shares: BandShares) -> float:
    gap = float(shares.rates[0])
    return shares.rate / gap if gap > 0 else math.inf


def _misleads(shares: BandShares) -> bool:
    return not 1 / MISLEADS < _gap_ratio(shares) < MISLEADS


def describe_bands(shares: BandShares) -> str:
    """Return which decay rates the measured rate consists of."""
    gap = float(shares.rates[0])
    parts = []
    for low, high, number, part in zip(
        shares.low, shares.high, shares.counts, shares.parts, strict=True
    ):
        part = 0.0 if abs(part) < NOTHING * abs(shares.rate) else part
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
    missing = abs(float(shares.parts.sum()) - shares.rate)
    error = (
        f", up to {missing:.1g} by which their integrals miss it"
        if missing > 5e-4 * abs(shares.rate)
        else ""
    )
    return f"The rate of {shares.rate:.3g} consists of {listed(parts)}{error}"


def describe_dominance(shares: BandShares) -> str:
    """Return from when the slowest mode has half of a distance."""
    gap, at = float(shares.rates[0]), shares.dominance
    one = shares.counts[0] == 1
    slowest = "slowest mode" if one else "slowest modes"
    dominates = "dominates" if one else "dominate"
    is_sure = "is sure" if one else "are sure"
    several = shares.samples > 1
    of_one = "the distance of one of these samples" if several else "its distance"
    if shares.orthogonal_rate < 0:
        return f"The generator is defective, so no time is known from which the {slowest} surely {dominates} a distance"
    if at < 0:
        if several:
            return f"The {slowest} {dominates} the distance of none of these samples at any time"
        return f"At no time {'does' if one else 'do'} the {slowest} dominate its distance"
    if at <= shares.duration:
        return f"From t = {at:.3g} on the {slowest} {dominates} {of_one}"
    left = -gap * at / math.log(10)
    fallen = f"10^{left:.0f}" if left < -4 else f"{math.exp(-gap * at):.2g}"
    in_durations = "" if shares.is_cut else f"{_long(at / shares.duration)} T, "
    return (
        f"The {slowest} {is_sure} to dominate {of_one} only from t = {_long(at)} on, {in_durations}when what decays at "
        f"the gap has fallen to {fallen} of its size"
    )


def describe_orthogonality(shares: BandShares) -> str:
    """Return what non-normality does to the rate of the Hilbert-Schmidt distance."""
    until = f"t = {shares.duration:.3g}" if shares.is_cut else "T"
    start = f"The Hilbert-Schmidt distance falls at {shares.square_rate:.3g} up to {until}"
    if shares.orthogonal_rate < 0:
        return (
            f"{start}; the generator is defective, so it has no rate of orthogonal modes to compare"
        )
    part = shares.square_rate - shares.orthogonal_rate
    if abs(part) < SAME_RATE * abs(shares.square_rate):
        return f"{start}, as it would if modes of the same sizes were orthogonal: non-normality changes nothing"
    return (
        f"{start}; if modes of the same sizes were orthogonal, it would fall at {shares.orthogonal_rate:.3g}: "
        f"non-normality makes {part:+.3g}"
    )


def describe_crossings(shares: BandShares) -> str:
    """Return how many pairs of samples change their order, as in the Mpemba effect."""
    if shares.pairs == 0:
        return "A single sample has no order of distances"
    if not shares.crossings:
        return (
            f"Of {count(shares.pairs, 'pair')} of samples, none that starts farther from the steady state is nearer at "
            f"t = {shares.reach:.3g}"
        )
    return (
        f"In {shares.crossings:,} of {count(shares.pairs, 'pair')} of samples, the one that starts farther from the "
        f"steady state (by trace distance) is nearer at t = {shares.reach:.3g}: a Mpemba-like crossing by that time"
    )


def describe_normality(spectrum: Spectrum) -> str:
    """Return how far a generator is from normal, and the growth and sensitivity that follow."""
    if spectrum.norm == 0:
        return "The generator is zero: nothing changes"
    part = spectrum.departure / spectrum.norm
    if part < NORMAL:
        return "The generator is normal: its modes are orthogonal, and no Hilbert-Schmidt distance grows"
    radius = (
        f"; a change of the matrix by {spectrum.radius:.3g} in the spectral norm can end the decay of a mode, "
        f"{spectrum.radius / spectrum.gap:.2g} of the gap; one to another Lindblad generator may need more"
        if spectrum.gap > 0
        else ""
    )
    return (
        f"Henrici's departure from normality is {spectrum.departure:.3g}, {share(part)} of the norm of the generator: "
        f"{_describe_growth(spectrum)}; the Kreiss constant is at least {spectrum.kreiss:.3g}{radius}"
    )


def _describe_growth(spectrum: Spectrum) -> str:
    if not _can_grow(spectrum):
        return f"no Hilbert-Schmidt distance grows, as the numerical abscissa is {spectrum.abscissa:.3g}"
    peak = int(spectrum.growth.argmax())
    rate = f"at a rate of at most {spectrum.abscissa:.3g}"
    if spectrum.growth[peak] < CLEARLY:
        return (
            f"Hilbert-Schmidt distances can grow, {rate}, but by less than 1 % at the "
            f"{len(spectrum.growth) - 1} times up to {spectrum.growth_times[-1]:.3g} that were computed"
        )
    last = ", the last that was computed" if peak == len(spectrum.growth) - 1 else ""
    return (
        f"Hilbert-Schmidt distances can grow, {rate}, and be {spectrum.growth[peak]:.3g} times as large at t = "
        f"{spectrum.growth_times[peak]:.3g}{last}"
    )


def _can_grow(spectrum: Spectrum) -> bool:
    return spectrum.abscissa > NORMAL * spectrum.norm


def title_normality(spectrum: Spectrum) -> str:
    """Return the departure from normality and the growth in one line."""
    part = spectrum.departure / spectrum.norm if spectrum.norm > 0 else 0.0
    if part < NORMAL:
        return "the generator is normal, and no Hilbert-Schmidt distance grows"
    start = f"the departure is {share(part)} of the generator's norm"
    largest = float(spectrum.growth.max())
    if not _can_grow(spectrum):
        return f"{start}, yet no Hilbert-Schmidt distance grows"
    if largest < CLEARLY:
        return f"{start}, and no growth of Hilbert-Schmidt distances by 1 % was seen"
    return f"{start}, and Hilbert-Schmidt distances can grow {largest:.3g} times"


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
            "No strong symmetry: nothing but the identity commutes with H, all jump operators and their adjoints. "
            "Only the trace is conserved, so there is one steady state"
        )
    strong = (
        f"{spectrum.symmetries} of them strong symmetries, which commute with H and all jump operators"
        if spectrum.symmetries
        else "none of them a strong symmetry"
    )
    more = "observable is" if spectrum.conserved == 1 else "observables are"
    return (
        f"{spectrum.conserved} independent {more} conserved beside the trace, {strong}: there are as many further "
        "independent steady states"
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
    largest = ranks.shares[: min(ranks.needed, len(LEADING))]
    parts = [f"{name} {share(float(part))}" for name, part in zip(LEADING, largest, strict=False)]
    return f"{start}. Of the sum of all rates, {listed(parts)}"


def describe_strong_symmetries(result: Simplifications) -> str:
    """Return how many strong symmetries there are, of a system whose conserved quantities are not computed."""
    if result.symmetries is None:
        return "Strong symmetries are too many to be counted"
    if not result.symmetries:
        return "No strong symmetry: nothing but the identity commutes with H, all jump operators and their adjoints"
    commute = "commutes" if result.symmetries == 1 else "commute"
    return (
        f"{count(result.symmetries, 'independent operator')} beside the identity {commute} with H, all jump operators "
        "and their adjoints: strong symmetries, and as many further independent steady states at least"
    )


def describe_simpler(result: Simplifications, one: Simpler) -> str:
    """Return how far a simpler generator is, and what it costs on the test rows."""
    name = GENERATORS[one.name][0].upper() + GENERATORS[one.name][1:]
    if one.distance < EQUAL and one.name != NONE:
        return f"{name} is the generator itself"
    start = f"{name} is {one.distance:.2g} of the generator's norm away"
    if one.name == NONE:
        start = name
    if not one.loss:
        return f"{start}: it changes the output by {one.change:.3g} (root mean square over {result.rows:,} samples)"
    value, low, high = one.loss
    ends = format_interval(low, high, "+.3f")
    metric = name_metric(result.metric)
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
        if one.distance < EQUAL:
            parts.append(f"the {one.name} one is the generator itself")
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
    start = float(entropy.production.relative[0, 0])
    total = float(entropy.production.total[0])
    part = share(total / start) if start > NOTHING else "0%"
    return f"{total:.3g} nats until T, {part} of what it will produce in the end"


def describe_entropy(entropy: SampleEntropy) -> str:
    """Return the entropy that one sample produces until T, or why there is none."""
    if entropy.production is None:
        return entropy.reason.rstrip(".")
    production = entropy.production
    start = float(production.relative[0, 0])
    total = float(production.total[0])
    part = share(total / start) if start > NOTHING else "0%"
    left = float(production.rates[0, -1])
    rate = "infinitely much" if math.isinf(left) else f"{left if left > NOTHING else 0.0:.3g}"
    return (
        f"Up to T the evolution of this sample produces {total:.3g} nats of entropy, {part} of all that it will "
        f"produce on its way to the steady state ({start:.3g}); at T it produces {rate} per unit of time"
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
    """Return a part of a whole with two digits, and its sign if negative: "0.043 %"."""
    if abs(part) < NOTHING:
        return "none"
    percent = 100 * part
    if 99.5 <= percent < 100 * (1 - NOTHING):
        return "more than 99 %"
    digits = f"{percent:.0f}" if abs(percent) >= 99.5 else f"{percent:.2g}"
    return f"{digits} %"


def _few_digits(ratio: float) -> str:
    """Return a ratio with two digits, in full: "6.5", "120"."""
    return f"{float(f'{ratio:.2g}'):,.0f}" if 10 <= ratio < 1e6 else f"{ratio:.2g}"
