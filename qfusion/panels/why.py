"""The panels of "Why fuse?"."""

from __future__ import annotations

from typing import Any

import numpy as np

from qfusion.analysis import text, why
from qfusion.explain import information, stability, worth
from qfusion.figures import style, trust as dots, why as figures
from qfusion.panels import control, panel

# Does the data need fusion? Before any training: built from a data set, or from the one of a study.


def bits(scope: Any, theme: style.Theme = "light") -> panel.Picture:
    """What modalities tell of the target redundantly, uniquely and only together, by every estimator and, of more than
    two modalities, of each against the rest."""
    dataset = getattr(scope, "dataset", scope)
    result = why.needs(dataset)
    rows = dict(result.by)
    rows |= {f"{name} against the rest": one for name, one in result.of_rest.items()}
    parts: dict[str, list[tuple[float, float, float]]] = {}
    sources = [*result.modalities, information.REST]
    for key, title in (
        (information.REDUNDANCY, figures.SHARED),
        *((name, name) for name in sources),
        (information.SYNERGY, figures.TOGETHER),
    ):
        values = [_three(one.parts.get(key)) for one in rows.values()]
        if np.isfinite(values).any():
            parts[title] = values
    rest = (
        " Rows below: one modality as one source and all others as the other."
        if result.of_rest
        else ""
    )
    return panel.Picture(
        "needs-bits",
        information.finding(result, text.plain),
        figures.bits(
            list(rows),
            {name: np.array(values) for name, values in parts.items()},
            result.modalities,
            entropy=result.entropy,
            theme=theme,
        ),
        shows=f"the information of the target of {text.plain(dataset.name)}, in bits, by {len(result.by)} estimators, "
        f"with redundancy as BROJA defines it. Whiskers: {_how(dataset, result)}.{rest} "
        + " ".join(map(_plain, (*result.worth.notes, *result.notes))),
        not_shown="what larger models could be told: small ones may miss what takes many rows to learn, and what they "
        "miss is told less, not more. Estimates of a part may lie below 0, and are drawn as 0.",
        alt="; ".join(
            f"{row}: " + panel.listed(one.parts, [part.value for part in one.parts.values()])
            for row, one in rows.items()
        )
        + ".",
        table=result.frame,
    )


def worth_of(scope: Any, theme: style.Theme = "light") -> panel.Picture:
    """What the best single, late and joint small models reach on held-out rows, and what each adds."""
    dataset = getattr(scope, "dataset", scope)
    estimate = why.needs(dataset)
    result = estimate.worth
    rows = {f"{kind}: {result.models[kind]}": one for kind, one in result.scores.items()}
    rows |= {"late less single": result.late, "joint less late": result.joint}
    return panel.Picture(
        "needs-worth",
        worth.sentence(result),
        dots.dots(
            [text.plain(name, 60) for name in rows],
            {result.metric: np.array([_three(one) for one in rows.values()])},
            hues=[style.GREY] * len(worth.KINDS) + [style.INK[theme]] * 2,
            x_title=f"{result.metric} on {result.n:,} held-out rows",
            theme=theme,
        ),
        shows=f"linear models, trees and a small network, cross-validated on {text.plain(dataset.name)}: the best of "
        "one modality, of parts that add up (late), and of all features together (joint). The best is the one of the "
        f"least held-out loss, so that small advantages are partly luck. Intervals: {_how(dataset, estimate)}. "
        + " ".join(map(_plain, result.notes)),
        not_shown="what a larger model reaches, or one that sees steps of sequences: these are pooled to means and "
        "deviations.",
        alt=", ".join(f"{name} {one.value:+.3f}" for name, one in rows.items()) + ".",
        table=result.frame,
    )


def _plain(words: str) -> str:
    return text.plain(words, 600)


def _three(one: stability.Interval | None) -> tuple[float, float, float]:
    return (np.nan,) * 3 if one is None else (one.value, one.low, one.high)


def _how(dataset: Any, result: information.Estimate) -> str:
    over = (
        "rows"
        if dataset.clusters is None
        else dataset.clusters.count_words(dataset.places(result.samples.index))
    )
    return f"{stability.LEVEL:.0%} bootstrap intervals over {over}"


def needs_record(result: information.Estimate) -> dict[str, Any]:
    """What the command line prints of a data set."""

    def one(interval: stability.Interval) -> dict[str, float]:
        return {"value": interval.value, "low": interval.low, "high": interval.high}

    def parts(entry: information.Decomposition) -> dict[str, Any]:
        return {
            "redundancy": one(entry.redundancy),
            "unique": {name: one(part) for name, part in entry.unique.items()},
            "synergy": one(entry.synergy),
            "total": one(entry.total),
        }

    tested = result.worth
    return {
        "data": result.name,
        "estimator": result.main.estimator,
        "measure": information.BROJA if len(result.main.sources) == 2 else "union information",
        "n": result.main.n,
        "entropy": result.entropy,
        **parts(result.main),
        "gain": one(result.gain),
        "estimators": {name: parts(entry) for name, entry in result.by.items()},
        "against_rest": {name: parts(entry) for name, entry in result.of_rest.items()},
        "lattice": dict(result.lattice),
        "disagree": result.apart,
        "worth": {
            "metric": tested.metric,
            "models": dict(tested.models),
            **{name: one(part) for name, part in tested.scores.items()},
            "late-single": one(tested.late),
            "joint-late": one(tested.joint),
            "unfinished": tested.unfinished,
        },
        "says": [information.finding(result), worth.sentence(tested)],
        "notes": [*tested.notes, *result.notes],
    }


NEED = control.Switch(
    "data.need",
    "Does it need fusion?",
    "It is not worked out.",
    "Asks small models what each modality tells of the target and what all tell only together, in up to a minute.",
)
OF_DATA = {
    "needs-bits": panel.Panel(bits, opens=NEED.opens, scope="dataset"),
    "needs-worth": panel.Panel(worth_of, opens=NEED.opens, scope="dataset"),
}
DATA_PANELS = {
    name: panel.Panel(one.build, opens=one.opens, scope="study") for name, one in OF_DATA.items()
}
