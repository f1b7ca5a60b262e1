"""What the people who are a model make of modalities: mean contributions, agreement and information of their votes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qfusion._checks import check, choose
from qfusion.analysis import cohort_table
from qfusion.analysis.memo import memo
from qfusion.analysis.study import Study
from qfusion.data.votes import SHARE, Votes
from qfusion.errors import InvalidInput
from qfusion.explain import crowd
from qfusion.models.game import Game

MAX_GROUPS = 40  # values of a column by which clips are grouped
FEW_CLIPS = 10  # fewer clips make no group


@dataclass(frozen=True, eq=False)
class CrowdSummary:
    """What people make of the modalities of all clips.

    Attributes:
        means: shares of votes and contributions.
        agreement: which modality the majority follows that is shown everything.
        accuracy: by condition, the share of clips whose majority is the explained class.
        information: of votes about the class; None where there are not two modalities, or one class.
        target: what the explained class is, such as "acted emotion".
    """

    means: crowd.Means
    agreement: crowd.Agreement
    accuracy: dict[str, float]
    information: crowd.Information | None
    target: str


def has_votes(study: Study) -> bool:
    """Return whether the model of a study are people."""
    return isinstance(study.model, Game) and study.model.crowd is not None


def study_votes(study: Study) -> Votes:
    """Return the votes of the people who are the model of a study.

    Raises:
        InvalidInput: when the model are no people.
    """
    model = study.model
    votes = model.crowd if isinstance(model, Game) else None
    if votes is None:
        raise InvalidInput(
            f"The model must be a crowd, whose ratings were imported (`data import-ratings`), but '{study.name}' is "
            "another kind of model."
        )
    return Votes(tuple(model.modalities), votes.classes, votes.counts, votes.explained)


@dataclass(frozen=True)
class ConditionVotes:
    """Votes on one clip in one condition.

    Attributes:
        shown: the modalities, such as voice+face.
        majority: the class with most votes; "" for a tie.
        most: its votes. explained: votes for the explained class. raters: all of them.
    """

    shown: str
    majority: str
    most: int
    explained: int
    raters: int


@dataclass(frozen=True)
class ClipVotes:
    """Votes on one clip.

    Attributes:
        explained: the class whose share of votes is explained. conditions: all of them, everything last.
    """

    explained: str
    conditions: tuple[ConditionVotes, ...]

    @property
    def together(self) -> ConditionVotes:
        """Of those who were shown everything."""
        return self.conditions[-1]


def clip_votes(study: Study, row: int) -> ClipVotes:
    """Return the votes of the people who are the model of a study on one clip.

    Raises:
        InvalidInput: when the model are no people.
    """
    votes = study_votes(study)
    explained = int(votes.explained[row])
    conditions = []
    for place, shown in enumerate(votes.conditions):
        counts = votes.counts[row, place]
        number = int(votes.majorities[row, place])
        conditions.append(
            ConditionVotes(
                shown=shown,
                majority=votes.classes[number] if number >= 0 else "",
                most=int(counts.max()),
                explained=int(counts[explained]),
                raters=int(counts.sum()),
            )
        )
    return ClipVotes(votes.classes[explained], tuple(conditions))


def target(study: Study) -> str:
    """Return what the class is whose votes are explained, such as "acted emotion"."""
    return study.dataset.target.name.removeprefix(SHARE)


@memo(4)
def summarize_crowd(study: Study) -> CrowdSummary:
    """Return what people make of all clips of a study.

    Raises:
        InvalidInput: when the model are no people.
    """
    votes = study_votes(study)
    clusters, unit = grouping(study)
    can_decompose = (
        len(votes.players) == 2
        and len(np.unique(votes.explained)) > 1
        and len(votes.classes) <= crowd.MOST_CLASSES
    )
    return CrowdSummary(
        means=crowd.mean_terms(votes, clusters=clusters, grouping=unit),
        agreement=crowd.agreement(votes),
        accuracy=crowd.majority_accuracy(votes),
        information=crowd.information(votes, clusters) if can_decompose else None,
        target=target(study),
    )


@memo(8)
def group_means(study: Study, column: str) -> dict[str, crowd.Means]:
    """Return the means of clips by the values of a column, most clips first. Base rates are those of all clips.

    Args:
        column: of the data set's table, with at most `MAX_GROUPS` values; values of fewer than `FEW_CLIPS` clips are
            left out.

    Raises:
        NotFound: when there is no such column. InvalidInput: when it has too many values, or the model are no people.
    """
    votes = study_votes(study)
    table = study.dataset.table
    words = table[choose("Column", column, list(map(str, table.columns)))].astype(str)
    sizes = words.value_counts()
    check(
        len(sizes) <= MAX_GROUPS,
        f"Column `{column}` must have at most {MAX_GROUPS} different values to group clips by, but has {len(sizes):,}.",
    )
    clusters, unit = grouping(study)
    return {
        str(value): crowd.mean_terms(
            votes, np.flatnonzero(words == value), clusters=clusters, grouping=unit
        )
        for value, size in sizes.items()
        if size >= FEW_CLIPS
    }


def grouping(study: Study, rows: np.ndarray | None = None) -> tuple[np.ndarray | None, str]:
    """Return the numbers of what clips share, (n, k), None where clips are independent, and its name.

    Args:
        study: of the clips. rows: some of them, by default all.
    """
    rows = np.arange(len(study.dataset.ids)) if rows is None else rows
    clusters = cohort_table.row_clusters(study.dataset, rows)
    unit = study.dataset.clusters.unit if study.dataset.clusters is not None else "clips"
    return clusters, unit
