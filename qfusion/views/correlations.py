"""How strongly the modalities of a sample are correlated over time."""

from collections.abc import Mapping
from typing import Annotated

import pandas as pd

from qfusion._checks import check, choose
from qfusion.analysis.sample import Sample
from qfusion.figures import correlation_polygon, evolution_charts
from qfusion.quantum.measure_kinds import KINDS, column_name
from qfusion.views import Slider, View, alt_text
from qfusion.views.decision import cursor_time
from qfusion.views.states import nearest_step
from qfusion.wording import extrema
from qfusion.wording.measures import MEASURE_TEXTS, measures_with_panels
from qfusion.wording.samples import cite_states

FIRST_MEASURES = (
    "mutual_information",
    "negativity",
    "purity",
)  # panels of later ones are called measure-KIND


def measure_panels() -> dict[str, str]:
    """Return the kinds of measures that are drawn over time, each with the name of its panel."""
    return {
        kind: kind.replace("_", "-") if kind in FIRST_MEASURES else f"measure-{kind}"
        for kind in measures_with_panels()
    }


def correlation(
    sample: Sample,
    *,
    kind: str = "mutual_information",
    t: Annotated[float, Slider(0.0, 1.0)] = 1.0,
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
    curves = {about.between.join(part): values for part, values in series.items()}
    return View(
        evolution_charts.measure_lines(
            track.times,
            series,
            sample.modalities,
            about.axis,
            between=about.between,
            before=before,
            cursor=cursor_time(sample, t),
            height=260,
        ),
        words.question,
        caption=f"{words.shows}{learned}{cite_states(sample)}",
        limits=words.not_shown,
        table=pd.DataFrame(
            {"t": track.times}
            | {column_name(kind, part, "all"): values for part, values in series.items()}
        ),
        alternative=f"{about.axis} over time: {alt_text.list_curves(curves)}.",
        name=measure_panels()[kind],
    )


def information(sample: Sample, *, t: Annotated[float, Slider(0.0, 1.0)] = 1.0) -> View:
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
    most = describe_most_shared({" and ".join(pair): value for pair, value in now.items()}, when)
    values_now = alt_text.list_numbers([" : ".join(pair) for pair in now], now.values(), ".3f")
    return View(
        correlation_polygon.mutual_information_polygon(
            track.times, shared, alone, at, together=together
        ),
        f"{most}{finding}",
        caption="at the cursor, the mutual information I(a:b) = S_a + S_b − S_ab of each pair as the width of its "
        "line, and the entropy S of each modality as the area of its disc; beside it the pairs over "
        f"time{dotted}.{cite_states(sample)}",
        limits="whether correlations are classical or quantum: a positive log-negativity, below, shows entanglement.",
        table=pd.DataFrame({"t": track.times, **columns}),
        alternative=f"At {when}: {values_now} nats.",
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
