"""Models from elsewhere: a program (.pt2 or .onnx) with a card that names its inputs and outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.errors import InvalidInput, NotFound, translate_errors
from qfusion.models import base, encoders, evaluation, inputs
from qfusion.models.live_model import class_scores
from qfusion.plugins.programs.program import Port, Program, Side
from qfusion.plugins.programs.program_card import DTYPES, Input, ProgramCard, fit, parse
from qfusion.plugins.programs.program_files import open_program
from qfusion.plugins.programs.program_inputs import fed_array

TOGETHER = 1 << 24  # numbers of the largest tensor while rows are run together
_FEW = 4  # rows by which that is found out


class Imported(base.FusionModel):
    """A program of somebody's with a card.

    Args:
        inputs, outputs: as of every model: those of the data set.
        program, program_card: what is run, and its card, which fit each other.
        means: of every feature of a modality over the training rows: what "nothing said" is in attributions; zero
            unless given.

    Raises:
        InvalidInput, NotFound: when program, card and data do not fit.
    """

    kind = "imported"
    encodes = False
    title = "Imported program"

    def __init__(
        self,
        inputs: Mapping[str, inputs.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str],
        program: Program,
        program_card: ProgramCard,
        means: Mapping[str, Sequence[float]] | None = None,
    ):
        super().__init__(inputs, outputs)
        classes = self.outputs if len(self.outputs) > 1 else ()
        fit(program_card, self.input_specs, classes)
        self.program, self.card = program, program_card
        self.settings = {
            "program": program_card.as_dict(),
            "means": {name: list(values) for name, values in (means or {}).items()},
        }
        self._inputs = _match_inputs(program, program_card)
        self._output = _place(program.outputs, program_card.output.name)
        check(
            self._output >= 0,
            f"The card names an output `{program_card.output.name[:60]}`, but program `{program.file}` gives: "
            f"{'; '.join(port.words for port in program.outputs)[:300]}. Correct the card.",
            NotFound,
        )
        named = program_card.output.classes or self.outputs
        self._order = (
            [named.index(program_card.output.label)]
            if program_card.output.label
            else [named.index(name) for name in self.outputs]
            if classes
            else [0]
        )
        self.encoders = encoders.mean_pools(self.input_specs, means, "Import the program again.")
        self.bias = nn.Parameter(
            torch.zeros(len(self.outputs), dtype=torch.float64), requires_grad=False
        )
        self._fewest, self._most = self._limits()
        self._width = 0.0

    def _limits(self) -> tuple[int, int]:
        """The least and the most rows that the program takes at once; 0 for any."""
        if self.card.batch:
            return self.card.batch, self.card.batch
        sides: set[Side] = set()
        for entry, port in zip(self._inputs, self.program.inputs, strict=True):
            if port.shape is not None:
                check(
                    len(entry.axes) == len(port.shape),
                    f"Input {port.words} has {len(port.shape)} sides, but its card gives "
                    f"it {list(entry.axes)}. Correct `axes` in the card.",
                )
                sides.add(port.shape[entry.axes.index("rows")])
        fixed = sorted(side for side in sides if isinstance(side, int))
        check(
            len(fixed) <= 1,
            f"Program `{self.program.file}` takes {' and '.join(map(str, fixed))} rows of "
            "different inputs. Correct `axes` in the card.",
        )
        if fixed:
            return fixed[0], fixed[0]
        ranges = [self.program.ranges.get(str(side), (0, 0)) for side in sides]
        return (
            max((low for low, _ in ranges), default=0),
            min((high for _, high in ranges if high), default=0),
        )

    @property
    def fixed_batch(self) -> int:
        """Rows that the program takes, when it takes no other number; else 0."""
        return self._fewest if self._fewest == self._most else 0

    def encode_one(self, inputs: Mapping[str, inputs.Features], name: str) -> inputs.Features:
        """Return the features of one modality in double precision; `inputs` need not hold the other modalities."""
        return self._features(inputs, name)

    def scores(self, states: Mapping[str, Any]) -> Tensor:
        """Return the scores (B, C) of features; a row's scores depend on that row alone.

        Raises:
            InvalidInput: when the program fails on them, or gives no finite scores.
        """
        count = evaluation.nested_length(states[self.modalities[0]])
        step = self._together(states)
        parts = [
            self._run(
                {
                    name: evaluation.nested_part(entry, slice(start, start + step))
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
                name: evaluation.nested_part(features, slice(0, self._most or _FEW))
                for name, features in states.items()
            }
            rows = max(evaluation.nested_length(few[self.modalities[0]]), self._fewest, 1)
            width, operations = self.program.measure(self._fed(few))
            self._width = max(1.0, width / rows)
            self.unseen_operations = round(operations / rows * max(1, self._fewest))
        return self._most or max(int(TOGETHER / self._width), _FEW, self._fewest)

    def raw(self, states: Mapping[str, Any]) -> Tensor:
        """Return the unchanged output of the program for at most as many rows as it takes at once."""
        count = evaluation.nested_length(states[self.modalities[0]])
        outcome = self.program.run(self._fed(states), self._output)
        check(
            outcome.ndim >= 1 and len(outcome) == max(count, self._fewest),
            f"Program `{self.program.file}` gives an output of shape {tuple(outcome.shape)} for "
            f"{max(count, self._fewest)} rows. Name the output with a row for each in the card, or set `batch` to "
            "the rows that it was exported with.",
        )
        return outcome[:count].double()

    def _fed(self, states: Mapping[str, Any]) -> list[Tensor]:
        count = evaluation.nested_length(states[self.modalities[0]])
        if 0 < count < self._fewest:  # rows do not depend on one another, so the last may repeat
            rows = torch.arange(self._fewest).clamp_max(count - 1)
            states = {name: evaluation.nested_part(entry, rows) for name, entry in states.items()}
        arrays = [fed_array(entry, states) for entry in self._inputs]
        for port, array in zip(self.program.inputs, arrays, strict=True):
            check(
                port.takes(array),
                f"Input {port.words} is given an array of shape {tuple(array.shape)}. Correct `axes` or `steps` in the "
                "card, or import the data set that the program was made for.",
            )
        return arrays

    def columns(self, states: Mapping[str, Any]) -> Tensor:
        """Return the output of the program, as numbers (B, K), for at most as many rows as it takes at once."""
        raw = self.raw(states)
        return raw.reshape(len(raw), -1)

    def _run(self, states: Mapping[str, Any]) -> Tensor:
        columns = self.columns(states)
        output = self.card.output
        count = len(self.outputs)
        finite = columns.isfinite()
        if output.holds == "log-probabilities":
            finite |= columns.isneginf()  # of a class whose probability is 0
        check(
            bool(finite.all()),
            f"Program `{self.program.file}` gives NaN or infinity for some rows. "
            "Correct the card, or the model: its output must be finite.",
        )
        gives = f"Program `{self.program.file}` gives {columns.shape[1]} numbers a row, but"
        if output.label:
            check(
                columns.shape[1] == len(output.classes),
                f"{gives} the card names {len(output.classes)} labels. Correct `classes` in the card.",
            )
            return class_scores(columns[:, self._order], output.holds) + self.bias
        check(
            columns.shape[1] == count or (columns.shape[1] == 1 and count == 2),
            f"{gives} the target has {count}: {', '.join(self.outputs)[:160]}. Name another output in the card, or "
            "import another data set.",
        )
        scores = columns if output.holds == "regression" else class_scores(columns, output.holds)
        return scores[:, self._order] + self.bias


def _place(ports: Sequence[Port], name: str) -> int:
    """Return the position of the port with this name or number, or -1 if there is none."""
    return next((place for place, port in enumerate(ports) if name in (port.name, str(place))), -1)


def _match_inputs(program: Program, program_card: ProgramCard) -> list[Input]:
    """Return the card's entry for each input of the program, in the program's order."""
    entries: dict[int, Input] = {}
    for entry in program_card.inputs:
        place = _place(program.inputs, entry.name)
        check(
            place >= 0,
            f"The card names an input `{entry.name}`, but program `{program.file}` takes: "
            f"{'; '.join(port.words for port in program.inputs)[:300]}. Correct the card.",
        )
        entries.setdefault(place, entry)
    for place, port in enumerate(program.inputs):
        check(
            place in entries,
            f"The card does not say what input `{port.words}` of program `{program.file}` takes. Add an [[input]].",
        )
        check(
            port.dtype is None or port.dtype == DTYPES[entries[place].dtype],
            f"Input `{port.words}` of program `{program.file}` is given {entries[place].dtype} by the card. "
            "Correct its `dtype`.",
        )
    return [entries[place] for place in range(len(program.inputs))]


def from_card(words: Mapping[str, Any], data: bytes, file: str) -> Imported:
    """Return the model of a checkpoint's card and the bytes of its program.

    Raises:
        InvalidInput, NotFound: when they do not fit.
    """
    with translate_errors(
        f"The card of `{file}` is not one of an imported program",
        "Import it again.",
        *(KeyError, TypeError, ValueError, AttributeError),
        why="{words:.120}",
        passing=(InvalidInput,),
    ):
        return Imported(
            words["inputs"],
            words["outputs"],
            open_program(data, file),
            parse(words["settings"]["program"]),
            words["settings"].get("means"),
        )
