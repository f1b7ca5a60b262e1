"""The card of a program whose inputs say what they take: by their own names, or by the user's words.

An input called like a modality takes its values, and MODALITY_mask, MODALITY_padding and MODALITY_lengths tell which of
its steps are real. For any other input the user says NAME=MODALITY, or NAME=MODALITY:GIVES.
"""

import re
from collections.abc import Mapping, Sequence

from qfusion._checks import check, choose
from qfusion.data import DataSet
from qfusion.plugins.programs.program import Port
from qfusion.plugins.programs.program_card import DTYPES, GIVES, Axis, Input, Output, ProgramCard

_STEPS = ("mask", "padding", "lengths")
_DTYPES = {"mask": "bool", "padding": "bool", "lengths": "int64"}


def key(modality: str) -> str:
    """Return a modality's name as an argument can be called."""
    return re.sub(r"\W", "_", f"_{modality}" if modality[:1].isdigit() else modality)


def read_names(words: Sequence[str]) -> dict[str, str]:
    """Return what each input takes, by its name, from NAME=MODALITY or NAME=MODALITY:GIVES.

    Raises:
        InvalidInput: when one has no "=".
    """
    for word in words:
        check("=" in word, f"Input '{word[:80]}' must be NAME=MODALITY or NAME=MODALITY:GIVES.")
    return dict(word.split("=", 1) for word in words)


def named_card(
    program: str,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    dataset: DataSet,
    names: Mapping[str, str],
    output: str = "",
    holds: str = "scores",
) -> ProgramCard:
    """Return the card of a program.

    Args:
        program: name of the file or the factory. inputs, outputs: of the program.
        names: see `named_inputs`.
        output: name of the output that holds the scores; of a program with one output, it unless given.
        holds: what it holds for classes, of HOLDS.

    Raises:
        InvalidInput, NotFound: when an input or the output is not known, saying what there is and what to give.
    """
    entries = named_inputs(program, inputs, dataset, names)
    check(
        output != "" or len(outputs) == 1,
        f"Program `{program}` gives {_described(outputs)}. Say which holds the scores: --output NAME.",
    )
    column = output or outputs[0].name
    shape = next((port.shape for port in outputs if port.name == column), None) or ()
    target = dataset.target
    if target.kind != "classification":
        return ProgramCard(program, dataset.name, entries, Output(column, "regression"))
    if target.label and len(shape) > 1 and shape[-1] == len(target.labels):
        scores = Output(column, holds, tuple(target.labels), target.label)
    else:
        scores = Output(column, holds, tuple(target.classes))
    return ProgramCard(program, dataset.name, entries, scores)


def named_inputs(
    program: str, ports: Sequence[Port], dataset: DataSet, names: Mapping[str, str]
) -> tuple[Input, ...]:
    """Return what each input of a program takes.

    Args:
        program: name of the file or the factory, for messages. ports: the inputs.
        names: what inputs take that are not called like a modality, by their names: "MODALITY" or "MODALITY:GIVES", of
            several modalities side by side "ONE,OTHER".

    Raises:
        InvalidInput: when it is not known of some, saying what there is and what to give.
        NotFound: when a name is of no input, or of no modality.
    """
    for name in names:
        choose("Input", name, [port.name for port in ports])
    words = {port.name: names.get(port.name) or _use_of_name(port.name, dataset) for port in ports}
    unknown = [name for name, word in words.items() if not word]
    command = " ".join(f"--input {name}=MODALITY" for name in unknown)
    check(
        not unknown,
        f"Program `{program}` takes {_described(ports)}, but nothing says which modality of '{dataset.name}' "
        f"{', '.join(f'`{name}`' for name in unknown)} takes ({', '.join(dataset.names)}). Say so: "
        f"`qfusion model import {program} --data {dataset.name} --name NAME {command}`, or MODALITY:GIVES, "
        f"one of {', '.join(GIVES)}.",
    )
    return tuple(_named_input(port, words[port.name], dataset) for port in ports)


def _described(ports: Sequence[Port]) -> str:
    return "; ".join(port.words for port in ports)[:400]


def _use_of_name(name: str, dataset: DataSet) -> str:
    """Return what an input takes by its own name, or an empty text."""
    for modality in dataset.names:
        if name in (modality, key(modality)):
            return modality
        for gives in _STEPS:
            if name == f"{key(modality)}_{gives}":
                return f"{modality}:{gives}"
    return ""


def _named_input(port: Port, word: str, dataset: DataSet) -> Input:
    listed, _, gives = word.partition(":")
    gives = choose(f"Input `{port.name}`: what it gives", gives or "values", GIVES)
    modality = tuple(choose("Modality", name, dataset.names) for name in listed.split(","))
    known = {m.name: m for m in dataset.modalities}
    first = known[modality[0]]
    axes: tuple[Axis, ...] = ("rows", "features")
    if gives == "lengths":
        axes = ("rows",)
    elif gives in _STEPS:
        axes = ("rows", "steps")
    elif gives == "values" and first.is_sequence and len(modality) == 1:
        axes = ("rows", "steps", "features")
    steps = 0
    if "steps" in axes:
        # a program that is not told which steps are real sees zeros behind them, so their number stays as it is
        steps = int(first.values.shape[1])
        if port.shape is not None and len(port.shape) > 1 and isinstance(port.shape[1], int):
            steps = port.shape[1]
    dtype = next((name for name, dtype in DTYPES.items() if dtype == port.dtype), "float32")
    if port.dtype is None:
        dtype = _DTYPES.get(gives, dtype)
    return Input(port.name, modality, gives, axes, dtype, steps)
