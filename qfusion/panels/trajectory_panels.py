"""Quantum-jump trajectories of a sample, one by one and on average."""

import numpy as np
import pandas as pd

from qfusion.analysis import text
from qfusion.analysis.sample import Sample
from qfusion.figures import jump_trajectories, state_charts, style
from qfusion.panels import panel
from qfusion.quantum.measure_kinds import column_name
from qfusion.views import alt_text
from qfusion.views.decision import SHOWN_STATES
from qfusion.wording.operators import UNRAVELLING
from qfusion.wording.samples import cite_sample

SHOWN_RUNS = 4


def trajectories(
    sample: Sample, theme: style.Theme = "light", *, runs: int = 20, whose: str = ""
) -> panel.PanelFigure:
    """Draw single quantum-jump trajectories, with their jumps, and the mean of all.

    Args:
        sample: a sample of a model with time.
        theme: of the figure.
        runs: so many trajectories are sampled.
        whose: the modality whose entanglement is drawn; the first by default.
    """
    track = sample.track(runs=runs)
    whose = whose or sample.modalities[0]
    shown = track.trajectories[:SHOWN_RUNS]
    mean = track.ensemble.measures.single("entropy")[whose]
    last = [float(run.measures.single("entropy")[whose][-1]) for run in track.trajectories]
    title = (
        f"Entanglement entropy of {text.escape_markdown(whose)} ends between {min(last):.2f} and "
        f"{max(last):.2f} nats in {runs} single runs, {mean[-1]:.2f} on average"
    )
    figure = jump_trajectories.single_runs(
        track.times,
        [run.curve("entropy", whose) for run in shown],
        [
            list(zip(run.jump_times.tolist(), run.jump_operators.tolist(), strict=True))
            for run in shown
        ],
        mean,
        f"entanglement entropy of {whose} (nats)",
        channels=sample.model.jump_count,
        mean_name=f"mean of {runs} runs",
        theme=theme,
    )
    shows = (
        f"the first {len(shown)} runs: the joint state stays pure, so the von Neumann entropy of a modality is its "
        "entanglement entropy with the others. A jump is instantaneous: its line is vertical, from the exact state "
        "just before to that just after, where a marker says which operator jumped."
        + cite_sample(sample)
        + f" {UNRAVELLING}"
    )
    alt = (
        f"Entanglement entropy of {whose} in {len(shown)} single runs, at the end "
        f"{alt_text.list_numbers([f'run {i + 1}' for i in range(len(shown))], last[: len(shown)])} nats; "
        f"mean of all {mean[-1]:.2f}."
    )

    def table() -> pd.DataFrame:
        tables = []
        for i, run in enumerate(track.trajectories):
            times, values = run.curve("entropy", whose)
            tables.append(
                pd.DataFrame({"run": i + 1, "t": times, column_name("entropy", (whose,)): values})
            )
        return pd.concat(tables)

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
        f"Populations at the end by the master equation: {alt_text.list_numbers(names, master[-1])}; mean of the "
        "runs: "
        f"{alt_text.list_numbers(names, mean[-1])}."
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
