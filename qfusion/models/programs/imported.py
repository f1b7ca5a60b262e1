"""A model that came as a program, explored like any other: its modalities come to their features, and the program fuses
them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.errors import InvalidInput, NotFound
from qfusion.models import base
from qfusion.models.base import FusionModel
from qfusion.models.encoders import Features, InputSpec, Standardiser
from qfusion.models.programs import card
from qfusion.models.programs.card import DTYPES, ProgramCard
from qfusion.models.programs.program import Port, Program

KIND = "imported"
ENDINGS = {"torch": ".pt2", "onnx": ".onnx"}
TOGETHER = 1 << 24  # numbers of the largest tensor while rows are run together
_FEW = 4  # rows by which that is found out
_SMALLEST = 1e-12  # probability whose logarithm is a score


class Imported(FusionModel):
    """A program of somebody's with a card.

    Args:
        inputs, outputs: as of every model: those of the data set.
        program, said: what is run, and its card, which fit each other.
        means: of every feature of a modality over the training rows: what "nothing said" is in attributions; zero
            unless given.

    Raises:
        InvalidInput, NotFound: when program, card and data do not fit.
    """

    kind = KIND
    encodes = False
    title = "Imported program"
    says = "A program that was imported: torch.export or ONNX."
    about = (
        "is a program that was imported: features of {names} go in as they are, {target} comes out. No structure is "
        "known that would split its decisions; they are split by running it with some modalities of other samples, for "
        "every combination."
    )

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str],
        program: Program,
        program_card: ProgramCard,
        means: Mapping[str, Sequence[float]] | None = None,
    ):
        super().__init__(inputs, outputs)
        classes = self.outputs if len(self.outputs) > 1 else ()
        card.fit(program_card, self.input_specs, classes)
        self.program, self.card = program, program_card
        self.settings = {
            "program": program_card.as_dict(),
            "means": {name: list(values) for name, values in (means or {}).items()},
        }
        self._inputs = [
            next((entry for entry in program_card.inputs if _called(entry.name, port, place)), None)
            for place, port in enumerate(program.inputs)
        ]
        _require_matched(program, program_card, self._inputs)
        self._output = _output(program, program_card.output.name)
        named = program_card.output.classes or self.outputs
        self._order = (
            [named.index(program_card.output.label)]
            if program_card.output.label
            else [named.index(name) for name in self.outputs]
            if classes
            else [0]
        )
        self.encoders = nn.ModuleDict(
            {name: _Means(spec, (means or {}).get(name)) for name, spec in self.input_specs.items()}
        )
        self.bias = nn.Parameter(
            torch.zeros(len(self.outputs), dtype=torch.float64), requires_grad=False
        )
        self._fewest, self._most = self._limits()
        self._width, self._operations = 0.0, 0.0

    def _limits(self) -> tuple[int, int]:
        """The least and the most rows that the program takes at once; 0 for any."""
        if self.card.batch:
            return self.card.batch, self.card.batch
        sides = {
            side
            for side in map(self._rows_of, self._inputs, self.program.inputs)
            if side is not None
        }
        fixed = {side for side in sides if isinstance(side, int)}
        check(
            len(fixed) <= 1,
            f"Program `{self.program.file}` takes {' and '.join(map(str, sorted(fixed)))} rows of "
            "different inputs. Correct `axes` in the card.",
        )
        if fixed:
            return next(iter(fixed)), next(iter(fixed))
        ranges = [self.program.ranges.get(str(side), (0, 0)) for side in sides]
        most = [high for _, high in ranges if high]
        return max((low for low, _ in ranges), default=0), min(most, default=0)

    @staticmethod
    def _rows_of(entry: Any, port: Port) -> int | str | None:
        if entry is None or port.shape is None:
            return None
        check(
            len(entry.axes) == len(port.shape),
            f"Input {port.words} has {len(port.shape)} sides, but its card gives "
            f"it {list(entry.axes)}. Correct `axes` in the card.",
        )
        return port.shape[entry.axes.index("rows")]

    @property
    def unseen_operations(self) -> int:
        """Floating-point operations of a row, which are worked out elsewhere; known once rows were run."""
        return round(self._operations * max(1, self._fewest))

    @property
    def fixed_batch(self) -> int:
        """Rows that the program takes, when it takes no other number; else 0."""
        return self._fewest if self._fewest == self._most else 0

    def encode_one(self, inputs: Mapping[str, Features], name: str) -> Features:
        """Returns the features of one modality in double precision; `inputs` need not hold the others."""
        return self._features(inputs, name)

    def scores(self, states: Mapping[str, Any]) -> Tensor:
        """Returns the scores (B, C) of features; a row's scores depend on that row alone.

        Raises:
            InvalidInput: when the program fails on them, or gives no finite scores.
        """
        count, step = base.nested_length(states[self.modalities[0]]), self._together(states)
        parts = [
            self._run(
                {
                    name: base.nested_part(entry, slice(start, start + step))
                    for name, entry in states.items()
                }
            )
            for start in range(0, max(count, 1), step)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _together(self, states: Mapping[str, Any]) -> int:
        """How many rows are run at once."""
        if not self._width:
            few = {
                name: base.nested_part(features, slice(0, self._most or _FEW))
                for name, features in states.items()
            }
            rows = max(base.nested_length(few[self.modalities[0]]), self._fewest, 1)
            width, operations = self.program.measure(self._fed(few))
            self._width, self._operations = max(1.0, width / rows), operations / rows
        return self._most or max(int(TOGETHER / self._width), _FEW, self._fewest)

    def raw(self, states: Mapping[str, Any]) -> Tensor:
        """Returns what the program gives for no more rows than it takes at once, as it gives it."""
        count = base.nested_length(states[self.modalities[0]])
        outcome = self.program.run(self._fed(states), self._output)
        check(
            outcome.ndim >= 1 and len(outcome) == max(count, self._fewest),
            f"Program `{self.program.file}` gives an output of shape {tuple(outcome.shape)} for "
            f"{max(count, self._fewest)} rows. Name the output with a row for each in the card, or set `batch` to "
            "the rows that it was exported with.",
        )
        return outcome[:count].double()

    def _fed(self, states: Mapping[str, Any]) -> list[Tensor]:
        missing = self._fewest - base.nested_length(states[self.modalities[0]])
        if missing > 0:  # rows do not depend on one another, so the last may stand again
            last = {
                name: base.nested_part(entry, slice(-1, None)) for name, entry in states.items()
            }
            states = {
                name: _joined(entry, base.nested_tiled(last[name], missing))
                for name, entry in states.items()
            }
        fed = [card.fed_array(entry, states) for entry in self._inputs if entry is not None]
        for port, given in zip(self.program.inputs, fed, strict=True):
            _require_shape(port, given)
        return fed

    def _run(self, states: Mapping[str, Any]) -> Tensor:
        raw = self.raw(states)
        check(
            bool(raw.isfinite().all()),
            f"Program `{self.program.file}` gives NaN or infinity for some rows. "
            "Correct the card, or the model: its output must be finite.",
        )
        columns, wanted, label = (
            raw.reshape(len(raw), -1),
            len(self.outputs),
            self.card.output.label,
        )
        if label:
            many = len(self.card.output.classes)
            check(
                columns.shape[1] == many,
                f"Program `{self.program.file}` gives {columns.shape[1]} numbers a row, but the card names {many} "
                "labels. Correct `classes` in the card.",
            )
            columns = columns[:, self._order]
            if self.card.output.holds == "probabilities":
                columns = columns.clamp(_SMALLEST, 1 - _SMALLEST).logit()
            return torch.cat([torch.zeros_like(columns), columns], 1) + self.bias
        check(
            columns.shape[1] == wanted or (columns.shape[1] == 1 and wanted == 2),
            f"Program `{self.program.file}` gives {columns.shape[1]} numbers a row, but the target has {wanted}: "
            f"{', '.join(self.outputs)[:160]}. Name another output in the card, or import another data set.",
        )
        if self.card.output.holds == "probabilities":
            columns = torch.cat([1 - columns, columns], 1) if columns.shape[1] < wanted else columns
            columns = columns.clamp_min(_SMALLEST).log()
        elif columns.shape[1] < wanted:
            columns = torch.cat([torch.zeros_like(columns), columns], 1)
        return columns[:, self._order] + self.bias


class _Means(nn.Module):
    """What other models have as an encoder: here only the means of the features."""

    def __init__(self, spec: InputSpec, means: Sequence[float] | None):
        super().__init__()
        self.standardise = Standardiser(spec.size)
        if means is not None:
            check(
                len(means) == spec.size,
                f"The card holds {len(means)} means of {spec.size} features. Import the "
                "program again.",
            )
            self.standardise.mean.copy_(torch.tensor(means))


def _called(name: str, port: Port, place: int) -> bool:
    return name in (port.name, str(place))


def _require_matched(program: Program, program_card: ProgramCard, result: list[Any]) -> None:
    ports = "; ".join(port.words for port in program.inputs)[:300]
    for entry in program_card.inputs:
        check(
            any(_called(entry.name, port, place) for place, port in enumerate(program.inputs)),
            f"The card names an input `{entry.name}`, but program `{program.file}` takes: {ports}. Correct the card.",
        )
    for port, entry in zip(program.inputs, result, strict=True):
        check(
            entry is not None,
            f"The card does not say what input `{port.words}` of program `{program.file}` takes. "
            "Add an [[input]].",
        )
        check(
            entry is None or port.dtype is None or port.dtype == DTYPES[entry.dtype],
            f"Input `{port.words}` of program `{program.file}` is given {entry.dtype if entry else ''} by the card. "
            "Correct its `dtype`.",
        )


def _output(program: Program, name: str) -> int:
    for place, port in enumerate(program.outputs):
        if name in (port.name, str(place)):
            return place
    raise NotFound(
        f"The card names an output `{name[:60]}`, but program `{program.file}` gives: "
        f"{'; '.join(port.words for port in program.outputs)[:300]}. Correct the card."
    )


def _require_shape(port: Port, given: Tensor) -> None:
    ok = port.shape is None or (
        len(port.shape) == given.ndim
        and all(
            isinstance(side, str) or side == have
            for side, have in zip(port.shape, given.shape, strict=True)
        )
    )
    check(
        ok,
        f"Input {port.words} is given an array of shape {tuple(given.shape)}. Correct `axes` or `steps` in the "
        "card, or import the data set that the program was made for.",
    )


def _joined(first: Any, more: Any) -> Any:
    return (
        torch.cat([first, more])
        if isinstance(first, Tensor)
        else tuple(torch.cat(pair) for pair in zip(first, more, strict=True))
    )


def program_of(data: bytes, file: str, only_onnx: bool = False) -> Program:
    """Returns the program in a file, by what its bytes are.

    Args:
        data: of the file. file: its name, for messages.
        only_onnx: whether it comes from somebody who is not trusted: torch.export.load runs what a file holds.

    Raises:
        InvalidInput: when it is neither a program of torch.export nor an ONNX model, or not to be run.
    """
    if kind_of(data) == "torch":
        check(
            not only_onnx,
            f"Program `{file}` is one of torch.export, which is loaded only for readers on the "
            "server's own machine, as loading runs what it holds. Bring the model as ONNX, or import "
            f"it there: `python -m qfusion model import {file} --data NAME --name NAME`.",
        )
        return Program(data, file, "torch")
    check(
        kind_of(data) == "onnx",
        f"File `{file}` is neither a program of torch.export (.pt2) nor an ONNX model (.onnx). Export the model as "
        "one of these, or import it by its factory, PACKAGE.MODULE:FACTORY.",
    )
    return Program(data, file, "onnx")


def kind_of(data: bytes) -> str:
    """Returns what a program's first bytes say it is, "torch" or "onnx"; empty where it is neither."""
    if data[:4] == b"PK\x03\x04":
        return "torch"
    return (
        "onnx"
        if data[:1] in (b"\x08", b"\x12", b"\x1a", b"\x3a", b"\x42") or data[4:8] == b"ORTM"
        else ""
    )


def from_card(words: Mapping[str, Any], data: bytes, file: str) -> Imported:
    """Returns the model of a checkpoint's card and the bytes of its program.

    Raises:
        InvalidInput, NotFound: when they do not fit.
    """
    try:
        settings = words["settings"]
        return Imported(
            words["inputs"],
            words["outputs"],
            program_of(data, file),
            card.parse(settings["program"]),
            settings.get("means"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(
            f"The card of `{file}` is not one of an imported program ({str(error)[:120]}). Import it "
            "again."
        ) from error
