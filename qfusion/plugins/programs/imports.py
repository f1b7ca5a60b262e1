"""Import a trained program as a model: read it, check it and its card on the data, and save it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import torch

from qfusion import _read_only
from qfusion._checks import check, choose
from qfusion.data import DataSet, files
from qfusion.data.store.writing import MAX_TITLE
from qfusion.errors import NotFound, translate_errors
from qfusion.models.inputs import real_steps, values_and_mask
from qfusion.models.live_model import looks_like
from qfusion.plugins.programs import words
from qfusion.plugins.programs.factory_models import is_reference, run_factory, trace_module
from qfusion.plugins.programs.imported import Imported
from qfusion.plugins.programs.named_card import named_card
from qfusion.plugins.programs.program import Program
from qfusion.plugins.programs.program_card import ADAPTERS, HOLDS, ProgramCard, read
from qfusion.plugins.programs.program_checks import (
    Remark,
    examine,
    is_apart,
    output_remarks,
    run_sample_rows,
)
from qfusion.plugins.programs.program_files import ENDINGS, open_program, program_kind
from qfusion.training import checkpoint, checkpoint_cards
from qfusion.training.batches import sample_rows


@dataclass(frozen=True, eq=False)
class LoadedProgram:
    """A program that passed all checks.

    Attributes:
        model: with its card. data: bytes of the program; of a factory's model those of its trace.
        warnings: what should be checked.
        source: what was imported.
        remarks: how its output is used.
    """

    model: Imported
    data: bytes
    warnings: tuple[Remark, ...]
    source: str
    remarks: tuple[Remark, ...] = ()


def load_program(
    source: str,
    dataset: DataSet,
    card: ProgramCard | None = None,
    *,
    inputs: Mapping[str, str] | None = None,
    output: str = "",
    holds: str = "",
    weights: Path | None = None,
    adapter: str = "",
) -> LoadedProgram:
    """Return a program, loaded and checked. Nothing is saved yet. A factory's code is run, and torch.export.load runs
    what a .pt2 file holds. An ONNX model runs nothing but its operators.

    Args:
        source: a .pt2 or .onnx file, or PACKAGE.MODULE:FACTORY.
        dataset: whose modalities go in.
        card: of the program; unless given, it follows from `inputs`, `output` and `holds`.
        inputs: what inputs take that are not called like a modality, see `named_card.named_inputs`.
        output: name of the output that holds the scores, of a program with several.
        holds: what it holds for classes, of HOLDS; unless given, what ten rows of it look like.
        weights, adapter: of a factory's model.

    Raises:
        NotFound: when there is no such file, factory, input or output.
        InvalidInput: when the program or its card does not pass, or it is not known what an input takes.
    """
    _read_only.check_allowed("import a model")
    choose("Adapter", adapter, ADAPTERS)
    names = dict(inputs or {})
    if card is not None:
        check(
            card.data in ("", dataset.name),
            f"The card is of data set '{card.data}', but the program is imported "
            f"for '{dataset.name}'. Give --data {card.data}, or correct the card.",
        )
        check(
            not names and not output and not holds,
            "The card says what inputs and output are. Leave --input, --output and --holds out, or the card.",
        )
        adapter = adapter or card.adapter
    if holds:
        choose("Argument `holds`", holds, HOLDS)
    if is_reference(source):
        data = trace_module(run_factory(source, weights), source, adapter, card, names, dataset)
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
        files.require_signature(path, "a program (.pt2 or .onnx)", "zip")
        data = path.read_bytes()
    name = Path(source).name
    program = open_program(data, name)
    is_detected = card is None and not holds and dataset.target.kind == "classification"
    wanted = card or named_card(
        name, program.inputs, program.outputs, dataset, names, output, holds or "scores"
    )
    model = _with_card(program, replace(wanted, data=dataset.name, adapter=adapter), dataset)
    rows = sample_rows(dataset)
    if is_detected:
        columns = run_sample_rows(model, rows)
        looks = looks_like(columns, is_apart(model, columns))
        model = _with_card(
            program, replace(model.card, output=replace(model.card.output, holds=looks)), dataset
        )
    warnings = examine(model, rows)
    remarks = output_remarks(model, rows, is_detected)
    return LoadedProgram(model, data, tuple(warnings), source, tuple(remarks))


def _with_card(program: Program, card: ProgramCard, dataset: DataSet) -> Imported:
    means = {
        name: real_steps(*values_and_mask(features)).mean(0).float().tolist()
        for name, features in dataset.inputs(dataset.rows("train"), torch.float64).items()
    }
    classes = dataset.target.classes or ("score",)
    return Imported(dataset.input_specs, classes, program, card, means).eval()


def save_program(
    taken: LoadedProgram,
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
        len(title) <= MAX_TITLE,
        f"Argument `title` must have at most {MAX_TITLE} letters, but has {len(title):,}. "
        "Shorten it.",
    )
    source = taken.source if is_reference(taken.source) else Path(taken.source).name
    parameters = taken.model.program.parameters
    card = checkpoint.make_checkpoint(
        taken.model,
        dataset,
        name=name,
        title=title or f"{name} on {dataset.title}",
        notes=words.describe_import(source, (*taken.remarks, *taken.warnings)),
    ).card
    card["parameters"] = {"total": parameters, "encoders": 0, "fusion": parameters}
    place = folder or checkpoint_cards.folders()[-1]
    with translate_errors(
        f"The folder of your models, {place}, cannot be made", "Name another in QFUSION_MODELS."
    ):
        place.mkdir(parents=True, exist_ok=True)
    return checkpoint.write(
        place / f"{name}.json",
        taken.data,
        ENDINGS[program_kind(taken.data)],
        card,
        not replace_it,
    )


def check_name(name: str, folder: Path | None, replace_it: bool) -> None:
    """Raise InvalidInput unless a model may be called so."""
    check(
        bool(checkpoint_cards.NAME.fullmatch(name))
        and not name.lower().endswith((".json", ".safetensors", *ENDINGS.values())),
        "Argument `name` must be 1 to 64 letters, digits, '.', '_' or '-', begin with a letter or digit and not end "
        f"as a file, but is {name[:80]!r}. Choose another.",
    )
    taken = (
        name in checkpoint_cards.available()
        if folder is None
        else (folder / f"{name}.json").exists()
    )
    if taken and replace_it:
        check(
            checkpoint_cards.load_card(name if folder is None else folder / f"{name}.json")["model"]
            == Imported.kind,
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
    if checkpoint.is_game(name):
        return checkpoint.remove_game(name)
    check(
        checkpoint_cards.load_card(name)["model"] == Imported.kind,
        f"Model '{name}' was not imported: it was trained. Delete its run on the Train page, "
        "or its files.",
    )
    return checkpoint.remove(name)


def read_card(path: Path) -> ProgramCard:
    """Return the card in a TOML file.

    Raises:
        NotFound, InvalidInput: when there is none, or it is none.
    """
    check(
        path.is_file(),
        f"Card {str(path)[:160]!r} does not exist. docs/plugins/programs.md shows one.",
        NotFound,
    )
    check(path.stat().st_size < 1 << 20, f"Card {path.name} is too large for a card.")
    return read(path.read_text(encoding="utf-8", errors="replace"), path.name)


def summary(taken: LoadedProgram, stored: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the record of an import, for JSON; `words` has its remarks as sentences."""
    return {
        "program": taken.source,
        "card": taken.model.card.as_dict(),
        "remarks": msgspec.to_builtins(taken.remarks),
        "warnings": msgspec.to_builtins(taken.warnings),
        "parameters": taken.model.program.parameters,
        "kept": stored,
    }
