"""A model from its own code, PACKAGE.MODULE:FACTORY with weights, traced to a program of torch.export. Only the command
line does this: it runs that code, once; what is kept, and what the app opens, is the program.

An adapter says how such a module is called with what modalities are here:

    ""          module(text, audio, ...): by the names of its arguments; `text_mask` and `text_lengths` where it has
                them
    dict        module({"text": x, "audio": (values, mask)})
    mmsa        module(text, audio, vision), sequences as values or (values, lengths), a dictionary of outputs such as
                {"M": ...} (github.com/thuiar/MMSA)
    multibench  module([x, ...]), or module([[values, ...], [lengths, ...]]) where it has padding
                (github.com/pliang279/MultiBench)
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
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.errors import InvalidInput, NotFound
from qfusion.models.programs import feeding
from qfusion.models.programs.card import ProgramCard
from qfusion.models.programs.program import Port
from qfusion.training.imports import guess
from qfusion.training.imports.checks import ten

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
            found: Any = importlib.import_module(place)
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
            if not hasattr(found, part):
                raise NotFound(
                    f"Module `{place}` has no `{name}`. Name the function, or class, that makes the model."
                )
            found = getattr(found, part)
        try:
            made = found()
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
    module: nn.Module, reference: str, adapter: str, said: ProgramCard | None, dataset: DataSet
) -> tuple[bytes, ProgramCard]:
    """Returns the module as a .pt2 file, and its card: the one that was given, or a guess.

    Raises:
        InvalidInput: when it cannot be called so, or cannot be traced.
    """
    adapter = adapter or (said.adapter if said else "")
    dtype = next(
        (each.dtype for each in module.parameters() if each.is_floating_point()), torch.float32
    )
    rows, failed = ten(dataset), ""
    for ports, call in _flavours(module, adapter, dataset, dtype):
        card = said or replace(guess.card(ports, (), reference, dataset), adapter=adapter)
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
            card, outputs, dataset, said
        )
    raise InvalidInput(
        f"The model of `{reference}` fails on ten rows of {dataset.name} "
        f"({failed or 'no way to call it is known'}). Name another --adapter (dict, mmsa or "
        "multibench), or correct the card."
    )


def _fed(card: ProgramCard, ports: list[Port], rows: Mapping[str, Any]) -> dict[str, Tensor] | None:
    """What goes into the ports, where the card says it of each."""
    by_name = {each.name: each for each in card.inputs}
    if any(port.name not in by_name or not by_name[port.name].modality for port in ports):
        return None
    return {port.name: feeding.array(by_name[port.name], rows) for port in ports}


def _flavours(
    module: nn.Module, adapter: str, dataset: DataSet, dtype: torch.dtype
) -> Iterator[tuple[list[Port], Call]]:
    """Ways to call a module: names of tensors that go in, and how."""
    names = list(dataset.names)
    long = [m.name for m in dataset.modalities if m.is_sequence]

    def ports(told: list[str], how: str) -> list[Port]:
        kind = torch.int64 if how == "lengths" else torch.bool
        return [
            *(Port(key(name), None, dtype) for name in names),
            *(Port(f"{key(name)}_{how}", None, kind) for name in told),
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
        for told in ([name for name in long if name in order[1:]], [], long):
            yield ports(told, "lengths"), _mmsa(order, told)
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


def _mmsa(order: list[str], told: list[str]) -> Call:
    def call(model: nn.Module, given: Mapping[str, Tensor]) -> Any:
        return model(
            *(
                (given[key(name)], given[f"{key(name)}_lengths"])
                if name in told
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
    found = (
        outputs.items()
        if isinstance(outputs, Mapping)
        else enumerate(outputs if isinstance(outputs, (list, tuple)) else ())
    )
    return {str(key): value for key, value in found if isinstance(value, Tensor)}


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
    card: ProgramCard, outputs: Any, dataset: DataSet, said: ProgramCard | None
) -> ProgramCard:
    """The card with the output that the module has, unless one was given."""
    if said is not None:
        return card
    found = [
        Port(name, ("rows", *each.shape[1:]), each.dtype)
        for name, each in _by_name(outputs).items()
    ]
    return replace(card, output=guess.output(found, dataset))


def _short(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200]
