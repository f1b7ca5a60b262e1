"""A sample before a model on a data set, and what its decision is compared with: what a panel, a figure, a report is
built from.

sample = open_sample("qj-planted", "p2924", "planted", background="mixed", tweak="H.text=0.5,T=1.2")

Where that takes long, pages show numbers against some rows of the background, or the first samples, and
`begin_refinement` and `begin_encoding` work out the rest behind them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qfusion import _sentences, explain
from qfusion import data as sources
from qfusion._checks import check, choose
from qfusion.analysis import cohort_measures, dynamics, text
from qfusion.analysis import study as studies
from qfusion.analysis.memo import Job, begin_work, find_work, memo
from qfusion.analysis.study import Study
from qfusion.data import DataSet
from qfusion.errors import InvalidInput
from qfusion.explain import cohorts, verdicts
from qfusion.explain.backgrounds import GROUPS, KINDS, Background, background_of
from qfusion.explain.coalitions import Explanation, shares, through
from qfusion.explain.verdicts import Verdict
from qfusion.models import Ability, FusionModel, Tweak, require
from qfusion.models.base import Points
from qfusion.models.registry import kinds, listed
from qfusion.training import batches, checkpoint
from qfusion.training.checkpoint import Checkpoint

AUTO = 1e12  # floating-point operations that are worked out unasked: some minutes of one core


def is_quick(study: Any) -> bool:
    """Whether all rows are a matter of minutes, so that they may be worked out unasked."""
    return bool(against_all_rows(study).operations <= AUTO)


def find_refinement(study: Any) -> Job | None:
    """Returns the refinement of a subject that somebody asked for, unless it was stopped."""
    return find_work(study.memo_key())


def begin_refinement(study: Any, asker: str) -> Job:
    """Returns the refinement of a subject, begun by this or an earlier call; its result is the subject against all
    rows, whose explanation is there.

    Args:
        study: a subject of which `is_sampled` holds.
        asker: who wants it, as of `begin_work`.
    """
    exact = against_all_rows(study)

    def explained() -> Any:
        _ = exact.explanation
        return exact

    return begin_work(study.memo_key(), explained, len(exact.bulk), asker)


@memo(4)
def against_all_rows(study: Any) -> Any:
    """Returns the subject against all rows, shared: its explanation is that of the refinement, or worked out when it is
    asked for."""
    return study.against_all_rows()


# What a decision is compared with: the choices, their backgrounds, and how they are said. Free of streamlit.

# Label, which also stands in the address -> kind of background.
BACKGROUNDS = {
    "training set": "joint",
    "product of marginals": "product",
    "nothing known": "mixed",
    "reference state": "zero",
    "one other sample": "contrast",
}
DEFAULT_BACKGROUND = "training set"
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
    if kind in ("mixed", "zero"):
        return explain.background(study.model, None, kind)
    if kind == "cohort":
        rows = np.asarray(members)
    else:
        rows = (
            np.array([data.row(sample)])
            if kind == "contrast"
            else data.rows(checkpoint.training_split(study.card))
        )
    return background_of(study.model, data, rows, kind, label=sample)


@memo(12, background=False, says="Working out the background …")
def _with_background(study: Study, kind: str, sample: str, members: np.ndarray | None) -> Study:
    return study.against(background_of_kind(study, kind, sample, members))


def with_background(
    study: Study, kind: str, sample: str = "", members: np.ndarray | None = None
) -> Study:
    """A study against the training set with another background, shared; the arguments are those of `of`."""
    return study if kind == "joint" else _with_background(study, kind, sample, members)


def with_rows(study: Study, rows: str) -> Study:
    """The study itself, or with `ALL_ROWS` the one against all rows of its background."""
    open_study_shared: Study = (
        against_all_rows(study) if rows == ALL_ROWS and study.is_sampled else study
    )
    return open_study_shared


def default_contrast(study: Study, row: int) -> str:
    """The sample compared with unless another is asked for.

    For classes the surest test sample of those predicted as this one's second-best class; else the test sample of the
    better-predicted half whose score is farthest from this one's.
    """
    rows = study.dataset.rows("test")
    rows = rows[rows != row]
    if study.classes:
        second = int(np.argsort(study.scores[row])[-2])
        worth = np.where(study.predicted[rows] == second, study.probabilities[rows, second], -1.0)
    else:
        close = study.errors[rows] <= np.median(study.errors[rows])
        worth = np.where(close, np.abs(study.scores[rows, 0] - study.scores[row, 0]), -1.0)
    return str(study.dataset.ids[rows[int(np.argmax(worth))]])


def rows_behind(background: Any) -> str:
    """What stands in for modalities that a coalition leaves out, as markdown, with how many samples that is."""
    return verdicts.behind(background, verdicts.Words(lambda name: text.plain(name, 60)))


def baseline_words(background: Any) -> str:
    """A sentence that says what the baseline is, as markdown."""
    score = "the score of" if background.kind in ("mixed", "zero", "contrast") else "the mean over"
    return f"Baseline: {score} {rows_behind(background)}."


def drawn_rows(explanation: Any, output: int) -> str:
    """A sentence on how well the terms of a sample are known where its background is some rows of a larger one, as
    markdown; else empty."""
    if explanation.errors is None or not explanation.errors.any():
        return ""
    largest = explanation.errors[0, :, output].max()
    return f" Standard error of a term, as other rows might have been drawn: at most {largest:.2g}."


def against_words(background: Any) -> str:
    """A sentence for numbers without a baseline, as markdown."""
    return f"Compared with {rows_behind(background)}."


# A sample before a model on a data set: what a panel is built from, without streamlit.
#
# sample = open_sample("qj-planted", "p2924", "planted", background="mixed", tweak="H.text=0.5,T=1.2")

TIMES = 41  # of an evolution: enough for a smooth line


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
    def dataset(self) -> DataSet:
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
    def unit(self) -> str:
        """Axis name of the explained score."""
        return self.study.unit_of(self.output)

    def can(self, ability: Ability) -> bool:
        """Whether the model says that it can do something, see `models.explorable`."""
        return self.study.can(ability)

    @property
    def truth(self) -> float | str:
        """What the sample was annotated with: a number or a class."""
        value = self.dataset.y[self.row]
        return self.classes[int(value)] if self.classes else float(value)

    @property
    def target(self) -> float | None:
        """The annotated value of a regression; scores of classes have none."""
        return None if self.classes else float(self.dataset.y[self.row])

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """Features of the sample, in double precision."""
        return self.dataset.inputs([self.row], dtype=torch.float64)

    @cached_property
    def explanation(self) -> Explanation:
        """Exact contributions, under the tweak."""
        return (
            explain.explain(self.model, self.inputs, self.background)
            if self.changed
            else self.study.explained(self.row)
        )

    @property
    def places(self) -> Any:
        """Times (41,) from 0 to T, or names of the places between the network's layers."""
        points = self._points
        return np.array(points.positions) if points.kind == "time" else list(points.names)

    @property
    def _points(self) -> Points:
        points: Points | None = self.model.points(TIMES)
        if points is None:
            raise InvalidInput(
                f"Model '{self.name}' is of kind {self.model.kind}, which is read out at its end only: nothing can be "
                f"followed on the way. Choose {listed([*kinds('time'), *kinds('layers')])} model."
            )
        return points

    @cached_property
    def through(self) -> Explanation:
        """Contributions as if the system were read out at each of `places`."""
        return through(self.model, self.inputs, self.background, self._points)

    @property
    def scores(self) -> np.ndarray:
        """Of all outputs, (C,)."""
        return self.explanation.prediction[0]

    @property
    def score(self) -> float:
        """The explained one."""
        return float(self.scores[self.output])

    @property
    def dividends(self) -> dict[str, float]:
        """Baseline (the empty coalition) and dividends, by coalition."""
        explanation = self.explanation
        return dict(
            zip(
                explanation.coalitions,
                explanation.dividends[0, :, self.output].tolist(),
                strict=True,
            )
        )

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
            zip(self.modalities, shares(self.explanation)[0, :, self.output].tolist(), strict=True)
        )

    @property
    def verdict(self) -> Verdict:
        """How its modalities relate and which leads, under the tweak."""
        return self.study.verdict_of(self.explanation, self.row, self.output)

    @property
    def of(self) -> str:
        """Whose a panel's numbers are where they are of this sample alone, as markdown."""
        return f" Of sample {text.plain(self.id)}."

    @property
    def whose(self) -> str:
        """Which class's score is explained, as markdown; empty of a regression."""
        return f" for ‘{text.plain(self.study.classes[self.output])}’" if self.study.classes else ""

    @property
    def learned(self) -> Sample:
        """The same sample before the model as trained."""
        return replace(self, tweak="")

    @property
    def reading(self) -> Any:
        """What the fusion reads, under the tweak, see `explain.network.evidence.Reading`; of a model with rules."""
        study: Any = self.study
        return study.reading(self.row, self.model)

    @property
    def decision(self) -> dynamics.Decision:
        """The decision through time, under the tweak."""
        return dynamics.decide(self.study, self.row, self.tweak, self.output)

    def track(self, *, negativity: bool = False, runs: int = 0) -> Any:
        """QuTiP's track of the sample under the tweak, see `track.track`, with `runs` quantum-jump trajectories."""
        return dynamics.follow(self.study, self.row, self.tweak, negativity=negativity, runs=runs)

    @property
    def followed(self) -> str:
        """Whose states are followed through time, and how exactly, as markdown."""
        return f"{self.of} {dynamics.exactness(self.study, self.row, self.tweak)}"


def sample_of(study: Study, row: int, output: str | int | None = None, tweak: Any = "") -> Sample:
    """Returns a sample; `output` is a name or number of the score that is explained, the one decided for unless given.

    Raises:
        NotFound, InvalidInput: when output or tweak do not fit the model.
    """
    made = Sample(study, row, 0, study.model.parse_tweak(tweak))
    names = made.explanation.outputs
    if isinstance(output, str):
        output = names.index(choose("Output", output, names))
    chosen = replace(made, output=int(np.argmax(made.scores)) if output is None else output)
    chosen.__dict__["explanation"] = made.explanation
    return chosen


@memo(8)
def _loaded(name: str, when: str) -> Checkpoint:
    return checkpoint.load(name)


def loaded(name: str) -> Checkpoint:
    """Returns a checkpoint by name, shared; read anew when its files change."""
    return _loaded(name, checkpoint.stamp(name))


@memo(4, says="Applying the model to every sample …")
def _study(model: str, when: str, data: str, identity: str) -> Study:
    result = _loaded(model, when)
    return studies.build_study(model, result.card, result.model, sources.load(data)).applied()


def open_study(model: str, data: str = "") -> Study:
    """Returns a model applied to a data set, by their names; the data it was trained on unless told.

    Raises:
        NotFound, DataUnavailable: when there is no such model or data.
        InvalidInput: when the model does not fit the data.
    """
    data = data or str(loaded(model).card["data"]["name"])
    return _study(model, checkpoint.stamp(model), data, sources.load(data).identity)


def open_sample(
    model: str,
    sample: str,
    data: str = "",
    *,
    output: str = "",
    background: str = "joint",
    contrast: str = "",
    members: str = "",
    rows: str = "",
    tweak: str = "",
) -> Sample:
    """Returns a sample before a model, by names.

    Args:
        model: of a checkpoint.
        sample: id.
        data: of a data set, the one that the model was trained on unless told.
        output: the class whose score is explained; the predicted one unless told.
        background: kind of the background, see `explain.background`.
        contrast: id of the other sample, for the background "contrast".
        members: who stands behind the decision, for the background "cohort": NAME:FILTER, such as "hard:error>1".
        rows: "all" of the background are to be used also where some of them would do, see `Study.is_sampled`.
        tweak: what is changed in the model, such as "H.text-audio=0.5,T=1.2", or "all:and" of one with fusion rules.

    Raises:
        NotFound, InvalidInput: when one of them does not exist or does not fit.
    """
    study = open_study(model, data)
    row = study.dataset.row(sample)
    choose("Background", background, dict.fromkeys(OFFERED.values()))
    if background == "cohort":
        saved = cohorts.parse_saved(members)
        study = with_background(
            study, background, saved.name, cohort_measures.members(study, saved.parts)
        )
    else:
        study = with_background(study, background, contrast)
    if rows:
        choose("Rows", rows, (ALL_ROWS,))
        study = with_rows(study, rows)
    number = (
        study.classes.index(choose("Class", output, study.classes))
        if output
        else int(study.predicted[row])
    )
    return Sample(study, row, number, tweak)


# One sample before a trained model: what figures, numbers and reports of a decision start from.
#
# case("qj-planted", "p0031")                                     as trained, against its training rows
# case("qj-planted", "p0031", background="mixed")                 against another background
# case("qj-planted", "p0031", tweak="H.text-audio=0.5,T=1.2")     physics changed, see `qfusion.models.tweak`
# case("qcnn-digits", "digit-1600", tweak="all:and")              fusion rules edited, see
# `qfusion.models.entangled_qcnn`


def opened(
    model: str | Path | Checkpoint, data: str | DataSet | None = None
) -> tuple[Checkpoint, DataSet]:
    """Returns a trained model and the data set to use it on, by default the one of its card.

    Args:
        model: a name, the path of a card or of the folder that `train` made, or a checkpoint that is loaded already.
        data: a name, the path of a file, or a data set that is loaded already.

    Raises:
        NotFound: when either does not exist.
        InvalidInput: when the model was trained on a file and `data` does not say which.
    """
    if isinstance(model, Checkpoint):
        result = model
    else:
        result = checkpoint.load(Path(model) / checkpoint.CARD if Path(model).is_dir() else model)
    if isinstance(data, DataSet):
        return result, data
    known = str(result.card["data"]["name"])
    check(
        data is not None or known in sources.names(),
        f"Model {name_of(result)} was trained on a file, '{known}', which is not found by its name. Add --data with "
        "its path.",
    )
    return result, sources.load(data or known)


def name_of(result: Checkpoint) -> str:
    """Returns the name of a model by its card."""
    return str(result.card.get("name", "")) or "without a name"


def other_version(result: Checkpoint, dataset: DataSet) -> str:
    """Returns a warning where the data set is another version of the one that the model was trained on; else an empty
    text."""
    made_with = result.card["data"]
    if dataset.name != made_with["name"] or dataset.digest == made_with["digest"]:
        return ""
    return (
        f"model {name_of(result)} was trained on another version of data set {dataset.name} "
        f"({made_with['digest'][:12]}, here {dataset.digest[:12]}): figures may differ."
    )


def case(
    model: str | Path | Checkpoint,
    sample: str,
    data: str | DataSet | None = None,
    *,
    output: str | None = None,
    background: str = "joint",
    contrast: str = "",
    tweak: Tweak | str = "",
) -> Sample:
    """Returns one sample before a model.

    Args:
        model, data: see `opened`.
        sample: its id.
        output: which score; the one decided for unless given.
        background: of `KINDS` but "cohort" and "contrast", against the rows that the model was trained on.
        contrast: id of another sample that stands in for absent modalities, instead of a background.
        tweak: what to change in the model, see the head of this module, or a `Tweak`.

    Raises:
        NotFound, InvalidInput: naming the argument that does not fit.
    """
    result, dataset = opened(model, data)
    row = dataset.row(sample)
    choose("Background", background, [kind for kind in KINDS if kind not in ("cohort", "contrast")])
    check(
        not contrast or background == "joint",
        "Give either `contrast` or `background`: a contrast is a background.",
    )
    study = study_of(result, dataset, "contrast" if contrast else background, contrast)
    return sample_of(study.against_all_rows() if study.is_sampled else study, row, output, tweak)


def study_of(
    result: Checkpoint, dataset: DataSet, background: str = "joint", contrast: str = ""
) -> Study:
    """Returns a loaded model on a loaded data set; the other arguments and errors are those of `case`."""
    study = studies.build_study(name_of(result), result.card, result.model, dataset)
    return (
        study
        if background == "joint"
        else study.against(background_of_kind(study, background, contrast))
    )


def tweaked(model: FusionModel, tweak: Tweak | str) -> tuple[FusionModel, str]:
    """Returns a model with a tweak and the tweak as text; the model itself stays as it is.

    Raises:
        InvalidInput, NotFound: when the tweak does not fit the model.
    """
    wanted: Any = model.parse_tweak(tweak)
    return (model.tweaked(wanted), str(wanted)) if str(wanted) else (model, "")


def require_time(case: Sample, what: str = "") -> None:
    """Raises InvalidInput unless the model evolves in time."""
    require(case.model, "time", what, f"Model '{case.name}'")


def require_network(case: Sample, what: str = "") -> None:
    """Raises InvalidInput unless the model has fusion rules to read."""
    require(case.model, "rules", what, f"Model '{case.name}'")


# Large data sets encoded in a process of their own, while the pages show the first samples. Free of streamlit.
#
# What encoders make of gigabytes of features takes a minute the first time, see `training.encoded`. Until it is kept,
# `begin_encoding` has it worked out and `first_samples` gives the model on some of the samples, against some of the
# background: exact for these, and said to be so.

BEHIND, SHOWN = 512, 128  # training rows and test rows of the first samples
PATIENCE = 600.0  # seconds after which nobody waits any more who has not asked again


class Encoding:
    """One model on one data set on its way.

    Attributes:
        total, done: samples, and how many are encoded.
        problem: what went wrong, empty while nothing has.
        stopped: whether somebody has cancelled it. left: whether nobody waited for it any more.
    """

    def __init__(self, model: str, data: str):
        self.total, self.done, self.problem = len(sources.load(data)), 0, ""
        self.stopped = self.left = False
        self.seen, self._pace = time.monotonic(), _sentences.Pace()
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import encode; encode()", model, data],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._follow, daemon=True).start()

    @property
    def under_way(self) -> bool:
        """Whether it goes on."""
        return self._process.poll() is None

    @property
    def seconds_left(self) -> float | None:
        """As the samples so far let expect; None before the first."""
        return self._pace.left(self.done, self.total)

    def stop(self) -> None:
        """Ends it; what was encoded so far is lost."""
        self.stopped = True
        self._process.kill()

    def _follow(self) -> None:
        assert self._process.stdout is not None and self._process.stderr is not None
        for line in self._process.stdout:
            self.done = int(line)
            if time.monotonic() - self.seen > PATIENCE:
                self.left = True
                self._process.kill()
        lines = self._process.stderr.read().strip().splitlines()
        if self._process.wait() and not (self.stopped or self.left):
            self.problem = (lines or ["the process was killed"])[-1][:200]


_jobs: dict[Hashable, Encoding] = {}
_guard = threading.Lock()


def _key(model: str, data: str) -> Hashable:
    return model, checkpoint.stamp(model), data, sources.load(data).digest


def is_encoded(model: str, data: str) -> bool:
    """Returns whether all samples of a data set can be shown before a model at once."""
    return batches.is_ready(loaded(model).model, sources.load(data))


def find_encoding(model: str, data: str) -> Encoding | None:
    """Returns the encoding of a data set before a model that was begun, however it ended."""
    with _guard:
        return _jobs.get(_key(model, data))


def begin_encoding(model: str, data: str, again: bool = False) -> Encoding:
    """Returns the encoding of a data set before a model, begun by this call or an earlier one.

    Args:
        again: whether one that has failed or was stopped is begun anew, as one is that nobody waited for any more.
    """
    key = _key(model, data)
    with _guard:
        job = _jobs.get(key)
        if job is None or job.left or (again and not job.under_way):
            job = _jobs[key] = Encoding(model, data)
        job.seen = time.monotonic()
        return job


@memo(4, says="Encoding the first samples …")
def _first_samples(model: str, when: str, data: str, digest: str, sample: str) -> Study:
    dataset, result = sources.load(data), loaded(model)
    trained = dataset.rows(checkpoint.training_split(result.card))
    drawn = np.random.default_rng(0)
    some = [
        drawn.choice(rows, min(count, len(rows)), replace=False)
        for rows, count in (
            (trained, BEHIND),
            (dataset.rows("test"), SHOWN),
            (dataset.rows("valid"), 1),
        )
    ]
    wanted = [dataset.row(sample)] if sample and dataset.known([sample]) else []
    rows = np.unique(np.concatenate([*some, wanted])).astype(int)
    study = studies.build_study(model, result.card, result.model, dataset.part(rows))
    behind = replace(study.background, total=len(trained))
    if isinstance(behind, Background):
        own = np.random.default_rng(0).permutation(
            study.dataset.rows(checkpoint.training_split(result.card))
        )
        groups = [
            background_of(study.model, study.dataset, own[group::GROUPS]) for group in range(GROUPS)
        ]
        behind = replace(
            behind,
            groups=torch.stack([group.sigma for group in groups if isinstance(group, Background)]),
        )
    return study.against(behind).applied()


def first_samples(model: str, data: str, sample: str = "") -> Study:
    """Returns a model applied to the first samples of a data set.

    Args:
        model, data: names. sample: the id of one that is among them, if there is one of that name.
    """
    return _first_samples(model, checkpoint.stamp(model), data, sources.load(data).digest, sample)


def encode() -> None:
    """Encodes a data set before a model, `MODEL DATA`, and prints how many samples are done."""
    torch.set_num_threads(1)
    model, data = sys.argv[1:]
    fused, dataset = loaded(model).model, sources.load(data)
    batches.encoded_numbers(fused, dataset, lambda done, total: print(done, flush=True))
    if not batches.encoded_place(fused, dataset).exists():
        sys.exit(1)  # it cannot be kept, as the last line says
