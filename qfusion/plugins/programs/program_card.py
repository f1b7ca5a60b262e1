"""The card of an imported program: the modality and form of each of its inputs, and the meaning of its output."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import torch

from qfusion._checks import check, choose, read_toml
from qfusion.errors import InvalidInput, translate_errors
from qfusion.models import inputs

Axis = int | str
GIVES = ("values", "mean", "mask", "padding", "lengths")
HOLDS = ("scores", "log-probabilities", "probabilities", "regression")
DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "float16": torch.float16,
    "bool": torch.bool,
    "int64": torch.int64,
    "int32": torch.int32,
}
ADAPTERS = ("", "dict", "mmsa", "multibench")
NAMED = ("rows", "steps", "features")
_REMEDY = "Correct the card."


@dataclass(frozen=True)
class Input:
    """One input of a program.

    Attributes:
        name: as the program calls it, or its number from 0.
        modality: whose features it takes; of several, side by side.
        gives: "values"; "mean" over the real steps of a sequence; "mask" (true at real steps) or "padding" (true at
            padded ones); "lengths", how many steps are real.
        axes: the sides of its array: "rows", "steps", "features", or numbers, as of a picture.
        dtype: of DTYPES.
        steps: how many the program takes, shorter sequences being padded with zeros; 0 for as many as there are.
        pad: "right", zeros after the real steps, or "left", before.
    """

    name: str
    modality: tuple[str, ...]
    gives: str = "values"
    axes: tuple[Axis, ...] = ("rows", "features")
    dtype: str = "float32"
    steps: int = 0
    pad: str = "right"


@dataclass(frozen=True)
class Output:
    """The output of a program that holds the scores.

    Attributes:
        name: as the program calls it, or its number from 0.
        holds: "regression" for the number that is predicted; "scores" before a softmax, "log-probabilities" or
            "probabilities" of classes, one column each, or one column for the second of two.
        classes: their names in the order of the columns; empty for the order of the data set.
        label: where samples may have several labels and the data are the question of one (NAME:LABEL), the label whose
            column is read: `classes` then name the columns, and each holds the log-odds, or the probability, of its
            label.
    """

    name: str = "0"
    holds: str = "scores"
    classes: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class ProgramCard:
    """A card.

    Attributes:
        program: name of the file, or of the factory. data: name of the data set.
        inputs, output: see `Input`, `Output`.
        batch: the number of rows that the program takes at once; 0 for any.
        adapter: how a factory's module is called, of ADAPTERS: with tensors by name, with a dictionary, as MMSA or
            MultiBench do.
    """

    program: str
    data: str
    inputs: tuple[Input, ...]
    output: Output
    batch: int = 0
    adapter: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the card as a mapping of JSON values, which `parse` accepts."""
        record = json.loads(json.dumps(asdict(self)))
        return {"input": record.pop("inputs"), **record}


def read(text: str, file: str) -> ProgramCard:
    """Return the card of a TOML file.

    Raises:
        InvalidInput: when it is no TOML, or no card.
    """
    with translate_errors(
        f"Card `{file}` is not TOML",
        "Correct that line.",
        ValueError,
        why="{words}",
        passing=(InvalidInput,),
    ):
        return parse(read_toml(text))


def parse(words: Mapping[str, Any]) -> ProgramCard:
    """Return a card from its mapping. `fit` checks whether the card fits a data set.

    Raises:
        InvalidInput, NotFound: naming the key that is missing or wrong.
    """
    _check_keys("card", words, ("program", "data", "batch", "adapter", "input", "output"))
    inputs = words.get("input", [])
    output = words.get("output", {})
    check(
        isinstance(inputs, list)
        and len(inputs) > 0
        and all(isinstance(entry, Mapping) for entry in [*inputs, output]),
        f"The card must have an [[input]] for every input, and an [output]. {_REMEDY}",
    )
    batch = words.get("batch", 0)
    check(
        _whole(batch),
        f"`batch` in the card must be a whole number from 0, but is {batch!r}. {_REMEDY}",
    )
    return ProgramCard(
        str(words.get("program", "")),
        str(words.get("data", "")),
        tuple(map(_input, inputs)),
        _output(output),
        batch,
        choose("Adapter", str(words.get("adapter", "")), ADAPTERS),
    )


def _input(words: Mapping[str, Any]) -> Input:
    _check_keys("[[input]]", words, ("name", "modality", "gives", "axes", "dtype", "steps", "pad"))
    name = str(words.get("name", ""))
    given = words.get("modality", [])
    modality = tuple(given) if isinstance(given, list | tuple) else (given,)
    check(
        all(isinstance(line, str) for line in modality),
        f"`modality` of input `{name}` must be names. {_REMEDY}",
    )
    gives = str(words.get("gives", "values"))
    axes = words.get("axes", ["rows", "features"])
    steps = words.get("steps", 0)
    dtype = str(words.get("dtype", "float32"))
    pad = str(words.get("pad", "right"))
    placed = (
        isinstance(axes, list)
        and axes.count("rows") == 1 == max(map(axes.count, NAMED))
        and all(axis in NAMED or (_whole(axis) and axis > 0) for axis in axes)
    )
    for key, value, fits, must in (
        ("gives", gives, gives in GIVES, f"one of {', '.join(GIVES)}"),
        ("axes", axes, placed, 'a list of "rows", "steps", "features" and numbers, rows once'),
        ("steps", steps, _whole(steps), "a whole number from 0"),
        ("dtype", dtype, dtype in DTYPES, f"one of {', '.join(DTYPES)}"),
        ("pad", pad, pad in ("right", "left"), "right or left"),
    ):
        check(fits, f"`{key}` of input `{name}` must be {must}, but is {value!r}. {_REMEDY}")
    return Input(name, modality, gives, tuple(axes), dtype, steps, pad)


def _output(words: Mapping[str, Any]) -> Output:
    _check_keys("[output]", words, ("name", "holds", "classes", "label"))
    holds = str(words.get("holds", "scores"))
    classes = words.get("classes", [])
    check(
        holds in HOLDS,
        f"`holds` in the card must be one of {', '.join(HOLDS)}, but is {holds!r}. {_REMEDY}",
    )
    check(isinstance(classes, list), f"`classes` in the card must be a list of names. {_REMEDY}")
    return Output(
        str(words.get("name", "0")), holds, tuple(map(str, classes)), str(words.get("label", ""))
    )


def _check_keys(what: str, words: Mapping[str, Any], keys: Sequence[str]) -> None:
    for key in words:
        choose(f"Key of the {what}", str(key), keys)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def fit(card: ProgramCard, specs: Mapping[str, inputs.InputSpec], classes: Sequence[str]) -> None:
    """Raise InvalidInput or NotFound unless a card fits the modalities and classes of a data set."""
    for entry in card.inputs:
        check(
            len(entry.modality) > 0,
            f"Input `{entry.name}` has no modality. Write one of {', '.join(specs)} into its `modality` in the card.",
        )
        for name in entry.modality:
            choose("Modality", name, specs)
            _fit(entry, name, specs[name])
        check(
            len(entry.modality) == 1 or entry.axes in (("rows", "features"), ("features", "rows")),
            f'Input `{entry.name}` takes several modalities, so its `axes` must be ["rows", "features"]. '
            f"{_REMEDY}",
        )
    missing = [
        name
        for name in specs
        if not any(name in one.modality and one.gives in ("values", "mean") for one in card.inputs)
    ]
    check(
        not missing,
        f"No input takes the values of modality `{missing[0] if missing else ''}`. {_REMEDY} Or import "
        "a data set of the modalities that the program takes.",
    )
    holds, named = card.output.holds, card.output.classes
    expected = (
        f"of classes: {', '.join(HOLDS[:2])} or {HOLDS[2]}" if classes else "a number: regression"
    )
    check(
        (holds == "regression") == (not classes),
        f"`holds` in the card is {holds!r}, but the data set's target is {expected}. {_REMEDY}",
    )
    if card.output.label:
        check(
            len(classes) == 2 and card.output.label in named,
            f"`label` in the card is '{card.output.label[:60]}', which must be one of its `classes`, and the data "
            f"set the question of one label, NAME:LABEL. {_REMEDY}",
        )
        return
    check(
        not named or sorted(named) == sorted(classes),
        "`classes` in the card must be those of the data set, "
        f"{', '.join(classes)[:200]}, in the order of the program's "
        f"columns. {_REMEDY}",
    )


def _fit(entry: Input, name: str, spec: inputs.InputSpec) -> None:
    of_steps = entry.gives in ("mask", "padding", "lengths") or (
        entry.gives == "mean" and len(entry.modality) == 1
    )
    check(
        spec.sequence or not of_steps,
        f"Input `{entry.name}` gives the {entry.gives} of `{name}`, which is no sequence. {_REMEDY}",
    )
    named = {axis for axis in entry.axes if isinstance(axis, str)}
    numbers = prod(axis for axis in entry.axes if isinstance(axis, int))
    flat = {"rows", "features"} if "features" in named else {"rows"}
    sides = {
        "values": {"rows", "steps", "features"} if spec.sequence else flat,
        "mean": {"rows", "features"},
        "lengths": {"rows"},
    }.get(entry.gives, {"rows", "steps"})
    size = spec.size if entry.gives == "values" and sides == {"rows"} else 1
    check(
        named == sides and numbers == size,
        f"`axes` of input `{entry.name}` are {list(entry.axes)}, but {entry.gives} of `{name}` "
        f"({'steps of ' if spec.sequence else ''}{spec.size} features) have "
        f"{' and '.join(sorted(sides)) if size == 1 else f'rows and numbers whose product is {size}'}. {_REMEDY}",
    )
