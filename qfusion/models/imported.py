"""Models that came as programs: the program, run in a process of its own; its card, which says which of its inputs is
which modality in which form and what its output means; features in that form; and the model, explored like any other,
whose modalities come to their features and which the program fuses.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import log, prod
from typing import Any, cast

import safetensors.numpy
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from qfusion import _limits
from qfusion._checks import check, choose, read_toml
from qfusion._lazy import require
from qfusion.errors import InvalidInput, NotFound, translate_errors
from qfusion.models import _program_child as _child, base, encoders, nested

# What every kind of program is here: named inputs and outputs of known shapes, run on whole batches in a process of
# its own (`_child`), of whose answers nothing is taken on trust.

MAX_SIZE = 1 << 30  # bytes of a file
LOADING = 300  # seconds in which a server's program has to be loaded
_TYPES = {
    str(kind).removeprefix("torch."): kind
    for kind in (
        torch.float64,
        torch.float32,
        torch.float16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    )
}
Side = int | str  # a fixed number, or the name of one that is free


@dataclass(frozen=True)
class Port:
    """An input or output of a program.

    Attributes:
        name: as the program calls it.
        shape: fixed numbers and names of free ones; None where the program does not say.
        dtype: of torch; None where it does not say.
    """

    name: str
    shape: tuple[Side, ...] | None
    dtype: torch.dtype | None

    @property
    def words(self) -> str:
        """Name, shape and type for messages."""
        shape = "?" if self.shape is None else f"({', '.join(map(str, self.shape))})"
        return f"{self.name} {shape} {'' if self.dtype is None else str(self.dtype).removeprefix('torch.')}".strip()

    def takes(self, array: Tensor) -> bool:
        """Returns whether an array has its shape."""
        return self.shape is None or (
            len(self.shape) == array.ndim
            and all(
                isinstance(side, str) or side == length
                for side, length in zip(self.shape, array.shape, strict=True)
            )
        )


class Exhausted(InvalidInput):
    """A program that takes more than it may.

    Attributes:
        of: "memory", "processor" or "time".
    """

    def __init__(self, message: str, of: str):
        super().__init__(message)
        self.of = of


class Program:
    """A program with its weights, in a process of its own that ends when nothing needs it.

    Args:
        data: bytes of the file. file: its name, for messages.
        kind: "torch", which torch.export.load loads and so has to be trusted, or "onnx".

    Attributes:
        inputs, outputs: in order.
        parameters: how many numbers its weights are.
        notes: why its scores may change from call to call, such as "dropout is left on".
        ranges: of free sides, by their names: the least and the most that they may be, 0 where nothing is known.

    Raises:
        InvalidInput: when it cannot be loaded, or is not to be run.
        MissingPackage: when what an ONNX model needs is not installed.
    """

    def __init__(self, data: bytes, file: str, kind: str):
        check(
            len(data) <= MAX_SIZE,
            f"Program `{file}` has {len(data) / 2**30:.1f} GiB, but at most "
            f"{MAX_SIZE / 2**30:.0f} are read. Export a smaller model.",
        )
        if kind == "onnx":
            require("onnx")
            require("onnxruntime")
        self.file, self.kind, self._data = file, kind, data
        self._lock, self._process = threading.Lock(), cast("subprocess.Popen[bytes] | None", None)
        with self._lock:
            about = self._begun()
        try:
            self.inputs, self.outputs = (
                tuple(_port(*port) for port in about[key]) for key in ("inputs", "outputs")
            )
            self.parameters, self.notes = (
                int(about["parameters"]),
                tuple(str(note)[:200] for note in about["notes"]),
            )
            self.ranges = {
                str(name): (int(low), int(high)) for name, (low, high) in about["ranges"].items()
            }
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInput(
                f"Program `{file}` does not say what goes in and comes out. Export it again."
            ) from error

    def __deepcopy__(self, memo: dict[int, Any]) -> "Program":
        return self  # it is never written to

    def run(self, inputs: Sequence[Tensor], output: int) -> Tensor:
        """Returns one output of given inputs, in order, each of its port's type; gradients flow through it once. Those
        of an ONNX model are central differences, two runs for every number of a row.

        Raises:
            InvalidInput: when the program fails on them; Exhausted: when it takes too much.
        """
        moved = torch.is_grad_enabled() and any(given.requires_grad for given in inputs)
        return _Slopes.apply(self, output, *inputs) if moved else self.plain(inputs, output)

    def plain(self, inputs: Sequence[Tensor], output: int) -> Tensor:
        """Returns one output, without gradients."""
        return self._tensors({"do": "run", "output": output}, inputs, [0])[0]

    def slopes(
        self, inputs: Sequence[Tensor], output: int, weight: Tensor, places: Sequence[int]
    ) -> list[Tensor]:
        """Returns the gradients of an output's sum with weights, of the inputs at these places."""
        if self.kind == "onnx":
            return [_differences(self, inputs, output, weight, place) for place in places]
        return self._tensors(
            {"do": "slopes", "output": output, "places": list(places)},
            inputs,
            places,
            weight=weight,
        )

    def measure(self, inputs: Sequence[Tensor]) -> tuple[int, int]:
        """Returns how many numbers the largest tensor of a run holds, and its floating-point operations; of an ONNX
        model both are guesses."""
        if self.kind == "onnx":
            rows = max((len(given) for given in inputs if given.ndim), default=1)
            return 64 * max(given.numel() for given in inputs), 2 * self.parameters * rows
        answer, _ = self._ask({"do": "measure", "output": 0}, inputs)
        return int(answer["width"]), int(answer["operations"])

    def _tensors(
        self, order: dict[str, Any], inputs: Sequence[Tensor], places: Sequence[int], **more: Tensor
    ) -> list[Tensor]:
        _, body = self._ask(order, inputs, **more)
        try:
            tensors = safetensors.torch.load(body)
            return [tensors[str(place)] for place in places]
        except (safetensors.SafetensorError, KeyError, ValueError) as error:
            raise InvalidInput(
                f"Program `{self.file}` answers with no tensor. Export it again."
            ) from error

    def _ask(
        self, order: dict[str, Any], inputs: Sequence[Tensor], **more: Tensor
    ) -> tuple[dict[str, Any], bytes]:
        sent = {str(place): tensor for place, tensor in enumerate(inputs)} | more
        body = safetensors.numpy.save(
            {name: tensor.detach().contiguous().numpy() for name, tensor in sent.items()}
        )
        with self._lock:
            if self._process is None:
                self._begun()
            return self._exchanged(order, body, _limits.get("QFUSION_PROGRAM_S"))

    def _begun(self) -> dict[str, Any]:
        """Starts the process, and returns what it says of the program."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", _child.__file__],
            env=_limits.environment(OMP_NUM_THREADS=str(torch.get_num_threads())),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        weakref.finalize(self, _end, self._process)
        order = {
            "kind": self.kind,
            "file": self.file,
            "parent": os.getpid(),
            "threads": torch.get_num_threads(),
            "memory": _limits.get("QFUSION_PROGRAM_MB") * _limits.MIB if _limits.bound() else 0,
        }
        return self._exchanged(order, self._data, LOADING)[0]

    def _exchanged(
        self, order: dict[str, Any], body: bytes, seconds: int
    ) -> tuple[dict[str, Any], bytes]:
        """The answer to a message. A process that does not give one is ended; the next call begins another."""
        process, late = cast("subprocess.Popen[bytes]", self._process), threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        clock = threading.Timer(seconds, stop)
        clock.daemon = True
        if _limits.bound():
            clock.start()
        try:
            _child.send(cast(Any, process.stdin), order, body)
            answer, tensors = _child.receive(cast(Any, process.stdout))
        except (OSError, EOFError, ValueError) as error:
            with suppress(subprocess.TimeoutExpired):
                process.wait(2)  # it says by its status why it ends
            _end(process)
            self._process = None
            raise self._ended(process.returncode, late.is_set()) from error
        except (
            BaseException
        ):  # a reader's click ends a page's run: what comes later would answer another question
            _end(process)
            self._process = None
            raise
        finally:
            clock.cancel()
        if answer.get("memory"):
            raise self._ended(_child.NO_MEMORY, False)
        check("problem" not in answer, str(answer.get("problem", ""))[:1000])
        check(
            "fails" not in answer,
            f"Program `{self.file}` fails ({str(answer.get('fails', ''))[:200]}). Correct "
            "shapes and types in the card, or export the model again.",
        )
        return answer, tensors

    def _ended(self, status: int, late: bool) -> InvalidInput:
        takes = {
            "time": f"takes more than {_limits.get('QFUSION_PROGRAM_S')} seconds a call, which is all that this server "
            "gives it (QFUSION_PROGRAM_S)",
            "memory": "asks for more memory than there is for it",
            "processor": "takes more time of the processor than there is for it",
        }
        of_status = {_child.NO_MEMORY: "memory", -getattr(signal, "SIGXCPU", 24): "processor"}
        of = "time" if late else of_status.get(status, "")
        if of:
            return Exhausted(f"Program `{self.file}` {takes[of]}. Export a smaller model.", of)
        return InvalidInput(
            f"Program `{self.file}` ends the process that runs it (status {status}). Export it again, "
            "or give that process more memory."
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):  # what it was sent last never arrived
            cast(Any, stream).close()


def _port(name: Any, shape: Any, kind: Any) -> Port:
    sides = (
        None
        if shape is None
        else tuple(side if isinstance(side, int) else str(side)[:60] for side in shape)
    )
    return Port(str(name)[:200], sides, _TYPES.get(str(kind)))


class _Slopes(torch.autograd.Function):
    """A program's gradients, worked out where it runs."""

    @staticmethod
    def forward(ctx: Any, program: Program, output: int, *inputs: Tensor) -> Tensor:
        ctx.program, ctx.output = program, output
        ctx.save_for_backward(*inputs)
        return program.plain(inputs, output)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *arriving: Tensor) -> Any:
        inputs, (weight,) = ctx.saved_tensors, arriving
        places = [place for place in range(len(inputs)) if ctx.needs_input_grad[place + 2]]
        slopes = dict(
            zip(places, ctx.program.slopes(inputs, ctx.output, weight, places), strict=True)
        )
        return (None, None, *(slopes.get(place) for place in range(len(inputs))))


def _differences(
    program: Program, inputs: Sequence[Tensor], output: int, weight: Tensor, place: int
) -> Tensor:
    """Central differences: rows are independent, so one number of all rows is moved at once."""
    x = inputs[place]
    flat, slopes = x.flatten(1), torch.zeros_like(x.flatten(1))
    check(
        flat.shape[1] <= 4096,  # each takes two runs
        f"Program `{program.file}` has no gradients, and differences over "
        f"{flat.shape[1]:,} numbers take too long. Export the model by torch.export "
        "instead.",
    )
    step = torch.finfo(x.dtype).eps ** (1 / 3)
    for k in range(flat.shape[1]):
        width = step * flat[:, k].abs().clamp_min(1)
        away = torch.zeros_like(flat)
        away[:, k] = width
        up, down = (
            program.plain([*inputs[:place], moved.view_as(x), *inputs[place + 1 :]], output)
            for moved in (flat + away, flat - away)
        )
        slopes[:, k] = ((up - down) * weight).flatten(1).sum(1) / (2 * width)
    return slopes.view_as(x)


# The card of an imported program: which of its inputs is which modality in which form, and what its output means.

GIVES = ("values", "mean", "mask", "padding", "lengths")
HOLDS = ("scores", "log-probabilities", "probabilities", "regression")
OLDER = {"logits": "scores", "score": "regression"}  # words of cards written before
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
Axis = int | str
_REMEDY = "Correct the card."
SMALLEST = 1e-12  # probability; smaller ones are raised to it before a logarithm is taken
CLIPPED = f"[{SMALLEST:g}, 1]"
_HEAD = (
    "# What goes into this program and what comes out. Correct what is wrong, and import it again with --card.",
    "# An [[input]]: modality, one or several side by side",
    f"#   gives: {', '.join(GIVES)}; mask is true at real steps, padding at the others",
    "#   axes: rows, steps, features, or numbers, as of a picture",
    "#   steps: it takes so many, shorter sequences being padded; 0: as many as there are. pad: where zeros "
    "stand, right or left",
    f"# The [output]: holds {', '.join(HOLDS)}; classes in the order of its columns; label: of several that a "
    "sample may have, the one that is read",
    "#   scores: of classes, before a softmax; regression: the number that is predicted",
    f"#   probabilities: clipped to {CLIPPED} before the log-odds of each row are taken",
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
        """Returns it as JSON knows it; `parse` takes it back."""
        record = json.loads(json.dumps(asdict(self)))
        return {"input": record.pop("inputs"), **record}

    def text(self) -> str:
        """Returns the card as TOML, with comments on its keys."""
        lines = [
            *_HEAD,
            f"program = {_toml(self.program)}",
            f"data = {_toml(self.data)}",
            f"batch = {self.batch}  # rows that it takes at once; 0: any number",
            f"adapter = {_toml(self.adapter)}  # of a factory's module: {', '.join(map(repr, ADAPTERS))}",
        ]
        parts: list[tuple[str, Input | Output]] = [("[[input]]", entry) for entry in self.inputs]
        for title, part in [*parts, ("[output]", self.output)]:
            lines += [
                "",
                title,
                *(f"{key} = {_toml(value)}" for key, value in asdict(part).items()),
            ]
        return "\n".join([*lines, ""])


def _toml(value: Any) -> str:
    """A number, words or a list of either as TOML has them, which is as JSON does but for what cannot be seen."""
    return "".join(c if c.isprintable() else " " for c in json.dumps(value, ensure_ascii=False))


def read(text: str, file: str) -> ProgramCard:
    """Returns the card of a TOML file.

    Raises:
        InvalidInput: when it is no TOML, or no card.
    """
    with translate_errors(
        f"Card `{file}` is not TOML",
        "Correct that line, or import without --card for a new one.",
        ValueError,
        why="{words}",
        passing=(InvalidInput,),
    ):
        return parse(read_toml(text))


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
    return ProgramCard(
        str(words.get("program", "")),
        str(words.get("data", "")),
        tuple(map(_input, inputs)),
        _output(output),
        batch,
        choose("Adapter", str(words.get("adapter", "")), ADAPTERS),
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
    dtype, pad = str(words.get("dtype", "float32")), str(words.get("pad", "right"))
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
    _known("[output]", words, ("name", "holds", "classes", "label"))
    holds, classes = str(words.get("holds", "scores")), words.get("classes", [])
    holds = OLDER.get(holds, holds)
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


def fit(card: ProgramCard, specs: Mapping[str, encoders.InputSpec], classes: Sequence[str]) -> None:
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


def _fit(entry: Input, name: str, spec: encoders.InputSpec) -> None:
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


# Features as a program takes them, by its card: axes in its order, padded or cut to its steps, with masks or lengths,
# in its type.


def fed_array(entry: Input, states: Mapping[str, encoders.Features]) -> Tensor:
    """Returns what one input takes of B rows.

    Args:
        states: features by modality: (B, F), or values (B, T, F) and mask (B, T).

    Raises:
        InvalidInput: when a sequence is longer than the program takes.
    """
    several = entry.modality if entry.gives in ("values", "mean") else entry.modality[:1]
    array = torch.cat([_of(entry, *encoders.split(states[name])) for name in several], -1)
    return _laid(array, entry).to(DTYPES[entry.dtype])


def _of(entry: Input, values: Tensor, mask: Tensor | None) -> Tensor:
    """Of one modality: (B, F), (B, T, F), or of a mask (B, T), of lengths (B,); with the program's number of steps, and
    the padding on the side where it takes it."""
    if mask is None:
        return values
    if entry.gives == "mean":
        return encoders.mean_over_steps(values, mask)
    if entry.gives == "lengths":
        return mask.sum(1)
    steps = entry.steps or values.shape[1]
    more = steps - values.shape[1]
    check(
        more >= 0 or not bool(mask[:, steps:].any()),
        f"Input `{entry.name}` takes {steps} steps, but a sample of `{entry.modality[0]}` has "
        f"{int(mask.sum(1).max())}. Import the data with sequences cut to that, or export the program for more.",
    )
    values, mask = nn.functional.pad(values, (0, 0, 0, more)), nn.functional.pad(mask, (0, more))
    if entry.pad == "left":
        at = (torch.arange(steps)[None] - (steps - mask.sum(1, keepdim=True))) % steps
        values = values.gather(1, at[..., None].expand(-1, -1, values.shape[-1]))
        mask = mask.gather(1, at)
    return {"values": values, "mask": mask, "padding": ~mask}[entry.gives]


def _laid(array: Tensor, entry: Input) -> Tensor:
    """With the sides in the card's order."""
    named = [axis for axis in entry.axes if isinstance(axis, str)]
    if named == ["rows"] and entry.gives in ("values", "mean"):  # a picture
        return array.reshape(
            len(array), *(axis for axis in entry.axes if isinstance(axis, int))
        ).movedim(0, entry.axes.index("rows"))
    given = [axis for axis in NAMED if axis in named]
    array = array.permute([given.index(axis) for axis in named])
    sizes = iter(array.shape)
    return array.reshape([axis if isinstance(axis, int) else next(sizes) for axis in entry.axes])


# The model: a program with a card.

KIND = "imported"
ENDINGS = {"torch": ".pt2", "onnx": ".onnx"}
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
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
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
        self._inputs = _matched(program, program_card)
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
        # what other models have as encoders: here only the means of the features
        self.encoders = nn.ModuleDict(
            {name: encoders.Averaged(spec) for name, spec in self.input_specs.items()}
        )
        for name, known in (means or {}).items():
            mean = cast(encoders.Averaged, self.encoders[name]).standardise.mean
            check(
                len(known) == len(mean),
                f"The card holds {len(known)} means of {len(mean)} features. Import the program again.",
            )
            mean.copy_(torch.tensor(known))
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

    def encode_one(self, inputs: Mapping[str, encoders.Features], name: str) -> encoders.Features:
        """Returns the features of one modality in double precision; `inputs` need not hold the others."""
        return self._features(inputs, name)

    def scores(self, states: Mapping[str, Any]) -> Tensor:
        """Returns the scores (B, C) of features; a row's scores depend on that row alone.

        Raises:
            InvalidInput: when the program fails on them, or gives no finite scores.
        """
        count, step = nested.nested_length(states[self.modalities[0]]), self._together(states)
        parts = [
            self._run(
                {
                    name: nested.nested_part(entry, slice(start, start + step))
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
                name: nested.nested_part(features, slice(0, self._most or _FEW))
                for name, features in states.items()
            }
            rows = max(nested.nested_length(few[self.modalities[0]]), self._fewest, 1)
            width, operations = self.program.measure(self._fed(few))
            self._width = max(1.0, width / rows)
            self.unseen_operations = round(operations / rows * max(1, self._fewest))
        return self._most or max(int(TOGETHER / self._width), _FEW, self._fewest)

    def raw(self, states: Mapping[str, Any]) -> Tensor:
        """Returns what the program gives for no more rows than it takes at once, as it gives it."""
        count = nested.nested_length(states[self.modalities[0]])
        outcome = self.program.run(self._fed(states), self._output)
        check(
            outcome.ndim >= 1 and len(outcome) == max(count, self._fewest),
            f"Program `{self.program.file}` gives an output of shape {tuple(outcome.shape)} for "
            f"{max(count, self._fewest)} rows. Name the output with a row for each in the card, or set `batch` to "
            "the rows that it was exported with.",
        )
        return outcome[:count].double()

    def _fed(self, states: Mapping[str, Any]) -> list[Tensor]:
        count = nested.nested_length(states[self.modalities[0]])
        if 0 < count < self._fewest:  # rows do not depend on one another, so the last may repeat
            rows = torch.arange(self._fewest).clamp_max(count - 1)
            states = {name: nested.nested_part(entry, rows) for name, entry in states.items()}
        arrays = [fed_array(entry, states) for entry in self._inputs]
        for port, array in zip(self.program.inputs, arrays, strict=True):
            check(
                port.takes(array),
                f"Input {port.words} is given an array of shape {tuple(array.shape)}. Correct `axes` or `steps` in the "
                "card, or import the data set that the program was made for.",
            )
        return arrays

    def columns(self, states: Mapping[str, Any]) -> Tensor:
        """Returns what the program gives for no more rows than it takes at once, as numbers of each row (B, K)."""
        raw = self.raw(states)
        return raw.reshape(len(raw), -1)

    def _run(self, states: Mapping[str, Any]) -> Tensor:
        columns, output, count = self.columns(states), self.card.output, len(self.outputs)
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


def class_scores(columns: Tensor, holds: str) -> Tensor:
    """Returns scores whose softmax is the probability of each class.

    Args:
        columns: of B rows: (B, C) with one column for each class, or (B, 1) for the second of two.
        holds: what they are: "scores", "log-probabilities" or "probabilities".

    Returns:
        (B, C), or (B, 2) with 0 for the first class and the log-odds of the second.
    """
    if columns.shape[1] == 1:
        return torch.cat([torch.zeros_like(columns), _log_odds(columns, holds)], 1)
    if holds == "probabilities":
        return _clipped_logarithm(columns)
    return _with_finite_rows(columns) if holds == "log-probabilities" else columns


def _log_odds(columns: Tensor, holds: str) -> Tensor:
    """The log-odds of one class against its absence."""
    if holds == "scores":
        return columns
    if holds == "probabilities":
        return _clipped_logarithm(columns) - _clipped_logarithm(1 - columns)
    return _with_finite_rows(columns) - _clipped_logarithm(-torch.expm1(columns))


def _clipped_logarithm(probabilities: Tensor) -> Tensor:
    return probabilities.clamp(SMALLEST, 1).log()


def _with_finite_rows(logarithms: Tensor) -> Tensor:
    """Log-probabilities as they are; a row that holds minus infinity is clipped as probabilities are."""
    has_infinity = logarithms.isneginf().any(1, keepdim=True)
    return torch.where(has_infinity, logarithms.clamp_min(log(SMALLEST)), logarithms)


def _place(ports: Sequence[Port], name: str) -> int:
    """Which of ports is called so, or has that number; -1 where none is."""
    return next((place for place, port in enumerate(ports) if name in (port.name, str(place))), -1)


def _matched(program: Program, program_card: ProgramCard) -> list[Input]:
    """What the card says of each input of the program, in the program's order."""
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


def program_of(data: bytes, file: str, only_onnx: bool = False) -> Program:
    """Returns the program in a file, by what its bytes are.

    Args:
        data: of the file. file: its name, for messages.
        only_onnx: whether it comes from somebody who is not trusted: torch.export.load runs what a file holds.

    Raises:
        InvalidInput: when it is neither a program of torch.export nor an ONNX model, or not to be run.
    """
    kind = kind_of(data)
    check(
        kind == "onnx" or not (kind and only_onnx),
        f"Program `{file}` is one of torch.export, which is loaded only for readers on the "
        "server's own machine, as loading runs what it holds. Bring the model as ONNX, or import "
        f"it there: `python -m qfusion model import {file} --data NAME --name NAME`.",
    )
    check(
        kind != "",
        f"File `{file}` is neither a program of torch.export (.pt2) nor an ONNX model (.onnx). Export the model as "
        "one of these, or import it by its factory, PACKAGE.MODULE:FACTORY.",
    )
    return Program(data, file, kind)


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
            program_of(data, file),
            parse(words["settings"]["program"]),
            words["settings"].get("means"),
        )
