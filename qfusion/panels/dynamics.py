"""The panels of a model that evolves in time: the decision, correlations, trajectories and states over time."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
import torch

from qfusion._checks import choose
from qfusion._sentences import listed
from qfusion.analysis import sample_evolution, text
from qfusion.analysis.sample import Sample
from qfusion.explain import stability
from qfusion.figures import (
    decision_charts,
    evolution_charts,
    jump_trajectories,
    numbers,
    state_charts,
    style,
)
from qfusion.models.abilities import can
from qfusion.models.tweak import Tweak
from qfusion.panels import panel
from qfusion.quantum.measure_kinds import KINDS, column_name
from qfusion.quantum.states import partial_trace
from qfusion.training import metrics
from qfusion.wording import answers, systems
from qfusion.wording.backgrounds import describe_baseline, describe_comparison
from qfusion.wording.measures import MEASURE_TEXTS, measures_with_panels
from qfusion.wording.operators import UNRAVELLING
from qfusion.wording.samples import cite_sample, cite_states, name_explained_class

ENTROPY, ENTANGLEMENT, PAIRS = ABOVE = ("entropy", "entanglement", "mutual information")
(DIVIDENDS, SHAPLEY), WHOLE = stability.TERM_KINDS, "all together"
SHOWN_RUNS = 4
SHOWN_STATES = 4
MOST_SAID = 2  # changes, and groups of modalities, that a line names one by one
FIRST_MEASURES = (
    "mutual_information",
    "negativity",
    "purity",
)  # panels of later ones are called measure-KIND
_ABOVE = {
    ENTROPY: (
        "entropy",
        "how mixed each modality's state and all together become (von Neumann entropy)",
        "the mean entropy",
    ),
    ENTANGLEMENT: (
        "negativity",
        "the entanglement of each modality with the rest (logarithmic negativity)",
        "the mean entanglement",
    ),
    PAIRS: (
        "mutual_information",
        "what the pairs on which changed terms act share, classical and quantum (mutual "
        "information)",
        "the mean mutual information of pairs",
    ),
}
MATRIX_PARTS = {
    "modulus": (
        "|ρ_ij|: diagonal populations, off the diagonal coherences.",
        "the sign or phase of a coherence.",
    ),
    "phase": (
        "arg ρ_ij on a cyclic scale, paler below 50, 20 and 5 % of the largest |ρ_ij|, blank below 1 %.",
        "how large an entry is, but for that.",
    ),
}


def upper_measures(modalities: Sequence[str]) -> tuple[str, ...]:
    """Return what can be drawn above the decision: a single modality has no pairs."""
    return ABOVE if len(modalities) > 1 else ABOVE[:-1]


def upper_curves(
    sample: Sample, above: str = ENTROPY
) -> tuple[dict[str, np.ndarray], np.ndarray, str, str]:
    """Return what moves beside the decision: series of each modality and of all, or of the pairs that the tweak acts
    on.

    The mean over modalities or these pairs, its name, its unit.
    """
    kind, _, name = _ABOVE[choose("Measure", above, upper_measures(sample.modalities))]
    if above == PAIRS:
        pairs = tweaked_pairs(sample)
        series = _mutual_information(sample, pairs)
        if len(pairs) == 1:
            name = f"the mutual information of {listed([text.escape_markdown(name) for name in pairs[0]])}"
    else:
        series = sample.track(negativity=above == ENTANGLEMENT).measures.single(kind)
    # a pure state's is 0 up to rounding
    mean = np.mean([values for whose, values in series.items() if whose], 0).clip(0.0) + 0.0
    return series, mean, name, KINDS[kind].unit


def tweaked_pairs(sample: Sample) -> list[tuple[str, ...]]:
    """Return the pairs of modalities that changed terms act on, within larger groups too.

    All where nothing is changed, or all that evolves.
    """
    parts = sample_evolution.affected_modalities(sample.tweak, sample.modalities) or [
        sample.modalities
    ]
    return [
        pair
        for pair in combinations(sample.modalities, 2)
        if any({*part} <= {*pair} or {*pair} <= {*part} for part in parts)
    ]


def _mutual_information(sample: Sample, pairs: Sequence[tuple[str, ...]]) -> dict[str, np.ndarray]:
    shared = sample.track().measures.of("mutual_information")
    return {"+".join(pair): shared[pair].clip(0.0) + 0.0 for pair in pairs}


@panel.cached
def decision_over_time(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    above: str = ENTROPY,
    terms: str = DIVIDENDS,
    t: float = 1.0,
) -> panel.PanelFigure:
    """Draw the entropies or entanglement and the terms of the decision on one time axis.

    Args:
        sample: a sample of a model with time.
        theme: of the figure.
        above: "entropy", "entanglement" or "mutual information" of the pairs that the tweak acts on: what is drawn
            above the decision.
        terms: "contributions" or "Shapley values".
        t: where the cursor stands, a share of T; none is drawn at 0 and 1.
    """
    times = sample.places
    along = sample.along
    learned = sample.learned
    series, mean, name, unit = upper_curves(sample, above)
    shown = terms_over_time(sample, terms)
    before = None
    if sample.tweak != learned.tweak:
        before = (
            learned.places,
            _mutual_information(learned, tweaked_pairs(sample))
            if above == PAIRS
            else upper_curves(learned, above)[0],
            terms_over_time(learned, terms),
        )
    title = answers.answer(along, mean, name, unit, [f"t = {at:.2f}" for at in times])
    figure = evolution_charts.decision_lines(
        times,
        series,
        shown,
        sample.modalities,
        before=before,
        unit=sample.unit,
        above=KINDS[_ABOVE[above][0]].short_axis,
        what="contribution" if terms == DIVIDENDS else "Shapley value",
        cursor=cursor_time(sample, t),
        theme=theme,
    )
    shows = f"above, {_ABOVE[above][1]}; below, the decision if it were read out at t, split into "
    if terms == DIVIDENDS:
        shows += f"contributions: {_describe_dashes(len(sample.modalities))}."
    else:
        shows += "Shapley values."
    if before:
        shows += " Thin, dotted: as learned."
    shows += cite_states(sample) + " " + describe_comparison(sample.study.background)
    not_shown = "that what stands above decides: it is correlation"
    if above == ENTROPY:
        not_shown += ", and jumps raise it too"
    not_shown += ". The baseline is left out below."
    alt = (
        f"Above, {above}: {panel.list_curves(series)}. Below, {terms}: "
        f"{panel.list_curves({term: entry for term, entry in shown.items() if term}, '+.2f')}."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"t": times}
            | {f"dividend[{term or 'baseline'}]": line for term, line in along.items()}
            | {f"shapley[{name}]": line for name, line in sample.shapley_along.items()}
            | {f"{above}[{name or 'all'}]": line for name, line in series.items()}
        )

    return panel.PanelFigure(
        "decision-over-time",
        title,
        figure,
        called=f"{above.capitalize()} and contributions over time",
        lead=f"**When did it happen?** {answers.since_when(sample)} **What did the dynamics add?** "
        f"{answers.what_was_added(sample)}",
        shows=shows,
        not_shown=not_shown,
        alt=alt,
        table=table,
    )


def _describe_dashes(modalities: int) -> str:
    """Return how the terms of so many modalities are drawn, in words."""
    most = "dotted all three" if modalities == 3 else "dotted in larger groups"
    return ", ".join(("solid alone", "dashed in pairs", most)[:modalities])


@panel.cached
def waterfall(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the decision at T, term by term."""
    final = sample.dividends
    figure = decision_charts.waterfall(
        final,
        sample.modalities,
        truth=sample.target,
        unit=sample.unit,
        quantity=sample.quantity,
        theme=theme,
    )
    return panel.PanelFigure(
        "waterfall-now",
        answers.finding(final),
        figure,
        shows=f"the decision at T under the sliders, term by term.{cite_sample(sample)} "
        f"{describe_baseline(sample.study.background)}",
        not_shown="how it was as learned: press Reset.",
        alt=f"Waterfall of the decision at T: {panel.list_terms(final)}.",
        table=lambda: numbers.terms_table(final),
    )


def measure_panels() -> dict[str, str]:
    """Return the kinds of measures that are drawn over time, each with the name of its panel."""
    return {
        kind: kind.replace("_", "-") if kind in FIRST_MEASURES else f"measure-{kind}"
        for kind in measures_with_panels()
    }


def correlation(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    kind: str = "mutual_information",
    t: float = 1.0,
) -> panel.PanelFigure:
    """Draw one measure of correlation over time.

    Args:
        sample: a sample of a model with time.
        theme: of the figure.
        kind: of `quantum.measure_kinds.KINDS`; related kinds are drawn beside it, such as total correlation.
        t: where the cursor stands, a share of T.
    """
    track = sample.track(negativity=True)
    about = KINDS[choose("Measure", kind, measure_panels())]
    words = MEASURE_TEXTS[kind]
    series = track.measures.of(kind) | (track.measures.of(about.beside) if about.beside else {})
    before = None
    if sample.changed:
        base = sample.learned.track(negativity=True)
        before = base.times, base.measures.of(kind)
    figure = evolution_charts.measure_lines(
        track.times,
        series,
        sample.modalities,
        about.axis,
        between=about.between,
        before=before,
        cursor=cursor_time(sample, t),
        height=260,
        theme=theme,
    )
    shows = words.shows
    if before:
        shows += " Thin, dotted: as learned."
    shows += cite_states(sample)
    alt = (
        f"{about.axis} over time: "
        f"{panel.list_curves({about.between.join(part): values for part, values in series.items()})}."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"t": track.times}
            | {column_name(kind, part, "all"): values for part, values in series.items()}
        )

    return panel.PanelFigure(
        measure_panels()[kind],
        words.question,
        figure,
        shows=shows,
        not_shown=words.not_shown,
        alt=alt,
        table=table,
    )


def trajectories(
    sample: Sample, theme: style.Theme = "light", *, runs: int = 20, whose: str = ""
) -> panel.PanelFigure:
    """Draw single quantum-jump trajectories, with their jumps, and the mean of all.

    Args:
        sample: a sample of a model with time.
        theme: of the figure.
        runs: so many trajectories are sampled.
        whose: the modality whose entanglement is drawn; the first unless told.
    """
    track = sample.track(runs=runs)
    whose = whose or sample.modalities[0]
    entropies = [run.measures.single("entropy")[whose] for run in track.trajectories]
    shown = entropies[:SHOWN_RUNS]
    mean = track.ensemble.measures.single("entropy")[whose]
    last = [float(values[-1]) for values in entropies]
    title = (
        f"Entanglement of {text.escape_markdown(whose)} ends between {min(last):.2f} and {max(last):.2f} nats in "
        f"{runs} single runs, {mean[-1]:.2f} on average"
    )
    figure = jump_trajectories.single_runs(
        track.times,
        shown,
        [
            list(zip(run.jump_times.tolist(), run.jump_operators.tolist(), strict=True))
            for run in track.trajectories[: len(shown)]
        ],
        mean,
        f"entanglement of {whose} (nats)",
        channels=sample.model.jump_count,
        mean_name=f"mean of {runs} runs",
        theme=theme,
    )
    shows = (
        f"the first {len(shown)} runs: the state stays pure, so its entropy is entanglement with the others; a "
        "marker where an operator jumped." + cite_sample(sample) + f" {UNRAVELLING}"
    )
    alt = (
        f"Entanglement of {whose} in {len(shown)} single runs, at the end "
        f"{panel.list_numbers([f'run {i + 1}' for i in range(len(shown))], [values[-1] for values in shown])} nats; "
        f"mean of all {mean[-1]:.2f}."
    )

    def table() -> pd.DataFrame:
        return pd.concat(
            [
                pd.DataFrame(
                    {"run": i + 1, "t": track.times, column_name("entropy", (whose,)): values}
                )
                for i, values in enumerate(entropies)
            ]
        )

    return panel.PanelFigure(
        "trajectories",
        title,
        figure,
        shows=shows,
        not_shown="what the model computes: that is the mean over all runs.",
        alt=alt,
        table=table,
    )


def ensemble(sample: Sample, theme: style.Theme = "light", *, runs: int = 20) -> panel.PanelFigure:
    """Draw the mean of sampled trajectories with its standard error, over the master equation."""
    track = sample.track(runs=runs)
    first = np.sort(np.argsort(track.populations.max(0))[::-1][:SHOWN_STATES])
    names = [state_charts.basis_labels(sample.model.dims)[i] for i in first]
    master, mean, error = (
        populations[:, first]
        for populations in (
            track.populations,
            track.ensemble.populations,
            track.ensemble.populations_error,
        )
    )
    differ = error > 1e-9
    worst = np.max(np.abs(mean - master) / np.maximum(error, 1e-12), where=differ, initial=0.0)
    columns = {"master": master, "mean": mean, "standard_error": error}
    if differ.any():
        title = (
            "Where the runs differ, their mean stays within "
            f"{worst:.1f} standard errors of the master equation in these "
            "states"
        )
    else:
        title = "The runs do not differ, so that nothing tells how far their mean is from the master equation"
    figure = jump_trajectories.ensemble(
        track.times, mean, error, master, names, track.ensemble.size, theme=theme
    )
    alt = (
        f"Populations at the end by the master equation: {panel.list_numbers(names, master[-1])}; mean of the "
        "runs: "
        f"{panel.list_numbers(names, mean[-1])}."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"t": track.times}
            | {
                f"{what}[{name}]": values[:, i]
                for i, name in enumerate(names)
                for what, values in columns.items()
            }
        )

    return panel.PanelFigure(
        "ensemble",
        title,
        figure,
        shows=f"the four likeliest basis states: master equation (solid), mean of {track.ensemble.size} runs (dotted), "
        "band of 2 standard errors." + cite_sample(sample),
        not_shown="the other basis states.",
        alt=alt,
        table=table,
    )


def populations(
    sample: Sample, theme: style.Theme = "light", *, whose: str = WHOLE, t: float = 1.0
) -> panel.PanelFigure:
    """Draw the populations of the state at a time.

    Args:
        sample: a sample of a model with time.
        theme: of the figure.
        whose: a modality, or "all together".
        t: the time as a share of T.
    """
    rho, dims, name = state_at(sample, whose, t)
    mass = np.real(np.diag(rho))
    labels = state_charts.basis_labels(dims)
    return panel.PanelFigure(
        "populations",
        describe_likeliest(name, dict(zip(labels, mass.tolist(), strict=True))),
        state_charts.populations(mass, dims, theme=theme),
        shows="the probability of each basis state, the diagonal of ρ(t)." + cite_states(sample),
        not_shown="coherence: see the matrix below.",
        alt=f"Populations at {name}: {panel.list_numbers(labels, mass)}.",
        table=lambda: pd.DataFrame({"state": labels, "probability": mass}),
    )


def matrix(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    part: str = "modulus",
    whose: str = WHOLE,
    t: float = 1.0,
) -> panel.PanelFigure:
    """Draw the density matrix at a time.

    Args:
        sample: a sample of a model with time.
        theme: of the figure.
        part: "modulus" or "phase".
        whose: a modality, or "all together".
        t: the time as a share of T.
    """
    rho, dims, name = state_at(sample, whose, t)
    labels = state_charts.basis_labels(dims)

    def table() -> pd.DataFrame:
        return panel.matrix_entries(labels, real=rho.real, imaginary=rho.imag)

    return panel.PanelFigure(
        f"matrix-{part}",
        f"Density matrix: {part} at {name}",
        state_charts.density_matrix(rho, dims, part=part, theme=theme),
        shows=MATRIX_PARTS[part][0] + cite_states(sample),
        not_shown=MATRIX_PARTS[part][1],
        alt=f"Heat map of the {part} of ρ: {panel.list_coherences(rho, labels)}.",
        table=table,
    )


def state_at(sample: Sample, whose: str, t: float) -> tuple[np.ndarray, tuple[int, ...], str]:
    """rho of all modalities or of one at a share t of T, its dimensions, and when that is, in words."""
    step = nearest_step(sample, t)
    dims = sample.model.dims
    when = f"t = {sample.track().times[step]:.2f}"
    if whose == WHOLE:
        return sample.track().rho[step], dims, when
    return reduced_states(sample, whose)[step], (dims[sample.modalities.index(whose)],), when


def nearest_step(sample: Sample, t: float) -> int:
    """Return which of the followed times a share t of T is."""
    return round(t * (len(sample.track().times) - 1))


def reduced_states(sample: Sample, name: str) -> np.ndarray:
    """Return the states of one modality over time, (nT, d, d)."""
    return partial_trace(
        torch.as_tensor(sample.track().rho), sample.model.dims, (sample.modalities.index(name),)
    ).numpy()


def list_changes(tweak: Tweak) -> list[str]:
    """Describe what is changed, one by one, as markdown."""
    changes = [
        f"H: {text.escape_markdown(term)} × {factor:g}" for term, factor in tweak.couplings.items()
    ]
    for term, factor in tweak.dissipations.items():
        changes.append(f"dissipation: {text.escape_markdown(term)} × {factor:g}")
    if tweak.duration is not None:
        changes.append(f"T = {tweak.duration:g}")
    return changes


Ends = tuple[float, float, str]  # a number at T as learned and now, and its unit


def correlation_change(sample: Sample) -> dict[str, Ends]:
    """Return the correlation at T, as learned and now, by its name as markdown: of the modalities that changed terms
    act on, or of all where these are more than two groups.

    None of a single modality. With it the entanglement of a pair, or of one modality with the rest, where all changed
    terms act on these.
    """
    names = sample.modalities
    ends = {}
    parts = sample_evolution.affected_modalities(sample.tweak, names)
    if len(names) == 1:
        return {}
    if len(parts) > MOST_SAID:
        parts = [names]
    for part in parts:
        whose = f" of {listed([text.escape_markdown(name) for name in part])}"
        if len(part) == 1:
            whose += " with the rest"
        elif len(parts) == 1 and (len(part) == len(names) or len(list_changes(sample.tweak)) == 1):
            whose = ""  # those that stand before it
        name = f"{'mutual information' if len(part) < 3 else 'total correlation'}{whose}"
        measures = [(name, sample_evolution.shared_at_end, "nats")]
        if len(parts) == 1 and len(part) < 3:
            measures.append((f"entanglement{whose}", sample_evolution.entangled_at_end, "bits"))
        for called, at_end, unit in measures:
            ends[called] = (
                at_end(sample.study, sample.row, sample.learned.tweak, part),
                at_end(sample.study, sample.row, sample.tweak, part),
                unit,
            )
    return ends


def equal_as_written(before: float, after: float) -> bool:
    """Return whether a difference is none as numbers are written, to 0.001."""
    return abs(after - before) < 5e-4 or f"{before:z.3f}" == f"{after:z.3f}"


def format_change(before: float, after: float) -> str:
    """Return two numbers as `0.210 → 0.130`, or the one that is written for both."""
    if equal_as_written(before, after):
        return f"{after:z.3f} (unchanged to 0.001)"
    return f"{before:z.3f} → {after:z.3f}"


def describe_change(
    changed: Sequence[str],
    shared: Mapping[str, Ends],
    score: tuple[float, float],
    decided: tuple[str, str],
    metric: tuple[str, float, float],
    whose: str = "",
    sure: tuple[float, float] = (0.0, 0.0),
    quantity: str = "score",
) -> str:
    """Describe what the sliders change, in a line.

    Args:
        changed: of `list_changes`. shared: of `correlation_change`.
        score, decided: the explained output as learned and now; the decision in words.
        metric: name of a test metric, its value as learned and now.
        whose: what is explained, behind the word.
        sure: softmax of the predicted class as learned and now, said where it stays the same class; alike where there
            are no classes.
        quantity: what is explained, "log-odds" or "score".
    """
    if len(changed) <= MOST_SAID:
        lever = ", ".join(changed)
    else:
        lever = f"{len(changed)} changes"
    parts = []
    for name, (before, after, unit) in shared.items():
        part = f"{name} {format_change(before, after)}"
        if not equal_as_written(before, after):
            part += f" {unit}"
        parts.append(part)
    parts.append(f"{quantity}{whose} {format_change(*score)}")
    if decided[0] != decided[1]:
        parts.append(f"decision now {decided[1]}")
    elif equal_as_written(*sure):
        parts.append("decision unchanged")
    else:
        parts.append(f"decision unchanged (softmax {format_change(*sure)})")
    return f"**{lever}**: {', '.join(parts)}, test {metric[0]}: {format_change(*metric[1:])}."


def describe_tweaked_sample(sample: Sample) -> str:
    """`describe_tweak` of a sample whose tweak changes something, of any model that takes one."""
    timed = can(sample.model, "time")
    return describe_tweak(
        sample,
        list_changes(sample.tweak) if timed else [text.escape_markdown(sample.changed)],
        correlation_change(sample) if timed else {},
    )


def describe_tweak(sample: Sample, changed: Sequence[str], shared: Mapping[str, Ends]) -> str:
    """`describe_change` of a sample under its tweak, as markdown; `changed` and `shared` as there."""
    study = sample.study
    base = sample.learned
    first = metrics.headlines(sample.metrics)[0]
    short = metrics.labels(sample.metrics)[first].short.partition(" (")[0]
    return describe_change(
        changed,
        shared,
        (base.score, sample.score),
        (answers.verdict(study, base.scores), answers.verdict(study, sample.scores)),
        (
            ("accuracy" if study.classes else short) + systems.seed_suffix(study),
            base.metrics[first],
            sample.metrics[first],
        ),
        name_explained_class(sample),
        (float(base.probabilities.max()), float(sample.probabilities.max()))
        if study.classes
        else (0.0, 0.0),
        sample.quantity,
    )


def describe_likeliest(when: str, populations: Mapping[str, float]) -> str:
    """Describe which basis states are the likeliest at a time, by their populations, 0 to 1."""
    return panel.superlative(
        populations,
        one="Likeliest basis state at {when}: {names} with {share}",
        some="Likeliest basis states at {when}, alike: {names} with {share} each",
        every="At {when} all {count} basis states are equally likely ({share} each)",
        name="|{}⟩".format,
        most=SHOWN_STATES,
        many="{count} of {all}",
        when=when,
    )


def terms_over_time(sample: Sample, what: str) -> dict[str, np.ndarray]:
    """Return the contributions, or the Shapley values, of the explained output over time, by name."""
    return sample.along if what == DIVIDENDS else sample.shapley_along


def cursor_time(sample: Sample, t: float) -> float | None:
    """Return the time of a share t of T, where a cursor is drawn: not at 0 and 1."""
    if 0 < t < 1:
        return t * float(sample_evolution.time_grid(float(sample.model.duration))[-1])
    return None
