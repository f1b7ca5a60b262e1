"""A model beside the people who rated the same clips: which clips these are, and how both compare on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, check_present, choose, read_pairs
from qfusion._memory_cache import memo
from qfusion._sentences import count
from qfusion.errors import QFusionError
from qfusion.explain import bootstrap
from qfusion.explain.coalitions import Explanation
from qfusion.models.measured_game import KIND
from qfusion.plugins.people.beside import matching, statistics
from qfusion.plugins.people.beside.quotient_game import group_modalities
from qfusion.plugins.people.crowd import crowd_summary
from qfusion.study.compare import Sides
from qfusion.study.jobs import Task
from qfusion.study.opening import open_study
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.training import checkpoint_cards

FEWEST = 20  # clips that both sides have
MANY, FEWER_RESAMPLES = 2_000, 500  # so many clips, and resamples of more
TEST, ALL = SPLITS = ("test", "all")
LOG_ODDS, PROBABILITY = SCALES = ("log-odds", "probability")
UNITS = {LOG_ODDS: "nats", PROBABILITY: "probability"}


@dataclass(frozen=True, eq=False)
class MatchedClips:
    """The clips that people rated and a model decides on.

    Attributes:
        people, model: rows in each data set, (n,).
        by: what they are matched by.
        groups: the model's modalities of each of those that people were shown.
        classes: number of the model's class of each of people's, (K,), -1 for none.
        class_names: what the model calls people's classes, of those that it calls otherwise.
        only_people, only_model: clips that the other side does not have. ambiguous: names of several clips.
        other_split: matched clips outside the split. other_class: matched ones of a class that the model lacks.
    """

    people: np.ndarray
    model: np.ndarray
    by: matching.MatchKey
    groups: dict[str, tuple[str, ...]]
    classes: np.ndarray
    class_names: dict[str, str]
    only_people: int
    only_model: int
    ambiguous: int
    other_split: int
    other_class: int

    def __len__(self) -> int:
        return len(self.people)


@dataclass(frozen=True, eq=False)
class CrowdAndModel:
    """A model beside people.

    Attributes:
        clips: which they are. ids: their names in the data set of people, (n,).
        result: how both compare.
        people_terms, model_terms: contributions of all clips, (n, 2^M - 1).
        people_class, model_class: names of the classes that each decides for, "" for a tie, (n,).
        explained: name of the explained class, (n,).
        people_right, model_right: shares of clips that each decides for the explained class.
        joint_ranks: rank correlation of the sums of joint terms, by the scale of the model's.
        players: what people were shown. scale: of the model's terms.
        target: what the explained class is, such as "acted emotion". unit: what intervals are over.
    """

    clips: MatchedClips
    ids: np.ndarray
    result: statistics.CrowdComparison
    joint_ranks: dict[str, bootstrap.Interval]
    players: tuple[str, ...]
    scale: str
    people_terms: np.ndarray
    model_terms: np.ndarray
    people_class: np.ndarray
    model_class: np.ndarray
    explained: np.ndarray
    people_right: float
    model_right: float
    target: str
    unit: str

    def clip_frame(self, places: np.ndarray | None = None) -> pd.DataFrame:
        """Return a row for each clip: decisions, verdicts, joint terms, each with its unit in its name."""
        places = np.arange(len(self.ids)) if places is None else places
        result = self.result
        return pd.DataFrame(
            {
                "clip": self.ids[places],
                "explained": self.explained[places],
                "people": self.people_class[places],
                "model": self.model_class[places],
                "people_verdict": result.people.relation[places],
                "model_verdict": result.model.relation[places],
                "people_joint_share": result.people.joint_share[places],
                "model_joint_share": result.model.joint_share[places],
                "people_joint (share of votes)": result.people_joint[places],
                "people_joint_error": result.people_error[places],
                f"model_joint ({UNITS[self.scale]})": result.model_joint[places],
            }
        )


@dataclass(frozen=True, eq=False)
class Pair:
    """One clip before people and before a model.

    Attributes:
        people, model: contributions by coalition of what people were shown, the baseline under "".
        errors: standard errors of people's.
        modalities: what people were shown.
        explained, model_class: name of the explained class, as people and the model call it.
    """

    people: dict[str, float]
    model: dict[str, float]
    errors: dict[str, float]
    modalities: tuple[str, ...]
    explained: str
    model_class: str


def parse_names(text: str) -> dict[str, str]:
    """Return the names that a reader matches: "voice=audio+text, face=vision".

    Raises:
        InvalidInput: when it is written otherwise.
    """
    words = [word for word in text.split(",") if word.strip()]
    return read_pairs(words, "A match of names", "PEOPLE'S=MODEL'S", "voice=audio+text")


@dataclass(frozen=True)
class Choices:
    """What a reader chooses of a comparison with people.

    Attributes:
        split: "test" for the model's test samples, or "all".
        modalities, classes: names that the reader matches, see `parse_names`; others are matched as `matching`
            does.
        scale: of the model's contributions, "log-odds" in nats or "probability", the softmax of the mean log-odds.
            Probabilities have the same ceiling as shares of votes.
    """

    split: str = TEST
    modalities: str = ""
    classes: str = ""
    scale: str = LOG_ODDS

    def __post_init__(self) -> None:
        choose("Split", self.split, SPLITS)
        choose("Scale", self.scale, SCALES)


DEFAULT = Choices()


def match_clips(people: Study, model: Study, choices: Choices = DEFAULT) -> MatchedClips:
    """Return the clips that people rated and a model decides on.

    Args:
        people: the crowd's study. model: that of a classifier. choices: of the reader.

    Raises:
        NotFound: when a name does not exist.
        InvalidInput: when people or model are none, when names do not match, or when fewer than `FEWEST` clips do.
    """
    return _match_clips(people, model, choices.split, choices.modalities, choices.classes)


@memo(16, background=False)
def _match_clips(
    people: Study, model: Study, split: str, modalities: str, classes: str
) -> MatchedClips:
    votes = crowd_summary.study_votes(people)
    check(
        not crowd_summary.has_votes(model),
        f"'{model.name}' are people, too. Choose a model to stand beside '{people.name}'.",
    )
    check(
        bool(model.classes),
        f"Model '{model.name}' must decide among classes, as people do, but gives a score. Train a classifier of the "
        "clips.",
    )
    groups = matching.match_modalities(votes.players, model.modalities, parse_names(modalities))
    numbers = matching.match_classes(votes.classes, model.classes, parse_names(classes))
    ids = matching.match_ids(people.dataset.ids.tolist(), model.dataset.ids.tolist())
    in_split = np.isin(ids.second, model.explained_rows)
    if split == TEST:
        in_split &= model.dataset.split[ids.second] == "test"
    has_class = numbers[votes.explained[ids.first]] >= 0
    inside = in_split & has_class
    check(
        int(inside.sum()) >= FEWEST,
        _explain_too_few(people, model, len(ids.first), int((~in_split).sum()), int(inside.sum())),
    )
    class_names = {}
    for name, number in zip(votes.classes, numbers.tolist(), strict=True):
        if number >= 0 and model.classes[number] != name:
            class_names[name] = model.classes[number]
    return MatchedClips(
        people=ids.first[inside],
        model=ids.second[inside],
        by=ids.by,
        groups=groups,
        classes=numbers,
        class_names=class_names,
        only_people=len(people.dataset.ids) - len(ids.first),
        only_model=len(model.dataset.ids) - len(ids.second),
        ambiguous=ids.ambiguous,
        other_split=int((~in_split).sum()),
        other_class=int((in_split & ~has_class).sum()),
    )


def _explain_too_few(people: Study, model: Study, same: int, elsewhere: int, left: int) -> str:
    examples = f"'{people.dataset.ids[0]}' and '{model.dataset.ids[0]}'"
    if same < FEWEST:
        return (
            f"At least {FEWEST} clips of '{people.dataset.name}' must be in '{model.dataset.name}' under the same "
            f"name or file name, but {same} {'is' if same == 1 else 'are'}; names look like {examples}. Give the "
            "samples the clips' names."
        )
    return (
        f"At least {FEWEST} clips that people rated must be test samples of model '{model.name}', but {left} "
        f"{'is' if left == 1 else 'are'}; {count(elsewhere, 'clip')} are in other parts. Compare on all of them "
        "(split `all`), or split the data so that more are tested."
    )


def compare_with_crowd(people: Study, model: Study, choices: Choices = DEFAULT) -> CrowdAndModel:
    """Return how a model compares with people on the clips of both; arguments and errors are those of `match_clips`."""
    return _compare(
        people, model, choices.split, choices.modalities, choices.classes, choices.scale
    )


@memo(8, task=Task.COMPARE_MODELS)
def _compare(
    people: Study, model: Study, split: str, modalities: str, classes: str, scale: str
) -> CrowdAndModel:
    clips = _match_clips(people, model, split, modalities, classes)
    votes = crowd_summary.study_votes(people)
    model = model.with_reference(None)
    explained = votes.explained[clips.people]
    places = np.searchsorted(model.explained_rows, clips.model)
    predicted = model.predicted[clips.model]
    sides = {}
    for one in SCALES:
        explanation = group_modalities(
            _take(model.explanation, places),
            clips.groups,
            clips.classes[explained],
            as_probabilities=one == PROBABILITY,
        )
        decisions = _in_classes_of_people(clips.classes, len(model.classes))[predicted]
        boundary = 0.0 if one == LOG_ODDS else 1 / len(model.classes)
        sides[one] = statistics.Side(explanation, decisions, boundary)
    clusters, unit = crowd_summary.grouping(people, clips.people)
    resamples = bootstrap.RESAMPLES if len(clips) <= MANY else FEWER_RESAMPLES
    result = statistics.compare(
        votes,
        sides[scale],
        clips.people,
        clusters,
        probabilities=sides[PROBABILITY].explanation,
        resamples=resamples,
    )
    ours = statistics.people_side(votes, clips.people)
    joint_ranks = {}
    for one, side in sides.items():
        joint_ranks[one] = statistics.joint_rank(ours, side, clusters, resamples=resamples)
    people_right = (ours.decisions == explained).mean()
    model_right = (sides[scale].decisions == explained).mean()
    return CrowdAndModel(
        clips=clips,
        ids=people.dataset.ids[clips.people],
        result=result,
        joint_ranks=joint_ranks,
        players=votes.players,
        scale=scale,
        people_terms=ours.terms,
        model_terms=sides[scale].terms,
        people_class=_class_names(votes.classes, ours.decisions),
        model_class=np.array(model.classes, dtype=object)[predicted],
        explained=_class_names(votes.classes, explained),
        people_right=float(people_right),
        model_right=float(model_right),
        target=crowd_summary.target(people),
        unit=unit,
    )


OTHER_CLASS = -2  # a class of the model that people could not choose


def _in_classes_of_people(numbers: np.ndarray, K: int) -> np.ndarray:
    """Return the number of people's class of each of the model's K classes, `OTHER_CLASS` for none."""
    result = np.full(K, OTHER_CLASS)
    for place, number in enumerate(numbers.tolist()):
        if number >= 0:
            result[number] = place
    return result


def _class_names(classes: Sequence[str], numbers: np.ndarray) -> np.ndarray:
    names = np.array([*classes, ""], dtype=object)  # place -1: a tie
    return np.asarray(names[numbers])


def _take(explanation: Explanation, places: np.ndarray) -> Explanation:
    errors = explanation.errors
    return replace(
        explanation,
        values=explanation.values[places],
        dividends=explanation.dividends[places],
        shapley=explanation.shapley[places],
        errors=None if errors is None else errors[places],
    )


def find_people(sides: Sides) -> tuple[Sample, Sample] | None:
    """Return the sides of people and of the model, or None where not exactly one side are people."""
    of_people = [crowd_summary.has_votes(one.study) for one in (sides.a, sides.b)]
    if of_people == [True, False]:
        return sides.a, sides.b
    if of_people == [False, True]:
        return sides.b, sides.a
    return None


def find_mismatch(sides: Sides, choices: Choices = DEFAULT) -> str:
    """Return why people and a model cannot be compared; empty if they can."""
    pair = find_people(sides)
    if pair is None:
        return "People stand beside a model where one side are people and the other is a model."
    try:
        match_clips(pair[0].study, pair[1].study, choices)
    except QFusionError as error:
        return str(error)
    return ""


def compare_sides(sides: Sides, choices: Choices = DEFAULT) -> CrowdAndModel:
    """Return how people compare with the model beside them.

    Raises:
        InvalidInput: when not one side are people, or as of `match_clips`.
    """
    people, model = check_present(find_people(sides), find_mismatch(sides, choices))
    return compare_with_crowd(people.study, model.study, choices)


def open_pair(sides: Sides, choices: Choices = DEFAULT) -> Pair | None:
    """Return the clip that both sides show before people and before the model, on the chosen scale of the model's; the
    class is explained whose votes are. None where they show different clips, or the model does not have that class.
    """
    if find_mismatch(sides, choices):
        return None
    people, model = check_present(find_people(sides), "")
    clips = match_clips(people.study, model.study, choices)
    ids = matching.match_ids(people.dataset.ids.tolist(), model.dataset.ids.tolist())
    votes = crowd_summary.study_votes(people.study)
    explained = int(votes.explained[people.row])
    same = bool(((ids.first == people.row) & (ids.second == model.row)).any())
    if not same or clips.classes[explained] < 0:
        return None
    base = replace(model, study=model.study.with_reference(None))
    explanation = group_modalities(
        base.explanation,
        clips.groups,
        clips.classes[[explained]],
        as_probabilities=choices.scale == PROBABILITY,
    )
    return Pair(
        people=people.dividends,
        model=dict(
            zip(explanation.coalitions, explanation.dividends[0, :, 0].tolist(), strict=True)
        ),
        errors=people.term_errors,
        modalities=votes.players,
        explained=votes.classes[explained],
        model_class=model.study.classes[clips.classes[explained]],
    )


def find_clip(study: Study, row: int, other: Study) -> str:
    """Return the name that a clip of a study has in the data of another one, "" where these lack it."""
    names = other.dataset.ids.tolist()
    ids = matching.match_ids(study.dataset.ids.tolist(), names)
    places = np.flatnonzero(ids.first == row)
    return str(names[ids.second[places[0]]]) if len(places) else ""


MOST_PARTNERS = 3  # models that are offered beside people, or crowds beside a model


def find_partners(study: Study) -> list[str]:
    """Return the names of models whose test samples the people of a study rated; of a model, those of such people.

    Cards are compared first, so that only data sets whose modalities and classes match are read. Those that cannot be
    read are left out.
    """
    names: list[str] = []
    for name in checkpoint_cards.available():
        if len(names) < MOST_PARTNERS and name != study.name:
            with suppress(QFusionError, AttributeError, KeyError, TypeError):  # a damaged card
                if _may_match(study, checkpoint_cards.load_card(name)):
                    other = open_study(name)
                    are_people = crowd_summary.has_votes(study)
                    match_clips(*((study, other) if are_people else (other, study)))
                    names.append(name)
    return names


def _may_match(study: Study, card: Mapping[str, Any]) -> bool:
    """Return whether a card is one of people, or of a model, whose names match those of a study."""
    has_votes = crowd_summary.has_votes(study)
    of_people = card["model"] == KIND and "classes" in card.get("game", {})
    if of_people == has_votes:
        return False
    shown = list(card["inputs"])
    available = list(study.modalities)
    classes = list(card["game"]["classes"]) if of_people else []
    others = list(study.classes)
    if has_votes:
        shown, available = available, shown
        classes, others = list(crowd_summary.study_votes(study).classes), card["outputs"]
    matching.match_modalities(shown, available)
    matching.match_classes(classes, others)
    return True
