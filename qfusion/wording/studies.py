"""Axis titles of the columns of a study's samples, and the warning about another version of the data."""

from qfusion.analysis import opening, text
from qfusion.analysis.columns import dividend_column, entropy_column, negativity_column
from qfusion.analysis.spaces.masses import CONFLICT, DISAGREEMENT, MEAN_ENTROPY
from qfusion.analysis.study import Study
from qfusion.data import DataSet
from qfusion.data.target_spec import LABEL_PREFIX
from qfusion.training.checkpoint import Checkpoint

OTHER_VERSION = (
    "model {model} was trained on another version of data set {data} ({trained_on:.12}, here {here:.12}): figures may "
    "differ."
)

_TITLES = {
    DISAGREEMENT: "disagreement of the modalities (mean over elements)",
    CONFLICT: "conflict (Dempster's K)",
    MEAN_ENTROPY: "entanglement entropy of the fused qubits (mean, nats)",
}


def fact_titles(study: Study) -> dict[str, str]:
    """Return the axis title of every column of `SampleSpace.fact_columns`."""
    columns = study.space.fact_columns()
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


def describe_other_version(trained: Checkpoint, dataset: DataSet) -> str:
    """Return the warning about a data set whose digest is not the one that a model was trained on."""
    return OTHER_VERSION.format(
        model=opening.model_name(trained),
        data=dataset.name,
        trained_on=trained.card["data"]["digest"],
        here=dataset.digest,
    )
