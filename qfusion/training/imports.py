"""Taking a program in, from a file or a factory: its card guessed or taken, checked on the data, measured, and kept
among the models.
"""

import contextlib
import importlib
import inspect
import io
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from qfusion import _files, _limits
from qfusion._checks import check, choose
from qfusion.data import DataSet, Modality, importing, signatures
from qfusion.errors import InvalidInput, NotFound, QFusionError, translate_errors
from qfusion.models._program_child import short
from qfusion.models.encoders import real_steps, split
from qfusion.models.imported import (
    ADAPTERS,
    CLIPPED,
    DTYPES,
    ENDINGS,
    KIND,
    SMALLEST,
    Axis,
    Exhausted,
    Imported,
    Input,
    Output,
    Port,
    ProgramCard,
    Side,
    fed_array,
    kind_of,
    program_of,
    read,
)
from qfusion.models.nested import nested_part
from qfusion.training import checkpoint

# A model from its own code, PACKAGE.MODULE:FACTORY with weights, traced to a program of torch.export. Only the command
# line does this: it runs that code, once; what is kept, and what the app opens, is the program.
#
# An adapter says how such a module is called with what modalities are here:
#
#     ""          module(text, audio, ...): by the names of its arguments; `text_mask` and `text_lengths` where it has
#                 them
#     dict        module({"text": x, "audio": (values, mask)})
#     mmsa        module(text, audio, vision), sequences as values or (values, lengths), a dictionary of outputs such as
#                 {"M": ...} (github.com/thuiar/MMSA)
#     multibench  module([x, ...]), or module([[values, ...], [lengths, ...]]) where it has padding
#                 (github.com/pliang279/MultiBench)

_WHY = "{words:.200}"
Call = Callable[[nn.Module, Mapping[str, Tensor]], Any]


def is_reference(source: str) -> bool:
    """Returns whether words name a factory."""
    return (
        re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", source) is not None
        and not Path(source).exists()
    )


def module_of(reference: str, weights: Path | None) -> nn.Module:
    """Returns what a factory makes, with weights, in eval mode. This runs the factory's code.

    Raises:
        NotFound: when there is no such module or factory.
        InvalidInput: when importing or calling it fails, it makes no module, or the weights do not fit.
    """
    place, _, name = reference.partition(":")
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        try:
            factory: Any = importlib.import_module(place)
        except ModuleNotFoundError as error:
            raise NotFound(
                f"Module `{place}` cannot be imported: there is none called `{error.name}`. Run the command "
                "in the folder that holds it, or add that to PYTHONPATH."
            ) from error
        except Exception as error:  # whatever foreign code raises
            raise InvalidInput(
                f"Importing `{place}` fails ({short(error)}). Mend it first: `python -c 'import "
                f"{place}'`."
            ) from error
        try:
            factory = attrgetter(name)(factory)
        except AttributeError:
            raise NotFound(
                f"Module `{place}` has no `{name}`. Name the function, or class, that makes the model."
            ) from None
        with translate_errors(
            f"Factory `{reference}` fails",
            "It must make the model without arguments.",
            Exception,  # whatever foreign code raises
            why=_WHY,
        ):
            made = factory()
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
    check(
        isinstance(made, nn.Module),
        f"Factory `{reference}` must make a torch.nn.Module, but makes a "
        f"{type(made).__name__}. Return the model.",
    )
    if weights is not None:
        check(
            weights.is_file(),
            f"Weights {weights} are not there. Give the path of a .safetensors file.",
        )
        signatures.require(weights, "safetensors", "zip", "pickle")
        with (
            translate_errors(
                f"Weights {weights.name} are no safetensors",
                "Save them by `safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')`.",
                *(safetensors.SafetensorError, OSError),
                why=_WHY,
            ),
            translate_errors(
                f"Weights {weights.name} are not those of this model",
                "Save the state_dict of the same model.",
                RuntimeError,
                why=_WHY,
            ),
        ):
            made.load_state_dict(safetensors.torch.load_file(weights))
    return made.cpu().eval().requires_grad_(False)


def traced(
    module: nn.Module,
    reference: str,
    adapter: str,
    program_card: ProgramCard | None,
    dataset: DataSet,
) -> tuple[bytes, ProgramCard]:
    """Returns the module as a .pt2 file, and its card: the one that was given, or a guess.

    Raises:
        InvalidInput: when it cannot be called so, or cannot be traced.
    """
    adapter = adapter or (program_card.adapter if program_card else "")
    dtype = next(
        (parameter.dtype for parameter in module.parameters() if parameter.is_floating_point()),
        torch.float32,
    )
    rows, failed = ten(dataset), ""
    for ports, call in _flavours(module, adapter, dataset, dtype):
        card = program_card or replace(guessed_card(ports, (), reference, dataset), adapter=adapter)
        entries = {entry.name: entry for entry in card.inputs if entry.modality}
        if any(port.name not in entries for port in ports):
            continue
        given = {port.name: fed_array(entries[port.name], rows) for port in ports}
        try:
            with torch.no_grad():
                outputs = call(module, given)
        except Exception as error:  # whatever foreign code raises
            failed = failed or short(error)
            continue
        if program_card is None:
            card = replace(
                card,
                output=guessed_output(
                    [
                        Port(name, ("rows", *values.shape[1:]), values.dtype)
                        for name, values in _by_name(outputs).items()
                    ],
                    dataset,
                ),
            )
        return _exported(module, call, given, reference), card
    raise InvalidInput(
        f"The model of `{reference}` fails on ten rows of {dataset.name} "
        f"({failed or 'no way to call it is known'}). Name another --adapter (dict, mmsa or "
        "multibench), or correct the card."
    )


def _flavours(
    module: nn.Module, adapter: str, dataset: DataSet, dtype: torch.dtype
) -> Iterator[tuple[list[Port], Call]]:
    """Ways to call a module: names of tensors that go in, and how."""
    names = list(dataset.names)
    long = [m.name for m in dataset.modalities if m.is_sequence]

    def way(
        lines: list[str], how: str, arranged: Callable[[dict[str, Any]], list[Any]]
    ) -> tuple[list[Port], Call]:
        """A call with what is `arranged` of the modalities' tensors: pairs of tensors of those in `lines`."""
        ports = [Port(key(name), None, dtype) for name in names]
        kind = torch.int64 if how == "lengths" else torch.bool
        ports += [Port(f"{key(name)}_{how}", None, kind) for name in lines]

        def call(model: nn.Module, given: Mapping[str, Tensor]) -> Any:
            features = {name: given[key(name)] for name in names}
            pairs = {name: (features[name], given[f"{key(name)}_{how}"]) for name in lines}
            return model(*arranged(features | pairs))

        return ports, call

    def with_lengths(features: dict[str, Any]) -> list[Any]:
        pairs = [
            pair
            if isinstance(pair, tuple)
            else (pair, torch.ones_like(pair[:, 0], dtype=torch.int64))
            for pair in features.values()
        ]
        return [[[values for values, _ in pairs], [lengths for _, lengths in pairs]]]

    parameters = inspect.signature(module.forward).parameters.values()
    match adapter:
        case "":
            kinds = {
                p.name: torch.int64
                if "len" in p.name.lower()
                else torch.bool
                if "mask" in p.name.lower()
                else dtype
                for p in parameters
                if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.default is p.empty
            }
            yield (
                [Port(name, None, kind) for name, kind in kinds.items()],
                lambda model, given: model(**given),
            )
        case "dict":
            for lines in (long, []):
                yield way(lines, "mask", lambda features: [features])
        case "mmsa":
            # the modalities as the module's arguments name them: text, audio, vision or video; else in their order
            words = [p.name for p in parameters if p.kind == p.POSITIONAL_OR_KEYWORD][: len(names)]
            best = [max(names, key=lambda name: alike(word, name)) for word in words]
            order = best if len(set(best)) == len(names) else names
            for lines in ([name for name in long if name in order[1:]], [], long):
                yield way(lines, "lengths", lambda features: [features[name] for name in order])
        case _:
            if long:
                yield way(long, "lengths", with_lengths)
            yield way([], "lengths", lambda features: [list(features.values())])


def key(modality: str) -> str:
    """Returns a modality's name as an argument can be called."""
    return re.sub(r"\W", "_", f"_{modality}" if modality[:1].isdigit() else modality)


class _Flat(nn.Module):
    """A module called with tensors, whose names the program's inputs get."""

    def __init__(self, module: nn.Module, call: Call, names: list[str]):
        super().__init__()
        self.module = module

        def forward(*given: Tensor) -> dict[str, Tensor]:
            return _by_name(call(module, dict(zip(names, given, strict=True))))

        forward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
        )
        self.forward = forward


def _by_name(outputs: Any) -> dict[str, Tensor]:
    if isinstance(outputs, Tensor):
        return {"scores": outputs}
    result = (
        outputs.items()
        if isinstance(outputs, Mapping)
        else enumerate(outputs if isinstance(outputs, (list, tuple)) else ())
    )
    return {str(key): value for key, value in result if isinstance(value, Tensor)}


def _exported(module: nn.Module, call: Call, given: dict[str, Tensor], reference: str) -> bytes:
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # its operators have no gradients
    try:
        with (
            translate_errors(
                f"The model of `{reference}` cannot be traced by torch.export",
                "Write its forward without branches on values and without pack_padded_sequence, or export it to ONNX.",
                Exception,  # torch.export promises no class of its own
                why=_WHY,
            ),
            warnings.catch_warnings(action="ignore"),
        ):
            program = torch.export.export(
                _Flat(module, call, list(given)),
                tuple(given.values()),
                dynamic_shapes={name: {0: torch.export.Dim.AUTO} for name in given},
                strict=False,
            )
            buffer = io.BytesIO()
            torch.export.save(program, buffer)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return buffer.getvalue()


# A first guess of a program's card: which input is which modality, told by names and shapes. It is printed, and to be
# corrected.

_ALIKE = (
    ("text", "language", "lang", "l", "t", "words", "transcript"),
    ("audio", "acoustic", "a", "sound", "speech", "voice"),
    ("vision", "visual", "video", "v", "image", "face", "picture"),
)
_FLAT: tuple[Axis, ...] = ("rows", "features")
_SEQUENCE: tuple[Axis, ...] = ("rows", "steps", "features")


def guessed_card(
    inputs: Sequence[Port], outputs: Sequence[Port], program: str, dataset: DataSet
) -> ProgramCard:
    """Returns a card for a program with these inputs and outputs; an input that fits nothing is of no modality."""
    values = [port for port in inputs if not _about_steps(port)]
    assigned = _together(values, dataset) or _assigned(values, _rows(inputs), dataset)
    known = {
        value.modality[0]
        for value in assigned.values()
        if value.modality and value.gives == "values"
    }
    last, replaces = "", []
    for port in inputs:
        entry = assigned.get(port.name) or _of_steps(port, dataset, known, last)
        if port.name in assigned and entry.modality:
            last = entry.modality[0]
        replaces.append(entry)
    described = {
        name
        for entry in replaces
        if entry.gives in ("mask", "padding", "lengths")
        for name in entry.modality
    }
    steps = {m.name: int(m.values.shape[1]) for m in dataset.modalities}
    # A program that is not told which steps are real sees zeros behind them, so their number must stay as it is.
    replaces = [
        replace(entry, steps=entry.steps or steps[entry.modality[0]])
        if entry.gives == "values"
        and "steps" in entry.axes
        and entry.modality
        and not described & {*entry.modality}
        else entry
        for entry in replaces
    ]
    return ProgramCard(program, dataset.name, tuple(replaces), guessed_output(outputs, dataset))


def _rows(inputs: Sequence[Port]) -> str | None:
    """The name of the side that all inputs have, if they have one."""
    named = [
        {side for side in port.shape if isinstance(side, str) and side != "?"}
        for port in inputs
        if port.shape
    ]
    common = set.intersection(*named) if named else set()
    return sorted(common)[0] if common else None


def _about_steps(port: Port) -> bool:
    """Whether an input tells which steps are real."""
    return (port.dtype is not None and not port.dtype.is_floating_point) or bool(
        re.search(r"mask|length|_len|padding", port.name.lower())
    )


def _together(values: Sequence[Port], dataset: DataSet) -> dict[str, Input] | None:
    """One input of all modalities side by side."""
    size = sum(m.size for m in dataset.modalities)
    shape = values[0].shape if len(values) == 1 < len(dataset.modalities) else None
    if shape is None or len(shape) != 2 or size not in shape:
        return None
    port = values[0]
    gives = "mean" if any(m.is_sequence for m in dataset.modalities) else "values"
    axes: tuple[Axis, ...] = ("features", "rows") if shape[0] == size else _FLAT
    return {port.name: Input(port.name, dataset.names, gives, axes, _dtype(port))}


def _assigned(values: Sequence[Port], rows: str | None, dataset: DataSet) -> dict[str, Input]:
    """Every input with the modality that suits it, so that all suit best together."""
    fits = [[_fit(port, m, rows) for m in dataset.modalities] for port in values]
    place, m = np.indices((len(values), len(dataset.modalities)))
    worth = np.array([[fit for fit, _ in row] for row in fits]).reshape(place.shape)
    # of those that suit alike, in their order: a place apart counts a little
    best = dict(zip(*linear_sum_assignment(worth - 1e-4 * (place - m) ** 2, True), strict=True))
    inputs = {}
    for i, port in enumerate(values):
        suits, entry = fits[i][best[i]] if i in best else (0, None)
        if entry is None or not suits:
            axes = _SEQUENCE if port.shape is not None and len(port.shape) == 3 else _FLAT
            entry = Input(port.name, (), "values", axes, _dtype(port))
        inputs[port.name] = entry
    return inputs


def _dtype(port: Port) -> str:
    return next((name for name, dtype in DTYPES.items() if dtype == port.dtype), "float32")


def _fit(port: Port, modality: Modality, rows: str | None) -> tuple[int, Input]:
    """How well a modality suits an input, 0 where it cannot, and the input as it then is."""
    named = alike(port.name, modality.name)
    blank = Input(port.name, (modality.name,), "values", _FLAT, _dtype(port))
    if port.shape is None:
        return 1 + named, replace(blank, axes=_SEQUENCE if modality.is_sequence else _FLAT)
    shape = port.shape
    at = shape.index(rows) if rows in shape else 0
    others = [
        i for i in range(len(shape)) if i != at and not (shape[i] == 1 and modality.size != 1)
    ]
    sides = [shape[i] for i in others]
    free = [side == modality.size or isinstance(side, str) for side in sides]
    if modality.is_sequence and len(others) == 2 and any(free):
        steps, features = others
        if sides[1] != modality.size and (not free[1] or sides[0] == modality.size):
            steps, features = features, steps
        axes, side = _axes(shape, {at: "rows", features: "features", steps: "steps"}), shape[steps]
        worth = 10 + named + 5 * (shape[features] == modality.size)
        return worth, replace(blank, axes=axes, steps=side if isinstance(side, int) else 0)
    if len(others) == 1 and free[0]:
        worth = 10 + named + 5 * (sides[0] == modality.size)
        flat = replace(blank, axes=_axes(shape, {at: "rows", others[0]: "features"}))
        return (worth - 8, replace(flat, gives="mean")) if modality.is_sequence else (worth, flat)
    numbers = [side for i, side in enumerate(shape) if i != at]
    if (
        not modality.is_sequence
        and all(isinstance(side, int) for side in numbers)
        and prod(map(int, numbers)) == modality.size
    ):
        axes = tuple("rows" if i == at else side for i, side in enumerate(shape))
        return 12 + named, replace(blank, axes=axes)
    return 0, blank


def _axes(shape: Sequence[Side], named: dict[int, str]) -> tuple[Axis, ...]:
    return tuple(named.get(i, 1) for i in range(len(shape)))


def alike(one: str, other: str) -> int:
    """Returns how alike two names are, 0 to 3."""
    words = [word for word in re.split(r"[\W_]+", one.lower()) if word]
    name = re.sub(r"\W", "_", other.lower())
    if one.lower() == name or name in words:
        return 3
    if len(name) > 2 and name in one.lower():
        return 2
    return int(any(name in group and any(word in group for word in words) for group in _ALIKE))


def _of_steps(port: Port, dataset: DataSet, known: set[str], last: str) -> Input:
    """An input that tells which steps are real: of the modality of its name, else of the input before it."""
    names = [m.name for m in dataset.modalities if m.is_sequence and m.name in known]
    best = max(names, key=lambda name: (alike(port.name, name), name == last), default="")
    shape, dtype = port.shape or (), port.dtype
    modality = (best,) if best else ()
    whole = dtype is not None and not dtype.is_floating_point and dtype != torch.bool
    if "len" in port.name.lower() or (whole and len(shape) == 1):
        axes: tuple[Axis, ...] = ("rows", *([1] * (len(shape) - 1)))
        return Input(
            port.name, modality, "lengths", axes, "int64" if dtype is None else _dtype(port)
        )
    fixed = shape[1] if len(shape) == 2 else 0
    return Input(
        port.name,
        modality,
        "padding" if "pad" in port.name.lower() else "mask",
        ("rows", "steps"),
        "bool" if dtype is None else _dtype(port),
        fixed if isinstance(fixed, int) else 0,
    )


def guessed_output(outputs: Sequence[Port], dataset: DataSet) -> Output:
    """Returns which output holds the scores, and as what."""
    classes = dataset.target.classes if dataset.target.kind == "classification" else ()
    label, labels = dataset.target.label, dataset.target.labels
    columns = {
        len(classes) or 1,
        *([len(labels)] if label else []),
        *([1] if len(classes) == 2 else []),
    }
    known = (
        ("prob", "logit", "score", "output")
        if classes
        else ("M", "score", "prediction", "variable", "output")
    )

    def worth(port: Port) -> tuple[bool, bool, int]:
        numbers = port.dtype is None or port.dtype.is_floating_point
        sides = port.shape or ()
        fits = (len(sides) > 1 and sides[-1] in columns) or (len(sides) == 1 and 1 in columns)
        matches = (
            port.name == word if word == "M" else word in port.name.lower() for word in known
        )
        return numbers, fits, -next((i for i, match in enumerate(matches) if match), len(known))

    best = max(outputs, key=worth, default=None)
    name, shape = ("0", ()) if best is None else (best.name, best.shape or ())
    holds = _held_by_name(name) if classes else "regression"
    if label and len(shape) > 1 and shape[-1] == len(labels):
        return Output(name, holds, labels, label)
    return Output(name, holds, tuple(classes))


def _held_by_name(name: str) -> str:
    """What an output of this name holds of classes, before ten rows of it are looked at."""
    words = name.lower()
    if "prob" not in words:
        return "scores"
    return "log-probabilities" if "log" in words else "probabilities"


# What must hold of an imported program before it is kept, on ten rows of the data: each failure is one line with its
# remedy.

ROWS = 10
TOLERANCE = 1e-3  # by which probabilities may leave [0, 1], and their sum 1
_EVAL = "Call `model.eval()` before it is exported."


def ten(dataset: DataSet) -> dict[str, Any]:
    """Returns the features of ten rows from all over a data set."""
    return dataset.inputs(
        np.unique(np.linspace(0, len(dataset) - 1, ROWS).astype(int)), torch.float64
    )


@torch.no_grad()
def output_of(model: Imported, rows: Mapping[str, Any]) -> Tensor:
    """Returns what a program gives for ten rows, (B, K), or for as many of them as it takes at once."""
    first = slice(0, model._most or ROWS)
    return model.columns({name: nested_part(values, first) for name, values in rows.items()})


def looks_like(output: Tensor, apart: bool) -> str:
    """Returns what an output for classes looks like: "probabilities", "log-probabilities" or "scores".

    Args:
        output: of some rows, (B, K). apart: whether each column is of a class of its own, so that no sum is known.
    """
    if fits(output, "probabilities", apart):
        return "probabilities"
    if not apart and fits(output, "log-probabilities", apart):
        return "log-probabilities"
    return "scores"


def fits(output: Tensor, holds: str, apart: bool) -> bool:
    """Returns whether an output (B, K) for classes can be what a card says that it holds."""
    if holds == "scores":
        return True
    probabilities = output.exp() if holds == "log-probabilities" else output
    inside = bool(((probabilities >= -TOLERANCE) & (probabilities <= 1 + TOLERANCE)).all())
    return inside and (apart or bool(((probabilities.sum(1) - 1).abs() < TOLERANCE).all()))


def _is_apart(model: Imported, output: Tensor) -> bool:
    return output.shape[1] == 1 or bool(model.card.output.label)


@torch.no_grad()
def examine(model: Imported, rows: Mapping[str, Any]) -> list[str]:
    """Returns warnings about a program.

    Args:
        model: with its card. rows: features of ten rows, as of `ten`.

    Raises:
        InvalidInput: when its scores are not finite, change from call to call, or depend on other rows of a batch.
    """
    file = model.program.file
    check(
        not model.program.notes,
        f"Scores of program `{file}` would change from call to call: "
        f"{(model.program.notes or ('',))[0]}. {_EVAL}",
    )
    first = scored(model, rows)
    warnings = _require_held(model, rows) if model.card.output.holds != "regression" else []
    single = any(entry.dtype in ("float32", "float16") for entry in model.card.inputs)
    size = (1e-4 if single else 1e-9) * (1 + float(first.abs().max()))
    again = float((model.scores(rows) - first).abs().max())
    check(
        again <= size,
        f"Scores of program `{file}` change from call to call, by up to {again:.2g}: dropout is left "
        f"on, or it draws at random. {_EVAL}",
    )
    _require_independent(model, rows, first, size)
    fixed = (
        f"Program `{file}` takes {model.fixed_batch} rows at once, no more and no fewer; it is run in pieces "
        "of that size."
    )
    return [*([fixed] if model.fixed_batch else []), *warnings, *_unread(model, rows, first)]


def _require_held(model: Imported, rows: Mapping[str, Any]) -> list[str]:
    """Checks that an output for classes can be what the card says, and returns what to look at again.

    Raises:
        InvalidInput: when it cannot.
    """
    output, card = output_of(model, rows), model.card.output
    apart = _is_apart(model, output)
    logarithms = card.holds == "log-probabilities"
    sums = _span((output.exp() if logarithms else output).sum(1))
    added = f"{'their exponentials' if logarithms else 'they'} add up to {sums} in each row"
    check(
        fits(output, card.holds, apart),
        f"The card says that program `{model.program.file}` gives {card.holds}, but these go from {_span(output)}"
        f'{"" if apart else f", and {added}"}. Set `holds = "scores"` in the card, or export the model with a '
        "softmax.",
    )
    if card.holds != "scores" or not fits(output, "probabilities", apart=True):
        return []
    if fits(output, "probabilities", apart):
        return [
            f"Output `{card.name}` is taken for scores, as the card says, but looks like probabilities. If it holds "
            'these, set `holds = "probabilities"` in the card.'
        ]
    return [
        f"Output `{card.name}` lies in [0, 1], but adds up to {sums} in each row, not to 1: it is taken for scores and "
        "not for probabilities. Export the scores before the last softmax or sigmoid, or probabilities that add up to "
        "1."
    ]


def _span(numbers: Tensor) -> str:
    """The least and the most of some numbers, in words."""
    low, high = f"{float(numbers.min()):.3g}", f"{float(numbers.max()):.3g}"
    return low if low == high else f"{low} to {high}"


@torch.no_grad()
def remarks_on(model: Imported, rows: Mapping[str, Any], guessed: bool) -> list[str]:
    """Returns what an output is taken for, and how many of ten rows of probabilities are clipped, a sentence each.

    Args:
        model: with its card, which passed `examine`. guessed: whether nobody wrote the card.
    """
    card, output = model.card.output, output_of(model, rows)
    if card.holds == "regression":
        return [
            f"Output `{card.name}` is taken for the score of a regression, as the target is a number."
        ]
    of = f"label ‘{card.label}’" if card.label else f"{len(model.outputs)} classes"
    why = f"a guess from {len(output)} rows" if guessed else "as the card says"
    taken_for = f"Output `{card.name}` is taken for {card.holds} of {of}, {why}."
    if card.holds == "scores":
        return [taken_for]
    if card.label:
        output = output[:, model._order]
    if card.holds == "log-probabilities":
        what = f"Log-probabilities of minus infinity become those of {SMALLEST:g}"
        outside = output.isneginf()
    else:
        what = f"Probabilities are clipped to {CLIPPED}"
        outside = output < SMALLEST
        if output.shape[1] == 1:  # the probability of the other class
            outside |= 1 - output < SMALLEST
    clipped = int(outside.any(1).sum())
    return [
        taken_for,
        f"{what} before the log-odds of each row are taken, which changes {clipped or 'none'} of {len(output)} rows.",
    ]


@torch.no_grad()
def scored(model: Imported, rows: Mapping[str, Any]) -> Tensor:
    """Returns the scores of ten rows.

    Raises:
        InvalidInput: when the program fails on them, saying so where it does not on another number of rows.
    """
    try:
        return model.scores(rows)
    except InvalidInput as error:
        size = 0 if isinstance(error, Exhausted) else _batch(model, rows)
        if size:
            raise InvalidInput(
                f"Program `{model.program.file}` runs only with {size} rows at once: it was exported "
                f"for a fixed batch. Set `batch = {size}` in the card, or export it with a free number "
                "of rows."
            ) from error
        raise


def _batch(model: Imported, rows: Mapping[str, Any]) -> int:
    """The only number of rows that a program runs with, if one is found."""
    if model.fixed_batch:
        return 0
    for size in (1, 2, 3, 4, 5, 8, 16, 20, 24, 32, 48, 64, 100, 128, 256):
        with contextlib.suppress(InvalidInput):
            Imported(
                model.input_specs,
                model.outputs,
                model.program,
                replace(model.card, batch=size),
            ).scores(rows)
            return size
    return 0


def _require_independent(
    model: Imported, rows: Mapping[str, Any], together: Tensor, size: float
) -> None:
    """Checks that rows get the same scores alone, in threes and all together."""
    file, count = model.program.file, len(together)
    for step in (1, 3):
        try:
            parts = [
                model.scores(
                    {
                        name: nested_part(entry, slice(start, start + step))
                        for name, entry in rows.items()
                    }
                )
                for start in range(0, count, step)
            ]
        except InvalidInput as error:
            raise InvalidInput(
                f"Program `{file}` runs with {count} rows but not with {step}: it was exported for a "
                f"fixed batch ({error}) Set `batch` in the card to the rows that it was exported with, "
                "or export it with a free number of rows."
            ) from error
        away = float((torch.cat(parts) - together).abs().max())
        check(
            away <= size,
            f"Scores of program `{file}` depend on the other rows of a batch, by up to {away:.2g}, as "
            f"with batch normalisation in training mode. {_EVAL}",
        )


def _unread(model: Imported, rows: Mapping[str, Any], first: Tensor) -> list[str]:
    """Says which modalities leave the scores as they are when they are taken from other rows."""
    order = [*range(1, len(first)), 0]
    least = 1e-6 * (1 + float(first.abs().max()))  # a change that is less is rounding
    changed = (
        (name, model.scores({**rows, name: nested_part(rows[name], order)}))
        for name in model.modalities
    )
    unread = [name for name, scores in changed if float((scores - first).abs().max()) <= least]
    if not unread or len(model.modalities) == 1:
        return []
    read = [name for name in model.modalities if name not in unread]
    if not read:
        return ["On ten rows the scores do not depend on any modality."]
    only = f"It reads only `{read[0]}`. " if len(read) == 1 else ""
    return [
        f"{only}On ten rows the scores do not depend on {', '.join(f'`{name}`' for name in unread)}: what these "
        "contribute will be 0."
    ]


# Imports a program: reads it, guesses or takes its card, checks it on the data, measures it, and keeps it among the
# models.

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")


@dataclass(frozen=True, eq=False)
class Taken:
    """A program that passed all checks.

    Attributes:
        model: with its card. data: bytes of the program; of a factory's model those of its trace.
        guessed: whether the card is a guess. warnings: plain sentences.
        source: what was imported.
        remarks: what its output is taken for, plain sentences.
    """

    model: Imported
    data: bytes
    guessed: bool
    warnings: tuple[str, ...]
    source: str
    remarks: tuple[str, ...] = ()


class Unfit(InvalidInput):
    """A program whose card does not fit it yet.

    Attributes:
        card: as it was guessed, to be corrected.
    """

    def __init__(self, message: str, card: ProgramCard):
        super().__init__(message)
        self.card = card


def take(
    source: str,
    dataset: DataSet,
    card: ProgramCard | None = None,
    weights: Path | None = None,
    adapter: str = "",
    only_onnx: bool = False,
) -> Taken:
    """Returns a program, loaded and checked; nothing is kept yet. A factory's code is run, and torch.export.load may
    run what a .pt2 file holds; an ONNX model runs nothing but its operators.

    Args:
        source: a .pt2 or .onnx file, or PACKAGE.MODULE:FACTORY.
        dataset: whose modalities go in.
        card: what was corrected; a guess is made unless given.
        weights, adapter: of a factory's model.
        only_onnx: whether whoever brings it is not trusted with more.

    Raises:
        NotFound: when there is no such file or factory.
        Unfit: when a guessed card does not pass; InvalidInput: when the program or a given card does not.
    """
    _limits.refuse("import a model")
    choose("Adapter", adapter, ADAPTERS)
    if card is not None:
        check(
            card.data in ("", dataset.name),
            f"The card is of data set '{card.data}', but the program is imported "
            f"for '{dataset.name}'. Give --data {card.data}, or correct the card.",
        )
    wanted = card
    if is_reference(source):
        data, wanted = traced(module_of(source, weights), source, adapter, card, dataset)
    else:
        check(
            weights is None and not adapter,
            "Weights and adapter belong to a factory. Leave --weights and "
            "--adapter out for a file.",
        )
        path = Path(source)
        check(
            path.is_file(),
            f"Program {source[:160]!r} is no file, nor a factory. Give the path of a .pt2 or .onnx file, "
            "or PACKAGE.MODULE:FACTORY.",
            NotFound,
        )
        check(
            path.stat().st_size <= 1 << 30,
            f"Program `{path.name}` has {path.stat().st_size / 2**30:.1f} GiB, but at most 1 is read.",
        )
        signatures.require(path, "a program (.pt2 or .onnx)", "zip")
        data = path.read_bytes()
    program = program_of(data, Path(source).name, only_onnx)
    wanted = wanted or guessed_card(program.inputs, program.outputs, Path(source).name, dataset)
    wanted = replace(wanted, data=dataset.name, adapter=adapter or wanted.adapter)
    try:
        model, warnings = _examined(program, wanted, dataset, card is None)
    except QFusionError as error:
        if card is not None or isinstance(error, Exhausted):
            raise
        raise Unfit(str(error), wanted) from error
    remarks = remarks_on(model, ten(dataset), card is None)
    return Taken(model, data, card is None, tuple(warnings), source, tuple(remarks))


def _examined(
    program: Any, program_card: ProgramCard, dataset: DataSet, guessed: bool
) -> tuple[Imported, list[str]]:
    means = {
        name: real_steps(*split(features)).mean(0).float().tolist()
        for name, features in dataset.inputs(dataset.rows("train"), torch.float64).items()
    }

    def made(card: ProgramCard) -> Imported:
        return Imported(
            dataset.input_specs, dataset.target.classes or ("score",), program, card, means
        ).eval()

    model, rows = made(program_card), ten(dataset)
    if guessed and program_card.output.holds != "regression":
        model = made(_with_guessed_output(model, rows))
    return model, examine(model, rows)


def _with_guessed_output(model: Imported, rows: Mapping[str, Any]) -> ProgramCard:
    """The card that says what the output for ten rows looks like."""
    try:
        output = output_of(model, rows)
    except InvalidInput:
        return model.card  # `examine` says what is wrong
    holds = looks_like(output, _is_apart(model, output))
    return replace(model.card, output=replace(model.card.output, holds=holds))


def keep(
    taken: Taken,
    dataset: DataSet,
    name: str,
    folder: Path | None = None,
    title: str = "",
    replace_it: bool = False,
) -> Path:
    """Puts a program among the models, where pages and commands find it, and returns its card's path.

    Args:
        name: that it is to go by. folder: another than that of your models.
        title: what a person calls it. replace_it: whether an imported model of that name gives way.

    Raises:
        InvalidInput: when the name is none or taken, scores of some row are not finite, or the folder cannot be written
            to.
    """
    _limits.refuse("keep a model")
    check_name(name, folder, replace_it)
    check(
        len(title) <= importing.MAX_TITLE,
        f"Argument `title` must have at most {importing.MAX_TITLE} letters, but has {len(title):,}. "
        "Shorten it.",
    )
    source = taken.source if is_reference(taken.source) else Path(taken.source).name
    parameters = taken.model.program.parameters
    card = checkpoint.of(
        taken.model,
        dataset,
        name=name,
        title=title or f"{name} on {dataset.title}",
        notes=" ".join(
            [
                f"Imported from {source}; it was trained elsewhere, and on which rows is not known here.",
                *taken.remarks,
                *taken.warnings,
            ]
        ),
    ).card
    card["parameters"] = {"total": parameters, "encoders": 0, "fusion": parameters}
    kind = kind_of(taken.data)
    if kind == "torch":
        # by whoever had it loaded here; cards of before say nothing, see `checkpoint.load`
        card["trusted"] = True
    place = folder or checkpoint.folders()[-1]
    with translate_errors(
        f"The folder of your models, {place}, cannot be made", "Name another in QFUSION_MODELS."
    ):
        place.mkdir(parents=True, exist_ok=True)
    return checkpoint.write(place / f"{name}.json", taken.data, ENDINGS[kind], card, not replace_it)


def check_name(name: str, folder: Path | None, replace_it: bool) -> None:
    """Raises InvalidInput unless a model may be called so."""
    check(
        bool(NAME.fullmatch(name))
        and not name.lower().endswith((".json", ".safetensors", *ENDINGS.values())),
        "Argument `name` must be 1 to 64 letters, digits, '.', '_' or '-', begin with a letter or digit and not end "
        f"as a file, but is {name[:80]!r}. Choose another.",
    )
    taken = name in checkpoint.available() if folder is None else (folder / f"{name}.json").exists()
    if taken and replace_it:
        check(
            checkpoint.card(name if folder is None else folder / f"{name}.json")["model"] == KIND,
            f"Model '{name}' was not imported and is not replaced. Choose another name.",
        )
    check(
        replace_it or not taken,
        f"There is a model '{name}' already. Choose another name, or replace it (--replace).",
    )


def remove(name: str) -> Path:
    """Removes an imported model from among the reader's, and returns the folder that it stood in.

    Raises:
        NotFound: when there is none of that name. InvalidInput: when it was not imported.
    """
    _limits.refuse("remove a model")
    check(
        checkpoint.card(name)["model"] == KIND,
        f"Model '{name}' was not imported: it was trained. Delete its run on the Train page, "
        "or its files.",
    )
    return checkpoint.remove(name)


def write_card(card: ProgramCard, path: Path) -> None:
    """Writes a card as TOML where it is to be corrected; one that was corrected already is not overwritten.

    Raises:
        InvalidInput: when there is another card, or the folder cannot be written to.
    """
    text = card.text()
    check(
        not path.exists() or path.read_text(encoding="utf-8", errors="replace") == text,
        f"There is a card {path} already. Pass it with --card {path}, or remove it.",
    )
    _files.write_file(path, text)


def read_card(path: Path) -> ProgramCard:
    """Returns the card in a TOML file.

    Raises:
        NotFound, InvalidInput: when there is none, or it is none.
    """
    check(
        path.is_file(),
        f"Card {str(path)[:160]!r} does not exist. Import without --card first, which writes one.",
        NotFound,
    )
    check(path.stat().st_size < 1 << 20, f"Card {path.name} is too large for a card.")
    return read(path.read_text(encoding="utf-8", errors="replace"), path.name)


def summary(taken: Taken, stored: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns what an import says, as JSON knows it."""
    return {
        "program": taken.source,
        "card": taken.model.card.as_dict(),
        "guessed": taken.guessed,
        "remarks": list(taken.remarks),
        "warnings": list(taken.warnings),
        "parameters": taken.model.program.parameters,
        "kept": stored,
    }
