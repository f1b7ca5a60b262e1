"""What happens to states over time: correlations of modalities, quantum jumps, and the steady state."""

import math
from collections.abc import Mapping
from typing import Annotated

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import capitalise, listed
from qfusion.figures import dynamics_charts, evolution_charts, information_charts, state_charts
from qfusion.models.protocols import Evolution
from qfusion.quantum.measure_kinds import KINDS, column_name
from qfusion.simulate.steady_state import MIXED, Attractor, Contraction
from qfusion.study import circuits, evolution, text
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views.decision import SHOWN_STATES, cursor_time
from qfusion.views.pages.choices import TIMED, Cursor
from qfusion.views.pages.params import SelectParam, whole_number
from qfusion.views.states import nearest_step
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.names import MEASURE_TEXTS, UNRAVELLING, measures_with_panels
from qfusion.views.words.rules import cite_sample

FIRST_MEASURES = (
    "mutual_information",
    "negativity",
    "purity",
)  # panels of later ones are called measure-KIND


RUNS = SelectParam(
    "runs",
    "Trajectories",
    "20 are sampled.",
    "Number of random trajectories. Their mean approaches the exact evolution as the number grows.",
    ("4", "8", "20", "50", "100", "200"),
    default="20",
    look="steps",
    meanings=whole_number("runs", 1, 1000),
    fits=TIMED,
)

QUANTITY = SelectParam(
    "quantity",
    "Entanglement entropy of",
    "The first is shown.",
    "The von Neumann entropy of this modality in a single run, whose joint state is pure.",
    lambda study: study.modalities,
    fits=TIMED,
)


def measure_panels() -> dict[str, str]:
    """Return the kinds of measures that are drawn over time, each with the name of its panel."""
    return {
        kind: kind.replace("_", "-") if kind in FIRST_MEASURES else f"measure-{kind}"
        for kind in measures_with_panels()
    }


def correlation(
    sample: Sample,
    kind: str = "mutual_information",
    *,
    t: Cursor = 1.0,
) -> View:
    """One measure of correlation over time.

    Args:
        sample: a sample of a model with time.
        kind: of `quantum.measure_kinds.KINDS`; related kinds are drawn beside it, such as total correlation.
        t: where the cursor stands, a share of T.
    """
    about = KINDS[choose("Measure", kind, measure_panels())]
    words = MEASURE_TEXTS[kind]
    track = sample.track(negativity=True)
    series = dict(track.measures.by_part(kind))
    if about.beside:
        series |= track.measures.by_part(about.beside)
    before, learned = None, ""
    if sample.tweak_text:
        base = sample.untweaked.track(negativity=True)
        before = base.times, base.measures.by_part(kind)
        learned = " Thin, dotted: as learned."
    curves = {" + ".join(part) or "all together": values for part, values in series.items()}
    return View(
        evolution_charts.measure_lines(
            track.times,
            series,
            sample.modalities,
            about.axis,
            before=before,
            cursor=cursor_time(sample, t),
            height=260,
        ),
        _describe_largest_change(kind, track.measures.by_part(kind), track.times),
        caption=f"{words.caption}{learned}{cite_sample(sample)}",
        limits=words.limits,
        table=pd.DataFrame(
            {"t": track.times}
            | {column_name(kind, part, "all"): values for part, values in series.items()}
        ),
        alternative=f"{about.axis} over time: {rules.list_curves(curves)}.",
        name=measure_panels()[kind],
    )


def _describe_largest_change(
    kind: str, series: Mapping[tuple[str, ...], np.ndarray], times: np.ndarray
) -> str:
    """Return where the curve of a measure that changes most of all is largest, and whose it is."""
    about = KINDS[kind]
    if not series:
        return f"No {about.title}: there is one modality"
    part = max(series, key=lambda part: float(np.ptp(series[part])))
    whose = text.escape_markdown(listed(part)) if part else "all together"
    name = f"{capitalise(about.short)} of {whose}"
    return rules.describe_course(series[part], name, about.unit, [f"t = {t:.2f}" for t in times])


def information(sample: Sample, *, t: Cursor = 1.0) -> View:
    """Who shares how much with whom at a time, and over time; of three modalities with the tripartite information.

    Args:
        sample: a sample of a model with time and several modalities.
        t: the time as a share of T.
    """
    check(
        len(sample.modalities) > 1,
        f"Model '{sample.name}' has one modality: it shares nothing.",
    )
    track = sample.track()
    at = nearest_step(sample, t)
    when = f"t = {track.times[at]:.2f}"
    S = track.measures.by_part("entropy")
    alone = {name: S[name,] for name in sample.modalities}
    shared = track.measures.by_part("mutual_information")
    now = {pair: float(values[at]) for pair, values in shared.items()}
    columns = {f"entropy[{name}]": values for name, values in alone.items()}
    columns |= {f"mutual_information[{a}:{b}]": values for (a, b), values in shared.items()}
    together, finding, dotted = None, "", ""
    if len(alone) == 3:
        together = sum(alone.values()) - sum(S[pair] for pair in shared) + S[()]
        finding = f"; tripartite information {together[at]:+z.3f}"
        dotted = (
            "; dotted, the tripartite information I(a:b) + I(a:c) − I(a:bc), negative where a knows more of b and c "
            "together than of each"
        )
        columns["tripartite_information"] = together
    most = describe_most_shared({" + ".join(pair): value for pair, value in now.items()}, when)
    values_now = rules.list_numbers([" + ".join(pair) for pair in now], now.values(), ".3f")
    return View(
        information_charts.mutual_information_polygon(
            track.times, shared, alone, at, together=together
        ),
        f"{most}{finding}",
        caption="at the cursor, the mutual information I(a:b) = S_a + S_b − S_ab of each pair as the width of its "
        "line, and the entropy S of each modality as the area of its disc; beside it the pairs over "
        f"time{dotted}.{cite_sample(sample)}",
        limits="Mutual information does not tell classical from quantum correlation: a positive log-negativity, below, "
        "shows entanglement.",
        table=pd.DataFrame({"t": track.times, **columns}),
        alternative=f"At {when}: {values_now} nats.",
    )


def describe_most_shared(mutual: Mapping[str, float], when: str) -> str:
    """Describe which pairs share most at a time; mutual information in nats by pair, such as "text + audio"."""
    return rules.describe_extremum(
        mutual,
        places=3,
        none="No pair shares 0.001 nats or more at {when}",
        only="{names} share {value:.3f} nats at {when}",
        one="{names} share most at {when}: {value:.3f} nats",
        some="{names} share most, equally, at {when}: {value:.3f} nats",
        every="{names} share equally at {when}: {value:.3f} nats",
        several="({name})",
        when=when,
    )


SHOWN_RUNS = 4


def trajectories(
    sample: Sample, *, runs: Annotated[int, RUNS] = 20, whose: Annotated[str, QUANTITY] = ""
) -> View:
    """Single quantum-jump trajectories, with their jumps, and the mean of all.

    Args:
        sample: a sample of a model with time.
        runs: so many trajectories are sampled.
        whose: the modality whose entanglement is drawn; the first by default.
    """
    track = sample.track(runs=runs)
    whose = whose or sample.modalities[0]
    shown = track.trajectories[:SHOWN_RUNS]
    curves = [run.curve("entropy", whose) for run in track.trajectories]
    mean = track.ensemble.measures.single("entropy")[whose]
    last = [float(run.measures.single("entropy")[whose][-1]) for run in track.trajectories]
    ends = rules.list_numbers([f"run {i + 1}" for i in range(len(shown))], last[: len(shown)])
    column = column_name("entropy", (whose,))
    return View(
        dynamics_charts.single_runs(
            track.times,
            curves[: len(shown)],
            [
                list(zip(run.jump_times.tolist(), run.jump_operators.tolist(), strict=True))
                for run in shown
            ],
            mean,
            f"entanglement entropy of {whose} (nats)",
            channels=sample.model.jump_count,
            mean_name=f"mean of {runs} runs",
        ),
        f"Entanglement entropy of {text.escape_markdown(whose)} ends between {min(last):.2f} and {max(last):.2f} nats "
        f"in {runs} single runs, {mean[-1]:.2f} on average",
        caption=f"the first {len(shown)} runs: the joint state stays pure, so the von Neumann entropy of a modality is "
        "its entanglement entropy with the others. A jump is instantaneous: its line is vertical, from the exact state "
        "just before to that just after, where a marker says which operator jumped."
        f"{cite_sample(sample)} {UNRAVELLING}",
        limits="The model computes the mean over all runs, not a single run.",
        table=pd.concat(
            [
                pd.DataFrame({"run": number, "t": times, column: values})
                for number, (times, values) in enumerate(curves, 1)
            ]
        ),
        alternative=f"Entanglement entropy of {whose} in {len(shown)} single runs, at the end {ends} nats; mean of all "
        f"{mean[-1]:.2f}.",
    )


def ensemble(sample: Sample, *, runs: Annotated[int, RUNS] = 20) -> View:
    """The mean of sampled trajectories with its standard error, over the master equation."""
    track = sample.track(runs=runs)
    size = track.ensemble.size
    likeliest = np.sort(np.argsort(track.populations.max(0))[::-1][:SHOWN_STATES])
    labels = state_charts.basis_labels(sample.model.dims)
    names = [labels[i] for i in likeliest]
    master = track.populations[:, likeliest]
    mean = track.ensemble.populations[:, likeliest]
    error = track.ensemble.populations_error[:, likeliest]
    differ = error > 1e-9
    title = "The runs do not differ, so that nothing tells how far their mean is from the master equation"
    if differ.any():
        worst = np.max(np.abs(mean - master)[differ] / error[differ])
        title = (
            f"Where the runs differ, their mean stays within {worst:.1f} standard errors of the master equation in "
            "these states"
        )
    columns = {"master": master, "mean": mean, "standard_error": error}
    exact, sampled = (rules.list_numbers(names, values[-1]) for values in (master, mean))
    return View(
        dynamics_charts.ensemble(track.times, mean, error, master, names, size),
        title,
        caption=f"the four likeliest basis states: master equation (solid), mean of {size} runs (dotted), band of 2 "
        f"standard errors.{cite_sample(sample)}",
        limits="The other basis states are not drawn.",
        table=pd.DataFrame(
            {"t": track.times}
            | {
                f"{what}[{name}]": values[:, i]
                for i, name in enumerate(names)
                for what, values in columns.items()
            }
        ),
        alternative=f"Populations at the end by the master equation: {exact}; mean of the runs: {sampled}.",
    )


def raster(sample: Sample) -> View:
    """Which operator of the canonical unravelling jumped when in 200 trajectories, at which rate, and the exact one.

    Args:
        sample: a sample of a model with time and jump operators.
    """
    check(has_jumps(sample.study), f"Model '{sample.name}' has no jump operators.")
    records = circuits.records(sample)
    runs = len(records.runs)
    with_jumps = [record for record in records.runs if len(record[1])]
    mean, error = records.jumps_per_run()
    per_operator = [records.jumps_per_run(k) for k in range(len(records.exact))]
    counts = listed(
        [f"L{k} {value:.2f} ± {spread:.2f}" for k, (value, spread) in enumerate(per_operator, 1)]
    )
    return View(
        dynamics_charts.raster(
            [(times, which) for _, times, which in with_jumps],
            records.edges,
            records.counts,
            records.count_errors,
            records.times,
            records.exact,
        ),
        f"In this unravelling {len(with_jumps)} of {runs} trajectories jump, {mean:.2f} ± {error:.2f} times on average "
        f"(exact: {records.expected_jumps:.2f})",
        caption=f"above, every jump of {runs} trajectories, one row per trajectory with jumps, sorted by the first "
        "jump; below, jumps per time of each operator: counted (thin, with a band of one standard error), and the "
        "exact rate Tr L_k†L_k ρ(t) of the master equation (thick); in the title, the mean number with its standard "
        f"error.{cite_sample(sample)} {UNRAVELLING}",
        limits="For the effect of a jump on the state, see the single trajectories.",
        table=pd.DataFrame(
            [
                {"row": row, "trajectory": number + 1, "t": when, "operator": f"L{k + 1}"}
                for row, (number, times, which) in enumerate(records.runs, 1)
                for when, k in zip(times, which, strict=True)
            ],
            columns=["row", "trajectory", "t", "operator"],
        ),
        alternative=f"Jumps per trajectory: {counts}.",
    )


def has_jumps(study: Study) -> bool:
    """Return whether the model of a study evolves in time and has jump operators."""
    evolving = study.model.part(Evolution)
    return evolving is not None and study.model.jump_count > 0


def long_time_limit(sample: Sample) -> evolution.Convergence:
    """Return the long-time end of a sample's evolution; its steady state is None where nothing dissipates."""
    return evolution.steady_state_of(sample.study, sample.row, sample.tweak)


def distance(sample: Sample) -> View:
    """How fast inputs become alike within T, beside the distance to the steady state beyond it."""
    settled = long_time_limit(sample)
    attractor = settled.attractor
    pairs = settled.contraction
    T = float(sample.places[-1])
    near = others = ""
    lines, random_rates = None, None
    table = pd.DataFrame({"t": settled.times, "trace_distance": attractor.distance}).round({"t": 9})
    if pairs is not None:
        lines, random_rates = (pairs.times, pairs.distances), pairs.random_rates
        columns = {f"to_sample_{i}": values for i, values in enumerate(pairs.distances.T, 1)}
        table = table.merge(
            pd.DataFrame({**columns, "t": pairs.times.round(9)}), how="left", on="t"
        )
        near = f"; lines up to T: to the states of {len(columns)} other test samples; grey: random generators"
        first, last = pairs.distances[0].mean(), pairs.distances[-1].mean()
        others = f"; to other samples, mean, from {first:.2f} to {last:.2f} at T"
    lead = (
        describe_random_comparison(pairs),
        describe_approach_rate(settled, T),
        describe_mixing_time(pairs, T),
        describe_readout_dependence(settled.spread[:, sample.output], sample.unit),
    )
    return View(
        dynamics_charts.distance_line(
            settled.times,
            attractor.distance,
            attractor.gap,
            T,
            pairs=lines,
            random_rates=random_rates,
        ),
        describe_contraction(pairs, attractor.gap),
        caption=f"trace distance of ρ(t) to the steady state (bold){near}; dashed: the slope of the spectral gap (± "
        f"{attractor.gap_error:.1e}), which is the asymptotic rate; it meets the tail of the bold "
        f"line.{cite_sample(sample)}",
        limits="The read-out may not depend on the lost information. No trace distance can grow under a channel, so a "
        "decrease alone is no finding.",
        table=table,
        alternative=f"Trace distance to the steady state from {attractor.distance[0]:.2f} to "
        f"{attractor.distance[-1]:.2g}{others}.",
        heading="Rate at which the input is forgotten",
        lead=" ".join(filter(None, lead)),
    )


def steady(sample: Sample) -> View:
    """The populations of the steady state, and of the sample at T; only where something dissipates."""
    settled = long_time_limit(sample)
    attractor = settled.attractor
    dims = sample.model.dims
    mass = np.real(np.diag(attractor.steady))
    final = np.real(np.diag(settled.final))
    labels = state_charts.basis_labels(dims)
    return View(
        state_charts.populations(
            mass,
            dims,
            reference=final,
            name="steady state",
            reference_name="this sample at T",
        ),
        "Steady state of every input" if attractor.unique else "One of several steady states",
        caption=f"populations of the steady state (residual {attractor.residual:.0e}) and of this sample at T.",
        limits="Coherences of the steady state are not drawn.",
        table=pd.DataFrame({"state": labels, "steady": mass, "sample_at_T": final}),
        alternative=f"Populations of the steady state: {rules.list_numbers(labels, mass)}.",
    )


def describe_contraction(pairs: Contraction | None, gap: float) -> str:
    """Return the measured contraction within T and, apart from it, the asymptotic rate."""
    if pairs is None:
        return f"Inputs are forgotten at the asymptotic rate {gap:.3g}, the spectral gap"
    rates = pairs.rates
    return (
        f"States of inputs converge at rate {rates.mean():.3g} up to T ({rates.min():.2g} to "
        f"{rates.max():.2g} over {len(rates)} pairs), later at the spectral gap {gap:.3g}"
    )


def describe_random_comparison(pairs: Contraction | None) -> str:
    """Describe whether the pairs contract faster or slower than under every random generator of equal norms, or
    neither.
    """
    if pairs is None:
        return ""
    rate = float(pairs.rates.mean())
    random = pairs.random_rates
    if rate > random.max():
        word = "faster than under each"
    elif rate < random.min():
        word = "slower than under each"
    else:
        word = "within the range"
    left = pairs.distances[-1] / pairs.distances[0]
    return (
        "**How much is forgotten by T?** Of the trace distance between this sample's state and those "
        f"of {len(pairs.rates)} other test samples {left.mean():.1%} remains at T ({left.min():.1%} "
        f"to {left.max():.1%}), a rate of {rate:.3g}: {word} of {len(random)} random generators with "
        "the same number of jump operators and the same Hilbert-Schmidt norms of H and of the "
        f"dissipator ({random.min():.3g} to {random.max():.3g})."
    )


def describe_approach_rate(settled: evolution.Convergence, T: float) -> str:
    """Return the asymptotic rate beside that at which this sample approaches the steady state within T."""
    distance = settled.attractor.distance
    at_T = float(np.interp(T, settled.times, distance))
    return (
        "**And later?** The steady state is approached at a mean rate of "
        f"{math.log(distance[0] / max(at_T, 1e-12)) / T:.3g} up to T, and at an asymptotic rate of "
        f"{settled.attractor.gap:.3g}."
    )


def describe_mixing_time(pairs: Contraction | None, T: float) -> str:
    """Return the mixing time of the measured pairs against T."""
    if pairs is None:
        return ""
    if pairs.mixing_time is None:
        return f"These pairs are not all closer than {MIXED:g} after a thousand T."
    return (
        f"The last of these pairs is closer than {MIXED:g} from t = {pairs.mixing_time:.3g} on, "
        f"{pairs.mixing_time / T:.3g} T."
    )


def describe_readout_dependence(spread: np.ndarray, unit: str) -> str:
    """Describe how far the scores at 0, at T and at a unique steady state depend on the input."""
    return (
        "**What would be the final output?** At the steady state the output is the same for every "
        f"input. Its standard deviation over the test samples is {spread[1]:.3g} at T ({text.escape_markdown(unit)}) "
        f"and {spread[0]:.3g} at t = 0."
    )


NO_DISSIPATION = (
    "Nothing dissipates: the evolution is unitary, never settles, and has no unique steady state."
)
SEVERAL = (
    "Some deviations never decay: there are several steady states, and the one shown is one of them. The limit of a "
    "sample depends on its initial state."
)
UNIQUE = (
    "Every initial state ends in one steady state. In the long run deviations decay at rate {gap:.3g}, the spectral "
    "gap."
)


def describe_attractor(attractor: Attractor) -> str:
    """Return a sentence on the steady state and on how fast it is reached."""
    if attractor.steady is None:
        return NO_DISSIPATION
    if not attractor.unique:
        return SEVERAL
    return UNIQUE.format(gap=attractor.gap)
