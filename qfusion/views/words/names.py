"""Names of models, data sets, operators, parameters and cohorts, and of the columns of a study."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple

import pandas as pd

from qfusion._sentences import listed
from qfusion.data import DataSet
from qfusion.data.coalition_terms import split_term
from qfusion.data.target_spec import LABEL_PREFIX
from qfusion.explain import bootstrap
from qfusion.explain.cohort_filters import EVERYTHING
from qfusion.models import BASELINES, FUSION, kind_files, live_model, measured_game
from qfusion.models.kind_texts import kind_text
from qfusion.models.registry import KINDS
from qfusion.models.terms import ParameterFlip
from qfusion.quantum import measure_kinds
from qfusion.study import text
from qfusion.study.backends.base import dividend_column, entropy_column, negativity_column
from qfusion.study.backends.masses import CONFLICT, DISAGREEMENT, MEAN_ENTROPY
from qfusion.study.performance import CohortComparison
from qfusion.study.study import Study
from qfusion.study.text import shorten

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


EVERY_SPLIT = "every split"
ALL = "all of {split}"
ALL_EXPLAINED = "all explained samples of {split}"
WITH_SIZE = "{name} (n = {count:,})"
COHORT = "cohort"
NAMED_COHORT = "cohort ‘{name}’"
INTERVALS = "{level:.0%} bootstrap, {resamples:,} resamples{clusters}, seed 0"
CLUSTERS = " of {clusters}, not of rows"


def name_split(levels: CohortComparison) -> str:
    """Return the splits of the samples: "test", "train and valid", "every split"."""
    return EVERY_SPLIT if levels.split == (EVERYTHING,) else listed(levels.split)


def name_all(levels: CohortComparison) -> str:
    """Return the name of the first level, all samples of the split that are explained."""
    template = ALL_EXPLAINED if levels.is_partial else ALL
    return template.format(split=name_split(levels))


def name_cohort(levels: CohortComparison) -> str:
    """Return the name of the second level, the cohort."""
    return NAMED_COHORT.format(name=levels.name) if levels.name else COHORT


def name_cohort_with_size(levels: CohortComparison) -> str:
    """Return the name of the cohort with its number of samples."""
    return WITH_SIZE.format(name=name_cohort(levels), count=int(levels.inside.sum()))


def describe_level_intervals(levels: CohortComparison) -> str:
    """Return the method of the confidence intervals over the rows of all levels."""
    return describe_intervals(levels.study.dataset, levels.rows)


def describe_intervals(
    dataset: DataSet, rows: pd.DataFrame, resamples: int = bootstrap.RESAMPLES
) -> str:
    """Return the method of confidence intervals over rows of a table (index id)."""
    clusters = ""
    if dataset.clusters is not None:
        count = dataset.clusters.describe_count(dataset.find_rows(rows.index))
        clusters = CLUSTERS.format(clusters=count)
    return INTERVALS.format(level=bootstrap.LEVEL, resamples=resamples, clusters=clusters)


UNRAVELLING = (
    "This is one unravelling of the master equation, chosen by convention: its jump operators are traceless and "
    "orthogonal, numbered by their rates. Another gauge has the same master equation, but other operators, jumps and "
    "single runs."
)
COUPLING = "H: {modalities}"
DISSIPATION = "dissipation: {modalities}"
DURATION = "duration T"
ANGLE = "angle φ of ‘{element}’ (yes from {controls})"
NO_CONTROL = "none"


def name_parameter(study: Any, change: ParameterFlip) -> str:
    """Return the name of a parameter that flips a decision, not escaped."""
    modalities = " + ".join(split_term(change.name))
    match change.kind:
        case "coupling":
            return COUPLING.format(modalities=modalities)
        case "dissipation":
            return DISSIPATION.format(modalities=modalities)
        case "duration":
            return DURATION
        case _:
            element, stage, pattern = map(int, change.name.split("."))
            return name_table_angle(study, element, stage, pattern)


def name_table_angle(study: Any, element: int, stage: int, pattern: int) -> str:
    """Return the name of an angle of the fusion: its element, and the controls that are 1; not escaped."""
    stages, patterns = study.model.phi.shape[1:]
    if stages == 1:
        controls = study.modalities
    elif stage == 0:
        controls = study.modalities[:2]
    else:
        controls = ("fused", study.modalities[stage + 1])
    digits = format(pattern, f"0{patterns.bit_length() - 1}b")
    active = [name for name, bit in zip(controls, digits, strict=True) if bit == "1"]
    return ANGLE.format(
        element=study.backend.elements[element], controls=" + ".join(active) or NO_CONTROL
    )


_TITLES = {
    DISAGREEMENT: "disagreement of the modalities (mean over elements)",
    CONFLICT: "conflict (Dempster's K)",
    MEAN_ENTROPY: "entanglement entropy of the fused qubits (mean, nats)",
}


def fact_titles(study: Study) -> dict[str, str]:
    """Return the axis title of every column of `Backend.fact_columns`."""
    columns = study.backend.fact_columns()
    titles = dict(_TITLES)
    for name in study.modalities:
        if negativity_column(name) in columns:
            titles[entropy_column(name)] = f"von Neumann entropy of {name} at T (nats)"
            titles[negativity_column(name)] = f"log-negativity of {name} with the rest at T (bits)"
    return {column: titles.get(column) or _qubit_title(column) for column in columns}


def _qubit_title(column: str) -> str:
    """Return the title of an entropy column of a fused qubit, such as `entropy[element 1]`."""
    name = column.partition("[")[2].removesuffix("]")
    return f"entanglement entropy of fused qubit ‘{name}’ (nats)"


def axis_titles(study: Study) -> dict[str, str]:
    """Return the axis title of every column that samples can be drawn against."""
    unit = "log-odds of the class (nats)" if study.classes else study.score_unit(0)
    answers = (
        {
            "rank": "rank by margin",
            "margin": "margin of the true class (log-odds, nats)",
            "certainty": "softmax of the predicted class",
        }
        if study.classes
        else {
            "truth": text.with_unit("truth", unit),
            "prediction": text.with_unit("prediction", unit),
        }
    )
    if not study.has_truth:
        answers = (
            {"certainty": answers["certainty"]}
            if study.classes
            else {"prediction": answers["prediction"]}
        )
    labels = (
        () if study.dataset.unimodal is None or study.classes else study.dataset.unimodal.columns
    )
    return {
        **answers,
        **({"error": study.unit_of_error} if study.has_truth else {}),
        **fact_titles(study),
        **{
            name: text.column(name)
            for label in labels
            if (name := f"{LABEL_PREFIX}{label}") in study.dataset.table.columns
        },
        **{
            dividend_column(term): text.with_unit(
                f"contribution of {term.replace('+', ' + ')}", unit
            )
            for term in study.terms
        },
    }


# The modality qubits only control and are then left out, so a classical mixture over their outcomes gives the same
# fused qubits. It holds while the score is read from the fused qubits alone.
INERT = (
    "The entanglement made by the fusion does not affect the decision: measuring the modality qubits changes "
    "nothing."
)


class MeasureText(NamedTuple):
    """The texts of a measure.

    Attributes:
        caption, limits: of its panel.
        source: its authors, for the glossary; empty if the glossary has an entry of its own.
    """

    caption: str
    limits: str
    source: str = ""


# By kind of measure; a kind that is missing here has no panel.
MEASURE_TEXTS: dict[str, MeasureText] = {
    "negativity": MeasureText(
        caption="logarithmic negativity of each modality with the rest, in bits: zero for every separable state, and "
        "an "
        "upper bound of the distillable entanglement. For a pure state it is at least the entanglement entropy.",
        limits="Does not show a share of the mutual information: the two are different measures in different units, so "
        "that "
        "their ratio has no meaning. Nor entanglement within the rest, nor bound entanglement.",
    ),
    "mutual_information": MeasureText(
        caption="the mutual information of each pair, from classical and quantum correlation, and the total "
        "correlation "
        "of all modalities.",
        limits="Does not show whether correlations are classical or quantum: a positive log-negativity, below, shows "
        "entanglement.",
    ),
    "purity": MeasureText(
        caption="purity of each modality's state and of the joint state; 1/d for a maximally mixed state of dimension "
        "d.",
        limits="Does not show whether entanglement or jumps made a state mixed.",
    ),
}


def measures_with_panels() -> tuple[str, ...]:
    """Return the kinds of measures that are drawn over time, in the order of their columns."""
    return tuple(kind for kind in measure_kinds.KINDS if kind in MEASURE_TEXTS)


def measures_with_entries() -> dict[str, MeasureText]:
    """Return the texts of the kinds of measures that name their source for the glossary."""
    return {
        kind: MEASURE_TEXTS[kind] for kind in measures_with_panels() if MEASURE_TEXTS[kind].source
    }
