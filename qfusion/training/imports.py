"""Import a trained program as a model: read it, guess or take its card, check it on the data, and save it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import torch

from qfusion import _files, _read_only
from qfusion._checks import check, choose
from qfusion.data import DataSet, import_store, signatures
from qfusion.errors import InvalidInput, NotFound, QFusionError, translate_errors
from qfusion.models.imported import Imported
from qfusion.models.input_features import real_steps, values_and_mask
from qfusion.models.program import ENDINGS, KIND, Exhausted, open_program, program_kind
from qfusion.models.program_card import ADAPTERS, ProgramCard, read
from qfusion.training import (
    checkpoint,
    checkpoint_cards,
    checkpoint_folders,
    checkpoint_store,
    games,
)
from qfusion.training.card_guess import guessed_card
from qfusion.training.factory_models import is_reference, run_factory, trace_module
from qfusion.training.program_checks import (
    Remark,
    _is_apart,
    examine,
    looks_like,
    output_remarks,
    run_sample_rows,
    sample_rows,
)

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")


@dataclass(frozen=True, eq=False)
class Taken:
    """A program that passed all checks.

    Attributes:
        model: with its card. data: bytes of the program; of a factory's model those of its trace.
        guessed: whether the card is a guess. warnings: what should be checked.
        source: what was imported.
        remarks: how its output is used.
    """

    model: Imported
    data: bytes
    guessed: bool
    warnings: tuple[Remark, ...]
    source: str
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class ImportRecord:
    """The record of an import in the card of the model.

    Attributes:
        source: file name, or reference of a factory.
        remarks: with the warnings.
    """

    source: str
    remarks: tuple[Remark, ...]


class Unfit(InvalidInput):
    """Error of a program whose card does not fit it yet.

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
    """Return a program, loaded and checked. Nothing is saved yet. A factory's code is run, and torch.export.load may
    run the contents of a .pt2 file. An ONNX model runs nothing but its operators.

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
    _read_only.check_allowed("import a model")
    choose("Adapter", adapter, ADAPTERS)
    if card is not None:
        check(
            card.data in ("", dataset.name),
            f"The card is of data set '{card.data}', but the program is imported "
            f"for '{dataset.name}'. Give --data {card.data}, or correct the card.",
        )
    wanted = card
    if is_reference(source):
        data, wanted = trace_module(run_factory(source, weights), source, adapter, card, dataset)
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
    program = open_program(data, Path(source).name, only_onnx)
    wanted = wanted or guessed_card(program.inputs, program.outputs, Path(source).name, dataset)
    wanted = replace(wanted, data=dataset.name, adapter=adapter or wanted.adapter)
    try:
        model, warnings = _examine_program(program, wanted, dataset, card is None)
    except QFusionError as error:
        if card is not None or isinstance(error, Exhausted):
            raise
        raise Unfit(str(error), wanted) from error
    remarks = output_remarks(model, sample_rows(dataset), card is None)
    return Taken(model, data, card is None, tuple(warnings), source, tuple(remarks))


def _examine_program(
    program: Any, program_card: ProgramCard, dataset: DataSet, guessed: bool
) -> tuple[Imported, list[Remark]]:
    means = {
        name: real_steps(*values_and_mask(features)).mean(0).float().tolist()
        for name, features in dataset.inputs(dataset.rows("train"), torch.float64).items()
    }

    def made(card: ProgramCard) -> Imported:
        return Imported(
            dataset.input_specs, dataset.target.classes or ("score",), program, card, means
        ).eval()

    model, rows = made(program_card), sample_rows(dataset)
    if guessed and program_card.output.holds != "regression":
        model = made(_guess_output(model, rows))
    return model, examine(model, rows)


def _guess_output(model: Imported, rows: Mapping[str, Any]) -> ProgramCard:
    """Return a card that states what the output for ten rows looks like."""
    try:
        output = run_sample_rows(model, rows)
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
    """Add a program to the models, where pages and commands find it, and return the path of its card.

    Args:
        name: that it is to go by. folder: another than that of your models.
        title: what a person calls it. replace_it: whether an imported model of that name gives way.

    Raises:
        InvalidInput: when the name is none or taken, scores of some row are not finite, or the folder cannot be written
            to.
    """
    _read_only.check_allowed("keep a model")
    check_name(name, folder, replace_it)
    check(
        len(title) <= import_store.MAX_TITLE,
        f"Argument `title` must have at most {import_store.MAX_TITLE} letters, but has {len(title):,}. "
        "Shorten it.",
    )
    source = taken.source if is_reference(taken.source) else Path(taken.source).name
    parameters = taken.model.program.parameters
    card = checkpoint.make_checkpoint(
        taken.model,
        dataset,
        name=name,
        title=title or f"{name} on {dataset.title}",
    ).card
    record = ImportRecord(source, (*taken.remarks, *taken.warnings))
    card["import"] = msgspec.to_builtins(record)
    card["parameters"] = {"total": parameters, "encoders": 0, "fusion": parameters}
    kind = program_kind(taken.data)
    if kind == "torch":
        # by whoever had it loaded here; cards of before say nothing, see `checkpoint.load`
        card["trusted"] = True
    place = folder or checkpoint_folders.folders()[-1]
    with translate_errors(
        f"The folder of your models, {place}, cannot be made", "Name another in QFUSION_MODELS."
    ):
        place.mkdir(parents=True, exist_ok=True)
    return checkpoint_store.write(
        place / f"{name}.json", taken.data, ENDINGS[kind], card, not replace_it
    )


def check_name(name: str, folder: Path | None, replace_it: bool) -> None:
    """Raise InvalidInput unless a model may be called so."""
    check(
        bool(NAME.fullmatch(name))
        and not name.lower().endswith((".json", ".safetensors", *ENDINGS.values())),
        "Argument `name` must be 1 to 64 letters, digits, '.', '_' or '-', begin with a letter or digit and not end "
        f"as a file, but is {name[:80]!r}. Choose another.",
    )
    taken = (
        name in checkpoint_folders.available()
        if folder is None
        else (folder / f"{name}.json").exists()
    )
    if taken and replace_it:
        check(
            checkpoint_cards.load_card(name if folder is None else folder / f"{name}.json")["model"]
            == KIND,
            f"Model '{name}' was not imported and is not replaced. Choose another name.",
        )
    check(
        replace_it or not taken,
        f"There is a model '{name}' already. Choose another name, or replace it (--replace).",
    )


def remove(name: str) -> Path:
    """Remove an imported model from among the reader's, and return the folder that it stood in. The data set of a
    measured game is removed with it.

    Raises:
        NotFound: when there is none of that name. InvalidInput: when it was not imported.
    """
    _read_only.check_allowed("remove a model")
    if games.is_game(name):
        return games.remove_game(name)
    check(
        checkpoint_cards.load_card(name)["model"] == KIND,
        f"Model '{name}' was not imported: it was trained. Delete its run on the Train page, "
        "or its files.",
    )
    return checkpoint_store.remove(name)


def write_card(card: ProgramCard, path: Path) -> None:
    """Write a card as TOML where it is to be corrected; one that was corrected already is not overwritten.

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
    """Return the card in a TOML file.

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
    """Return the record of an import, for JSON; `wording.model_notes.describe_summary` has its remarks as sentences."""
    return {
        "program": taken.source,
        "card": taken.model.card.as_dict(),
        "guessed": taken.guessed,
        "remarks": msgspec.to_builtins(taken.remarks),
        "warnings": msgspec.to_builtins(taken.warnings),
        "parameters": taken.model.program.parameters,
        "kept": stored,
    }
