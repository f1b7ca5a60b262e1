"""Quantum jumps of single trajectories, and mutual information between modalities."""

from collections.abc import Mapping

import pandas as pd

from qfusion._checks import check
from qfusion._sentences import listed
from qfusion.analysis import jump_records
from qfusion.analysis.sample import Sample
from qfusion.figures import correlation_polygon, jump_raster, style
from qfusion.models.protocols import Evolution
from qfusion.panels import panel
from qfusion.panels.dynamics_page import evolves_jointly
from qfusion.panels.state_at_time import nearest_step
from qfusion.views import alt_text
from qfusion.wording import extrema
from qfusion.wording.operators import UNRAVELLING
from qfusion.wording.samples import cite_sample, cite_states

# whether a sample's, or study's, model evolves in time and has jump operators
jumps_at_all = panel.needs(Evolution, where=lambda study: study.model.jump_count > 0)


def jump_times(sample: Sample, theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw which operator of the canonical unravelling jumped when in 200 trajectories, at which rate, and the exact
    one.

    Args:
        sample: a sample of a model with time and jump operators. theme: of the figure.
    """
    check(jumps_at_all(sample), f"Model '{sample.name}' has no jump operators.")
    records = jump_records.records(sample)
    runs = len(records.runs)
    K = len(records.exact)
    jumped = sum(len(times) > 0 for _, times, _ in records.runs)
    mean, error = records.jumps_per_run()
    title = (
        f"In this unravelling {jumped} of {runs} trajectories jump, {mean:.2f} ± {error:.2f} times on "
        f"average (exact: {records.expected_jumps:.2f})"
    )
    figure = jump_raster.raster(
        [(times, which) for _, times, which in records.runs if len(times)],
        records.edges,
        records.counts,
        records.count_errors,
        records.times,
        records.exact,
        theme,
    )
    means = [records.jumps_per_run(k) for k in range(K)]
    alt = "Jumps per trajectory: " + listed(
        [f"L{k + 1} {value:.2f} ± {error:.2f}" for k, (value, error) in enumerate(means)]
    )
    alt += "."

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            [
                {"row": row, "trajectory": number + 1, "t": when, "operator": f"L{k + 1}"}
                for row, (number, times, which) in enumerate(records.runs, 1)
                for when, k in zip(times, which, strict=True)
            ],
            columns=["row", "trajectory", "t", "operator"],
        )

    return panel.PanelFigure(
        "raster",
        title,
        figure,
        shows=f"above, every jump of {runs} trajectories, one row per trajectory with jumps, sorted by the "
        "first jump; below, jumps per time of each operator: counted (thin, with a band of one standard error), and "
        "the exact rate Tr L_k†L_k ρ(t) of the master equation (thick); in the title, the mean number with its "
        "standard error." + cite_sample(sample) + f" {UNRAVELLING}",
        not_shown="the effect of a jump on the state: see the single trajectories.",
        alt=alt,
        table=table,
    )


def mutual_information_graph(
    sample: Sample, theme: style.Theme = "light", *, t: float = 1.0
) -> panel.PanelFigure:
    """Draw who shares how much with whom at a time, and over time; of three modalities with the tripartite information.

    Args:
        sample: a sample of a model with time and several modalities. theme: of the figure.
        t: the time as a share of T.
    """
    check(evolves_jointly(sample), f"Model '{sample.name}' has one modality: it shares nothing.")
    track = sample.track()
    at = nearest_step(sample, t)
    S = track.measures.by_part("entropy")
    alone = {name: S[name,] for name in sample.modalities}
    shared = {
        (a, b): values for (a, b), values in track.measures.by_part("mutual_information").items()
    }
    if len(alone) == 3:
        together = sum(alone.values()) - sum(S[pair] for pair in shared) + S[()]
    else:
        together = None
    when = f"t = {track.times[at]:.2f}"
    title = describe_most_shared(
        {" and ".join(pair): float(values[at]) for pair, values in shared.items()}, when
    )
    if together is not None:
        title += f"; tripartite information {together[at]:+z.3f}"
    shows = (
        "at the cursor, the mutual information I(a:b) = S_a + S_b − S_ab of each pair as the width of its line, "
        "and the entropy S of each modality as the area of its disc; beside it the pairs over time"
    )
    if together is not None:
        shows += (
            "; dotted, the tripartite information I(a:b) + I(a:c) − I(a:bc), negative where a knows more of b and "
            "c together than of each"
        )
    shows += "." + cite_states(sample)
    alt = (
        f"At {when}: "
        + alt_text.list_numbers(
            [" : ".join(pair) for pair in shared],
            [float(values[at]) for values in shared.values()],
            ".3f",
        )
        + " nats."
    )

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            {"t": track.times}
            | {f"entropy[{name}]": values for name, values in alone.items()}
            | {f"mutual_information[{a}:{b}]": values for (a, b), values in shared.items()}
            | ({} if together is None else {"tripartite_information": together})
        )

    return panel.PanelFigure(
        "information",
        title,
        correlation_polygon.mutual_information_polygon(
            track.times, shared, alone, at, together=together, theme=theme
        ),
        shows=shows,
        not_shown="whether correlations are classical or quantum: a positive log-negativity, below, shows "
        "entanglement.",
        alt=alt,
        table=table,
    )


def describe_most_shared(mutual: Mapping[str, float], when: str) -> str:
    """Describe which pairs share most at a time; mutual information in nats by pair, such as "text and audio"."""
    return extrema.describe_extremum(
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
