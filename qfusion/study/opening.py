"""Open studies and samples by the names of models, data sets and samples, against a chosen background."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qfusion import data as sources
from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.data import DataSet
from qfusion.data.own_samples import OwnSample, append_samples
from qfusion.errors import QFusionError
from qfusion.explain import backgrounds, cohort_filters
from qfusion.models import FusionModel, Tweak, base, measured_game
from qfusion.study import cohorts
from qfusion.study.backends import backend_class
from qfusion.study.jobs import Job, Task, begin_job, find_job
from qfusion.study.sample import Sample, build_sample
from qfusion.study.study import Study
from qfusion.training import checkpoint, checkpoint_cards, encodings


@memo(8, stamp=checkpoint_cards.stamp)
def load_checkpoint(name: str) -> checkpoint.Checkpoint:
    """Return a checkpoint by name, shared; read anew when its files change."""
    return checkpoint.load(name)


def load_model_and_data(
    model: str | Path | checkpoint.Checkpoint, data: str | sources.DataSet | None = None
) -> tuple[checkpoint.Checkpoint, sources.DataSet]:
    """Return a trained model and the data set to use it on, by default the one of its card.

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
        result = checkpoint.load(
            Path(model) / checkpoint_cards.CARD if Path(model).is_dir() else model
        )
    return result, data if isinstance(data, sources.DataSet) else sources.load(
        data or _training_data(result)
    )


def _training_data(result: checkpoint.Checkpoint) -> str:
    """The name of the data set that a model was trained on."""
    known = str(result.card["data"]["name"])
    check(
        known in sources.names(),
        f"Model {model_name(result)} was trained on a file, '{known}', which is not found by its name. Add --data with "
        "its path.",
    )
    return known


def model_name(result: checkpoint.Checkpoint) -> str:
    """Return the name of a model by its card."""
    return str(result.card.get("name", "")) or "without a name"


def is_other_version(result: checkpoint.Checkpoint, dataset: sources.DataSet) -> bool:
    """Return whether a data set is another version of the one that the model was trained on."""
    trained_on = result.card["data"]
    return dataset.name == trained_on["name"] and dataset.digest != trained_on["digest"]


def file_stamps(model: str, data: str, sample: str = "") -> Hashable:
    """Return a key that changes whenever the files of a model or of a data set change."""
    return checkpoint_cards.stamp(model), sources.load(data).identity


@memo(4, task=Task.APPLY_MODEL, stamp=file_stamps)
def _study(model: str, data: str) -> Study:
    result = load_checkpoint(model)
    dataset = sources.load(data)
    return build_study(model, result.card, result.model, dataset, result.path).precompute()


def _is_shared(
    model: str | Path | checkpoint.Checkpoint, data: str | sources.DataSet | None
) -> bool:
    """Whether model and data are both given by name, so that their results are shared by all who ask."""
    return model in checkpoint_cards.available() and not isinstance(data, sources.DataSet)


def open_study(
    model: str | Path | checkpoint.Checkpoint, data: str | sources.DataSet | None = None
) -> Study:
    """Return a model on a data set, shared where both are names; arguments and errors are those of
    `load_model_and_data`.

    Raises:
        InvalidInput: also when the model does not fit the data.

    Example:
        >>> from qfusion.study import open_study
        >>> open_study("qj-parity").modalities
        ('left', 'right')
    """
    if isinstance(model, str) and _is_shared(model, data):
        return with_session_samples(
            _study(model, str(data or _training_data(load_checkpoint(model))))
        )
    result, dataset = load_model_and_data(model, data)
    return build_study(model_name(result), result.card, result.model, dataset, result.path)


def rivals(study: Study) -> list[str]:
    """Return the names of the other models that were trained on the same data. Models whose card cannot be read are
    left out.
    """
    names = []
    for name in checkpoint_cards.available():
        with suppress(QFusionError, AttributeError):
            if checkpoint_cards.load_card(name)["data"].get("digest") == study.dataset.digest:
                names.append(name)
    return [name for name in names if name != study.name]


# Samples of the visitor, which are appended to each data set that is opened by name; set by a run of a page.
session_samples: ContextVar[tuple[OwnSample, ...]] = ContextVar("session_samples", default=())


def with_session_samples(study: Study) -> Study:
    """Return a study with the visitor's own samples behind those of its set, where there are any `session_samples`."""
    samples = tuple(one for one in session_samples.get() if one.fits(study.dataset))
    return with_samples(study, samples) if samples else study


@memo(16)
def with_samples(study: Study, samples: tuple[OwnSample, ...]) -> Study:
    """Return the study of a set with own samples behind those of the set, in their order."""
    return study.with_user_samples(append_samples(study.dataset, samples)).precompute()


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
) -> Sample:
    """Return one sample before a model.

    Args:
        model, data: see `load_model_and_data`; results are shared if both are names.
        sample: its id.
        output: what is explained: "" for the class that the model as trained decides for, None for the one that it
            decides for under the tweak; "A" for class A against all others, "A:B" for class A rather than B.
        background: kind of the background, see `explain.background`, of the rows that the model was trained on.
        contrast: id of another sample that stands in for absent modalities, instead of a background.
        members: who stands behind the decision, for the background "cohort": NAME:FILTER, such as "hard:error>1".
        rows: "all" of the background are to be used also where some of them would do, see `Study.is_sampled`; all are
            used of what is not shared.
        tweak: what to change in the model, see the head of this module, or a `Tweak`.

    Raises:
        NotFound, InvalidInput: naming the argument that does not fit.

    Example:
        >>> from qfusion.study import open_sample
        >>> sample = open_sample("qj-parity", "pair-6602")
        >>> list(sample.dividends)
        ['', 'left', 'right', 'left+right']
        >>> abs(sum(sample.dividends.values()) - sample.score) < 1e-9
        True
    """
    study = open_study(model, data)
    row = study.dataset.row(sample)
    choose("Background", background, dict.fromkeys(OFFERED.values()))
    check(
        not contrast or background in (backgrounds.DEFAULT, "contrast"),
        "Give either `contrast` or `background`: a contrast is a background.",
    )
    kind, label, cohort = "contrast" if contrast else background, contrast, None
    if kind == "cohort":
        saved = cohort_filters.parse_saved(members)
        label, cohort = saved.name, cohorts.members(study, saved.parts)
        check(len(cohort) > 0, f"`members`: no sample passes {members!r}. Give a wider filter.")
    if rows:
        choose("Rows", rows, (ALL_ROWS,))
    study = with_background(study, kind, label, cohort)
    if study.is_sampled and (rows or not _is_shared(model, data)):
        study = study.with_all_rows()
    if output == "":
        return Sample(study, row, int(study.predicted[row]), tweak)
    return build_sample(study, row, output, tweak)


def tweak_model(model: FusionModel, tweak: Tweak | str) -> tuple[FusionModel, str]:
    """Return a model with a tweak, and the tweak as text. The given model does not change.

    Raises:
        InvalidInput, NotFound: when the tweak does not fit the model.
    """
    edit: Any = model.parse_tweak(tweak)
    return (model.tweaked(edit), str(edit)) if str(edit) else (model, "")


def find_misfit(card: Mapping[str, Any], dataset: DataSet) -> str:
    """Return why a model cannot take a data set's inputs or answer its question, or an empty string if it can."""
    available = dataset.input_specs
    for name, wanted in card["inputs"].items():
        if name not in available:
            return f"it needs the modality '{name}', and the data has {', '.join(available)}."
        if int(wanted["size"]) != int(available[name]["size"]):
            return f"it needs {wanted['size']} features of '{name}', and the data has {available[name]['size']}."
    classes = dataset.target.classes if dataset.target.kind == "classification" else ()
    if classes and len(card["outputs"]) != len(classes):
        return f"it has {len(card['outputs'])} outputs, and the data has {len(classes)} classes."
    if card.get("model") == measured_game.KIND and dataset.digest != card["data"]["digest"]:
        return "it holds the values of other samples."
    return ""


def explained_model(model: Any, dataset: DataSet) -> Any:
    """Return the model whose scores are explained. For a classifier, its scores are log-odds, see `models.base`."""
    classifies = dataset.target.kind == "classification"
    return base.log_odds_against_others(model) if classifies else model


@torch.no_grad()
def build_study(
    name: str,
    card: Mapping[str, Any],
    model: Any,
    dataset: DataSet,
    card_path: Path | None = None,
) -> Study:
    """Return a model on a data set. For `card_path`, see `Study`.

    Raises:
        InvalidInput: when the model was made for other modalities or feature numbers than the data set has.
    """
    problem = find_misfit(card, dataset)
    check(
        not problem,
        f"Model '{name}' does not fit data set '{dataset.name}': {problem} Choose the data it was "
        f"trained on, '{card['data']['name']}'.",
    )
    explained = explained_model(model, dataset)
    explained = backend_class(model).prepare_model(explained)
    return Study(name, card, explained, dataset, model, card_path=card_path)


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
            rows = data.rows(checkpoint_cards.training_split(study.card))
    return backgrounds.make_background(study.model, data, rows, kind, label=sample)


@memo(
    12,
    background=False,
    task=Task.BUILD_BACKGROUND,
    stamp=lambda study, *_: study.uses_all_rows,
)
def _with_background(study: Study, kind: str, sample: str, members: np.ndarray | None) -> Study:
    return study.with_background(background_of_kind(study, kind, sample, members)).base_study


def with_background(
    study: Study, kind: str, sample: str = "", members: np.ndarray | None = None
) -> Study:
    """A study with another background, shared; the arguments are those of `background_of_kind`."""
    if kind == backgrounds.DEFAULT == study.background.kind:
        return study
    return study.with_same_user_samples(_with_background(study, kind, sample, members))


def default_contrast(study: Study, row: int) -> str:
    """Return the id of the default sample to compare with.

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


BEHIND, SHOWN = 512, 128  # training rows and test rows of the first samples


def is_encoded(model: str, data: str) -> bool:
    """Return whether all samples of a data set can be shown before a model at once."""
    return encodings.is_ready(load_checkpoint(model).model, sources.load(data))


def find_encoding(model: str, data: str) -> Job | None:
    """Return the job that encodes a data set with a model if one was begun, even if it failed."""
    return find_job(("encoding", model, data, file_stamps(model, data)))


def begin_encoding(model: str, data: str, again: bool = False) -> Job:
    """Return the job that encodes a data set with a model, begun by this call or an earlier one.

    Args:
        again: whether one that has failed or was cancelled is begun anew, as one is that nobody waited for any more.
    """
    key = ("encoding", model, data, file_stamps(model, data))
    total = len(sources.load(data))
    return begin_job(key, partial(encode, model, data), total, again=again)


@memo(4, task=Task.ENCODE_FIRST_SAMPLES, stamp=file_stamps)
def first_samples(model: str, data: str, sample: str = "") -> Study:
    """Return a model applied to the first samples of a data set.

    Args:
        model, data: names. sample: the id of one that is among them, if there is one of that name.
    """
    dataset = sources.load(data)
    result = load_checkpoint(model)
    split = checkpoint_cards.training_split(result.card)
    drawn = np.random.default_rng(0)
    some = []
    for part, count in ((split, BEHIND), ("test", SHOWN), ("valid", 1)):
        candidates = dataset.rows(part)
        size = min(count, len(candidates))
        some.append(drawn.choice(candidates, size, replace=False))
    own = [dataset.row(sample)] if sample and dataset.known_ids([sample]) else []
    rows = np.unique(np.concatenate([*some, own])).astype(int)
    study = build_study(model, result.card, result.model, dataset.subset(rows))
    rows = study.dataset.rows(split)
    total = len(dataset.rows(split))
    background = backgrounds.mark_as_drawn(
        study.model, study.dataset, rows, study.background, total
    )
    return study.with_background(background).precompute()


def encode(model: str, data: str) -> None:
    """Encode a data set before a model."""
    encodings.encoded_numbers(load_checkpoint(model).model, sources.load(data))
