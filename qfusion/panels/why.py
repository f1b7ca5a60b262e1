"""Does fusion matter, does the quantum part, and which piece of it? The panels of Why fuse."""

from __future__ import annotations

import numpy as np
from typing import Any
from qfusion.analysis import cohort_measures, text, why
from qfusion.explain import gate_groups as groups, information, patching, smallest as pruning, stability, worth
from qfusion.figures import style, trust as dots, trust as trust_figures, why as figures
from qfusion.panels import control, panel
from qfusion._checks import choose
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.training import metrics


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


# Which piece does it?

ONE, MEAN = LENDERS = ("one sample", "background mean")
NORMAL = 1.96  # standard errors to each side of a 95 % interval
GROUP_UNITS = {
    groups.SCORE: "added to the score",
    groups.LOSS: "added to the mean loss",
    groups.ENTANGLEMENT: "added to the mean entropy of the qubits (nats)",
}


def patches(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    lender: str = ONE,
    donor: str = "",
    kind: str = patching.DEFAULT,
) -> panel.Picture:
    """What a modality's state at a time, taken from another sample, restores of that one's score; only of models that
    evolve.

    Args:
        sample: whose evolution goes on with it.
        theme: of the figure.
        lender: "one sample" or "background mean".
        donor: id of that sample; the nearest one that is decided differently unless told.
        kind: of `explain.patching.KINDS`.
    """
    choose("Lender", lender, LENDERS)
    place = [*patching.KINDS].index(choose("Kind of patch", kind, patching.KINDS))
    other = "" if lender == MEAN else donor or why.partner(sample)
    result = why.patches_of(sample.study, sample.row, other)
    whose = f"‘{text.plain(other)}’" if other else "the background's mean"
    restored = np.nan_to_num(result.restored[place, ..., 0])
    leads = [float(lead[0]) for lead in result.leads[1:]]
    end = dict(zip(result.modalities, restored.max(1).tolist(), strict=True))
    return panel.Picture(
        "patches",
        panel.capital(patching.answer(result, 0, kind, whose, text.plain)),
        figures.patches(
            result.times, result.modalities, restored, result.turned[place, ..., 0], theme=theme
        ),
        shows=f"the score if at time t the state of one modality is that of {whose} at t, and all evolves on to T: its "
        f"change as a share of what the two differ by ({leads[0]:+z.2f} here, {leads[1]:+z.2f} there"
        + (", the lead of the one class over the other)" if len(result.outputs) > 1 else ")")
        + f". {patching.KINDS[kind]} Exact.",
        not_shown="what other features would do: it is an intervention on the model's state, which no input need "
        "reach. Shares of modalities and times do not add up.",
        alt=f"Largest share restored by each modality: {panel.terms(end)}.",
        table=result.frame,
    )


def gate_groups(
    sample: Sample, theme: style.Theme = "light", *, of: str = groups.SCORE
) -> panel.Picture:
    """Shapley values of the network's gate groups; only of models that fuse by rules.

    Args:
        sample: whose score and entanglement it is.
        theme: of the figure.
        of: target, of `explain.gate_groups.TARGETS`.
    """
    result = why.gate_groups_of(sample.study, sample.row, sample.output)
    values = result.shapley[choose("Target", of, groups.TARGETS)]
    low, high = values, values
    if of == groups.SCORE:
        low, high = values - NORMAL * result.errors, values + NORMAL * result.errors
    elif of == groups.LOSS:
        low, high = (np.array([getattr(i, end) for i in result.losses]) for end in ("low", "high"))
    whole = len(sample.dataset.rows("test"))
    spread = {
        groups.SCORE: f"Bars: 95 % of what {result.shots:,} shots of every coalition would scatter; the values "
        "themselves are exact.",
        groups.LOSS: f"Mean over {cohort_measures.drawn_words(result.rows, whole, 'test row')}, with 95 % bootstrap "
        "intervals.",
        groups.ENTANGLEMENT: "Exact.",
    }
    titles = [text.plain(group.title) for group in result.groups]
    return panel.Picture(
        f"gate-groups-{of}",
        panel.capital(groups.answer(result, of, text.plain)),
        trust_figures.dots(
            [group.title for group in result.groups],
            {of: np.stack([values, low, high], 1)},
            hues=[style.GREY if group.kind != "fusion" else style.BLUE for group in result.groups],
            x_title=GROUP_UNITS[of],
            theme=theme,
        ),
        shows="the Shapley value of every gate group over all coalitions of groups, with the identity in the place of "
        f"those left out: together {result.whole[of] - result.empty[of]:+z.2f}, from {result.empty[of]:z.2f} without "
        f"any to {result.whole[of]:z.2f}. {spread[of]}",
        not_shown="what a network that was trained without a group would do: the others were learned beside it.",
        alt=f"{panel.listed(titles, values.tolist(), '+.2f')}.",
        table=result.frame,
    )


def smallest(study: Study, theme: style.Theme = "light") -> panel.Picture:
    """How much of what the generator adds its terms carry, fewer and fewer; only of models that evolve."""
    result = why.pruning_of(study)
    short = metrics.describe[result.metric].short
    low, high = result.shares.low, result.shares.high
    told = {"greedy": tuple(np.nan_to_num(v) for v in _ends(result.shares.value, low, high))}
    least, most = result.shown.value[0], result.shown.value[-1]
    floor = most - float(result.gain.value[0])
    scale = most - floor if most != floor else 1.0
    tweak = str(result.tweak(result.size))
    return panel.Picture(
        "smallest",
        pruning.answer(result, text.plain),
        figures.banded(
            np.arange(len(result.terms) + 1),
            told,
            hues={"greedy": style.BLUE},
            x_title="terms left",
            y_title=f"share of what the generator adds to {short}",
            behind=np.maximum((result.random - floor) / scale, -1.0),
            behind_name="random orders",
            marks={"greedy": result.size},
            theme=theme,
        ),
        shows=f"{short} on {result.showing:,} test rows with fewer and fewer couplings (H) and dissipations (D), from "
        f"{most:.3f} with all to {least:.3f} with none, as a share of what all add to "
        f"{'that' if floor == least else f'one answer for all ({floor:.3f})'}. {result.choosing:,} validation rows "
        f"choose the order, and the size (dotted): the smallest with {pruning.PART:.0%} of the best on these. Band: "
        f"95 % bootstrap; grey: {len(result.random)} random orders. Tweak that leaves it: `{tweak or 'none'}`.",
        not_shown="what the terms left would do if they were trained on: `python -m qfusion why --smallest --retrain` "
        "does that; nor the best set of each size, which a greedy order need not hold.",
        alt=f"Share by terms left: {panel.listed(range(len(result.terms) + 1), result.shares.value, '.0%')}.",
        table=result.frame,
    )


def _ends(
    value: np.ndarray, low: np.ndarray | None, high: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, low and high; the value alone where there is no interval."""
    return value, value if low is None else low, value if high is None else high


LENDER = control.Choice(
    "patch.lender",
    "State from",
    "One sample lends its state.",
    "Whose state of a modality is put in the place of this sample's.",
    LENDERS,
    look="segments",
)
DONOR = control.SampleId(
    "patch.from",
    "That sample",
    "The nearest one decided differently is taken.",
    style={"width": 180},
)
PATCH = control.Choice(
    "patch.kind",
    "Correlation with the rest",
    "It stays.",
    "With its correlation taken away besides, a sample patched with itself is cut, and no longer itself.",
    read={"stays": patching.DEFAULT, "taken away": "product"},
    look="segments",
)
GROUPS_OF = control.Choice(
    "groups.of",
    "Gate groups of",
    "Those of the score are shown.",
    "What the blocks of the network are measured by.",
    groups.TARGETS,
    look="segments",
)
PIECES_CONTROLS = (LENDER, DONOR, PATCH, GROUPS_OF)
PIECES = {
    "patches": panel.Panel(
        patches,
        {"lender": LENDER, "donor": DONOR, "kind": PATCH},
        fits=panel.can("time", where=lambda study: len(study.modalities) > 1),
    ),
    "smallest": panel.Panel(
        smallest,
        fits=panel.can("time", where=lambda study: not study.model.still),
        scope="study",
    ),
    **{
        f"gate-groups-{of}": panel.Panel(
            gate_groups,
            fixed={"of": of},
            fits=panel.can("rules"),
            opens=GROUPS_OF.chosen(of),
        )
        for of in groups.TARGETS
    },
}
CONTROLS = PIECES_CONTROLS
PANELS = PIECES
