"""Quantum-jump trajectories of a sample: one by one, their mean, and when which operator jumps."""

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion._sentences import listed
from qfusion.analysis import jump_records, text
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.figures import jump_raster, jump_trajectories, state_charts
from qfusion.models.protocols import Evolution
from qfusion.quantum.measure_kinds import column_name
from qfusion.views import View, alt_text
from qfusion.views.decision import SHOWN_STATES
from qfusion.wording.operators import UNRAVELLING
from qfusion.wording.samples import cite_sample

SHOWN_RUNS = 4


def trajectories(sample: Sample, *, runs: int = 20, whose: str = "") -> View:
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
    ends = alt_text.list_numbers([f"run {i + 1}" for i in range(len(shown))], last[: len(shown)])
    column = column_name("entropy", (whose,))
    return View(
        jump_trajectories.single_runs(
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
        limits="what the model computes: that is the mean over all runs.",
        table=pd.concat(
            [
                pd.DataFrame({"run": number, "t": times, column: values})
                for number, (times, values) in enumerate(curves, 1)
            ]
        ),
        alternative=f"Entanglement entropy of {whose} in {len(shown)} single runs, at the end {ends} nats; mean of all "
        f"{mean[-1]:.2f}.",
    )


def ensemble(sample: Sample, *, runs: int = 20) -> View:
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
    exact, sampled = (alt_text.list_numbers(names, values[-1]) for values in (master, mean))
    return View(
        jump_trajectories.ensemble(track.times, mean, error, master, names, size),
        title,
        caption=f"the four likeliest basis states: master equation (solid), mean of {size} runs (dotted), band of 2 "
        f"standard errors.{cite_sample(sample)}",
        limits="the other basis states.",
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
    records = jump_records.records(sample)
    runs = len(records.runs)
    with_jumps = [record for record in records.runs if len(record[1])]
    mean, error = records.jumps_per_run()
    per_operator = [records.jumps_per_run(k) for k in range(len(records.exact))]
    counts = listed(
        [f"L{k} {value:.2f} ± {spread:.2f}" for k, (value, spread) in enumerate(per_operator, 1)]
    )
    return View(
        jump_raster.raster(
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
        limits="the effect of a jump on the state: see the single trajectories.",
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
