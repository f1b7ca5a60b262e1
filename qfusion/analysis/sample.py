"""A sample before a model on a data set, and what its decision is compared with: what a panel, a figure, a report is
built from.

open_sample("qj-planted", "p0031")                                    as trained, against its training rows
open_sample("qj-planted", "p0031", background="mixed")                against another background
open_sample("qj-planted", "p0031", tweak="H.text-audio=0.5,T=1.2")    physics changed, see `qfusion.models.tweak`
open_sample("qcnn-digits", "digit-1600", tweak="all:and")             fusion rules edited, see `models.table_edits`

Where that takes long, pages show numbers against some rows of the background, or the first samples, and
`begin_refinement` and `begin_encoding` work out the rest behind them."""

from __future__ import annotations

from collections.abc import Hashable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

import qfusion
from qfusion import data as sources, explain
from qfusion._checks import check, choose
from qfusion.analysis import cohort_measures, dynamics, outputs, text
from qfusion.analysis.memo import Job, begin_job, find_job, in_process, memo
from qfusion.analysis.study import Study, build_study, with_observables
from qfusion.errors import InvalidInput
from qfusion.explain import (
    Explanation,
    backgrounds,
    coalitions,
    cohorts,
    contribution_shares,
    verdicts,
)
from qfusion.models import Ability, FusionModel, Tweak, abilities, base, require
from qfusion.training import checkpoint, encodings

AUTO = 1e12  # floating-point operations that are worked out unasked: some minutes of one core


def begin_refinement(study: Any, asker: str) -> Job:
    """Returns the refinement of a study, begun by this or an earlier call; its result is the study against all
    rows, whose explanation is there.

    Args:
        study: one of which `is_sampled` holds.
        asker: who wants it, as of `begin_job`.
    """
    exact = study.against_all_rows()

    def explained() -> Any:
        _ = exact.explanation
        return exact

    return begin_job(study.memo_key(), explained, len(exact.bulk), asker)


# What a decision is compared with: the choices, their backgrounds, and how they are said. Free of streamlit.

# Label, which also stands in the address -> kind of background.
BACKGROUNDS = {
    "product of marginals": "product",
    "training set": "joint",
    "nothing known": "mixed",
    "reference state": "zero",
    "one other sample": "contrast",
}
DEFAULT_BACKGROUND = "product of marginals"
ALL_ROWS = "all"  # of a background, also where some of them would do
COHORT = "a saved cohort"
OFFERED = BACKGROUNDS | {COHORT: "cohort"}


def background_of_kind(
    study: Study, kind: str, sample: str = "", members: np.ndarray | None = None
) -> Any:
    """The background of a choice.

    Args:
        kind: a value of OFFERED; sample: id, for "contrast", or the name of the cohort; members: rows of the cohort.

    Raises:
        NotFound: when there is no such sample or kind.
    """
    data = study.dataset
    match kind:
        case "contrast":
            rows = np.array([data.row(sample)])
        case "cohort":
            rows = np.asarray(members)
        case _:  # of which "mixed" and "zero" need none
            rows = data.rows(checkpoint.training_split(study.card))
    return backgrounds.background_of(study.model, data, rows, kind, label=sample)


@memo(
    12,
    background=False,
    says="Working out the background …",
    stamp=lambda study, *_: study._whole,
)
def _with_background(study: Study, kind: str, sample: str, members: np.ndarray | None) -> Study:
    return study.against(background_of_kind(study, kind, sample, members)).of_set


def with_background(
    study: Study, kind: str, sample: str = "", members: np.ndarray | None = None
) -> Study:
    """A study with another background, shared; the arguments are those of `background_of_kind`."""
    if kind == backgrounds.DEFAULT == study.background.kind:
        return study
    return study.on(_with_background(study, kind, sample, members))


def default_contrast(study: Study, row: int) -> str:
    """The sample compared with unless another is asked for.

    For classes the surest test sample of those predicted as this one's second-best class; else the test sample of the
    better-predicted half whose score is farthest from this one's.
    """
    rows = np.setdiff1d(study.dataset.rows("test"), row)
    if study.classes:
        second = int(np.argsort(study.scores[row])[-2])
        worth = np.where(study.predicted[rows] == second, study.probabilities[rows, second], -1.0)
    else:
        away = np.abs(study.scores[rows, 0] - study.scores[row, 0])
        worth = np.where(study.errors[rows] <= np.median(study.errors[rows]), away, -1.0)
    return str(study.dataset.ids[rows[int(np.argmax(worth))]])


@dataclass(frozen=True, eq=False)
class Sample:
    """One sample, the model that decides on it, and what the decision is compared with.

    Attributes:
        study: the model on its data, with the background.
        row: of the sample.
        output: number of the score that is explained.
        tweak: what the reader has changed in the model, a `Tweak` or edits of its rules, as text or as `parse_tweak`
            gives it.
    """

    study: Study
    row: int
    output: int = 0
    tweak: Any = ""

    def __post_init__(self) -> None:
        if isinstance(self.tweak, str):
            object.__setattr__(self, "tweak", self.study.model.parse_tweak(self.tweak))

    def memo_key(self, background: bool = True) -> tuple[str, ...]:
        """What tells this sample from others, and what is asked of it, see `Study.memo_key`."""
        return (
            *self.study.memo_key(background),
            self.name,
            str(self.row),
            str(self.output),
            self.changed,
        )

    @property
    def id(self) -> str:
        """The sample's id."""
        return str(self.dataset.ids[self.row])

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.study.name

    @cached_property
    def model(self) -> Any:
        """The model under the tweak."""
        return self.study.model.tweaked(self.tweak) if self.changed else self.study.model

    @property
    def changed(self) -> str:
        """The tweak as text; empty for as trained."""
        return str(self.tweak)

    @property
    def dataset(self) -> sources.DataSet:
        """What the sample is a row of."""
        return self.study.dataset

    @property
    def background(self) -> Any:
        """What stands in for absent modalities; of the background some rows, where all would take long."""
        return self.study.sample_background

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names in the model's order."""
        return self.study.modalities

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; none for a regression."""
        return self.study.classes

    @property
    def quantity(self) -> str:
        """What is explained, in words: "log-odds" or "score"."""
        return self.study.quantity

    @property
    def unit(self) -> str:
        """Axis name of the explained score."""
        return self.study.unit_of(self.output)

    def can(self, ability: Ability) -> bool:
        """Whether the model says that it can do something, see `models.registry.can`."""
        return self.study.can(ability)

    def require(self, ability: Ability, what: str = "") -> None:
        """Raises InvalidInput unless the model can do something; `what` needs it."""
        require(self.model, ability, what, f"Model '{self.name}'")

    @property
    def is_own(self) -> bool:
        """Whether a visitor made it, so that no truth is known of it."""
        return self.dataset.is_own(self.row)

    @property
    def truth(self) -> float | str | None:
        """What the sample was annotated with: a number or a class; None of a visitor's own."""
        return self.target if self.true_class is None else self.classes[self.true_class]

    @property
    def target(self) -> float | None:
        """The annotated value of a regression; scores of classes have none, nor has a visitor's own sample."""
        return None if self.classes or self.is_own else float(self.dataset.y[self.row])

    @property
    def true_class(self) -> int | None:
        """The number of the annotated class; None of a regression, and of a visitor's own sample."""
        return int(self.dataset.y[self.row]) if self.classes and not self.is_own else None

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Features of the sample, in double precision."""
        return self.dataset.inputs([self.row], dtype=torch.float64)

    @cached_property
    def explanation(self) -> Explanation:
        """Exact contributions, under the tweak."""
        if not self.changed:
            return self.study.explained(self.row)
        return self.through.at(-1) if self.can("time") else _explained(self)

    @property
    def places(self) -> Any:
        """Times (41,) from 0 to T, or names of the places between the network's layers."""
        points = self._points
        return np.array(points.positions) if points.kind == "time" else list(points.names)

    @property
    def _points(self) -> base.Points:
        points: base.Points | None = self.model.points(dynamics.TIMES)
        if points is None:
            raise InvalidInput(
                f"Model '{self.name}' is of kind {self.model.kind}, which is read out at its end only: nothing can be "
                "followed on the way. Choose "
                f"{abilities.listed([*abilities.kinds('time'), *abilities.kinds('layers')])} model."
            )
        return points

    @property
    @memo(64)
    def through(self) -> Explanation:
        """Contributions as if the system were read out at each of `places`."""
        model, points = self.model, self._points
        if points.kind == "time":
            model = with_observables(model, dynamics.observables(self.study, self.tweak))
        return coalitions.through(model, self.inputs, self.background, points)

    @property
    def along(self) -> dict[str, np.ndarray]:
        """Baseline and dividends at each of `places`, by coalition."""
        return dict(
            zip(
                self.through.coalitions,
                self.through.dividends[:, 0, :, self.output].T,
                strict=True,
            )
        )

    @property
    def shapley_along(self) -> dict[str, np.ndarray]:
        """Shapley values at each of `places`, by modality."""
        return dict(zip(self.modalities, self.through.shapley[:, 0, :, self.output].T, strict=True))

    @property
    def scores(self) -> np.ndarray:
        """Of all outputs, (C,)."""
        return self.explanation.prediction[0]

    @property
    def score(self) -> float:
        """The explained one."""
        return float(self.scores[self.output])

    @property
    def probabilities(self) -> np.ndarray:
        """Softmax of the scores, (C,)."""
        return self.study.softmax(self.scores)

    @property
    def metrics(self) -> dict[str, float]:
        """Of the test rows, under the tweak."""
        return dynamics.metrics_under(self.study, self.tweak)

    @cached_property
    def entropies(self) -> dict[str, float]:
        """In nats, by modality (at T, and of all together) or by fused qubit; none of other models."""
        if self.can("time"):
            return {
                name or "all together": float(line[-1])
                for name, line in self.track().measures.single("entropy").items()
            }
        if not self.can("rules"):
            return {}
        return dict(zip(self.reading.elements, map(float, self.reading.entropy), strict=True))

    @property
    def dividends(self) -> dict[str, float]:
        """Baseline (the empty coalition) and dividends, by coalition."""
        return dict(
            zip(
                self.explanation.coalitions,
                self.explanation.dividends[0, :, self.output].tolist(),
                strict=True,
            )
        )

    @property
    def true_dividends(self) -> dict[str, float] | None:
        """What baseline and terms really are, by coalition, where the data set knows it; of classes those of the class
        that is explained, whose score is then 1 where it is right and -1 where not."""
        truth = self.dataset.truth
        if truth is None or self.is_own or self.dataset.names != self.modalities:
            return None
        sign = -1 if self.classes and self.output else 1
        return {term: sign * float(truth.iloc[self.row][term]) for term in self.dividends}

    @property
    def shapley(self) -> dict[str, float]:
        """Shapley values, by modality."""
        return dict(
            zip(self.modalities, self.explanation.shapley[0, :, self.output].tolist(), strict=True)
        )

    @property
    def shares(self) -> dict[str, float]:
        """MM-SHAP shares, by modality."""
        return dict(
            zip(
                self.modalities,
                contribution_shares.shares(self.explanation)[0, :, self.output].tolist(),
                strict=True,
            )
        )

    @property
    def verdict(self) -> verdicts.Verdict:
        """How its modalities relate and which leads, under the tweak."""
        by_sign = self.study.decides_by_sign
        return verdicts.verdict(self.explanation, 0, self.output, self.doubt, by_sign)

    @property
    def doubt(self) -> verdicts.Doubt | None:
        """What training seeds leave open of the explained output, see `Study.doubt`; None under a tweak, of which
        nothing was measured."""
        return (
            None
            if self.changed
            else self.study.doubt(np.array([self.row]), np.array([self.output]))
        )

    @property
    def of(self) -> str:
        """Whose a panel's numbers are where they are of this sample alone, as markdown."""
        return f" Of sample {text.plain(self.id)}."

    @property
    def whose(self) -> str:
        """Which class is explained, as markdown; empty of a regression."""
        if not self.study.classes:
            return ""
        words = f" for ‘{text.plain(self.study.classes[self.output])}’"
        if self.study.reference is None:
            return words
        return f"{words} rather than ‘{text.plain(self.study.classes[self.study.reference])}’"

    @property
    def learned(self) -> Sample:
        """The same sample before the model as trained."""
        return replace(self, tweak="") if self.changed else self

    @property
    def reading(self) -> Any:
        """What the fusion reads, under the tweak, see `explain.evidence.Reading`; of a model with rules."""
        return cast("Any", self.study).reading(self.row, self.model)

    def _repr_html_(self) -> str:
        """How a notebook shows it: drawn above, by `panels.notebook`."""
        return qfusion.panels.notebook.sample_html(self)

    def track(self, *, negativity: bool = False, runs: int = 0) -> Any:
        """QuTiP's track of the sample under the tweak, see `track.track`, with `runs` quantum-jump trajectories."""
        return dynamics.follow(self.study, self.row, self.tweak, negativity=negativity, runs=runs)

    @property
    def followed(self) -> str:
        """Whose states are followed through time, and how exactly, as markdown."""
        return f"{self.of} {dynamics.exactness(self.study, self.row, self.tweak)}"


@memo(64)
def _explained(sample: Sample) -> Explanation:
    return explain.explain(sample.model, sample.inputs, sample.background)


def sample_of(study: Study, row: int, output: str | int | None = None, tweak: Any = "") -> Sample:
    """Returns a sample.

    Args:
        study: a model on its data. row: of the sample.
        output: what is explained, as text of `outputs.parse` or number of a class; the class decided for under the
            tweak unless given.
        tweak: what to change in the model.

    Raises:
        NotFound, InvalidInput: when output or tweak do not fit the model.
    """
    if isinstance(output, str):
        wanted = outputs.parse(output, study.classes)
        study, output = study.rather_than(wanted.reference), wanted.number
    sample = Sample(study, row, 0, study.model.parse_tweak(tweak))
    if output is None:
        output = int(np.argmax(sample.scores))
    return replace(sample, output=output) if output else sample


@memo(8, stamp=checkpoint.stamp)
def loaded(name: str) -> checkpoint.Checkpoint:
    """Returns a checkpoint by name, shared; read anew when its files change."""
    return checkpoint.load(name)


def opened(
    model: str | Path | checkpoint.Checkpoint, data: str | sources.DataSet | None = None
) -> tuple[checkpoint.Checkpoint, sources.DataSet]:
    """Returns a trained model and the data set to use it on, by default the one of its card.

    Args:
        model: a name, the path of a card or of the folder that `train` made, or a checkpoint that is loaded already.
        data: a name, the path of a file, or a data set that is loaded already.

    Raises:
        NotFound: when either does not exist.
        InvalidInput: when the model was trained on a file and `data` does not say which.
    """
    if isinstance(model, checkpoint.Checkpoint):
        result = model
    else:
        result = checkpoint.load(Path(model) / checkpoint.CARD if Path(model).is_dir() else model)
    return result, data if isinstance(data, sources.DataSet) else sources.load(
        data or _data_of(result)
    )


def _data_of(result: checkpoint.Checkpoint) -> str:
    """The name of the data set that a model was trained on."""
    known = str(result.card["data"]["name"])
    check(
        known in sources.names(),
        f"Model {name_of(result)} was trained on a file, '{known}', which is not found by its name. Add --data with "
        "its path.",
    )
    return known


def name_of(result: checkpoint.Checkpoint) -> str:
    """Returns the name of a model by its card."""
    return str(result.card.get("name", "")) or "without a name"


def other_version(result: checkpoint.Checkpoint, dataset: sources.DataSet) -> str:
    """Returns a warning where the data set is another version of the one that the model was trained on; else an empty
    text."""
    made_with = result.card["data"]
    if dataset.name != made_with["name"] or dataset.digest == made_with["digest"]:
        return ""
    return (
        f"model {name_of(result)} was trained on another version of data set {dataset.name} "
        f"({made_with['digest'][:12]}, here {dataset.digest[:12]}): figures may differ."
    )


def _identity(model: str, data: str, sample: str = "") -> Hashable:
    """What changes whenever a model's or a data set's files do."""
    return checkpoint.stamp(model), sources.load(data).identity


@memo(4, says="Applying the model to every sample …", stamp=_identity)
def _study(model: str, data: str) -> Study:
    result = loaded(model)
    return build_study(model, result.card, result.model, sources.load(data)).applied()


def _is_shared(
    model: str | Path | checkpoint.Checkpoint, data: str | sources.DataSet | None
) -> bool:
    """Whether both are names, whose results all who ask share."""
    return model in checkpoint.available() and not isinstance(data, sources.DataSet)


def open_study(
    model: str | Path | checkpoint.Checkpoint, data: str | sources.DataSet | None = None
) -> Study:
    """Returns a model on a data set, shared where both are names; arguments and errors are those of `opened`.

    Raises:
        InvalidInput: also when the model does not fit the data.
    """
    if isinstance(model, str) and _is_shared(model, data):
        return with_visitors(_study(model, str(data or _data_of(loaded(model)))))
    result, dataset = opened(model, data)
    return build_study(name_of(result), result.card, result.model, dataset)


# samples of the visitor's own, see `qfusion.data.own`, which whatever is opened by name has: set by a run of a page
at_hand: ContextVar[tuple[sources.own.Own, ...]] = ContextVar("at_hand", default=())


def with_visitors(study: Study) -> Study:
    """Returns a study with the visitor's own samples behind those of its set, where there are any `at_hand`."""
    samples = tuple(one for one in at_hand.get() if one.fits(study.dataset))
    return with_samples(study, samples) if samples else study


@memo(16)
def with_samples(study: Study, samples: tuple[sources.own.Own, ...]) -> Study:
    """Returns the study of a set with own samples behind those of the set, in their order."""
    return study.with_own(sources.own.behind(study.dataset, samples)).applied()


def open_sample(
    model: str | Path | checkpoint.Checkpoint,
    sample: str,
    data: str | sources.DataSet | None = None,
    *,
    output: str | None = "",
    background: str = backgrounds.DEFAULT,
    contrast: str = "",
    members: str = "",
    rows: str = "",
    tweak: Tweak | str = "",
    session: str | Path = "",
) -> Sample:
    """Returns one sample before a model.

    Args:
        model, data: see `opened`; what is worked out is shared where both are names.
        sample: its id.
        output: what is explained: "" for the class that the model as trained decides for, None for the one that it
            decides for under the tweak; "A" for class A against all others, "A:B" for class A rather than B.
        background: kind of the background, see `explain.background`, of the rows that the model was trained on.
        contrast: id of another sample that stands in for absent modalities, instead of a background.
        members: who stands behind the decision, for the background "cohort": NAME:FILTER, such as "hard:error>1".
        rows: "all" of the background are to be used also where some of them would do, see `Study.is_sampled`; all are
            used of what is not shared.
        tweak: what to change in the model, see the head of this module, or a `Tweak`.
        session: path of a session file that holds the sample, where it is a visitor's own.

    Raises:
        NotFound, InvalidInput: naming the argument that does not fit.
    """
    study = open_study(model, data)
    if session and not study.dataset.known_ids([sample]):
        made = [one for one in sources.own.read_session(session) if one.data == study.dataset.name]
        study = with_samples(study.of_set, tuple(made))
    row = study.dataset.row(sample)
    choose("Background", background, dict.fromkeys(OFFERED.values()))
    check(
        not contrast or background in (backgrounds.DEFAULT, "contrast"),
        "Give either `contrast` or `background`: a contrast is a background.",
    )
    kind, label, cohort = "contrast" if contrast else background, contrast, None
    if kind == "cohort":
        saved = cohorts.parse_saved(members)
        label, cohort = saved.name, cohort_measures.members(study, saved.parts)
        check(len(cohort) > 0, f"`members`: no sample passes {members!r}. Give a wider filter.")
    if rows:
        choose("Rows", rows, (ALL_ROWS,))
    study = with_background(study, kind, label, cohort)
    if study.is_sampled and (rows or not _is_shared(model, data)):
        study = study.against_all_rows()
    if output == "":
        return Sample(study, row, int(study.predicted[row]), tweak)
    return sample_of(study, row, output, tweak)


def tweaked(model: FusionModel, tweak: Tweak | str) -> tuple[FusionModel, str]:
    """Returns a model with a tweak and the tweak as text; the model itself stays as it is.

    Raises:
        InvalidInput, NotFound: when the tweak does not fit the model.
    """
    edit: Any = model.parse_tweak(tweak)
    return (model.tweaked(edit), str(edit)) if str(edit) else (model, "")


# Large data sets encoded in a process of their own, while the pages show the first samples. Free of streamlit.
#
# What encoders make of gigabytes of features takes a minute the first time, see `training.encodings`. Until it is kept,
# `begin_encoding` has it worked out and `first_samples` gives the model on some of the samples, against some of the
# background: exact for these, and said to be so.

BEHIND, SHOWN = 512, 128  # training rows and test rows of the first samples


def is_encoded(model: str, data: str) -> bool:
    """Returns whether all samples of a data set can be shown before a model at once."""
    return encodings.is_ready(loaded(model).model, sources.load(data))


def find_encoding(model: str, data: str) -> Job | None:
    """Returns the encoding of a data set before a model that was begun, however it ended."""
    return find_job(("encoding", model, data, _identity(model, data)))


def begin_encoding(model: str, data: str, again: bool = False) -> Job:
    """Returns the encoding of a data set before a model, begun by this call or an earlier one.

    Args:
        again: whether one that has failed or was cancelled is begun anew, as one is that nobody waited for any more.
    """
    key, total = ("encoding", model, data, _identity(model, data)), len(sources.load(data))
    make = partial(in_process, encode, [model, data], total, "Encoding")
    return begin_job(key, make, total, again=again, aside=True)


@memo(4, says="Encoding the first samples …", stamp=_identity)
def first_samples(model: str, data: str, sample: str = "") -> Study:
    """Returns a model applied to the first samples of a data set.

    Args:
        model, data: names. sample: the id of one that is among them, if there is one of that name.
    """
    dataset, result = sources.load(data), loaded(model)
    split, drawn = checkpoint.training_split(result.card), np.random.default_rng(0)
    some = [
        drawn.choice(rows, min(count, len(rows)), replace=False)
        for part, count in ((split, BEHIND), ("test", SHOWN), ("valid", 1))
        for rows in [dataset.rows(part)]
    ]
    own = [dataset.row(sample)] if sample and dataset.known_ids([sample]) else []
    rows = np.unique(np.concatenate([*some, own])).astype(int)
    study = build_study(model, result.card, result.model, dataset.subset(rows))
    rows = study.dataset.rows(split)
    total = len(dataset.rows(split))
    behind = backgrounds.as_drawn(study.model, study.dataset, rows, study.background, total)
    return study.against(behind).applied()


def encode(model: str, data: str) -> None:
    """Encodes a data set before a model and prints how many samples are done."""
    torch.set_num_threads(1)
    fused, dataset = loaded(model).model, sources.load(data)
    encodings.encoded_numbers(fused, dataset, lambda done, total: print(done, flush=True))
    if not encodings.encoded_place(fused, dataset).exists():
        raise SystemExit(1)  # it cannot be kept, as the last line says
