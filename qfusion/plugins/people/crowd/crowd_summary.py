"""What the people who are a model make of modalities: mean contributions, agreement and information of their votes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.errors import InvalidInput
from qfusion.explain import bootstrap
from qfusion.models.measured_game import Game
from qfusion.plugins.people.crowd import crowd_groups, vote_means as crowd
from qfusion.plugins.people.crowd.rater_noise import neither_by_chance
from qfusion.plugins.people.votes import SHARE, Votes
from qfusion.plugins.why import evidence
from qfusion.study import cohorts
from qfusion.study.study import Study

MAX_GROUPS = 40  # values of a column by which clips are grouped
FEW_CLIPS = 10  # fewer clips make no group
ALPHA = 0.05  # of the differences between groups, all together


@dataclass(frozen=True, eq=False)
class CrowdSummary:
    """What people make of the modalities of all clips.

    Attributes:
        means: shares of votes and contributions.
        agreement: which modality the majority follows that is shown everything.
        by_chance: how often it would say what no single modality says if nobody fused; None of a single modality.
        accuracy: by condition, the share of clips whose majority is the explained class.
        information: of votes about the class; None where there are not two modalities, or one class.
        target: what the explained class is, such as "acted emotion".
    """

    means: crowd.Means
    agreement: crowd.Agreement
    by_chance: bootstrap.Interval | None
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
        by_chance=neither_by_chance(votes) if len(votes.players) > 1 else None,
        accuracy=crowd.majority_accuracy(votes),
        information=crowd.information(votes, clusters) if can_decompose else None,
        target=target(study),
    )


CLIPS = "clips"  # each for itself


def group_columns(study: Study) -> list[str]:
    """Return the columns of the data set's table whose values group clips, two groups or more."""
    columns = []
    for name in study.dataset.table.columns:
        sizes = study.dataset.table[name].astype(str).value_counts()
        if len(sizes) <= MAX_GROUPS and int((sizes >= FEW_CLIPS).sum()) > 1:
            columns.append(str(name))
    return columns


def interval_units(study: Study) -> list[str]:
    """Return what intervals over clips can resample: what the data set says, clips, and columns that group them."""
    units = [study.dataset.clusters.unit] if study.dataset.clusters is not None else []
    table = study.dataset.table
    columns = [
        str(name)
        for name in table.columns
        if bootstrap.FEWEST <= table[name].astype(str).nunique() < len(table)
        and f"{name}s" not in units
    ]
    return [*units, CLIPS, *columns]


def clusters_by(study: Study, unit: str) -> tuple[np.ndarray | None, str]:
    """Return the numbers of what clips share, (N, k), and its name.

    Args:
        study: of the clips. unit: of `interval_units`, by default the first.

    Raises:
        NotFound: when there is no such unit.
    """
    if not unit:
        return grouping(study)
    choose("Resampled", unit, interval_units(study))
    if study.dataset.clusters is not None and unit == study.dataset.clusters.unit:
        return grouping(study)
    if unit == CLIPS:
        return None, CLIPS
    return pd.factorize(study.dataset.table[unit].astype(str))[0][:, None], unit


@memo(8)
def all_means(study: Study, unit: str = "") -> crowd.Means:
    """Return the means of all clips, with intervals over a unit of `interval_units`; errors as of `clusters_by`."""
    clusters, name = clusters_by(study, unit)
    return crowd.mean_terms(study_votes(study), clusters=clusters, grouping=name)


@dataclass(frozen=True, eq=False)
class GroupContrasts:
    """Whether people fuse otherwise on some clips.

    Attributes:
        column: that groups clips. unit: what intervals resample.
        means: by group, most clips first.
        contrasts: every group against all other clips; of two groups that are all clips, the first.
        holm: p of each contrast after Holm's correction for all of them, NaN where unknown.
    """

    column: str
    unit: str
    means: dict[str, crowd.Means]
    contrasts: list[crowd_groups.Contrast]
    holm: list[float]

    @property
    def shown(self) -> list[crowd_groups.Contrast]:
        """Contrasts that are significant at 5% after the correction, those with the smallest p first."""
        shown = [
            one
            for one, corrected in zip(self.contrasts, self.holm, strict=True)
            if corrected < ALPHA
        ]
        return sorted(shown, key=lambda one: (one.p, -abs(one.difference.value)))

    def frame(self) -> pd.DataFrame:
        """Return a row for each group and term: clips, mean, difference to the others with its interval, p."""
        records = []
        for one, corrected in zip(self.contrasts, self.holm, strict=True):
            record = {
                self.column: one.group,
                "clips": self.means[one.group].clips,
                "term": one.term,
                "mean": one.mean,
                "difference": one.difference.value,
                "low": one.difference.low,
                "high": one.difference.high,
                "p": one.p,
                "p after Holm": corrected,
            }
            records.append(record)
        return pd.DataFrame(records)


@memo(8)
def contrast_groups(study: Study, column: str, unit: str = "") -> GroupContrasts:
    """Return the means of groups of clips, and whether they differ from those of all others.

    Args:
        column: as of `group_means`. unit: what intervals resample, see `clusters_by`.

    Raises:
        NotFound, InvalidInput: as of `group_means`.
    """
    means = group_means(study, column, unit)
    clusters, name = clusters_by(study, unit)
    labels = study.dataset.table[column].astype(str).to_numpy()
    check(len(means) > 1, f"Column `{column}` must have two groups of {FEW_CLIPS} clips or more.")
    contrasted = list(means)
    if len(means) == 2 and sum(one.clips for one in means.values()) == len(labels):
        contrasted = contrasted[:1]  # the other's differences are the same with the other sign
    contrasts = crowd_groups.contrast_groups(study_votes(study), labels, contrasted, clusters)
    known = [place for place, one in enumerate(contrasts) if np.isfinite(one.p)]
    corrected = np.full(len(contrasts), np.nan)
    corrected[known] = evidence.holm([contrasts[place].p for place in known])
    return GroupContrasts(column, name, means, contrasts, corrected.tolist())


@memo(8)
def group_means(study: Study, column: str, unit: str = "") -> dict[str, crowd.Means]:
    """Return the means of clips by the values of a column, most clips first. Base rates are those of all clips.

    Args:
        column: of the data set's table, with at most `MAX_GROUPS` values; values of fewer than `FEW_CLIPS` clips are
            left out.
        unit: what intervals resample, see `clusters_by`.

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
    clusters, name = clusters_by(study, unit)
    return {
        str(value): crowd.mean_terms(
            votes, np.flatnonzero(words == value), clusters=clusters, grouping=name
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
    clusters = cohorts.row_clusters(study.dataset, rows)
    unit = study.dataset.clusters.unit if study.dataset.clusters is not None else "clips"
    return clusters, unit
