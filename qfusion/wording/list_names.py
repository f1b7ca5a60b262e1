"""Names of models and data sets in lists, each with its id."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from qfusion.analysis.sample_words import shorten
from qfusion.analysis.study import Study
from qfusion.models import BASELINES, FUSION, kind_files, live_model, measured_game
from qfusion.models.registry import KINDS
from qfusion.wording.model_kinds import kind_text

SEPARATOR = " · "  # between the system and its data
# The id stands on a second line of the option. An input has one line, in which the space separates both.
MODEL_OPTION = "{label} \n{id}"
WITH_ID = "{title} ({id})"
MAX_TOPIC = 80  # characters


class Group(IntEnum):
    """Groups of models, in the order of lists."""

    QUANTUM_JUMP = 0
    ENTANGLED_QCNN = 1
    BASELINE = 2
    OTHER = 3
    OWN = 4
    IMPORTED = 5
    LIVE = 6


class ModelName(NamedTuple):
    """The name of a model in lists.

    Attributes:
        group: group in lists.
        system: short name of the system, such as "QiNN-QJ".
        topic: what it was trained on, or its title.
        id: name of the checkpoint, as in links.
    """

    group: Group
    system: str
    topic: str
    id: str

    @property
    def label(self) -> str:
        """The system and its data in one line."""
        return SEPARATOR.join(part for part in (self.system, self.topic) if part)

    @property
    def in_line(self) -> str:
        """The label, and the id in parentheses."""
        return with_id(self.label, self.id)

    @property
    def short(self) -> str:
        """The system, and the id in parentheses."""
        return with_id(self.system, self.id)

    @property
    def option(self) -> str:
        """The text of an option: the label, and the id on a second line."""
        return MODEL_OPTION.format(label=self.label, id=self.id) if self.label else self.id


def name_model(name: str, card: Mapping[str, Any], *, shipped: bool) -> ModelName:
    """Return the name of a model in lists.

    Args:
        name: name of the checkpoint.
        card: its card, or an empty one if it cannot be read.
        shipped: whether it comes with the library.
    """
    kind = str(card.get("model", ""))
    if not kind:
        return ModelName(Group.OWN, "", "", name)
    system = name_system(kind)
    topic = _topic(name, kind, system, " ".join(str(card.get("title", "")).split()))
    return ModelName(_group(kind, shipped), system, topic, name)


def name_study(study: Study) -> ModelName:
    """Return the name of the model of a study."""
    return name_model(study.name, study.card, shipped=True)


def name_system(kind: str) -> str:
    """Return the short name of a kind of model."""
    title = FUSION[kind].title if kind in FUSION else ""
    return kind_text(kind).short or title or kind


def with_id(title: str, id_: str) -> str:
    """Return the title of a model or a data set with its id in parentheses."""
    title = " ".join(title.split())
    return WITH_ID.format(title=title, id=id_) if title and title != id_ else id_


def _group(kind: str, shipped: bool) -> Group:
    if kind in (live_model.KIND, live_model.CIRCUIT_KIND):
        return Group.LIVE
    if kind in (*kind_files.file_formats(), measured_game.KIND):
        return Group.IMPORTED
    if not shipped:
        return Group.OWN
    if kind in BASELINES:
        return Group.BASELINE
    systems = {"quantum-jump": Group.QUANTUM_JUMP, "entangled-qcnn": Group.ENTANGLED_QCNN}
    return systems.get(kind, Group.OTHER)


def _topic(name: str, kind: str, system: str, title: str) -> str:
    """Return a title without the system that it begins with: "QiNN-QJ on two digits" becomes "two digits"."""
    class_title = KINDS[kind].title if kind in KINDS else ""
    for start in (system, class_title, kind, name):
        if start and title.startswith(f"{start} on "):
            title = title.removeprefix(f"{start} on ")
            break
    return shorten(title, MAX_TOPIC)
