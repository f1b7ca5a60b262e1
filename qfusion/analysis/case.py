"""One sample before a trained model: what figures, numbers and reports of a decision start from.

case("qj-planted", "p0031")                                     as trained, against its training rows
case("qj-planted", "p0031", background="mixed")                 against another background
case("qj-planted", "p0031", tweak="H.text-audio=0.5,T=1.2")     physics changed, see `qfusion.models.tweak`
case("qcnn-digits", "digit-1600", tweak="all:and")              fusion rules edited, see `qfusion.models.edits`
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qfusion import data as sources
from qfusion._checks import check, choose
from qfusion.analysis import backgrounds, subjects
from qfusion.analysis.sample import Sample, sample_of
from qfusion.analysis.subject import Workspace
from qfusion.data import DataSet
from qfusion.explain.backgrounds import KINDS
from qfusion.models import FusionModel, Tweak, require
from qfusion.training import checkpoint
from qfusion.training.checkpoint import Checkpoint


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
        found = model
    else:
        found = checkpoint.load(Path(model) / checkpoint.CARD if Path(model).is_dir() else model)
    if isinstance(data, DataSet):
        return found, data
    known = str(found.card["data"]["name"])
    check(
        data is not None or known in sources.names(),
        f"Model {name_of(found)} was trained on a file, '{known}', which is not found by its name. Add --data with "
        "its path.",
    )
    return found, sources.load(data or known)


def name_of(found: Checkpoint) -> str:
    """Returns the name of a model by its card."""
    return str(found.card.get("name", "")) or "without a name"


def other_version(found: Checkpoint, dataset: DataSet) -> str:
    """Returns a warning where the data set is another version of the one that the model was trained on; else an empty
    text."""
    made_with = found.card["data"]
    if dataset.name != made_with["name"] or dataset.digest == made_with["digest"]:
        return ""
    return (
        f"model {name_of(found)} was trained on another version of data set {dataset.name} "
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
    found, dataset = opened(model, data)
    row = dataset.row(sample)
    choose("Background", background, [kind for kind in KINDS if kind not in ("cohort", "contrast")])
    check(
        not contrast or background == "joint",
        "Give either `contrast` or `background`: a contrast is a background.",
    )
    work = work_of(found, dataset, "contrast" if contrast else background, contrast)
    return sample_of(work.against_all_rows() if work.is_sampled else work, row, output, tweak)


def work_of(
    found: Checkpoint, dataset: DataSet, background: str = "joint", contrast: str = ""
) -> Workspace:
    """Returns a loaded model on a loaded data set; the other arguments and errors are those of `case`."""
    work = subjects.build(name_of(found), found.card, found.model, dataset)
    return (
        work if background == "joint" else work.against(backgrounds.of(work, background, contrast))
    )


def tweaked(model: FusionModel, tweak: Tweak | str) -> tuple[FusionModel, str]:
    """Returns a model with a tweak and the tweak as text; the model itself stays as it is.

    Raises:
        InvalidInput, NotFound: when the tweak does not fit the model.
    """
    asked: Any = model.parse_tweak(tweak)
    return (model.tweaked(asked), str(asked)) if str(asked) else (model, "")


def require_time(case: Sample, what: str = "") -> None:
    """Raises InvalidInput unless the model evolves in time."""
    require(case.model, "time", what, f"Model '{case.name}'")


def require_network(case: Sample, what: str = "") -> None:
    """Raises InvalidInput unless the model has fusion rules to read."""
    require(case.model, "rules", what, f"Model '{case.name}'")
