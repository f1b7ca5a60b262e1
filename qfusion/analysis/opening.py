"""Open studies and samples by the names of models, data sets and samples.

open_sample("qj-planted", "p0031")                                    as trained, against its training rows
open_sample("qj-planted", "p0031", background="mixed")                against another background
open_sample("qj-planted", "p0031", tweak="H.text-audio=0.5,T=1.2")    physics changed, see `qfusion.models.tweak`
open_sample("qcnn-digits", "digit-1600", tweak="all:and")             fusion rules edited, see `EntangledQCNN`
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from qfusion import data as sources
from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.analysis import cohort_table
from qfusion.analysis.background_choice import ALL_ROWS, OFFERED, with_background
from qfusion.analysis.sample import Sample, build_sample
from qfusion.analysis.study import Study
from qfusion.analysis.study_building import build_study
from qfusion.analysis.tasks import Task
from qfusion.data.own.samples import OwnSample, append_samples
from qfusion.errors import QFusionError
from qfusion.explain import backgrounds, cohort_filters
from qfusion.models import FusionModel, Tweak
from qfusion.training import checkpoint, checkpoint_cards


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
    """
    if isinstance(model, str) and _is_shared(model, data):
        return with_visitors(_study(model, str(data or _training_data(load_checkpoint(model)))))
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
at_hand: ContextVar[tuple[OwnSample, ...]] = ContextVar("at_hand", default=())


def with_visitors(study: Study) -> Study:
    """Return a study with the visitor's own samples behind those of its set, where there are any `at_hand`."""
    samples = tuple(one for one in at_hand.get() if one.fits(study.dataset))
    return with_samples(study, samples) if samples else study


@memo(16)
def with_samples(study: Study, samples: tuple[OwnSample, ...]) -> Study:
    """Return the study of a set with own samples behind those of the set, in their order."""
    return study.with_own(append_samples(study.dataset, samples)).precompute()


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
        label, cohort = saved.name, cohort_table.members(study, saved.parts)
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
