"""Jumps of single trajectories, and who shares information with whom, of models with time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from qfusion._checks import check
from qfusion._sentences import listed, top
from qfusion.analysis import text
from qfusion.analysis.dynamics import records
from qfusion.analysis.sample import Sample
from qfusion.figures.draw.physics import information, jumps
from qfusion.figures.style import Theme
from qfusion.panels.core import spoken
from qfusion.panels.core.panel import Panel, Picture, number, within
from qfusion.panels.dynamics import VIEWS


def jumps_at_all(subject: Any, **_: Any) -> bool:
    """Whether a sample's, or workspace's, model evolves in time and has jump operators."""
    work = getattr(subject, "work", subject)
    return bool(work.can("time")) and work.model.jump_count > 0


def several(subject: Any, **_: Any) -> bool:
    """Whether a sample's, or workspace's, model evolves in time and has several modalities."""
    work = getattr(subject, "work", subject)
    return bool(work.can("time")) and len(work.modalities) > 1


def raster(sample: Sample, theme: Theme = "light") -> Picture:
    """Which operator of the canonical unravelling jumped when in 200 trajectories, at which rate, and the exact one.

    Args:
        sample: a sample of a model with time and jump operators. theme: of the figure.
    """
    check(jumps_at_all(sample), f"Model '{sample.name}' has no jump operators.")
    found = records.records(sample)
    runs = len(found.runs)
    jumped = sum(len(times) > 0 for _, times, _ in found.runs)
    K = len(found.exact)

    def table() -> pd.DataFrame:
        return pd.DataFrame(
            [
                {"row": row, "trajectory": number + 1, "t": when, "operator": f"L{k + 1}"}
                for row, (number, times, which) in enumerate(found.runs, 1)
                for when, k in zip(times, which, strict=True)
            ],
            columns=["row", "trajectory", "t", "operator"],
        )

    return Picture(
        "raster",
        f"In this unravelling {jumped} of {runs} trajectories jump, {found.jumps / runs:.2f} times on "
        f"average (exact: {found.expected:.2f})",
        jumps.raster(
            [(times, which) for _, times, which in found.runs if len(times)],
            found.edges,
            found.found,
            found.times,
            found.exact,
            theme,
        ),
        shows=f"above, every jump of {runs} trajectories, a row each that jumps, sorted by the first jump; below, "
        "jumps per time of each operator: counted in them (thin), and the exact rate Tr L_k†L_k ρ(t) of the "
        "master equation (thick)." + sample.of + f" {records.UNRAVELLING}",
        not_shown="what a jump does to the state: see the single trajectories.",
        alt="Jumps per trajectory: "
        + spoken.listed(
            [f"L{k + 1}" for k in range(K)],
            [sum(int((which == k).sum()) for *_, which in found.runs) / runs for k in range(K)],
        )
        + ".",
        table=table,
    )


def triangle(sample: Sample, theme: Theme = "light", *, t: float = 1.0) -> Picture:
    """Who shares how much with whom at a time, and over time; of three modalities with the tripartite information.

    Args:
        sample: a sample of a model with time and several modalities. theme: of the figure.
        t: the time as a share of T.
    """
    check(several(sample), f"Model '{sample.name}' has one modality: it shares nothing.")
    track = sample.track()
    at = round(t * (len(track.times) - 1))
    S = track.measures.of("entropy")
    alone = {name: S[name,] for name in sample.modalities}
    shared = {(a, b): values for (a, b), values in track.measures.of("mutual_information").items()}
    together = None
    if len(alone) == 3:
        together = sum(alone.values()) - sum(S[pair] for pair in shared) + S[()]
    when = f"t = {track.times[at]:.2f}"
    title = share_most(
        {" and ".join(pair): float(values[at]) for pair, values in shared.items()}, when
    )
    if together is not None:
        title += f"; tripartite information {together[at]:+z.3f}"

    def table() -> pd.DataFrame:
        columns = {"t": track.times} | {
            f"entropy[{name}]": values for name, values in alone.items()
        }
        columns |= {f"mutual_information[{a}:{b}]": values for (a, b), values in shared.items()}
        return pd.DataFrame(
            columns | ({} if together is None else {"tripartite_information": together})
        )

    return Picture(
        "information",
        title,
        information.triangle(track.times, shared, alone, at, together=together, theme=theme),
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
        + spoken.listed(
            [" : ".join(pair) for pair in shared],
            [float(values[at]) for values in shared.values()],
            ".3f",
        )
        + " nats.",
        table=table,
    )


def share_most(mutual: Mapping[str, float], when: str) -> str:
    """Which pairs share most at a time; mutual information in nats by pair, such as "text and audio"."""
    first, value = [text.plain(name) for name in top(mutual, 3)], max(mutual.values())
    if round(value, 3) <= 0:
        return f"No pair shares as much as 0.001 nats at {when}"
    if len(mutual) == 1:
        return f"{first[0]} share {value:.3f} nats at {when}"
    if len(first) == 1:
        return f"{first[0]} share most at {when}: {value:.3f} nats"
    pairs, most = (
        listed([f"({name})" for name in first]),
        "most, alike," if len(first) < len(mutual) else "alike",
    )
    return f"{pairs} share {most} at {when}: {value:.3f} nats"


_SHARING = {
    "information": Panel(
        triangle,
        {"t": number("t", 0, 1)},
        fits=several,
        opens=within("view", VIEWS, "Correlations"),
    ),
    "raster": Panel(raster, fits=jumps_at_all, opens=within("view", VIEWS, "Trajectories")),
}
