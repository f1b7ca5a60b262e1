"""Does fusion matter, does the quantum part, and which piece of it? The panels of Why fuse."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import choose
from qfusion._sentences import count, listed
from qfusion.analysis import audit, audit_rows, cohort_measures, errors, text, trust
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study, dividend_column
from qfusion.data import DataSet
from qfusion.data.spec import split_term
from qfusion.explain import (
    building,
    counterfactual,
    cuts,
    evidence,
    fusing,
    information,
    stability,
    worth,
)
from qfusion.figures import style, trust as figures
from qfusion.panels import cohorts, faithfulness, panel, params
from qfusion.training import metrics
from qfusion.wording.backgrounds import background_markdown, describe_comparison

# Does the data need fusion? Before any training: built from a data set, or from the one of a study.


def bits(dataset: DataSet, theme: style.Theme = "light") -> panel.Picture:
    """What modalities tell of the target redundantly, uniquely and only together, by every estimator and, of more than
    two modalities, of each against the rest."""
    result = trust.needs(dataset)
    rows = {
        **result.by,
        **{f"{name} against the rest": one for name, one in result.of_rest.items()},
    }
    titles = {
        information.REDUNDANCY: figures.SHARED,
        **{name: name for name in (*result.modalities, information.REST)},
        information.SYNERGY: figures.TOGETHER,
    }
    parts = {
        title: figures.ends(one.parts.get(key) for one in rows.values())
        for key, title in titles.items()
    }
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
            {title: values for title, values in parts.items() if np.isfinite(values).any()},
            result.modalities,
            entropy=result.entropy,
            theme=theme,
        ),
        shows=f"the information of the target of {text.plain(dataset.name)}, in bits, by {len(result.by)} estimators, "
        f"with redundancy as BROJA defines it. Whiskers: {_over_rows(dataset, result)}.{rest} "
        + " ".join(map(_plain, (*result.worth.notes, *result.notes))),
        not_shown="that a model must fuse: of a sum, too, much is told only together, and late models add up. Nor how "
        "much more the data hold: the total is a lower bound, since small models may miss what takes many rows to "
        "learn. In the data a part may be larger or smaller than what is found of it. Estimates below 0 are drawn "
        "as 0.",
        alt="; ".join(
            f"{row}: " + panel.listed(one.parts, [part.value for part in one.parts.values()])
            for row, one in rows.items()
        )
        + ".",
        table=result.frame,
    )


def worth_of(dataset: DataSet, theme: style.Theme = "light") -> panel.Picture:
    """What the best single, late and joint small models reach on held-out rows, and what each adds."""
    estimate = trust.needs(dataset)
    result = estimate.worth
    rows = {
        f"{kind}: {result.models[kind]}" if kind in result.models else kind: one
        for kind, one in result.scores.items()
    }
    return panel.Picture(
        "needs-worth",
        worth.sentence(result),
        figures.dots(
            list(rows),
            {result.metric: figures.ends(rows.values())},
            hues=[style.GREY] * len(worth.KINDS) + [style.INK[theme]] * 2,
            x_title=f"{result.metric} on {result.n:,} held-out rows",
            theme=theme,
        ),
        shows=f"linear models, trees and a small network, cross-validated on {text.plain(dataset.name)}: the best of "
        "one modality, of parts that add up (late), and of all features together (joint), or the base rate where no "
        "model does better. The best is the one of the least held-out loss, so that small advantages are partly luck. "
        f"Intervals: {_over_rows(dataset, estimate)}. " + " ".join(map(_plain, result.notes)),
        not_shown="what a larger model reaches, or one that sees a picture as such or the steps of a sequence: "
        "features come as principal components, sequences as means and deviations. Where small models gain nothing, a "
        "trained one may.",
        alt=", ".join(f"{name} {one.value:+.3f}" for name, one in rows.items()) + ".",
        table=result.frame,
    )


def _plain(words: str) -> str:
    return text.plain(words, 600)


def _over_rows(dataset: Any, result: information.Estimate) -> str:
    return faithfulness.intervals_over(dataset, dataset.places(result.samples.index), "rows")


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
            "alone": {name: one(part) for name, part in entry.alone.items()},
        }

    tested = result.worth
    return {
        "data": result.name,
        "estimator": result.main.estimator,
        "measure": information.BROJA if len(result.main.sources) == 2 else "union information",
        "n": result.main.n,
        "entropy": result.entropy,
        **parts(result.main),
        "bound": "total and alone are lower bounds: the data hold at least their low ends",
        "shared": dict(result.different),
        "below_chance": [
            {"modality": name, "model": member} for name, member in result.below_chance
        ],
        "gain": one(result.gain),
        "estimators": {name: parts(entry) for name, entry in result.by.items()},
        "against_rest": {name: parts(entry) for name, entry in result.of_rest.items()},
        "lattice": dict(result.lattice),
        "disagree": [name for name in result.main.parts if name in dict(result.apart)],
        "worth": {
            "metric": tested.metric,
            "models": dict(tested.models),
            **{name: one(part) for name, part in tested.scores.items()},
            "unfinished": tested.unfinished,
        },
        "says": [information.finding(result), worth.sentence(tested)],
        "notes": [*tested.notes, *result.notes],
    }


def bits_of_study(study: Study, theme: style.Theme = "light") -> panel.Picture:
    """`bits` of a model's data."""
    return bits(study.dataset, theme)


def worth_of_study(study: Study, theme: style.Theme = "light") -> panel.Picture:
    """`worth_of` a model's data."""
    return worth_of(study.dataset, theme)


NEED = params.SwitchParam(
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
    "needs-bits": panel.Panel(bits_of_study, opens=NEED.opens, scope="study"),
    "needs-worth": panel.Panel(worth_of_study, opens=NEED.opens, scope="study"),
}


# Does my model fuse?

MAX_POINTS = 1_500  # of a swarm, a coalition


def emap(study: Study, theme: style.Theme = "light") -> panel.Picture:
    """What joint terms are worth in every metric: the model against its EMAP, and against its own terms."""
    labels = trust.metric_labels(study.dataset)
    first = next(iter(labels))
    (result, worth), (_, own) = (trust.without_joint(study, kind) for kind in fusing.KINDS)
    sampled = (
        ""
        if result.errors is None
        else f" EMAP is sampled: {result.rows:,} shuffled rows, standard error of the {study.quantity} at most "
        f"{result.errors.mean():.2g} on average."
    )
    return panel.Picture(
        "why-emap",
        text.plain(fusing.fuses(result, worth, first, labels[first].short)),
        figures.dots(
            [labels[name].short for name in labels],
            {
                kind: figures.ends(part["gain"].values())
                for kind, part in zip(fusing.KINDS, (worth, own), strict=True)
            },
            hues=[style.GREY] * len(labels),
            x_title="better with joint terms by (units of the metric)",
            theme=theme,
        ),
        shows=f"by how much metrics are better with joint terms than without, on {len(result.scores):,} test samples. "
        f"EMAP: the sum over modalities that is nearest to the model's {study.quantity} on all combinations of "
        f"{result.rows:,} test rows; own terms: baseline and own contributions, against "
        f"{background_markdown(study.bulk_background)}. {_over(study, fusing.RESAMPLES)}.{sampled}",
        not_shown="what an additive model would reach that was trained as one: a projection can decide worse than "
        "chance.",
        alt="Worth of joint terms: "
        + ", ".join(f"{labels[name].short} {one.value:+.3f}" for name, one in worth["gain"].items())
        + ".",
        table=lambda: fusing.interval_frame("metric", **worth),
    )


def loss(study: Study, theme: style.Theme = "light") -> panel.Picture:
    """What each coalition and modality takes off the test loss."""
    game, terms = trust.loss_game(study), study.terms
    title = fusing.LOSS_TITLES[game.loss]
    mean = " of the softmax of the mean log-odds" if study.classes else ""
    return panel.Picture(
        "why-loss",
        text.plain(fusing.matters(game)),
        figures.dots(
            list(terms),
            {
                "contribution": figures.ends(game.dividends.values()),
                "Shapley value": figures.ends(map(game.shapley.get, terms)),
            },
            hues=[style.term_colour(term, study.modalities) for term in terms],
            x_title=f"takes off the {title}",
            theme=theme,
        ),
        shows=f"what coalitions take off the {title}{mean} that is left without the modalities outside them, mean over "
        f"{game.total.n:,} test samples: SAGE's game with exact values. Contributions add up to all that it falls, "
        f"and so do Shapley values. {_over(study)}. {describe_comparison(study.bulk_background)}",
        not_shown="what a model would lose that was trained without a modality.",
        alt=f"Takes off the {title}: "
        + panel.terms({term: one.value for term, one in game.dividends.items()}, "+.3f")
        + ".",
        table=game.frame,
    )


def ranking(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """The coalitions of a cohort by what they say."""
    study, ranked = levels.study, _ranked(levels)
    return panel.Picture(
        "why-ranking",
        fusing.says_most(ranked, text.term),
        figures.dots(
            list(ranked.sizes),
            {
                "mean size": figures.ends(ranked.sizes.values()),
                "mean with sign": figures.ends(ranked.means.values()),
            },
            hues=[style.term_colour(term, study.modalities) for term in ranked.sizes],
            x_title=f"contribution ({cohorts.unit_of(levels)})",
            theme=theme,
        ),
        shows=f"mean size and mean of the exact contributions, the largest size first; {_whom(levels)}",
        not_shown="how they spread over samples, which the swarm does.",
        alt="Mean sizes: "
        + panel.terms({term: one.value for term, one in ranked.sizes.items()})
        + ".",
        table=ranked.frame,
    )


def pairs(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """The mean interaction of any two modalities over a cohort."""
    study, known = levels.study, _ranked(levels).pairs
    clear = [text.term(pair) for pair, one in known.items() if one.excludes_zero]
    words = (
        f"Mean interaction differs from 0: {', '.join(clear)}"
        if clear
        else "No pair's mean interaction differs from 0 beyond its interval"
    )
    return panel.Picture(
        "why-pairs",
        words,
        figures.interactions(
            [split_term(pair) for pair in known],
            figures.ends(known.values()),
            study.modalities,
            unit=cohorts.unit_of(levels),
            theme=theme,
        ),
        shows=f"mean Shapley interaction index of any two modalities with its interval; {_whom(levels)}",
        not_shown="interactions whose signs cancel over samples: their size stands in the ranking.",
        alt="Mean interactions of two modalities: "
        + panel.terms({pair: one.value for pair, one in known.items()}, "+.3f")
        + ".",
        table=lambda: fusing.interval_frame("pair", interaction=known),
    )


def swarm(levels: errors.Levels, theme: style.Theme = "light") -> panel.Picture:
    """Every sample's contributions, by coalition."""
    study, ranked = levels.study, _ranked(levels)
    rows = levels.rows[levels.inside]
    rows = rows.iloc[cohort_measures.drawn_places(len(rows), MAX_POINTS, MAX_POINTS)]
    by = "certainty" if study.classes else "truth"
    columns = {term: rows[dividend_column(term)].to_numpy(float) for term in ranked.sizes}
    return panel.Picture(
        "why-swarm",
        f"Contributions of {cohort_measures.drawn_words(len(rows), int(levels.inside.sum()))}, one by one",
        figures.swarm(
            columns,
            rows[by].to_numpy(float),
            rows.index.tolist(),
            by=by,
            unit=cohorts.unit_of(levels),
            theme=theme,
        ),
        shows=f"a point a sample and coalition, stacked where many are alike, in the colour of its {by}; "
        f"{_whom(levels)}",
        not_shown="how the terms of one sample go together.",
        alt="Medians: " + panel.terms({t: float(np.median(v)) for t, v in columns.items()}) + ".",
        table=lambda: rows[[by, *map(dividend_column, columns)]].reset_index(),
    )


def synergy(study: Study, theme: style.Theme = "light") -> panel.Picture:
    """How near sampled synergies come to the exact dividends of pairs, as a table: it has no figure."""
    frame = trust.synergies(study)
    return panel.Picture(
        "why-synergy",
        text.plain(fusing.nearly(frame)),
        None,
        shows=f"F_syn = v(ab) − v(a) − v(b) + v(∅) of pairs, against {trust.ROWS} training samples drawn at random "
        f"{trust.DRAWS} times (the same rows for all samples), beside the dividend against "
        f"{background_markdown(study.bulk_background)}: correlation over test samples, and root mean square error "
        "over the dividend's own.",
        not_shown="F_syn as its authors compute it inside a modality: here it is of whole modalities.",
        alt=fusing.nearly(frame),
        table=lambda: frame,
    )


def basins(sample: Sample, theme: style.Theme = "light") -> panel.Picture:
    """Whether training seeds explain a test sample in one way or in several; only where seeds were measured."""
    study = trust.as_trained(sample.study)
    seeds, result = trust.stability_of(study), trust.basins(study)
    values = faithfulness._known(
        trust.seed_values(study, seeds, sample.row, faithfulness.DIVIDENDS),
        f"Sample {sample.id} is not a test sample: seeds are compared on these. Pick one.",
    )
    labels = result.labels[np.flatnonzero(study.dataset.rows(trust.SPLIT) == sample.row)[0]]
    words = fusing.basin_words(labels, values.to_numpy(), list(values.columns), seeds.seeds)
    return panel.Picture(
        "why-basins",
        f"Sample {text.plain(sample.id)}: {text.plain(words)}",
        figures.basins(
            values.to_numpy(),
            labels,
            list(values.columns),
            seeds.seeds,
            unit="log-odds of the true class (nats)" if seeds.of_true_class else study.unit_of(0),
            theme=theme,
        ),
        shows=f"its contributions by each of {len(seeds.seeds)} training seeds, a line a seed. Seeds are split where "
        f"the silhouette is largest; explanations count as several above {result.threshold:.2f}, which about "
        f"{fusing.FALSE:.0%} of samples pass whose seeds scatter about one. {text.plain(fusing.basin_share(result))}.",
        not_shown="explanations that fewer than two seeds share.",
        alt=f"{words}.",
        table=lambda: values.assign(explanation=labels + 1).reset_index(),
    )


def _ranked(levels: errors.Levels) -> fusing.Ranking:
    return trust.ranking(
        levels.study, levels.places(levels.rows[levels.inside]), levels.output_wanted
    )


def _whom(levels: errors.Levels) -> str:
    return (
        f"{text.plain(levels.cohort)} of {text.plain(levels.split)}. {levels.intervals}. "
        f"{describe_comparison(levels.study.bulk_background)}"
    )


def _over(study: Study, resamples: int = 2000) -> str:
    rows = study.dataset.table.loc[study.dataset.ids[trust.explained(study)[0]]]
    return cohort_measures.intervals(study.dataset, rows, resamples)


# whether a sample's, study's or cohort's model has more than one modality
is_joint = panel.can(where=lambda study: len(study.modalities) > 1)


MODEL_PANELS = {
    "why-emap": panel.Panel(emap, scope="study"),
    "why-loss": panel.Panel(loss, scope="study"),
    "why-ranking": panel.Panel(ranking, scope="levels", fits=cohorts.some_inside),
    "why-pairs": panel.Panel(
        pairs,
        scope="levels",
        fits=lambda levels, **_: is_joint(levels) and cohorts.some_inside(levels),
    ),
    "why-swarm": panel.Panel(swarm, scope="levels", fits=cohorts.some_inside),
    "why-synergy": panel.Panel(synergy, scope="study", fits=is_joint),
    "why-basins": panel.Panel(basins, fits=faithfulness.own_over_seeds),
}


# Which piece does it?

ONE, MEAN = LENDERS = ("one sample", "background mean")
NORMAL = 1.96  # standard errors to each side of a 95 % interval
GROUP_UNITS = {
    evidence.DECISION: "added to the {}",
    evidence.LOSS: "added to the mean loss",
    evidence.ENTANGLEMENT: "added to the mean entropy of the qubits (nats)",
}


def patches(
    sample: Sample,
    theme: style.Theme = "light",
    *,
    lender: str = ONE,
    donor: str = "",
    kind: str = cuts.PATCH_DEFAULT,
) -> panel.Picture:
    """What a modality's state at a time, taken from another sample, restores of that one's decision; only of models
    that evolve.

    Args:
        sample: whose evolution goes on with it.
        theme: of the figure.
        lender: "one sample" or "background mean".
        donor: id of that sample; the nearest one that is decided differently unless told.
        kind: of `explain.cuts.PATCH_KINDS`.
    """
    choose("Lender", lender, LENDERS)
    place = [*cuts.PATCH_KINDS].index(choose("Kind of patch", kind, cuts.PATCH_KINDS))
    other = "" if lender == MEAN else donor or trust.partner(sample)
    result = trust.patches_of(sample.study, sample.row, other)
    whose = f"‘{text.plain(other)}’" if other else "the background's mean"
    restored = np.nan_to_num(result.restored[place, ..., 0])
    decided = counterfactual.decisions(result.before), counterfactual.decisions(result.donor)
    apart = len(result.outputs) > 1 and bool(decided[0][0] != decided[1][0])
    scale = float(sample.model.logit_scale) if apart else 1.0
    leads = [scale * float(lead[0]) for lead in result.leads[1:]]
    return panel.Picture(
        "patches",
        panel.capital(cuts.answer_for_patches(result, 0, kind, whose, text.plain)),
        figures.patches(
            result.times, result.modalities, restored, result.turned[place, ..., 0], theme=theme
        ),
        shows=f"the sample's {sample.quantity} if one modality's state at time t is that of {whose}, and all evolves "
        f"on to T: the change as a share of what the two differ by ({leads[0]:+z.2f} here, {leads[1]:+z.2f} there"
        + (", the one class against the other)" if apart else ")")
        + f". {cuts.PATCH_KINDS[kind]} Exact.",
        not_shown="what other features would do: it is an intervention on the model's state, which no input need "
        "reach. Shares of modalities and times do not add up.",
        alt="Largest share restored by each modality: "
        + panel.listed(result.modalities, restored.max(1), "+.2f")
        + ".",
        table=result.frame,
    )


def gate_groups(
    sample: Sample, theme: style.Theme = "light", *, of: str = evidence.DECISION
) -> panel.Picture:
    """Shapley values of the network's gate groups; only of models that fuse by rules.

    Args:
        sample: whose decision and entanglement it is.
        theme: of the figure.
        of: target, of `explain.evidence.TARGETS`.
    """
    result = trust.gate_groups_of(sample.study, sample.row, sample.output)
    values = result.shapley[choose("Target", of, evidence.TARGETS)]
    low, high = values, values
    if of == evidence.DECISION:
        low, high = values - NORMAL * result.errors, values + NORMAL * result.errors
    elif of == evidence.LOSS:
        low, high = (np.array([getattr(i, end) for i in result.losses]) for end in ("low", "high"))
    whole = len(sample.dataset.rows("test"))
    spread = {
        evidence.DECISION: f"Bars: 95 % of what {result.shots:,} shots of every coalition would scatter; the values "
        "themselves are exact.",
        evidence.LOSS: f"Mean over {cohort_measures.drawn_words(result.rows, whole, 'test sample')}, with a 95 % "
        "bootstrap interval for each group by itself.",
        evidence.ENTANGLEMENT: "Exact.",
    }
    return panel.Picture(
        f"gate-groups-{of}",
        panel.capital(evidence.answer(result, of, text.plain, sample.quantity)),
        figures.dots(
            [group.title for group in result.groups],
            {of: np.stack([values, low, high], 1)},
            hues=[style.GREY if group.kind != "fusion" else style.BLUE for group in result.groups],
            x_title=GROUP_UNITS[of].format(sample.unit),
            theme=theme,
        ),
        shows="the Shapley value of every gate group over all coalitions of groups, with the identity in the place of "
        f"those left out: together {result.whole[of] - result.empty[of]:+z.2f}, from {result.empty[of]:z.2f} without "
        f"any to {result.whole[of]:z.2f}. {spread[of]}" + sample.of,
        not_shown="what a network that was trained without a group would do: the others were learned beside it.",
        alt=panel.listed([text.plain(group.title) for group in result.groups], values, "+.2f")
        + ".",
        table=result.frame,
    )


def smallest(study: Study, theme: style.Theme = "light") -> panel.Picture:
    """How much of what the generator adds its terms carry, fewer and fewer; only of models that evolve."""
    result = trust.pruning_of(study)
    short = metrics.describe[result.metric].short
    low, high = result.shares.low, result.shares.high
    greedy = tuple(
        np.nan_to_num(result.shares.value if end is None else end)
        for end in (result.shares.value, low, high)
    )
    least, most = result.shown.value[0], result.shown.value[-1]
    floor = most - float(result.gain.value[0])
    scale = most - floor if most != floor else 1.0
    size, tweak = result.size, str(result.tweak(result.size))
    by_gates = set(result.gated[::-1][:size])
    gates = (
        "keep the same"
        if by_gates == set(result.left(size))
        else f"keep {listed([text.plain(key) for key in sorted(by_gates)])} of that size, with {short} "
        f"{result.by_gates[size]:.3f} against {result.shown.value[size]:.3f}"
    )
    return panel.Picture(
        "smallest",
        building.answer_for_pruning(result, text.plain),
        figures.banded(
            np.arange(len(result.terms) + 1),
            {"L0 gates": ((result.by_gates - floor) / scale,) * 3, "greedy": greedy},
            hues={"greedy": style.BLUE, "L0 gates": style.ORANGE},
            x_title="terms left",
            y_title=f"share of what the generator adds to {short}",
            behind=np.maximum((result.random - floor) / scale, -1.0),
            behind_name="random orders",
            marks={"greedy": result.size},
            theme=theme,
        ),
        shows=f"{short} on {result.showing:,} test samples with fewer and fewer couplings (H) and dissipations (D), "
        f"from {most:.3f} with all to {least:.3f} with none, as a share of what all add to "
        f"{'that' if floor == least else f'one answer for all ({floor:.3f})'}. {result.choosing:,} validation samples "
        f"choose the order, and the size (dotted): the smallest with {building.PART:.0%} of the best on these. Band: "
        f"95 % bootstrap; grey: {len(result.random)} random orders. Gates on all terms, learned at once on the same "
        f"samples (Louizos et al. 2018), {gates}. Tweak that leaves it: `{tweak or 'none'}`.",
        not_shown="what the terms left would do if they were trained on: `python -m qfusion why --smallest --retrain` "
        "does that; nor the best set of each size, which a greedy order need not hold.",
        alt=f"Share by terms left: {panel.listed(range(len(result.terms) + 1), result.shares.value, '.0%')}.",
        table=result.frame,
    )


LENDER = params.SelectParam(
    "patch.lender",
    "State from",
    "One sample lends its state.",
    "Whose state of a modality is put in the place of this sample's.",
    LENDERS,
    look="segments",
)
DONOR = params.SampleParam(
    "patch.from",
    "That sample",
    "The nearest one decided differently is taken.",
    style={"width": 180},
)
PATCH = params.SelectParam(
    "patch.kind",
    "Correlation with the rest",
    "It stays.",
    "With its correlation taken away besides, a sample patched with itself is cut, and no longer itself.",
    read={"stays": cuts.PATCH_DEFAULT, "taken away": "product"},
    look="segments",
)
GROUPS_OF = params.SelectParam(
    "groups.of",
    "Gate groups of",
    "Those of the decision are shown.",
    "What the blocks of the network are measured by.",
    evidence.TARGETS,
    look="segments",
)
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
        for of in evidence.TARGETS
    },
}


# Does the quantum part matter?


def twins_worth(study: Study, theme: style.Theme = "light") -> panel.Picture:
    """What each quantum resource is worth on the study's data: full models less twins without it, trained alike."""
    entry = audit.audit_of(study)
    return resources_worth("why-audit", entry, [row["resource"] for row in entry["rows"]], theme)


def resources_worth(
    name: str,
    entry: Mapping[str, Any],
    names: Sequence[str],
    theme: style.Theme = "light",
    hues: Sequence[str] = (),
) -> panel.Picture:
    """What resources are worth, of an audit.

    Args:
        name: of the panel. entry: see `audit.shipped`. names: of its rows. theme: of the figure.
        hues: of the rows, grey unless told.
    """
    words = audit.says(entry["rows"], names)
    failed = {failure for row in entry["rows"] for failure in row["failed"]}
    notes = [
        f"{name}: {note}"
        for name, row in zip(names, entry["rows"], strict=True)
        if (note := audit_rows.note(row))
    ]
    bounded = any(row.get("bounded") for row in entry["rows"])
    series = {
        "new seeds, these rows": _worth(entry["rows"], "seeds"),
        "new seeds and new rows": _worth(entry["rows"], "rows"),
    }
    return panel.Picture(
        name,
        panel.capital(words),
        figures.dots(
            names,
            {key: ends for key, ends in series.items() if np.isfinite(ends[:, 0]).any()},
            hues=hues or [style.GREY] * len(names),
            x_title=f"{entry['short']}: better with the resource by",
            theme=theme,
        ),
        shows=f"by how much {entry['short']} of {entry.get('of', 'the full model')} on the test samples of "
        f"{text.plain(entry['title'])} is better than that of a twin which lacks one resource, both trained with the "
        f"same encoders, schedule and seeds: mean of "
        f"{'up to ' if any(row['seeds'] < entry['seeds'] for row in entry['rows']) else ''}"
        f"{count(entry['seeds'], 'paired difference')} with 95 % intervals, for new seeds on these rows, and for new "
        f"rows, too ({entry['test_rows']:,} test rows, which count as {entry['independent']:,.0f} independent ones"
        f"{'; what single rows add was not kept, so the wider interval is a bound' if bounded else ''}). "
        "“Not needed” is said where two one-sided tests exclude a difference of the margin either way: "
        f"{entry['within']:g}, or a quarter of the model's error where that is less. Verdicts hold after Holm's "
        "correction."
        + (f" {panel.capital('; '.join(notes))}." if notes else "")
        + (f" {count(len(failed), 'training')} failed, as the table says." if failed else ""),
        not_shown="what twins would reach with settings of their own, or on other data.",
        alt=f"{words}.",
        table=lambda: pd.json_normalize(entry["rows"]),
    )


def _worth(rows: Sequence[Mapping[str, Any]], scope: str) -> np.ndarray:
    """Worth and the ends of its interval, (rows, 3), NaN where nothing is to show: a split row has no mean, and what is
    no test counts nowhere. Of too few seeds there is the mean alone, on these rows."""
    result = np.full((len(rows), 3), np.nan)
    for place, row in enumerate(rows):
        if row["excluded"]:
            continue
        low, high = audit_rows.ends(row, scope)
        alone = scope == "seeds" and not row["learned"]
        if alone or np.isfinite(low):
            result[place] = row.get("worth", np.nan), low, high
    return result


DEPHASED = (
    " Dephasing in the product basis takes local coherence first. Dephasing in each modality's own eigenbasis keeps "
    "its state and takes entanglement, and quantum correlation short of it; of large states on some of the samples."
)


def cut_worth(study: Study, theme: style.Theme = "light") -> panel.Picture:
    """What this very model loses when a resource is cut from it, not trained again."""
    frame, (_, label) = audit.cut_of(study), audit_rows.metric_of(study.dataset)
    ends = frame[["loses", "loses:low", "loses:high"]].to_numpy(float)
    names = frame["resource"].tolist()
    lost = [name for name, low in zip(names, ends[:, 1], strict=True) if low > audit_rows.WITHIN]
    words = (
        f"As it is trained it uses {listed(lost)}"
        if lost
        else f"Cut from it, no resource costs more than {audit_rows.WITHIN:g} that can be told"
    )
    return panel.Picture(
        "why-cut",
        words,
        figures.dots(
            names,
            {"loses": ends},
            hues=[style.GREY] * len(names),
            x_title=f"{label.short} lost without the resource",
            theme=theme,
        ),
        shows=f"by how much {label.short} on test samples is worse when one resource is cut from this model, which is "
        f"not trained again. {_over(study, fusing.RESAMPLES)}."
        + (DEPHASED if audit.ENTANGLEMENT in names else ""),
        not_shown="what a model would reach that was trained without the resource: twins say that.",
        alt=f"{words}: {panel.listed(names, ends[:, 0].tolist(), '+.3f')}.",
        table=lambda: frame,
    )


AUDIT = {
    "why-audit": panel.Panel(twins_worth, scope="study", fits=audit.is_audited),
    "why-cut": panel.Panel(cut_worth, scope="study", fits=audit.can_cut),
}
VIEWS = MODEL, DATA, QUANTUM, PIECE = ("The model", "The data", "The quantum part", "Which piece")
ASK = params.SelectParam("why", "View", "The model is shown.", values=VIEWS, look="tabs")
CONTROLS = (ASK, NEED, cohorts.FILTER, LENDER, DONOR, PATCH, GROUPS_OF)
PANELS = {
    name: replace(one, opens=panel.all_of(ASK.chosen(view), one.opens))
    for view, group in zip(VIEWS, (MODEL_PANELS, DATA_PANELS, AUDIT, PIECES), strict=True)
    for name, one in group.items()
}
