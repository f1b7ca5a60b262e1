"""Quantum states and operators. The states of a model with time, and what moves them: what its generator is made of,
jumps of single trajectories, who shares information with whom, Bloch balls, density matrices; `t` marks a place as a
share of T. Decision operators: which states of a group of modalities vote for a decision, which against, where samples
lie; a group is named as coalitions are, "text+audio"; unless it is told, it is the first that has an operator.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import count, listed, share, top
from qfusion.analysis import inside, text
from qfusion.analysis.sample import Sample
from qfusion.data.spec import SPLITS, split_term
from qfusion.explain.operators import Operator
from qfusion.figures import dynamics, physics, states, style
from qfusion.panels import page_state, panel, params, samples
from qfusion.panels.dynamics import (
    CURSOR,
    HINTON,
    STATE_AS,
    STATE_OF,
    TIMED,
    VIEW,
    WHOLE,
    can_cut,
    cursor_at,
    reduced,
    state_at,
    step_at,
)
from qfusion.quantum.decomposition import PAULIS
from qfusion.wording.backgrounds import describe_comparison

COHERENT, JUMPS = "H: coherent", "dissipation"
MAX_LETTERS = 20
_UNITS = {COHERENT: "(root mean square energy)", JUMPS: "(jumps per time)"}


def couplings(sample: Sample, theme: style.Theme = "light") -> panel.Picture:
    """Who is coupled with whom, and how strongly, by H and by dissipation.

    Args:
        sample: of a model with time, under its tweak. theme: of the figure.
    """
    system = sample.model.system()
    energies, rates = inside.strengths_of(system)
    parts = {COHERENT: energies} | ({JUMPS: rates} if len(system.jumps) else {})
    joint = {term: value for term, value in energies.items() if "+" in term}
    strongest = max(joint, key=lambda term: joint[term], default="")
    return panel.Picture(
        "couplings",
        f"H couples {text.plain(listed(split_term(strongest)))} most ({joint[strongest]:.2f})"
        if strongest and joint[strongest] > 1e-9 * max(energies.values())
        else "H couples nothing",
        physics.couplings(parts, system.names, _UNITS, theme),
        shows="the parts of H and of the traceless jump operators that act on exactly these modalities, the same in "
        "every gauge. Discs: on one alone; lines: on two; stars: on more. H: root mean square energy, √(Tr H_S² "
        "/ D); dissipation: jumps per time in the completely mixed state, Σ Tr L_A†L_A / D. Parts are "
        "orthogonal: squares of energies add up, and so do rates." + _of(sample),
        not_shown="what a coupling does to a decision: see Sensitivity.",
        alt="; ".join(
            f"{name}: " + ", ".join(f"{term} {value:.3g}" for term, value in part.items())
            for name, part in parts.items()
        )
        + ".",
        table=lambda: pd.DataFrame(
            [
                {
                    "modalities": term,
                    "energy_of_H": energies[term],
                    "rate_of_dissipation": rates.get(term, 0.0),
                }
                for term in energies
            ]
        ),
    )


def levels(sample: Sample, theme: style.Theme = "light") -> panel.Picture:
    """Energy levels of H, without and with its couplings.

    Args:
        sample: of a model with time, under its tweak. theme: of the figure.
    """
    free, coupled = inside.levels(sample.model.system())
    return panel.Picture(
        "levels",
        span(free, coupled),
        physics.levels(free, coupled, theme),
        shows=f"the {len(free)} eigenvalues of H: left of the parts that act on one modality each, right of all of it; "
        "levels are joined in their order." + _of(sample),
        not_shown="states: which of them a level belongs to.",
        alt=f"Levels by themselves from {free[0]:.3f} to {free[-1]:.3f}, with couplings from {coupled[0]:.3f} to "
        f"{coupled[-1]:.3f}.",
        table=lambda: pd.DataFrame(
            {
                "level": np.arange(1, len(free) + 1),
                "energy_alone": free,
                "energy_with_couplings": coupled,
            }
        ),
    )


def letters(
    sample: Sample, theme: style.Theme = "light", *, operator: str = inside.HAMILTONIAN
) -> panel.Picture:
    """The largest terms of an operator in a product of Pauli words, or of Gell-Mann matrices.

    Args:
        sample: of a model with time, under its tweak. theme: of the figure.
        operator: "H", "L1", "L2", ... or "read-out".
    """
    known, system = inside.operator_names(sample.model), sample.model.system()
    terms, share = inside.largest(
        inside.operator(sample, system, choose("Operator", operator, known)), system, MAX_LETTERS
    )
    check(
        bool(terms),
        f"Operator {operator} is a multiple of the identity: there is nothing to take apart.",
    )
    names, values = [letter.words for letter in terms], np.array([letter.value for letter in terms])
    return panel.Picture(
        "letters",
        largest_letter(operator, names, values),
        physics.letters(names, [letter.term for letter in terms], values, system.names, theme),
        shows=f"coefficients Tr[P†A] / D of the {known[operator]} in products of "
        + (
            "Pauli words, a letter for each qubit of a modality"
            if all(d & (d - 1) == 0 for d in system.dims)
            else "Pauli words and generalised Gell-Mann matrices (S and A couple two levels, D are diagonal)"
        )
        + f"; modalities that are not named have the identity. The {len(terms)} largest hold {share:.0%} of the "
        "sum of all squares."
        + _of(sample)
        + (f" {inside.UNRAVELLING}" if operator.startswith("L") else ""),
        not_shown="the identity, and smaller terms: see the table of strengths by coalition.",
        alt=", ".join(
            f"{name} {_number(value)}" for name, value in zip(names[:8], values, strict=False)
        )
        + ".",
        table=lambda: pd.DataFrame(
            [
                {
                    "operator": operator,
                    "modalities": letter.term,
                    "letters": " ".join(letter.letters),
                    "real": letter.value.real,
                    "imaginary": letter.value.imag,
                }
                for letter in terms
            ]
        ),
    )


def modes(sample: Sample, theme: style.Theme = "light") -> panel.Picture:
    """The eigenvalues of the generator in the complex plane.

    Args:
        sample: of a model with time whose joint state has at most `generator.MAX_MODES` levels. theme: of the figure.
    """
    values = inside.modes(sample.model.system())
    away = -values.real
    least = 1e-9 * max(float(np.abs(values).max()), 1e-300)
    gap = float(away[away > least].min()) if bool((away > least).any()) else 0.0
    still = int((away <= least).sum())
    return panel.Picture(
        "modes",
        f"The slowest decay is {gap:.2g} per time" if gap else "Nothing decays",
        physics.modes(values, gap, theme),
        shows=f"all {len(values):,} eigenvalues of the generator of the master equation: real parts are rates at which "
        f"modes decay, imaginary parts frequencies. {still} stay{'s' if still == 1 else ''}: what is left in the "
        "end." + _of(sample),
        not_shown="how much of a mode this sample's state holds.",
        alt=f"{len(values):,} eigenvalues, rates from {away.min():.3g} to {away.max():.3g}; gap {gap:.3g}.",
        table=lambda: pd.DataFrame({"rate": away, "frequency": values.imag}),
    )


def span(free: np.ndarray, coupled: np.ndarray) -> str:
    """What couplings do to the levels of H, without them (D,) and with them (D,), both ascending."""
    before, after = (float(values[-1] - values[0]) for values in (free, coupled))
    if np.allclose(free, coupled):
        return "Without couplings and with them levels are the same"
    return (
        f"Couplings move levels by up to {np.abs(coupled - free).max():.2g} and leave their span at {after:.2f}"
        if f"{before:.2f}" == f"{after:.2f}"
        else f"Couplings take the levels' span from {before:.2f} to {after:.2f}"
    )


def largest_letter(operator: str, names: Sequence[str], values: np.ndarray) -> str:
    """Which terms of an operator are the largest, by their names and coefficients (n,)."""
    sizes = dict(zip(names, np.abs(values).tolist(), strict=True))
    first = top(sizes)
    if round(sizes[first[0]], 2) == 0:
        return f"{operator}: no term is as large as 0.01"
    number = dict(zip(names, map(_number, values), strict=True))
    words = (
        listed([f"{text.plain(name)} ({number[name]})" for name in first])
        if len(first) <= panel.MAX_NAMED
        else f"{len(first)} terms, of size {sizes[first[0]]:.2f}"
    )
    return panel.standing(
        first,
        sizes,
        one=f"{operator}: {text.plain(first[0])} is the largest of its terms ({number[first[0]]})",
        some=f"{operator}: the largest of its terms, alike: {words}",
    )


def _number(value: complex) -> str:
    return f"{value.real:+.2f}" if abs(value.imag) <= 1e-9 * abs(value) else f"{abs(value):.2f}"


def _of(sample: Sample) -> str:
    return " The same for every sample." + (
        f" Sliders: {text.plain(sample.changed)}." if sample.changed else ""
    )


_MADE_OF = VIEW.chosen("H and L")
OPERATOR = params.SelectParam(
    "letters",
    "Operator",
    "H is shown.",
    "Which operator is taken apart below. L1, L2, ... are those of one unravelling, as under Trajectories.",
    lambda study: inside.operator_names(study.model),
    look="segments",
    fits=TIMED,
)


# Jumps of single trajectories, and who shares information with whom, of models with time.


# whether a sample's, or study's, model evolves in time and has jump operators
jumps_at_all = panel.can("time", where=lambda study: study.model.jump_count > 0)


def raster(sample: Sample, theme: style.Theme = "light") -> panel.Picture:
    """Which operator of the canonical unravelling jumped when in 200 trajectories, at which rate, and the exact one.

    Args:
        sample: a sample of a model with time and jump operators. theme: of the figure.
    """
    check(jumps_at_all(sample), f"Model '{sample.name}' has no jump operators.")
    records = inside.records(sample)
    runs, K = len(records.runs), len(records.exact)
    jumped = sum(len(times) > 0 for _, times, _ in records.runs)
    return panel.Picture(
        "raster",
        f"In this unravelling {jumped} of {runs} trajectories jump, {records.jumps / runs:.2f} times on "
        f"average (exact: {records.expected:.2f})",
        dynamics.raster(
            [(times, which) for _, times, which in records.runs if len(times)],
            records.edges,
            records.counts,
            records.times,
            records.exact,
            theme,
        ),
        shows=f"above, every jump of {runs} trajectories, a row each that jumps, sorted by the first jump; below, "
        "jumps per time of each operator: counted in them (thin), and the exact rate Tr L_k†L_k ρ(t) of the "
        "master equation (thick)." + sample.of + f" {inside.UNRAVELLING}",
        not_shown="what a jump does to the state: see the single trajectories.",
        alt="Jumps per trajectory: "
        + panel.listed(
            [f"L{k + 1}" for k in range(K)],
            [sum(int((which == k).sum()) for *_, which in records.runs) / runs for k in range(K)],
        )
        + ".",
        table=lambda: pd.DataFrame(
            [
                {"row": row, "trajectory": number + 1, "t": when, "operator": f"L{k + 1}"}
                for row, (number, times, which) in enumerate(records.runs, 1)
                for when, k in zip(times, which, strict=True)
            ],
            columns=["row", "trajectory", "t", "operator"],
        ),
    )


def triangle(sample: Sample, theme: style.Theme = "light", *, t: float = 1.0) -> panel.Picture:
    """Who shares how much with whom at a time, and over time; of three modalities with the tripartite information.

    Args:
        sample: a sample of a model with time and several modalities. theme: of the figure.
        t: the time as a share of T.
    """
    check(can_cut(sample), f"Model '{sample.name}' has one modality: it shares nothing.")
    track, at = sample.track(), step_at(sample, t)
    S = track.measures.of("entropy")
    alone = {name: S[name,] for name in sample.modalities}
    shared = {(a, b): values for (a, b), values in track.measures.of("mutual_information").items()}
    together = (
        sum(alone.values()) - sum(S[pair] for pair in shared) + S[()] if len(alone) == 3 else None
    )
    when = f"t = {track.times[at]:.2f}"
    return panel.Picture(
        "information",
        share_most({" and ".join(pair): float(values[at]) for pair, values in shared.items()}, when)
        + ("" if together is None else f"; tripartite information {together[at]:+z.3f}"),
        dynamics.triangle(track.times, shared, alone, at, together=together, theme=theme),
        shows="at the cursor, the mutual information I(a:b) = S_a + S_b − S_ab of each pair as the width of its line, "
        "and the entropy S of each modality as the area of its disc; beside it the pairs over time"
        + (
            "; dotted, the tripartite information I(a:b) + I(a:c) − I(a:bc), negative where a knows more of b and "
            "c together than of each"
            if together is not None
            else ""
        )
        + "."
        + sample.followed,
        not_shown="how much of it is entanglement: see the negativity.",
        alt=f"At {when}: "
        + panel.listed(
            [" : ".join(pair) for pair in shared],
            [float(values[at]) for values in shared.values()],
            ".3f",
        )
        + " nats.",
        table=lambda: pd.DataFrame(
            {"t": track.times}
            | {f"entropy[{name}]": values for name, values in alone.items()}
            | {f"mutual_information[{a}:{b}]": values for (a, b), values in shared.items()}
            | ({} if together is None else {"tripartite_information": together})
        ),
    )


def share_most(mutual: Mapping[str, float], when: str) -> str:
    """Which pairs share most at a time; mutual information in nats by pair, such as "text and audio"."""
    return panel.superlative(
        mutual,
        places=3,
        none="No pair shares as much as 0.001 nats at {when}",
        only="{names} share {value:.3f} nats at {when}",
        one="{names} share most at {when}: {value:.3f} nats",
        some="{names} share most, alike, at {when}: {value:.3f} nats",
        every="{names} share alike at {when}: {value:.3f} nats",
        several="({name})",
        when=when,
    )


# The states of a model with time as physicists draw them: Bloch balls, elements of the density matrices over time, a
# Hinton diagram.
#
# `t` marks a place as a share of T.

POPULATIONS, COHERENCES = PARTS = ("populations", "coherences")
MOST_PAIRS = 12  # coherences of a modality that are drawn


# whether a sample's, or study's, model evolves in time and has a modality of two levels
has_qubits = panel.can("time", where=lambda study: 2 in study.model.dims)


def balls(sample: Sample, theme: style.Theme = "light", *, t: float = 1.0) -> panel.Picture:
    """Bloch vectors of all modalities of two levels, with their ways so far.

    Args:
        sample: a sample of a model with time. theme: of the figure.
        t: the time as a share of T.
    """
    check(
        has_qubits(sample),
        f"No modality of model '{sample.name}' has two levels. Look at the heat maps over time.",
    )
    track, at = sample.track(), step_at(sample, t)
    names = [name for name, d in zip(sample.modalities, sample.model.dims, strict=True) if d == 2]
    ways = [
        np.einsum("aij,tji->ta", PAULIS.numpy()[1:], reduced(sample, name)).real for name in names
    ]
    lengths = [float(np.linalg.norm(way[at])) for way in ways]
    return panel.Picture(
        "bloch",
        most_mixed(dict(zip(names, lengths, strict=True)), f"t = {track.times[at]:.2f}"),
        states.balls(
            names,
            [way[: at + 1] for way in ways],
            [style.term_colour(name, sample.modalities) for name in names],
            theme,
        ),
        shows="the Bloch vector (⟨X⟩, ⟨Y⟩, ⟨Z⟩) of each modality of two levels at the cursor, and its way since t = 0, "
        "older parts paler. Its length r gives the purity (1 + r²) / 2; a hollow tip lies behind the middle."
        + sample.followed,
        not_shown="correlations between modalities"
        + (
            "; modalities of more levels: see the heat maps."
            if len(names) < len(sample.modalities)
            else "."
        ),
        alt=f"Bloch balls; lengths {panel.listed(names, lengths)}.",
        table=lambda: pd.concat(
            [
                pd.DataFrame(
                    {
                        "modality": name,
                        "t": track.times,
                        "X": way[:, 0],
                        "Y": way[:, 1],
                        "Z": way[:, 2],
                        "purity": (1 + (way**2).sum(1)) / 2,
                    }
                )
                for name, way in zip(names, ways, strict=True)
            ]
        ),
    )


def over_time(
    sample: Sample, theme: style.Theme = "light", *, part: str = POPULATIONS, t: float = 1.0
) -> panel.Picture:
    """Populations, or moduli of coherences, of each modality over time.

    Args:
        sample: a sample of a model with time. theme: of the figure.
        part: "populations" or "coherences".
        t: where the cursor stands, a share of T; none is drawn at 0 and 1.
    """
    choose("Part", part, PARTS)
    times, diagonal = sample.track().times, part == POPULATIONS
    rows: list[tuple[str, str, np.ndarray]] = []
    for name, d in zip(sample.modalities, sample.model.dims, strict=True):
        rho, levels = np.abs(reduced(sample, name)), states.basis_labels((d,))
        pairs = (
            [(i, i) for i in range(d)] if diagonal else list(itertools.combinations(range(d), 2))
        )
        if len(pairs) > MOST_PAIRS and not diagonal:  # the largest, in their order
            pairs = sorted(sorted(pairs, key=lambda pair: -float(rho[:, *pair].max()))[:MOST_PAIRS])
        rows += [
            (name, f"|{levels[i]}⟩" if diagonal else f"|{levels[i]}⟩⟨{levels[j]}|", rho[:, i, j])
            for i, j in pairs
        ]
    values = np.stack([series for *_, series in rows])
    return panel.Picture(
        f"{part}-over-time",
        changes_most(
            "population" if diagonal else "coherence",
            {f"{text.plain(owner)} {level}": series for owner, level, series in rows},
        ),
        states.through_time(
            times,
            values,
            [name for _, name, _ in rows],
            [name for name, *_ in rows],
            "population" if diagonal else "modulus",
            cursor_at(sample, t),
            theme,
        ),
        shows=(
            "the diagonal ρ_ii of each modality's own density matrix, a level a row."
            if diagonal
            else "the moduli |ρ_ij| off the diagonal of each modality's own density matrix, a pair of levels a row"
            + (
                f"; of each the {MOST_PAIRS} largest."
                if any(d * (d - 1) // 2 > MOST_PAIRS for d in sample.model.dims)
                else "."
            )
        )
        + sample.followed,
        not_shown="the joint state: see the matrices." if diagonal else "phases: see the matrices.",
        alt=f"Heat map of {len(rows)} {part} over time; at the end "
        + panel.listed([f"{name} {level}" for name, level, _ in rows], values[:, -1])
        + ".",
        table=lambda: pd.DataFrame(
            {"t": times} | {f"{name} {level}": series for name, level, series in rows}
        ),
    )


def hinton(
    sample: Sample, theme: style.Theme = "light", *, whose: str = WHOLE, t: float = 1.0
) -> panel.Picture:
    """A density matrix at a time as a Hinton diagram.

    Args:
        sample: a sample of a model with time. theme: of the figure.
        whose: a modality, or "all together".
        t: the time as a share of T.
    """
    rho, dims, name = state_at(sample, whose, t)
    labels, modulus = states.basis_labels(dims), np.abs(rho)
    left_out = int((modulus < states.LEAST * modulus.max()).sum())
    return panel.Picture(
        "hinton",
        largest_coherence(modulus, labels, name),
        states.hinton(rho, dims, theme),
        shows="the density matrix at the cursor: areas are moduli |ρ_ij|; colour, and the hand in each square, the "
        "phase: to the right 0, up +π/2." + sample.followed,
        not_shown=f"entries below {states.LEAST:.1%} of the largest ({left_out:,} of {rho.size:,})."
        if left_out
        else "how the matrix came about: see the heat maps over time.",
        alt=f"Hinton diagram of ρ: {panel.off_diagonal(rho, labels)}.",
        table=lambda: panel.entries(labels, modulus=modulus, phase=np.angle(rho)),
    )


def most_mixed(lengths: Mapping[str, float], when: str) -> str:
    """Which modalities of two levels have the shortest Bloch vector at a time, by its length, 0 to 1."""
    if round(min(lengths.values()), 2) == 1:
        return f"At {when} every Bloch vector has length 1.00: each of these modalities is all but pure"
    return panel.superlative(
        lengths,
        smallest=True,
        only="{names} at {when}: its Bloch vector has length {value:.2f}",
        one="{names} is the most mixed at {when}: its Bloch vector has length {value:.2f}",
        some="{names} are the most mixed at {when}, alike: each Bloch vector has length {value:.2f}",
        every="{names} are equally mixed at {when}: each Bloch vector has length {value:.2f}",
        when=when,
    )


def changes_most(what: str, rows: Mapping[str, np.ndarray]) -> str:
    """Which population or coherence ranges widest over time.

    Args:
        what: "population" or "coherence". rows: values over time by name, as markdown.
    """
    ways = {
        name: f"{name}: {values[0]:.2f} → {values[-1]:.2f}, between {values.min():.2f} and {values.max():.2f}"
        for name, values in rows.items()
    }
    return panel.superlative(
        {name: float(np.ptp(values)) for name, values in rows.items()},
        none="No {what} changes by 0.01 or more",
        one="The {what} changes most of {names}",
        some="The {what} changes most, alike, of {names}",
        name=ways.__getitem__,
        many="{count} rows, by {value:.2f}",
        join="; ".join,
        what=what,
    )


def largest_coherence(modulus: np.ndarray, labels: Sequence[str], when: str) -> str:
    """Between which levels a matrix of moduli (D, D) has its largest entry off the diagonal."""
    return panel.superlative(
        panel.coherences(modulus, labels, "|{}⟩⟨{}|"),
        places=3,
        none="No coherence at {when} is as large as 0.001",
        one="Largest coherence at {when}: {names} with {value:.3f}",
        some="Largest coherences at {when}, alike: {names} with {value:.3f}",
        name=str,
        many="{count} pairs of levels",
        when=when,
    )


_OPEN, _T = VIEW.chosen("State"), {"t": CURSOR}
PANELS = {
    "couplings": panel.Panel(couplings, fits=TIMED, opens=_MADE_OF),
    "levels": panel.Panel(levels, fits=TIMED, opens=_MADE_OF),
    "letters": panel.Panel(letters, {"operator": OPERATOR}, fits=TIMED, opens=_MADE_OF),
    "modes": panel.Panel(modes, fits=inside.has_modes, opens=_MADE_OF),
    "information": panel.Panel(
        triangle, {"t": CURSOR}, fits=can_cut, opens=VIEW.chosen("Correlations")
    ),
    "raster": panel.Panel(raster, fits=jumps_at_all, opens=VIEW.chosen("Trajectories")),
    "hinton": panel.Panel(
        hinton,
        {"whose": STATE_OF, **_T},
        fits=TIMED,
        opens=panel.all_of(_OPEN, STATE_AS.chosen(HINTON)),
    ),
    "bloch": panel.Panel(balls, _T, fits=has_qubits, opens=_OPEN),
    **{
        f"{part}-over-time": panel.Panel(over_time, _T, {"part": part}, fits=TIMED, opens=_OPEN)
        for part in PARTS
    },
}


# Decision operators.

UPS = ("weight against", "value of the group")
SHOWN_PATTERNS = 5  # on each side
NEAR = 0.5  # weight on an eigenstate from which on a sample is called near to it: it is then the likeliest of all
_EXTREME = {"for": -1, "against": 0}


def who(operator: Operator) -> str:
    """The modalities of an operator, as markdown."""
    return listed([text.plain(name) for name in operator.modalities])


def part(value: float) -> str:
    """A share of a sample."""
    if value >= 0.095:
        return share(value)
    return "less than 0.1%" if 1e-9 < value < 0.0005 else f"{abs(value):.1%}"


def nearest_heading(side: str, weights: Sequence[float]) -> str:
    """What the samples with the most weight on an extreme eigenstate are; weights of all samples, 0 to 1."""
    best = max(weights, default=0.0)
    return (
        f"No sample is close to the state that votes most {side} (best {part(best)})"
        if best < NEAR
        else f"Nearest to the state that votes most {side}"
    )


def tally(who: str, votes: np.ndarray, kind: str, moved: float, quantity: str = "score") -> str:
    """How many eigenstates vote for and against, as far as votes are written, and what a sample adds.

    Args:
        who: the modalities, as markdown. votes: of the eigenstates, (K,).
        kind: what one is called, such as "eigenstate". moved: what the sample adds to the baseline.
        quantity: what is explained, "log-odds" or "score".
    """
    favour, against = int((votes >= WRITTEN).sum()), int((votes <= -WRITTEN).sum())
    idle = len(votes) - favour - against
    return (
        f"{count(favour, kind)} of {who} {'raises' if favour == 1 else 'raise'}, {against:,} "
        f"{'lowers' if against == 1 else 'lower'} the {quantity}{f', {idle:,} neither' if idle else ''}; this sample "
        f"adds {moved:+z.2f}"
    )


def extreme_vote(side: str, vote: float, state: str) -> str:
    """What the eigenstate with the extreme vote is, and whether that vote is one for, or against, at all."""
    return (
        f"No state votes {side}; the nearest to it, at {vote:+z.2f}: {state}"
        if round(vote, 2) * _SIGN[side] <= 0
        else f"Votes most {side} ({vote:+.2f}): {state}"
    )


def counts_most(
    effects: np.ndarray,
    elements: Sequence[str],
    modalities: Sequence[str],
    quantity: str = "score",
) -> str:
    """The element whose reading changes the explained quantity most, of effects (M, n)."""
    return panel.capital(
        panel.superlative(
            {
                f"element {text.plain(elements[i])} of {text.plain(modalities[m])}": float(
                    effects[m, i]
                )
                for m, i in np.ndindex(*effects.shape)
            },
            by_size=True,
            none=f"No element changes the {quantity} by 0.01 or more on its own",
            one="{names} counts most ({value:+.2f})",
            some="{count} elements count most alike (by {amount:.2f} each), {names} among them",
            name=str,
            join=lambda names: names[0],
        )
    )


WRITTEN = 0.005  # from here on a vote is written as 0.01
_SIGN = {"for": 1, "against": -1}


def default_up(operator: Operator) -> str:
    """What is drawn upwards unless told: of many outcome patterns, a sample is hardly on the extreme ones."""
    return UPS[0] if operator.vectors is not None else UPS[1]


def spectrum(
    sample: Sample, theme: style.Theme = "light", *, group: str = "", split: str = "test"
) -> panel.Picture:
    """Eigenvalues of a decision operator as votes, and how much of the sample and of others lies on each eigenstate.

    Args:
        sample: of any model.
        theme: of the figure.
        group: of modalities, such as "text+audio".
        split: "train", "valid" or "test", of the other samples.
    """
    result, (score, weights) = inside.votes_of(sample, group, split)
    operator, votes = result.operator, result.operator.votes
    moved = score - operator.baseline
    return panel.Picture(
        "spectrum",
        tally(
            who(operator),
            votes,
            "eigenstate" if operator.vectors is not None else "outcome pattern",
            moved,
            sample.quantity,
        ),
        states.spectrum(
            votes,
            weights,
            result.weights,
            unit=sample.unit,
            sample_name=f"sample {sample.id}",
            cohort_name=f"mean of {len(result.rows):,} {split} samples",
            theme=theme,
        ),
        shows="above, the eigenvalues of the decision operator of these modalities as votes: how far each of its "
        "eigenstates would move the output from the baseline. Below, how much of this sample lies on each: votes "
        "times weights add up to what it says. " + describe_comparison(sample.study.background),
        not_shown="what a state means: its nearest real samples, below, tell. Learned levels have no names.",
        alt=f"Spectrum from {votes[0]:+.2f} to {votes[-1]:+.2f}; this sample {moved:+.2f}.",
        table=lambda: pd.DataFrame(
            {
                "eigenstate": np.arange(len(votes)),
                "value": operator.values,
                "vote": votes,
                "weight_of_sample": weights,
                "mean_weight": result.weights,
            }
        ),
    )


def extreme(
    sample: Sample, theme: style.Theme = "light", *, side: str = "for", group: str = ""
) -> panel.Picture:
    """The eigenstate that votes most for, or most against; only of models of kets.

    Args:
        sample: of a model of kets.
        theme: of the figure.
        side: "for" or "against".
        group: of modalities, such as "text+audio".
    """
    operator = inside.operator_of(sample, group)
    k = _EXTREME[side]
    amplitudes, names = operator.amplitudes(k), states.basis_labels(operator.dims)
    return panel.Picture(
        f"state-{side}",
        extreme_vote(side, float(operator.votes[k]), _levels(amplitudes, names)),
        states.make_up(amplitudes, operator.dims, theme=theme),
        shows="how likely each basis state is in this eigenstate (height) and its phase (colour, the largest one's set "
        "to 0)"
        + (
            f"; levels of {', '.join(map(text.plain, operator.modalities))}, first leftmost. Real samples are "
            "products; this need not be."
            if len(operator.dims) > 1
            else "."
        )
        + " "
        + describe_comparison(sample.study.background),
        not_shown="whether a real sample can be in it: see the weights below.",
        alt=f"Populations of the eigenstate that votes most {side}: {_levels(amplitudes, names)}.",
        table=lambda: pd.DataFrame(
            {
                "basis_state": names,
                "population": np.abs(amplitudes) ** 2,
                "phase": np.angle(amplitudes),
            }
        ),
    )


def patterns(sample: Sample, theme: style.Theme = "light", *, group: str = "") -> panel.Picture:
    """The outcome patterns that vote most for and most against; only of models that read masses.

    Args:
        sample: of a model that reads masses.
        theme: of the figure.
        group: of modalities, such as "text+audio".
    """
    operator, elements = inside.operator_of(sample, group), _elements(sample)
    whole = len(operator.values)
    side = min(SHOWN_PATTERNS, whole // 2)
    shown = [*range(whole - 1, whole - 1 - side, -1), *range(side - 1, -1, -1)]
    bits, votes = np.array([operator.bits(k) for k in shown]), operator.votes[shown]
    return panel.Picture(
        "patterns",
        extreme_vote("for", float(votes[0]), _said(bits[0], elements)),
        states.outcome_patterns(
            bits, votes, elements, operator.modalities, sample.modalities, theme=theme
        ),
        shows=f"the {count(side, 'outcome pattern')} with the highest and, below the line, with the lowest votes. The "
        "fusion reads a modality through its qubits' outcomes only, so patterns are the "
        "eigenstates. " + describe_comparison(sample.study.background),
        not_shown="how likely a pattern is: see the weights.",
        alt=f"Highest vote {votes[0]:+z.2f}: {_said(bits[0], elements)}. Lowest {votes[-1]:+z.2f}: "
        f"{_said(bits[-1], elements)}.",
        table=lambda: pd.DataFrame(
            {
                "vote": votes,
                "pattern": ["|".join("".join(map(str, row)) for row in bit) for bit in bits],
            }
        ),
    )


def effects(sample: Sample, theme: style.Theme = "light", *, group: str = "") -> panel.Picture:
    """How the decision changes when one element's qubit reads 1 instead of 0; only of models that read masses.

    Args:
        sample: of a model that reads masses.
        theme: of the figure.
        group: of modalities, such as "text+audio".
    """
    operator, elements = inside.operator_of(sample, group), _elements(sample)
    values = (
        operator.effects
        if operator.effects is not None
        else np.zeros((len(operator.modalities), len(elements)))
    )
    return panel.Picture(
        "effects",
        counts_most(values, elements, operator.modalities, sample.quantity),
        states.effects(
            values, elements, operator.modalities, sample.modalities, unit=sample.unit, theme=theme
        ),
        shows=f"the change of the {sample.quantity} when one element's qubit reads 1 instead of 0, all others as in "
        "the background. " + describe_comparison(sample.study.background),
        not_shown="how elements act together: the patterns do.",
        alt="Effects: "
        + "; ".join(
            f"{name}: {panel.listed(elements, row, '+.2f')}"
            for name, row in zip(operator.modalities, values, strict=True)
        )
        + ".",
        table=lambda: pd.DataFrame(values.T, columns=list(operator.modalities)).assign(
            element=elements
        ),
    )


def along(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    group: str = "",
    split: str = "test",
    up: str = "",
) -> panel.Picture:
    """Many samples along the two extreme eigenstates.

    Args:
        sample: of any model; it is ringed.
        theme: of the figure.
        group: of modalities, such as "text+audio".
        split: "train", "valid" or "test", of the samples that are drawn.
        up: "weight against" or "value of the group"; by the number of eigenstates unless told.
    """
    result, (_, weights) = inside.votes_of(sample, group, split)
    study, up = sample.study, choose("y axis", up or default_up(result.operator), UPS)
    y, y_title = (
        (result.most_against, "weight on the state that votes most against")
        if up == UPS[0]
        else (result.scores, f"v({' + '.join(result.operator.modalities)}), {sample.unit}")
    )
    y_true = study.dataset.y[result.rows]
    truth = (y_true == sample.output).astype(int) if study.classes else y_true.astype(float)
    ids = study.dataset.ids[result.rows].tolist()
    return panel.Picture(
        "along",
        f"The two extremes hold {part((result.most_for + result.most_against).mean())} of a {split} sample on average",
        states.along(
            ids,
            result.most_for,
            y,
            "weight on the state that votes most for",
            y_title,
            truth=truth,
            truth_name=f"‘{study.classes[sample.output]}’" if study.classes else "truth",
            split=bool(study.classes),
            chosen=sample.id,
            shares=(True, up == UPS[0]),
            theme=theme,
        ),
        shows=f"one point a sample, {len(ids):,} in all, coloured by truth; a click makes it the sample. This one, "
        f"ringed where it is among them: {part(float(weights[-1]))} for, {part(float(weights[0]))} against. "
        + describe_comparison(study.background),
        not_shown="the states in between: a sample may lie on neither.",
        alt=f"{len(ids)} samples along the two extremes; {sample.id} is ringed.",
        table=lambda: pd.DataFrame(
            {
                "sample": ids,
                "weight_for": result.most_for,
                "weight_against": result.most_against,
                "value_of_group": result.scores,
                "truth": truth,
            }
        ),
    )


def _levels(amplitudes: np.ndarray, names: list[str]) -> str:
    """The likeliest basis states in words."""
    mass = np.abs(amplitudes) ** 2
    order = [i for i in np.argsort(-mass)[:3] if mass[i] >= 0.1] or [int(mass.argmax())]
    return ", ".join(f"|{names[i]}⟩ {mass[i]:.0%}" for i in order)


def _elements(sample: Sample) -> tuple[str, ...]:
    """Names of the elements that a modality is read by."""
    study: Any = sample.study
    return (
        tuple(study.elements)
        if study.model.elements_are_classes
        else tuple(map(str, range(study.model.elements)))
    )


def _said(bits: np.ndarray, elements: tuple[str, ...]) -> str:
    """One pattern in words: the elements that read 1."""
    read = [[text.plain(elements[i], 20) for i in np.flatnonzero(row)] for row in bits]
    return "; ".join("yes on " + ", ".join(on) if on else "no on all" for on in read)


NEAREST = 4  # samples that are shown on each side


def has_kets(sample: Sample, group: str = "", **_: Any) -> bool:
    """Whether the operator's eigenstates are kets, which can be drawn."""
    return sample.study.can("states") and inside.operator_of(sample, group).vectors is not None


def has_patterns(sample: Sample, group: str = "", **_: Any) -> bool:
    """Whether the operator is of outcome patterns."""
    return sample.study.can("states") and not has_kets(sample, group)


def _nearest(view: page_state.PageState, sample: Sample) -> list[str]:
    """Ends of the names of the curves of the samples nearest to both extremes."""
    if not sample.study.can("states"):
        return []
    result = inside.votes_of(sample, GROUP(view) or "", AMONG(view) or "test")[0]
    return [
        end
        for side in ("for", "against")
        for end in samples.curves(
            sample.study, result.nearest(side, NEAREST), f"{side}-card", result.operator.modalities
        )
    ]


_STATES = panel.can("states")
GROUP = params.SelectParam(
    "votes",
    "Modality or pair",
    "The first modality is shown.",
    "The modalities whose state is asked about; all others are averaged over the background.",
    inside.group_labels,
    look="segments",
    read=lambda label: label.replace(inside.WITH, "+"),
    fits=_STATES,
)
AMONG = params.SelectParam(
    "among",
    "Among the samples for",
    "The test samples are shown.",
    "Where the nearest real samples are looked for.",
    SPLITS,
    default="test",
    look="segments",
    fits=_STATES,
)
UP = params.SelectParam(
    "against",
    "y axis",
    "The weight against is shown.",
    "How much of a sample lies on the state that votes most against, or what the model says when told these modalities "
    "alone.",
    UPS,
    look="segments",
    fits=_STATES,
)
CONTROLS = (GROUP, AMONG, UP)
_GROUP = {"group": GROUP}
_AMONG = {**_GROUP, "split": AMONG}
OPERATORS = {
    "spectrum": panel.Panel(spectrum, _AMONG, fits=_STATES),
    "along": panel.Panel(along, {**_AMONG, "up": UP}, fits=_STATES),
    **{
        f"state-{side}": panel.Panel(extreme, _GROUP, {"side": side}, fits=has_kets)
        for side in _EXTREME
    },
    "patterns": panel.Panel(patterns, _GROUP, fits=has_patterns),
    "effects": panel.Panel(effects, _GROUP, fits=has_patterns),
}
NAMED = {"content-": panel.Panel(samples.curve_of, rest=samples.which_curve, endings=_nearest)}
