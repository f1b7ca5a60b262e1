"""People beside a model that decides on the same clips, on the Compare page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check_present
from qfusion._sentences import true_minus
from qfusion.figures import model_charts, scatter_map, style
from qfusion.plugins.people.beside import crowd_comparison, waterfall_pair, words
from qfusion.plugins.people.beside.statistics import WHOLE, Aspect
from qfusion.study import compare, text
from qfusion.views.pages import compare as compare_panels, page_state, panel, params
from qfusion.views.view import View, terms_table
from qfusion.views.words import answers, rules
from qfusion.views.words.decisions import describe_baseline

VIEW = "People and model"  # of the page
MAX_BARS = 12  # clips that a figure names; the table has all
HALVES = "two halves of the raters"
OF_BOTH = "people and model"
SHUFFLED = "clips shuffled"
MODEL_ALONE, PEOPLE_ALONE = WHO = ("the model alone", "people alone")

SCALE = params.SelectParam(
    "compare.scale",
    "The model's contributions",
    "Log-odds are shown.",
    help="Shares of votes cannot exceed 1, and neither can probabilities. Log-odds have no such ceiling.",
    values=crowd_comparison.SCALES,
    look="segments",
)
SPLIT = params.SelectParam(
    "compare.clips",
    "Clips",
    "The model's test samples are compared.",
    help="Clips on which the model was trained flatter it.",
    values=crowd_comparison.SPLITS,
    look="segments",
)
MATCH = params.TextParam(
    "compare.match",
    "Modalities of people and model",
    "Modalities are matched by their names.",
    help="Where names do not say which are the same, such as `voice=audio+text, face=vision`.",
    most=400,
    test=lambda _, value: crowd_comparison.parse_names(value),
)
CLASSES = params.TextParam(
    "compare.classes",
    "Classes of people and model",
    "Classes are matched by their names.",
    help="Where names do not say which are the same, such as `anger=ANG, sad=SAD`.",
    most=2_000,
    test=lambda _, value: crowd_comparison.parse_names(value),
)
ALONE = params.SelectParam(
    "compare.alone",
    "The verdict is joint for",
    "Clips of the model alone are shown.",
    values=WHO,
    look="segments",
)
CONTROLS = (SCALE, SPLIT, MATCH, CLASSES, ALONE)
CHOICES: Mapping[str, Any] = {"scale": SCALE, "split": SPLIT, "match": MATCH, "classes": CLASSES}


def read_choices(
    scale: str | None = None,
    split: str | None = None,
    match: str | None = None,
    classes: str | None = None,
) -> crowd_comparison.Choices:
    """Return what the reader chose, defaults where nothing is.

    Raises:
        NotFound: when an option does not exist.
    """
    return crowd_comparison.Choices(
        split or crowd_comparison.TEST,
        match or "",
        classes or "",
        scale or crowd_comparison.LOG_ODDS,
    )


def fits(sides: compare.Sides, **choices: str | None) -> bool:
    """Return whether one side are people and the other is a model of the same clips."""
    choices.pop("who", None)
    return not crowd_comparison.find_mismatch(sides, read_choices(**choices))


def is_one_clip(sides: compare.Sides, **choices: str | None) -> bool:
    """Return whether people and a model also show the same clip."""
    return crowd_comparison.open_pair(sides, read_choices(**choices)) is not None


def waterfalls(sides: compare.Sides, **choices: str | None) -> View:
    """Draw the contributions of one clip to people's votes and to the model's decision, each in its unit.

    Args:
        sides: people and a model on one clip.
        choices: scale, split, match and classes of `read_choices`.
    """
    chosen = read_choices(**choices)
    pair = check_present(
        crowd_comparison.open_pair(sides, chosen),
        "People and model must show the same clip. Choose it on both sides.",
    )
    people, model = check_present(crowd_comparison.find_people(sides), "One side must be people.")
    output = list(model.study.classes).index(pair.model_class)
    if chosen.scale == crowd_comparison.PROBABILITY:
        unit = f"probability of ‘{pair.model_class}’"
    else:
        unit = model.study.with_reference(None).score_unit(output)
    letters = {id(sides.a): "A", id(sides.b): "B"}
    figure = waterfall_pair.waterfall_pair(
        [
            waterfall_pair.Decision(
                f"{letters[id(people)]}: people",
                pair.people,
                f"share of votes for ‘{pair.explained}’",
                pair.errors or None,
            ),
            waterfall_pair.Decision(f"{letters[id(model)]}: model", pair.model, unit),
        ],
        pair.modalities,
    )
    shows = (
        f"contributions to the votes for ‘{text.escape_markdown(pair.explained)}’ on clip "
        f"{text.escape_markdown(people.id)} by people ({text.escape_markdown(people.study.name)}), with 95% intervals "
        f"from the number of raters, and to {text.escape_markdown(unit)} by the model "
        f"({text.escape_markdown(model.study.name)}), each on a scale of its own with zero at the same place. "
        f"{describe_baseline(model.background)} That of people is the share of the class in all votes."
    )

    def table() -> pd.DataFrame:
        return (
            terms_table(pair.people)
            .merge(terms_table(pair.model), on="term", suffixes=("_people", "_model"))
            .assign(unit_people="share of votes", unit_model=crowd_comparison.UNITS[chosen.scale])
        )

    return View(
        name="crowd-waterfall",
        title=words.describe_pair(pair, answers.title_largest),
        figure=figure,
        caption=shows,
        limits="The two cannot be subtracted: a share of votes and the model's score have different units.",
        alternative=f"People: {rules.list_terms(pair.people)}. Model: {rules.list_terms(pair.model)}.",
        table=table,
    )


def agreement(sides: compare.Sides, **choices: str | None) -> View:
    """Draw Cohen's kappa of people and model in every aspect, beside that of two halves of the raters; arguments are
    those of `waterfalls`."""
    result = crowd_comparison.compare_sides(sides, read_choices(**choices))
    categories = result.result.categories
    resamples = categories[Aspect.VERDICT].kappa.resamples
    figure = model_charts.interval_dots(
        [str(aspect) for aspect in categories],
        {
            OF_BOTH: model_charts.interval_ends(one.kappa for one in categories.values()),
            HALVES: _without_interval([one.halves for one in categories.values()]),
        },
        hues=[style.GREY] * len(categories),
        x_title="Cohen's κ (0: by chance, 1: always)",
    )
    shows = (
        f"the agreement of people and the model as trained beyond chance on {len(result.ids):,} clips "
        f"({_match(sides, result)}). "
        f"{_as_markdown(words.describe_decisions(result))}. Whiskers: 95% intervals over "
        f"{text.escape_markdown(result.unit)}, resampled {resamples:,} times. Halves have half as many raters."
    )
    return View(
        name="crowd-agreement",
        title=_as_markdown(words.describe_verdicts(result)),
        figure=figure,
        caption=shows,
        limits="Agreement does not say who is right. People's verdicts have few raters, so no model can agree with "
        "them entirely.",
        alternative="Cohen's kappa: "
        + rules.list_numbers(
            [str(aspect) for aspect in categories],
            [one.kappa.value for one in categories.values()],
        )
        + ".",
        table=result.result.category_frame,
    )


def term_correlations(sides: compare.Sides, **choices: str | None) -> View:
    """Draw the rank correlation of each contribution of people and model over clips, beside that of two halves of the
    raters; arguments are those of `waterfalls`."""
    result = crowd_comparison.compare_sides(sides, read_choices(**choices))
    compared = result.result.terms
    figure = model_charts.interval_dots(
        list(compared),
        {
            OF_BOTH: model_charts.interval_ends(one.rank for one in compared.values()),
            HALVES: _without_interval(list(result.result.halves.values())),
        },
        hues=[_hue(name, result) for name in compared],
        x_title="rank correlation over clips (Spearman's ρ)",
        band=np.array(
            [(one.shuffled["rank"].low, one.shuffled["rank"].high) for one in compared.values()]
        ),
        band_name=SHUFFLED,
    )
    shows = (
        f"how contributions of the model as trained, in {result.scale}, rank {len(result.ids):,} clips as people's "
        f"contributions to the share of votes do. {_as_markdown(words.describe_ceiling(result))}. Grey: 95% of "
        f"shuffles of the clips. Whiskers: 95% intervals over resampled {text.escape_markdown(result.unit)}. Mean "
        f"Kendall's τ of the terms of a clip: {result.result.order.value:+.2f}."
    )
    return View(
        name="crowd-terms",
        title=_as_markdown(words.describe_terms(result)),
        figure=figure,
        caption=true_minus(shows),
        limits="Sizes cannot be compared: units differ.",
        alternative="Rank correlations: "
        + rules.list_terms({name: one.rank.value for name, one in compared.items()})
        + ".",
        table=result.result.term_frame,
    )


def alone(
    sides: compare.Sides,
    *,
    who: str | None = None,
    **choices: str | None,
) -> View:
    """Draw the clips whose verdict is joint for one side alone, those first in which both differ most.

    Args:
        sides: as of `waterfalls`. who: "the model alone" or "people alone".
        choices: as of `waterfalls`.
    """
    result = crowd_comparison.compare_sides(sides, read_choices(**choices))
    places = places_alone(result, who)
    drawn = places[:MAX_BARS]
    compared = result.result
    difference = np.abs(compared.model.joint_share - compared.people.joint_share)
    names = [f"{result.ids[place]}: {result.explained[place]}" for place in drawn]
    notes = [_describe_clip(result, place, who) for place in drawn]
    figure = scatter_map.nearest_bars(
        names,
        difference[drawn],
        [None] * len(drawn),
        notes=notes,
        axis="difference of the joint terms' shares of all terms",
        empty="There is no such clip.",
    )
    left = f" (the first {len(drawn)} are drawn)" if len(places) > len(drawn) else ""
    shows = (
        f"the {len(places):,} of {len(result.ids):,} clips whose verdict is joint for {who or MODEL_ALONE}{left}: the "
        f"{text.escape_markdown(result.target)}, what people and the model chose, and the verdict of the other side. "
        "Those come first whose joint terms' shares differ most."
    )
    return View(
        name="crowd-alone",
        title=words.title_alone(result),
        figure=figure,
        caption=shows,
        limits="People's verdict on one clip is uncertain: the table has the errors of their joint terms.",
        alternative="; ".join(f"{name}, {note}" for name, note in zip(names, notes, strict=True))
        + "."
        if names
        else "No clip.",
        table=lambda: result.clip_frame(places),
        usage="Click a bar to compare people and model on the clip.",
    )


def _describe_clip(result: crowd_comparison.CrowdAndModel, place: int, who: str | None) -> str:
    """Return whom people and the model chose on a clip, and the verdict of the side that does not fuse jointly."""
    people, model = result.people_class[place] or "tied", result.model_class[place]
    if who == PEOPLE_ALONE:
        return f"people {people} → model {model}, {result.result.model.relation[place]}"
    return f"people {people}, {result.result.people.relation[place]} → model {model}"


def places_alone(result: crowd_comparison.CrowdAndModel, who: str | None) -> np.ndarray:
    """Return the places of the clips whose verdict is joint for one side alone."""
    return result.result.only_people if who == PEOPLE_ALONE else result.result.only_model


def _hue(name: str, result: crowd_comparison.CrowdAndModel) -> str:
    """Return the colour of a term; all terms together are grey."""
    return style.GREY if name == WHOLE else style.term_colour(name, result.players)


def _without_interval(values: list[float]) -> np.ndarray:
    return np.array([(value, np.nan, np.nan) for value in values])


def _match(sides: compare.Sides, result: crowd_comparison.CrowdAndModel) -> str:
    people, model = check_present(crowd_comparison.find_people(sides), "One side must be people.")
    return text.escape_markdown(
        words.describe_match(result.clips, people.study.name, model.study.name)
    )


def _as_markdown(sentence: str) -> str:
    """Return a sentence as markdown; its minus signs are set first, since escaped hyphens are none."""
    return text.escape_markdown(true_minus(sentence))


def _opens(view: page_state.PageState) -> bool:
    return bool(view.get("pin")) and compare_panels.VIEW.is_one_of(VIEW)(view)


PANELS = {
    name: panel.Panel(build, options, fits=shown, opens=_opens, scope="sides")
    for name, build, options, shown in (
        ("crowd-waterfall", waterfalls, CHOICES, is_one_clip),
        ("crowd-agreement", agreement, CHOICES, fits),
        ("crowd-terms", term_correlations, CHOICES, fits),
        ("crowd-alone", alone, {**CHOICES, "who": ALONE}, fits),
    )
}
