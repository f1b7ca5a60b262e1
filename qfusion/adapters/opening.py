"""Open a model of a user's own, as it stands in Python, with its data: the study that pages, figures and reports use.

study = qfusion.open(model, data, wires={"text": [0, 1], "audio": [2, 3]})
study.sample("sample-0001").dividends
qfusion.show(study)"""

from __future__ import annotations

import secrets
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from qfusion._checks import check, choose, require_whole
from qfusion._sentences import listed
from qfusion.adapters import arguments, calls, gates, trial
from qfusion.adapters.trial import (
    check_duration,
    check_independent,
    class_probability,
    clip,
    describe_clipping,
    has_certainty,
    largest_difference,
    probability_data,
    quickest_call,
    time_call,
    warn_of_time,
)
from qfusion.data import DataSet
from qfusion.data.in_memory import data_set_of
from qfusion.errors import InvalidInput
from qfusion.models import FusionModel, inputs, live_model
from qfusion.models.live_model import looks_like
from qfusion.models.protocols import CircuitSource, EditableCircuit
from qfusion.study import opening
from qfusion.study.opening import build_study
from qfusion.study.study import Study
from qfusion.training import checkpoint, checkpoint_cards
from qfusion.training.batches import sample_rows

REPEATS = 8  # of a model whose scores scatter
TOLERANCE = 1e-9  # by which scores may differ from call to call, relative to their size
BETTER = 0.4  # by which the mean recall of another order of the columns is far better
MAX_CIRCUITS = 10_000  # that run for a sample
MAX_ORDERED = 500  # classes whose order is examined
HOLDS = ("scores", "probabilities", "log-probabilities")


def open_model(
    model: Any,
    data: Any = None,
    *,
    wires: Mapping[str, Sequence[Any]] | None = None,
    name: str = "",
    target: str = "",
    modalities: Any = None,
    classes: Sequence[str] | None = None,
    output: str = "",
    call: str = "",
    circuit: int = 0,
    contents: Mapping[str, Any] | None = None,
    probability: str = "",
) -> Study:
    """Return a model with its data as a study, without a server and without files.

    Args:
        model: a function from modalities to scores, a `torch.nn.Module`, an estimator or pipeline of scikit-learn, a
            model of qfusion, or the name of one. A module is copied, in evaluation mode and double precision. It takes
            arrays of the shapes that `data` has, see `qfusion.data.readers.session_features`. Also what a plugin opens,
            such as a Hamiltonian alone, a `qutip.Qobj`; or a study, which is returned.
        data: see `qfusion.data.in_memory.data_set_of`; the data set of its card for a name; None for a physical system,
            which is opened on its basis states.
        wires: labels of the qubits of each modality; guessed from the encoding unless given.
        name: that the study goes by; that of the model's class unless given.
        target, modalities, classes, contents: of the data, see `data_set_of`. With `contents`, pages show the words of
            the steps of a text: contents={"text": list_of_word_lists}.
        output: of a classifier, what the model returns: "scores" (logits), "probabilities" or "log-probabilities";
            found from some rows unless given.
        call: how it is called, see `qfusion.adapters.arguments`; found unless given.
        circuit: number of the circuit that is shown, from 0, where several run for a sample.
        probability: of a classifier, the class whose probability is explained instead of log-odds, as the amount of a
            regression: contributions then sum to the probability.

    Returns:
        The study; its samples have the contributions, the verdict, and of a circuit the states and entropies.

    Raises:
        InvalidInput: when the model fails on some rows, its scores are not finite, depend on the other rows of a batch
            or do not fit the target, or an argument does not fit; the message says what to do.
        NotFound: when a name is unknown.

    Example:
        >>> import numpy as np
        >>> import qfusion
        >>> random = np.random.default_rng(0)
        >>> text, audio = random.normal(size=(60, 1)), random.normal(size=(60, 1))
        >>> data = {"text": text, "audio": audio, "y": text[:, 0] * audio[:, 0]}
        >>> study = qfusion.open(lambda text, audio: text * audio, data)
        >>> list(study.sample("sample-0003").dividends)
        ['', 'text', 'audio', 'text+audio']
    """
    described = {
        "wires": wires,
        "name": name or None,
        "target": target or None,
        "modalities": modalities,
        "classes": classes,
        "output": output or None,
        "call": call or None,
        "circuit": circuit or None,
        "contents": contents,
        "probability": probability or None,
    }
    check(
        not name or (isinstance(name, str) and checkpoint_cards.NAME.fullmatch(name) is not None),
        "Argument `name` must be 1 to 64 letters, digits, '.', '_' or '-' and begin with a letter or digit, but is "
        f"{name!r:.80}. Choose another.",
    )
    require_whole("circuit", circuit, 0, MAX_CIRCUITS)
    if isinstance(model, Study):
        _check_unused({"data": data, **described}, "study", "Open the model itself to change it.")
        return model
    if isinstance(model, (str, checkpoint.Checkpoint)):
        _check_unused(described, "model of qfusion", "Leave it out.")
        return opening.open_study(model, data)
    dataset = None
    if data is not None:
        dataset = data_set_of(
            data, target=target, modalities=modalities, classes=classes, contents=contents
        )
    for opener in gates.openers():
        study = opener.open_model(model, dataset, name)
        if study is not None:
            return study
    if dataset is None:
        raise InvalidInput(
            "Argument `data` must hold the samples that the model takes, such as {'text': ..., 'audio': ..., 'y': ...}."
        )
    title = name or default_name(model)
    if isinstance(model, FusionModel):
        made = checkpoint.make_checkpoint(model, dataset, name=title)
        return build_study(title, made.card, made.model, dataset).precompute()
    missing = _missing_values(dataset)
    try:
        opened = _open_call(model, dataset, wires, output, call, circuit, probability)
        opened.notes += tuple(
            f"{count:,} values of '{part}' are missing: the model takes NaN."
            for part, count in missing.items()
        )
        if probability:
            dataset = probability_data(dataset, probability)
        card = _card(opened, dataset, title)
        study = build_study(title, card, opened, dataset).precompute()
    except InvalidInput as error:
        if not missing:
            raise
        raise InvalidInput(
            f"{error} Values of {listed(list(missing))} are missing (NaN): impute them if the model does not take them."
        ) from error
    remark = _remark_on_order(study) if study.classes else ""
    if remark:
        warnings.warn(remark, stacklevel=2)
        card["notes"] += " " + remark
    return study


def _missing_values(dataset: DataSet) -> dict[str, int]:
    """Return the number of missing values of each modality that has any."""
    counts = {part.name: int(np.isnan(part.values).sum()) for part in dataset.modalities}
    return {name: count for name, count in counts.items() if count}


def _remark_on_order(study: Study) -> str:
    """Return a sentence where another order of the columns fits the targets far better, else an empty text.

    Orders are compared by the mean recall of the classes, which all are 1 / C for a model that always gives one class.
    """
    y, count = study.dataset.y, len(study.classes)
    least = max(BETTER, 2 * (count / len(y)) ** 0.5)  # which no model without knowledge reaches
    if least > 1 or count > MAX_ORDERED:
        return ""
    recalls = np.zeros((count, count))
    np.add.at(recalls, (y, study.predicted), 1 / np.bincount(y, minlength=count)[y])
    known = len(np.unique(y))
    own = recalls.trace() / known
    columns = linear_sum_assignment(recalls, maximize=True)[1]
    best = recalls[np.arange(count), columns].sum() / known
    if best - own < least:
        return ""
    order = [study.classes[place] for place in np.argsort(columns)]
    return (
        f"Check the order of the columns: the mean recall of the classes is {own:.2f}, but {best:.2f} if the columns "
        f"are {_first(order)} in this order. Return them in the order of the classes; or give words as targets, and "
        "name them in the order of the columns in `classes`."
    )


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


def _check_unused(arguments: Mapping[str, Any], what: str, remedy: str) -> None:
    """Check that no argument is given that would have no effect."""
    unused = [name for name, value in arguments.items() if value is not None]
    check(
        not unused,
        f"Argument `{(unused or [''])[0]}` has no effect on a {what}, which is opened as it is. {remedy}",
    )


def default_name(model: Any) -> str:
    """Return the name of a model of a user's own where none is given: that of its function or class."""
    name = getattr(model, "__name__", "") or type(model).__name__
    is_plain = checkpoint_cards.NAME.fullmatch(name) is not None and name not in (
        "function",
        "method",
    )
    return str(name) if is_plain else "model"


def _open_call(
    model: Any,
    dataset: DataSet,
    wires: Mapping[str, Sequence[Any]] | None,
    output: str,
    style: str,
    chosen: int,
    probability: str,
) -> live_model.LiveModel:
    """Return a user's model as a model of qfusion, after trying it on some rows."""
    rows = sample_rows(dataset)
    names = dataset.names
    classes = dataset.target.classes if dataset.target.kind == "classification" else None
    called = _call(model, dataset, rows, style, classes)
    columns, again, seconds = time_call(called, rows)
    check_duration(seconds, dataset)
    scatter = largest_difference(columns, again)
    size = TOLERANCE * (
        1 + float(columns[columns.isfinite()].abs().max()) if columns.isfinite().any() else 1
    )
    if called.dtype is torch.float32:
        size *= 1e5
    if scatter > size:
        trial.check_evaluates(model)
    repeats = REPEATS if scatter > size else 1
    if repeats == 1:
        check_independent(
            model, called, rows, columns, max(size, 1e-6 if called.dtype is torch.float32 else size)
        )
    classifies = dataset.target.kind == "classification"
    holds = "regression"
    if classifies:
        holds = (
            choose("Argument `output`", output, HOLDS)
            if output
            else looks_like(columns, columns.shape[1] == 1)
        )
    outputs = dataset.target.classes if classifies else ("score",)
    _check_count(columns.shape[1], dataset)
    live_model.columns_to_scores(columns, holds, len(outputs))
    check(
        not classifies
        or columns.shape[1] > 1
        or holds != "probabilities"
        or bool(((columns != 0) & (columns != 1)).any()),
        "The model gives only 0 and 1, as a decision and no score. Return its scores or probabilities, before `argmax` "
        "or a threshold.",
    )
    least = 0.0
    if probability:
        place = outputs.index(
            choose("Argument `probability`", probability, outputs if classifies else ())
        )
        finish = partial(class_probability, holds=holds, count=len(outputs), place=place)
        called, outputs, holds = replace(called, finish=finish), ("score",), "regression"
    elif has_certainty(called, holds, dataset, seconds):
        least = 1 / (2 * len(dataset.rows("train")) + len(outputs))
        called = replace(called, finish=partial(clip, holds=holds, least=least))
    if called.finish is not None:
        columns = called.finish(columns)
    source, why = find_circuit(model, called, rows, names, wires, chosen)
    shared: live_model.Call = called
    if repeats == 1:
        shared, seconds = quickest_call(model, source, called, rows, columns, seconds)
    means = _feature_means(dataset)
    warn_of_time(seconds, dataset)
    settings: dict[str, Any] = {"means": means, "seconds": seconds, "repeats": repeats}
    opened = (
        live_model.LiveModel(dataset.input_specs, outputs, shared, holds, **settings)
        if source is None
        else live_model.LiveCircuit(dataset.input_specs, outputs, shared, holds, source, **settings)
    )
    opened.notes = (
        *_output_notes(opened, called, model, columns.shape[1]),
        *_notes(opened, called, why, scatter),
    )
    if least:
        opened.notes += (describe_clipping(least, dataset),)
    return opened.double().eval()


def _call(
    model: Any,
    dataset: DataSet,
    rows: Mapping[str, Any],
    style: str,
    classes: Sequence[str] | None,
) -> calls.ModelCall:
    """Return a user's model as a function; an error of one that asks for strings of the data says why."""
    try:
        return calls.call_model(model, dataset.modalities, rows, style, classes)
    except InvalidInput as error:
        wanted = {parameter.name for parameter in arguments.parameters_of(model)}
        strings = [str(column) for column in dataset.table.columns if column in wanted]
        if not strings:
            raise
        raise InvalidInput(
            f"{error} Entry `{strings[0]}` of the data holds strings, which are shown and not given to the model. "
            "Encode them as it takes them: embeddings (N, F), one-hot tokens (N, T, V), or token numbers with a mask."
        ) from error


def _check_count(count: int, dataset: DataSet) -> None:
    """Check that a model gives as many numbers a row as the target has.

    Raises:
        InvalidInput: telling how the targets were read, and what to do where they were meant otherwise.
    """
    target = dataset.target
    if target.kind == "regression":
        check(
            count == 1,
            f"The model gives {count} numbers a row, but targets `{target.name}` are amounts, of which it must give "
            "one. Give the classes of a classifier as whole numbers or words, or name them in `classes`.",
        )
        return
    classes = len(target.classes)
    if count == classes or (count == 1 and classes == 2):
        return
    if count == 1:
        remedy = "Return a score for each, or give amounts as floating-point numbers, such as `y.astype(float)`."
    elif count > classes:
        remedy = f"Name all {count} classes of the model in `classes`, in the order of its scores."
    else:
        remedy = "Return one score for each class, or one for two classes."
    names = ", ".join(target.classes[:5]) + (", ..." if classes > 5 else "")
    numbers = "1 number" if count == 1 else f"{count} numbers"
    raise InvalidInput(
        f"The model gives {numbers} a row, but the target has {classes} classes: {names}. {remedy}"
    )


def _feature_means(dataset: DataSet) -> dict[str, list[float]]:
    """Return the mean of every known feature over the training rows, and over the steps of sequences."""
    sums = {name: torch.zeros((), dtype=torch.float64) for name in dataset.names}
    counts = {name: torch.zeros((), dtype=torch.int64) for name in dataset.names}
    for rows in dataset.blocks(dataset.rows("train")):
        for name, features in dataset.inputs(rows, torch.float64).items():
            steps = inputs.real_steps(*inputs.values_and_mask(features))
            sums[name] = sums[name] + steps.nansum(0)
            counts[name] = counts[name] + (~steps.isnan()).sum(0)
    return {
        name: (sums[name] / counts[name].clamp_min(1)).float().tolist() for name in dataset.names
    }


def _output_notes(
    opened: live_model.LiveModel, called: calls.ModelCall, model: Any, columns: int
) -> list[str]:
    """Return sentences on how the model is called, and what it returns."""
    notes = [f"Called {_STYLES.get(called.style, 'by `' + called.style + '`')}."]
    if called.taken:
        notes.append(f"Its output {called.taken} is taken.")
    if opened.holds == "regression":
        return notes
    names: Sequence[str] = opened.outputs
    if arguments.is_estimator(model):
        names = arguments.column_classes(model, names)
    if columns == 1:
        notes.append(f"Its number speaks for class {names[1]}, against {names[0]}.")
    else:
        notes.append(f"Its columns are the classes {_first(names)} in this order.")
    return notes


def _notes(
    opened: live_model.LiveModel, called: calls.ModelCall, why: str, scatter: float
) -> tuple[str, ...]:
    """Return sentences on how the model was opened, for its card."""
    notes = []
    if opened.repeats > 1:
        notes.append(
            f"Scores change from call to call, by up to {scatter:.2g} for the same input, as with shots: means of "
            f"{opened.repeats} calls are shown, with standard errors."
        )
    if circuit := opened.part(EditableCircuit):
        facts = circuit.source.facts
        notes.append(
            f"Its {facts.library} circuit is shown on the Circuit page: "
            + ", ".join(f"{name} {count}" for name, count in circuit.registers().items())
            + " qubits"
            + (
                " (guessed from the encoding; give `wires` to correct it)."
                if facts.guessed
                else "."
            )
        )
        notes += facts.remarks
    else:
        notes.append(f"No circuit is shown: {why}.")
    if called.forms.whole:
        numbered = listed([f"'{name}'" for name in sorted(called.forms.whole)])
        notes.append(
            f"It takes whole numbers for {numbered}, which have no gradients: attributions inside are 0 there. For "
            "those of words, give one-hot steps (T, V), and multiply them by the embedding matrix."
        )
    return tuple(notes)


_STYLES = {
    "names": "with each modality by name",
    "order": "with the modalities in their order",
    "joined": "with the features of all modalities side by side",
    "dict": "with a dictionary of modalities",
}


def _card(opened: Any, dataset: DataSet, name: str) -> dict[str, Any]:
    """Return the card of a live model, with its metrics on the data."""
    card = checkpoint.make_checkpoint(
        opened, dataset, name=name, title=f"{name} on {dataset.title}", notes=" ".join(opened.notes)
    ).card
    circuit = opened.part(EditableCircuit)
    angles = circuit.source.facts.angles if circuit else 0
    total = _count_parameters(opened)
    card["parameters"] = {"total": total or angles, "encoders": 0, "fusion": total or angles}
    # an object in memory has no digest: results are kept for this opening alone
    card["weights_sha256"] = secrets.token_hex(32)
    return card


def _count_parameters(opened: live_model.LiveModel) -> int:
    model = getattr(opened.call, "model", None)
    if isinstance(model, torch.nn.Module):
        return sum(parameter.numel() for parameter in model.parameters())
    return 0


NO_CIRCUIT = "the model calls no circuit of gates that is known here"


def find_circuit(
    model: Any,
    call: live_model.Call,
    rows: Mapping[str, Any],
    modalities: Sequence[str],
    wires: Mapping[str, Sequence[Any]] | None,
    chosen: int,
) -> tuple[CircuitSource | None, str]:
    """Return the circuit that a model runs for a sample, and an empty text; or None, and why there is none.

    Args:
        model: the user's object. call: of the model.
        rows: features of some rows.
        modalities: names, in their order.
        wires: labels of the qubits of each modality; guessed unless given.
        chosen: number of the circuit, from 0.

    Raises:
        InvalidInput: when `wires` is given and does not fit, or no circuit is found for it.
    """
    why = NO_CIRCUIT
    for make in _makers(model, wires):
        try:
            return make(call, rows, modalities, wires, chosen), ""
        except InvalidInput as error:
            if str(error).startswith("Argument"):
                raise
            if not str(error).startswith("the model calls no"):
                why = str(error)
    if wires is not None:
        raise InvalidInput(
            f"Argument `wires` names qubits, but no circuit can be shown: {why}. Leave `wires` out."
        )
    return None, why


def _makers(
    model: Any, wires: Mapping[str, Sequence[Any]] | None
) -> Iterator[Callable[..., CircuitSource]]:
    """Yield functions that may find a circuit: of those libraries alone that are loaded, as others cannot be in the
    model.
    """
    if hasattr(model, "circuit_source"):
        yield lambda *_: model.circuit_source(wires)
        return
    if "pennylane" in sys.modules:
        from qfusion.adapters import pennylane_circuits

        yield pennylane_circuits.PennyLaneCircuit
    yield from filter(None, (opener.circuit_class() for opener in gates.openers()))
