"""Imports a program: reads it, guesses or takes its card, checks it on the data, measures it, and keeps it among the
models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from qfusion import _read_only
from qfusion._checks import check, choose
from qfusion._files import atomic
from qfusion.data import DataSet
from qfusion.data.importing.storing import MAX_TITLE
from qfusion.errors import InvalidInput, NotFound, QFusionError
from qfusion.models.encoders import split
from qfusion.models.programs import card as cards
from qfusion.models.programs.card import ADAPTERS, ProgramCard
from qfusion.models.programs.imported import ENDINGS, KIND, Imported, kind_of, program_of
from qfusion.models.programs.program import Exhausted
from qfusion.training import checkpoint, metrics
from qfusion.training.imports import checks, factories, guess

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, eq=False)
class Taken:
    """A program that passed all checks.

    Attributes:
        model: with its card. data: bytes of the program; of a factory's model those of its trace.
        guessed: whether the card is a guess. warnings: plain sentences.
        source: what was imported.
    """

    model: Imported
    data: bytes
    guessed: bool
    warnings: tuple[str, ...]
    source: str

    @property
    def ending(self) -> str:
        """Of the file that keeps the program."""
        return ENDINGS[kind_of(self.data)]


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
    _read_only.refuse("import a model")
    choose("Adapter", adapter, ADAPTERS)
    if card is not None:
        check(
            card.data in ("", dataset.name),
            f"The card is of data set '{card.data}', but the program is imported "
            f"for '{dataset.name}'. Give --data {card.data}, or correct the card.",
        )
    said = card
    if factories.is_reference(source):
        data, said = factories.traced(
            factories.module_of(source, weights), source, adapter, card, dataset
        )
    else:
        check(
            weights is None and not adapter,
            "Weights and adapter belong to a factory. Leave --weights and "
            "--adapter out for a file.",
        )
        data = _bytes(Path(source))
    program = program_of(data, Path(source).name, only_onnx)
    said = said or guess.card(program.inputs, program.outputs, Path(source).name, dataset)
    try:
        model, warnings = _examined(
            program,
            replace(said, data=dataset.name, adapter=adapter or said.adapter),
            dataset,
            card is None,
        )
    except QFusionError as error:
        if card is not None or isinstance(error, Exhausted):
            raise
        raise Unfit(str(error), replace(said, data=dataset.name)) from error
    return Taken(model, data, card is None, tuple(warnings), source)


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise NotFound(
            f"Program {str(path)[:160]!r} is no file, nor a factory. Give the path of a .pt2 or .onnx file, "
            "or PACKAGE.MODULE:FACTORY."
        )
    check(
        path.stat().st_size <= 1 << 30,
        f"Program `{path.name}` has {path.stat().st_size / 2**30:.1f} GiB, but at most 1 is read.",
    )
    return path.read_bytes()


def _examined(
    program: Any, said: ProgramCard, dataset: DataSet, guessed: bool
) -> tuple[Imported, list[str]]:
    outputs = dataset.target.classes if dataset.target.kind == "classification" else ("score",)
    trained_on = dataset.inputs(dataset.rows("train"), torch.float64)
    means = {name: _mean(*split(features)) for name, features in trained_on.items()}

    def made(card: ProgramCard) -> Imported:
        return Imported(dataset.input_specs, outputs, program, card, means).eval()

    model, rows = made(said), checks.ten(dataset)
    if guessed and said.output.holds == "logits":
        checks.scored(model, rows)  # says what is wrong, before anything is told from its output
        if checks.probable(model, rows):
            model = made(replace(said, output=replace(said.output, holds="probabilities")))
    return model, checks.examine(model, rows)


def _mean(values: Tensor, mask: Tensor | None) -> list[float]:
    flat = values if mask is None else values[mask]
    return flat.reshape(-1, values.shape[-1]).mean(0).float().tolist()


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
    _read_only.refuse("keep a model")
    check_name(name, folder, replace_it)
    check(
        len(title) <= MAX_TITLE,
        f"Argument `title` must have at most {MAX_TITLE} letters, but has {len(title):,}. "
        "Shorten it.",
    )
    model = taken.model
    measured = {
        part: metrics.evaluate(model, dataset, part) for part in SPLITS if len(dataset.rows(part))
    }
    source = Path(taken.source).name if not factories.is_reference(taken.source) else taken.source
    known = (
        f"Imported from {source}; it was trained elsewhere, and on which rows is not known here."
    )
    notes = " ".join([known, *taken.warnings])
    title = title or f"{name} on {dataset.title}"
    card = checkpoint.make_card(
        model,
        dataset,
        name=name,
        title=title,
        seed=0,
        training={},
        metrics={part: metrics.summary([found]) for part, found in measured.items()},
        this_seed=measured,
        seeds=[0],
        notes=notes,
    )
    card["parameters"] = {
        "total": model.program.parameters,
        "encoders": 0,
        "fusion": model.program.parameters,
    }
    if kind_of(taken.data) == "torch":
        card["trusted"] = (
            True  # by whoever had it loaded here; cards of before say nothing, see `checkpoint.load`
        )
    place = folder or checkpoint.folders()[-1]
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"The folder of your models, {place}, cannot be made ({error.strerror}). Name another in "
            "QFUSION_MODELS."
        ) from error
    return checkpoint.save_program(place / name, taken.data, taken.ending, card, new=not replace_it)


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
        found = checkpoint.card(name if folder is None else folder / f"{name}.json")
        check(
            found["model"] == KIND,
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
    _read_only.refuse("remove a model")
    card = checkpoint.card(name)
    check(
        card["model"] == KIND,
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
    if path.exists():
        check(
            path.read_text(encoding="utf-8", errors="replace") == text,
            f"There is a card {path} already. Pass it with --card {path}, or remove it.",
        )
        return
    with atomic(path) as part:
        part.write_text(text, encoding="utf-8")


def read_card(path: Path) -> ProgramCard:
    """Returns the card in a TOML file.

    Raises:
        NotFound, InvalidInput: when there is none, or it is none.
    """
    if not path.is_file():
        raise NotFound(
            f"Card {str(path)[:160]!r} does not exist. Import without --card first, which writes one."
        )
    check(path.stat().st_size < 1 << 20, f"Card {path.name} is too large for a card.")
    return cards.read(path.read_text(encoding="utf-8", errors="replace"), path.name)


def told(taken: Taken, kept: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns what an import says, as JSON knows it."""
    return {
        "program": taken.source,
        "card": taken.model.card.as_dict(),
        "guessed": taken.guessed,
        "warnings": list(taken.warnings),
        "parameters": taken.model.program.parameters,
        "kept": kept,
    }
