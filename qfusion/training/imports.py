"""Taking a program in, from a file or a factory: its card guessed or taken, checked on the data, measured, and kept
among the models.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from qfusion import _limits
from qfusion._checks import check, choose
from qfusion._files import atomic
from qfusion.data import DataSet
from qfusion.data.importing import MAX_TITLE
from qfusion.errors import InvalidInput, NotFound, QFusionError
from qfusion.models import imported as cards
from qfusion.models.encoders import split
from qfusion.models.imported import (
    ADAPTERS,
    ENDINGS,
    KIND,
    Imported,
    ProgramCard,
    kind_of,
    program_of,
)
from qfusion.models.program import Exhausted, Port
from qfusion.training import checkpoint, guess, metrics
from qfusion.training.guess import ten

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

# Taking a program in: a first guess of its card, checks on the data, tracing of a factory's model, keeping it among
# the models.

REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
Call = Callable[[nn.Module, Mapping[str, Tensor]], Any]


def is_reference(source: str) -> bool:
    """Returns whether words name a factory."""
    return bool(REFERENCE.fullmatch(source)) and not Path(source).exists()


def module_of(reference: str, weights: Path | None) -> nn.Module:
    """Returns what a factory makes, with weights, in eval mode. This runs the factory's code.

    Raises:
        NotFound: when there is no such module or factory.
        InvalidInput: when importing or calling it fails, it makes no module, or the weights do not fit.
    """
    place, _, name = reference.partition(":")
    with _on_path(os.getcwd()):
        try:
            module: Any = importlib.import_module(place)
        except ModuleNotFoundError as error:
            raise NotFound(
                f"Module `{place}` cannot be imported: there is none called `{error.name}`. Run the command "
                "in the folder that holds it, or add that to PYTHONPATH."
            ) from error
        except Exception as error:  # whatever foreign code raises
            raise InvalidInput(
                f"Importing `{place}` fails ({_short(error)}). Mend it first: `python -c 'import "
                f"{place}'`."
            ) from error
        for part in name.split("."):
            if not hasattr(module, part):
                raise NotFound(
                    f"Module `{place}` has no `{name}`. Name the function, or class, that makes the model."
                )
            module = getattr(module, part)
        try:
            made = module()
        except Exception as error:  # whatever foreign code raises
            raise InvalidInput(
                f"Factory `{reference}` fails ({_short(error)}). It must make the model without "
                "arguments."
            ) from error
    check(
        isinstance(made, nn.Module),
        f"Factory `{reference}` must make a torch.nn.Module, but makes a "
        f"{type(made).__name__}. Return the model.",
    )
    if weights is not None:
        _load(made, weights)
    return made.cpu().eval().requires_grad_(False)


@contextlib.contextmanager
def _on_path(folder: str) -> Iterator[None]:
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


def _load(module: nn.Module, weights: Path) -> None:
    check(
        weights.is_file(), f"Weights {weights} are not there. Give the path of a .safetensors file."
    )
    try:
        tensors = load_file(weights)
    except (SafetensorError, OSError) as error:
        raise InvalidInput(
            f"Weights {weights.name} are no safetensors ({_short(error)}). Save them by "
            "`safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')`."
        ) from error
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise InvalidInput(
            f"Weights {weights.name} are not those of this model ({_short(error)}). Save the state_dict "
            "of the same model."
        ) from error


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
        card = program_card or replace(guess.card(ports, (), reference, dataset), adapter=adapter)
        fed = _fed(card, ports, rows)
        if fed is None:
            continue
        try:
            with torch.no_grad():
                outputs = call(module, fed)
        except Exception as error:  # whatever foreign code raises
            failed = failed or _short(error)
            continue
        return _exported(module, call, fed, outputs, reference), _named(
            card, outputs, dataset, program_card
        )
    raise InvalidInput(
        f"The model of `{reference}` fails on ten rows of {dataset.name} "
        f"({failed or 'no way to call it is known'}). Name another --adapter (dict, mmsa or "
        "multibench), or correct the card."
    )


def _fed(card: ProgramCard, ports: list[Port], rows: Mapping[str, Any]) -> dict[str, Tensor] | None:
    """What goes into the ports, where the card says it of each."""
    by_name = {entry.name: entry for entry in card.inputs}
    if any(port.name not in by_name or not by_name[port.name].modality for port in ports):
        return None
    return {port.name: cards.fed_array(by_name[port.name], rows) for port in ports}


def _flavours(
    module: nn.Module, adapter: str, dataset: DataSet, dtype: torch.dtype
) -> Iterator[tuple[list[Port], Call]]:
    """Ways to call a module: names of tensors that go in, and how."""
    names = list(dataset.names)
    long = [m.name for m in dataset.modalities if m.is_sequence]

    def ports(lines: list[str], how: str) -> list[Port]:
        kind = torch.int64 if how == "lengths" else torch.bool
        return [
            *(Port(key(name), None, dtype) for name in names),
            *(Port(f"{key(name)}_{how}", None, kind) for name in lines),
        ]

    if adapter == "":
        arguments = [
            p.name
            for p in inspect.signature(module.forward).parameters.values()
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.default is p.empty
        ]
        kinds = {
            name: torch.int64
            if "len" in name.lower()
            else torch.bool
            if "mask" in name.lower()
            else dtype
            for name in arguments
        }
        yield (
            [Port(name, None, kinds[name]) for name in arguments],
            lambda model, given: model(**given),
        )
    elif adapter == "dict":
        yield (
            ports(long, "mask"),
            lambda model, given: model(
                {
                    name: (given[key(name)], given[f"{key(name)}_mask"])
                    if name in long
                    else given[key(name)]
                    for name in names
                }
            ),
        )
        yield (
            ports([], "mask"),
            lambda model, given: model({name: given[key(name)] for name in names}),
        )
    elif adapter == "mmsa":
        order = _mmsa_order(module, names)
        for part in ([name for name in long if name in order[1:]], [], long):
            yield ports(part, "lengths"), _mmsa(order, part)
    else:
        if long:
            yield (
                ports(names if len(long) == len(names) else long, "lengths"),
                _multibench(names, long),
            )
        yield ports([], "lengths"), lambda model, given: model([given[key(name)] for name in names])


def key(modality: str) -> str:
    """Returns a modality's name as an argument can be called."""
    return re.sub(r"\W", "_", f"_{modality}" if modality[:1].isdigit() else modality)


def _mmsa_order(module: nn.Module, names: list[str]) -> list[str]:
    """The modalities as the module's arguments name them: text, audio, vision or video; else in their order."""
    arguments = [
        p.name
        for p in inspect.signature(module.forward).parameters.values()
        if p.kind == p.POSITIONAL_OR_KEYWORD
    ][: len(names)]
    best = [guess.nearest(word, names) for word in arguments]
    return best if len(set(best)) == len(names) else names


def _mmsa(order: list[str], lines: list[str]) -> Call:
    def call(model: nn.Module, given: Mapping[str, Tensor]) -> Any:
        return model(
            *(
                (given[key(name)], given[f"{key(name)}_lengths"])
                if name in lines
                else given[key(name)]
                for name in order
            )
        )

    return call


def _multibench(names: list[str], long: list[str]) -> Call:
    def call(model: nn.Module, given: Mapping[str, Tensor]) -> Any:
        lengths = [
            given[f"{key(name)}_lengths"]
            if name in long
            else torch.ones_like(given[key(name)][:, 0], dtype=torch.int64)
            for name in names
        ]
        return model([[given[key(name)] for name in names], lengths])

    return call


class _Flat(nn.Module):
    """A module called with tensors, whose names the program's inputs get."""

    def __init__(self, module: nn.Module, call: Call, names: list[str]):
        super().__init__()
        self.module = module

        def forward(*given: Tensor) -> dict[str, Tensor]:
            return _by_name(call(module, dict(zip(names, given, strict=True))))

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        signature = inspect.Signature([inspect.Parameter(name, kind) for name in names])
        forward.__signature__ = signature  # type: ignore[attr-defined]
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


def _exported(
    module: nn.Module, call: Call, fed: dict[str, Tensor], outputs: Any, reference: str
) -> bytes:
    flat, free = _Flat(module, call, list(fed)), {name: {0: torch.export.Dim.AUTO} for name in fed}
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # its operators have no gradients
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.export(
                flat, tuple(fed.values()), dynamic_shapes=free, strict=False
            )
            buffer = io.BytesIO()
            torch.export.save(program, buffer)
    except Exception as error:  # torch.export promises no class of its own
        raise InvalidInput(
            f"The model of `{reference}` cannot be traced by torch.export ({_short(error)}). Write its "
            "forward without branches on values and without pack_padded_sequence, or export it to "
            "ONNX."
        ) from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return buffer.getvalue()


def _named(
    card: ProgramCard, outputs: Any, dataset: DataSet, program_card: ProgramCard | None
) -> ProgramCard:
    """The card with the output that the module has, unless one was given."""
    if program_card is not None:
        return card
    ports = [
        Port(name, ("rows", *entry.shape[1:]), entry.dtype)
        for name, entry in _by_name(outputs).items()
    ]
    return replace(card, output=guess.output(ports, dataset))


def _short(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200]


# Imports a program: reads it, guesses or takes its card, checks it on the data, measures it, and keeps it among the
# models.

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
    _limits.refuse("import a model")
    choose("Adapter", adapter, ADAPTERS)
    if card is not None:
        check(
            card.data in ("", dataset.name),
            f"The card is of data set '{card.data}', but the program is imported "
            f"for '{dataset.name}'. Give --data {card.data}, or correct the card.",
        )
    words = card
    if is_reference(source):
        data, words = traced(module_of(source, weights), source, adapter, card, dataset)
    else:
        check(
            weights is None and not adapter,
            "Weights and adapter belong to a factory. Leave --weights and "
            "--adapter out for a file.",
        )
        data = _bytes(Path(source))
    program = program_of(data, Path(source).name, only_onnx)
    words = words or guess.card(program.inputs, program.outputs, Path(source).name, dataset)
    try:
        model, warnings = _examined(
            program,
            replace(words, data=dataset.name, adapter=adapter or words.adapter),
            dataset,
            card is None,
        )
    except QFusionError as error:
        if card is not None or isinstance(error, Exhausted):
            raise
        raise Unfit(str(error), replace(words, data=dataset.name)) from error
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
    program: Any, program_card: ProgramCard, dataset: DataSet, guessed: bool
) -> tuple[Imported, list[str]]:
    outputs = dataset.target.classes if dataset.target.kind == "classification" else ("score",)
    trained_on = dataset.inputs(dataset.rows("train"), torch.float64)
    means = {name: _mean(*split(features)) for name, features in trained_on.items()}

    def made(card: ProgramCard) -> Imported:
        return Imported(dataset.input_specs, outputs, program, card, means).eval()

    model, rows = made(program_card), guess.ten(dataset)
    if guessed and program_card.output.holds == "logits":
        guess.scored(model, rows)  # says what is wrong, before anything is told from its output
        if guess.probable(model, rows):
            model = made(
                replace(program_card, output=replace(program_card.output, holds="probabilities"))
            )
    return model, guess.examine(model, rows)


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
    _limits.refuse("keep a model")
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
    source = Path(taken.source).name if not is_reference(taken.source) else taken.source
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
        metrics={part: metrics.summary([result]) for part, result in measured.items()},
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
        card = checkpoint.card(name if folder is None else folder / f"{name}.json")
        check(
            card["model"] == KIND,
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


def summary(taken: Taken, stored: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns what an import says, as JSON knows it."""
    return {
        "program": taken.source,
        "card": taken.model.card.as_dict(),
        "guessed": taken.guessed,
        "warnings": list(taken.warnings),
        "parameters": taken.model.program.parameters,
        "kept": stored,
    }
