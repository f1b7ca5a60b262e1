"""The card of an imported program: which of its inputs is which modality in which form, what its output means; and
features in that form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from qfusion._checks import check, choose, read_toml
from qfusion.errors import InvalidInput
from qfusion.models.encoders import Features, InputSpec, split

# The card of an imported program: which of its inputs is which modality in which form, and what its output means.

GIVES = ("values", "mean", "mask", "padding", "lengths")
HOLDS = ("score", "logits", "probabilities")
DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "float16": torch.float16,
    "bool": torch.bool,
    "int64": torch.int64,
    "int32": torch.int32,
}
PADS = ("right", "left")
ADAPTERS = ("", "dict", "mmsa", "multibench")
NAMED = ("rows", "steps", "features")
Axis = int | str
_REMEDY = "Correct the card."
_HEAD = (
    "# What goes into this program and what comes out. Correct what is wrong, and import it again with --card.",
    "# An [[input]]: modality, one or several side by side",
    f"#   gives: {', '.join(GIVES)}; mask is true at real steps, padding at the others",
    "#   axes: rows, steps, features, or numbers, as of a picture",
    "#   steps: it takes so many, shorter sequences being padded; 0: as many as there are. pad: where zeros "
    "stand, right or left",
    f"# The [output]: holds {', '.join(HOLDS)}; classes in the order of its columns; label: of several that a "
    "sample may have, the one that is read",
)


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
        holds: "score" of a regression; "logits" or "probabilities" of classes, one column each, or one column for the
            second of two.
        classes: their names in the order of the columns; empty for the order of the data set.
        label: where samples may have several labels and the data are the question of one (NAME:LABEL), the label whose
            column is read: `classes` then name the columns, and every one holds a logit or a probability of its own.
    """

    name: str = "0"
    holds: str = "logits"
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
        """Returns it as JSON knows it; `parse` takes it back."""
        words = asdict(self)
        return {
            "program": self.program,
            "data": self.data,
            "batch": self.batch,
            "adapter": self.adapter,
            "input": [_listed(word) for word in words["inputs"]],
            "output": _listed(words["output"]),
        }

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities that the program takes, in the order of its inputs."""
        return tuple(dict.fromkeys(name for entry in self.inputs for name in entry.modality))

    def text(self) -> str:
        """Returns the card as TOML, with comments on its keys."""
        lines = [
            *_HEAD,
            f"program = {_toml(self.program)}",
            f"data = {_toml(self.data)}",
            f"batch = {self.batch}  # rows that it takes at once; 0: any number",
            f"adapter = {_toml(self.adapter)}  # of a factory's module: {', '.join(map(repr, ADAPTERS))}",
        ]
        for entry in self.inputs:
            lines += ["", "[[input]]"]
            lines += [f"{key} = {_toml(value)}" for key, value in _listed(asdict(entry)).items()]
        output = [f"{key} = {_toml(value)}" for key, value in _listed(asdict(self.output)).items()]
        return "\n".join([*lines, "", "[output]", *output, ""])


def _listed(words: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in words.items()}


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, int):
        return str(value)
    words = "".join(c if c.isprintable() else " " for c in str(value))
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'


def read(text: str, file: str) -> ProgramCard:
    """Returns the card of a TOML file.

    Raises:
        InvalidInput: when it is no TOML, or no card.
    """
    try:
        words = read_toml(text)
    except ValueError as error:
        raise InvalidInput(
            f"Card `{file}` is not TOML ({error}). Correct that line, or import without --card for a "
            "new one."
        ) from error
    return parse(words)


def parse(words: Mapping[str, Any]) -> ProgramCard:
    """Returns a card from its mapping; whether it fits a data set is said by `fit`.

    Raises:
        InvalidInput, NotFound: naming the key that is missing or wrong.
    """
    _known("card", words, ("program", "data", "batch", "adapter", "input", "output"))
    inputs, output = words.get("input", []), words.get("output", {})
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
    adapter = choose("Adapter", str(words.get("adapter", "")), ADAPTERS)
    program, data = str(words.get("program", "")), str(words.get("data", ""))
    return ProgramCard(
        program, data, tuple(_input(entry) for entry in inputs), _output(output), batch, adapter
    )


def _input(words: Mapping[str, Any]) -> Input:
    _known("[[input]]", words, ("name", "modality", "gives", "axes", "dtype", "steps", "pad"))
    name = str(words.get("name", ""))
    given = words.get("modality", [])
    modality = tuple(given) if isinstance(given, list | tuple) else (given,)
    check(
        all(isinstance(line, str) for line in modality),
        f"`modality` of input `{name}` must be names. {_REMEDY}",
    )
    gives, axes, steps = (
        str(words.get("gives", "values")),
        words.get("axes", ["rows", "features"]),
        words.get("steps", 0),
    )
    check(
        gives in GIVES,
        f"`gives` of input `{name}` must be one of {', '.join(GIVES)}, but is {gives!r}. {_REMEDY}",
    )
    check(
        isinstance(axes, list)
        and axes.count("rows") == 1
        and all(axis in NAMED or (_whole(axis) and axis > 0) for axis in axes)
        and len({axis for axis in axes if isinstance(axis, str)})
        == sum(isinstance(axis, str) for axis in axes),
        f'`axes` of input `{name}` must be a list of "rows", "steps", "features" and numbers, rows once, but '
        f"is {axes!r}. {_REMEDY}",
    )
    check(
        _whole(steps),
        f"`steps` of input `{name}` must be a whole number from 0, but is {steps!r}. {_REMEDY}",
    )
    dtype, pad = str(words.get("dtype", "float32")), str(words.get("pad", "right"))
    check(
        dtype in DTYPES,
        f"`dtype` of input `{name}` must be one of {', '.join(DTYPES)}, but is {dtype!r}. {_REMEDY}",
    )
    check(pad in PADS, f"`pad` of input `{name}` must be right or left, but is {pad!r}. {_REMEDY}")
    return Input(name, modality, gives, tuple(axes), dtype, steps, pad)


def _output(words: Mapping[str, Any]) -> Output:
    _known("[output]", words, ("name", "holds", "classes", "label"))
    holds, classes = str(words.get("holds", "logits")), words.get("classes", [])
    check(
        holds in HOLDS,
        f"`holds` in the card must be one of {', '.join(HOLDS)}, but is {holds!r}. {_REMEDY}",
    )
    check(isinstance(classes, list), f"`classes` in the card must be a list of names. {_REMEDY}")
    return Output(
        str(words.get("name", "0")), holds, tuple(map(str, classes)), str(words.get("label", ""))
    )


def _known(what: str, words: Mapping[str, Any], keys: Sequence[str]) -> None:
    for key in words:
        choose(f"Key of the {what}", str(key), keys)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31


def fit(card: ProgramCard, specs: Mapping[str, InputSpec], classes: Sequence[str]) -> None:
    """Raises InvalidInput or NotFound unless a card fits the modalities and classes of a data set."""
    for entry in card.inputs:
        check(
            len(entry.modality) > 0,
            f"Input `{entry.name}` stands for no modality yet. Write one of "
            f"{', '.join(specs)} into its `modality` in the card, and import again with "
            "--card.",
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
    wanted = "of classes: logits or probabilities" if classes else "a number: score"
    check(
        (holds == "score") == (not classes),
        f"`holds` in the card is {holds!r}, but the data set's target is {wanted}. {_REMEDY}",
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


def _fit(entry: Input, name: str, spec: InputSpec) -> None:
    matches = entry.gives in ("mask", "padding", "lengths") or (
        entry.gives == "mean" and len(entry.modality) == 1
    )
    check(
        spec.sequence or not matches,
        f"Input `{entry.name}` gives the {entry.gives} of `{name}`, which is no sequence. {_REMEDY}",
    )
    named = {axis for axis in entry.axes if isinstance(axis, str)}
    numbers = prod(axis for axis in entry.axes if isinstance(axis, int))
    if entry.gives == "values":
        wanted = (
            {"rows", "steps", "features"}
            if spec.sequence
            else {"rows", "features"}
            if "features" in named
            else {"rows"}
        )
        size = spec.size if wanted == {"rows"} else 1
    else:
        wanted, size = {"mean": ({"rows", "features"}, 1), "lengths": ({"rows"}, 1)}.get(
            entry.gives, ({"rows", "steps"}, 1)
        )
    check(
        named == wanted and numbers == size,
        f"`axes` of input `{entry.name}` are {list(entry.axes)}, but {entry.gives} of `{name}` "
        f"({'steps of ' if spec.sequence else ''}{spec.size} features) have "
        f"{' and '.join(sorted(wanted)) if size == 1 else f'rows and numbers whose product is {size}'}. {_REMEDY}",
    )


# Features as a program takes them, by its card: axes in its order, padded or cut to its steps, with masks or lengths,
# in its type.

_BASE = ("rows", "steps", "features")


def fed_array(entry: Input, states: Mapping[str, Features]) -> Tensor:
    """Returns what one input takes of B rows.

    Args:
        states: features by modality: (B, F), or values (B, T, F) and mask (B, T).

    Raises:
        InvalidInput: when a sequence is longer than the program takes.
    """
    result = (
        torch.cat([_of(entry, *split(states[name])) for name in entry.modality], -1)
        if entry.gives in ("values", "mean")
        else _of(entry, *split(states[entry.modality[0]]))
    )
    return _laid(result, entry).to(DTYPES[entry.dtype])


def _of(entry: Input, values: Tensor, mask: Tensor | None) -> Tensor:
    """Of one modality: (B, F), (B, T, F), or of a mask (B, T), of lengths (B,)."""
    if mask is None:
        return values
    if entry.gives == "mean":
        return (values * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
    if entry.gives == "lengths":
        return mask.sum(1)
    if entry.steps:
        values, mask = _fitted(values, mask, entry)
    if entry.pad == "left":
        values, mask = _shifted(values, mask)
    if entry.gives == "values":
        return values
    return mask if entry.gives == "mask" else ~mask


def _fitted(values: Tensor, mask: Tensor, entry: Input) -> tuple[Tensor, Tensor]:
    """With the program's number of steps."""
    more = entry.steps - values.shape[1]
    check(
        more >= 0 or not bool(mask[:, entry.steps :].any()),
        f"Input `{entry.name}` takes {entry.steps} steps, but a sample of `{entry.modality[0]}` has "
        f"{int(mask.sum(1).max())}. Import the data with sequences cut to that, or export the program for more.",
    )
    if more < 0:
        return values[:, : entry.steps], mask[:, : entry.steps]
    return torch.nn.functional.pad(values, (0, 0, 0, more)), torch.nn.functional.pad(
        mask, (0, more)
    )


def _shifted(values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """With the padding before the real steps."""
    steps = values.shape[1]
    at = (torch.arange(steps)[None] - (steps - mask.sum(1, keepdim=True))) % steps
    return values.gather(1, at[..., None].expand(-1, -1, values.shape[-1])), mask.gather(1, at)


def _laid(result: Tensor, entry: Input) -> Tensor:
    """With the sides in the card's order."""
    if (
        "features" not in entry.axes
        and "steps" not in entry.axes
        and entry.gives in ("values", "mean")
    ):  # a picture
        sides = [axis for axis in entry.axes if isinstance(axis, int)]
        return result.reshape(len(result), *sides).movedim(0, entry.axes.index("rows"))
    named = [axis for axis in entry.axes if isinstance(axis, str)]
    base = [axis for axis in _BASE if axis in named]
    result = result.permute([base.index(axis) for axis in named])
    for place, axis in enumerate(entry.axes):
        if isinstance(axis, int):
            result = result.unsqueeze(place)
    return result
