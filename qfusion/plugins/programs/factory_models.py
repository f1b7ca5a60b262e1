"""Models built by a user's own factory, PACKAGE.MODULE:FACTORY, traced to a program of torch.export.

Only the command line does this. It runs the factory's code once; what is saved, and what the app opens, is the traced
program.

An adapter says how the module is called with the modalities of a data set:

    ""          module(text, audio, ...): by the names of its arguments, with `text_mask` and `text_lengths` where it
                takes them
    dict        module({"text": x, "audio": (values, mask)})
    mmsa        module(text, audio, vision), sequences as values or (values, lengths); returns a dictionary such as
                {"M": ...} (github.com/thuiar/MMSA)
    multibench  module([x, ...]), or module([[values, ...], [lengths, ...]]) where it takes padding
                (github.com/pliang279/MultiBench)
"""

import contextlib
import importlib
import inspect
import io
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.data import DataSet, files
from qfusion.errors import InvalidInput, NotFound, translate_errors
from qfusion.models import weight_files
from qfusion.plugins.programs.named_card import key, named_inputs
from qfusion.plugins.programs.program import Port
from qfusion.plugins.programs.program_card import ProgramCard
from qfusion.plugins.programs.program_inputs import fed_array
from qfusion.training.batches import sample_rows

_WHY = "{words:.200}"
Call = Callable[[nn.Module, Mapping[str, Tensor]], Any]


def is_reference(source: str) -> bool:
    """Return whether words name a factory."""
    return (
        re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", source) is not None
        and not Path(source).exists()
    )


def run_factory(reference: str, weights: Path | None) -> nn.Module:
    """Return the model that a factory makes, with weights, in eval mode. This runs the factory's code.

    Raises:
        NotFound: when there is no such module or factory.
        InvalidInput: when importing or calling it fails, it makes no module, or the weights do not fit.
    """
    place, _, name = reference.partition(":")
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        try:
            factory: Any = importlib.import_module(place)
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
        try:
            factory = attrgetter(name)(factory)
        except AttributeError:
            raise NotFound(
                f"Module `{place}` has no `{name}`. Name the function, or class, that makes the model."
            ) from None
        with translate_errors(
            f"Factory `{reference}` fails",
            "It must make the model without arguments.",
            Exception,  # whatever foreign code raises
            why=_WHY,
        ):
            made = factory()
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
    check(
        isinstance(made, nn.Module),
        f"Factory `{reference}` must make a torch.nn.Module, but makes a "
        f"{type(made).__name__}. Return the model.",
    )
    if weights is not None:
        check(
            weights.is_file(),
            f"Weights {weights} are not there. Give the path of a .safetensors file.",
        )
        files.require_signature(weights, "safetensors", "zip")
        with translate_errors(
            f"Weights {weights.name} are no safetensors",
            "Save them by `safetensors.torch.save_model(model, 'weights.safetensors')`.",
            *(safetensors.SafetensorError, OSError),
            why=_WHY,
        ):
            state = safetensors.torch.load_file(weights)
        weight_files.load_state(made, state, f"Weights {weights.name}")
    return made.cpu().eval().requires_grad_(False)


def trace_module(
    module: nn.Module,
    reference: str,
    adapter: str,
    card: ProgramCard | None,
    names: Mapping[str, str],
    dataset: DataSet,
) -> bytes:
    """Return the module as a .pt2 file.

    Args:
        module, reference: made by a factory, and its name. adapter: of ADAPTERS.
        card: what its arguments take; unless given, it follows from `names`, see `named_card.named_inputs`.
        dataset: whose modalities go in.

    Raises:
        InvalidInput: when it cannot be called so, or cannot be traced.
    """
    dtype = next(
        (parameter.dtype for parameter in module.parameters() if parameter.is_floating_point()),
        torch.float32,
    )
    rows, failed = sample_rows(dataset), ""
    for ports, call in _flavours(module, adapter, dataset, dtype):
        inputs = card.inputs if card else named_inputs(reference, ports, dataset, names)
        entries = {entry.name: entry for entry in inputs}
        if any(port.name not in entries for port in ports):
            continue
        given = {port.name: fed_array(entries[port.name], rows) for port in ports}
        try:
            with torch.no_grad():
                call(module, given)
        except Exception as error:  # whatever foreign code raises
            failed = failed or _short(error)
            continue
        return _export_module(module, call, given, reference)
    raise InvalidInput(
        f"The model of `{reference}` fails on ten rows of {dataset.name} "
        f"({failed or 'no way to call it is known'}). Name another --adapter (dict, mmsa or "
        "multibench), or correct the card."
    )


def _short(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200]


def _flavours(
    module: nn.Module, adapter: str, dataset: DataSet, dtype: torch.dtype
) -> Iterator[tuple[list[Port], Call]]:
    """Ways to call a module: names of tensors that go in, and how."""
    names = list(dataset.names)
    long = [m.name for m in dataset.modalities if m.is_sequence]

    def way(
        lines: list[str], how: str, arranged: Callable[[dict[str, Any]], list[Any]]
    ) -> tuple[list[Port], Call]:
        """Return a call with the `arranged` tensors of the modalities. Modalities in `lines` have pairs of tensors."""
        ports = [Port(key(name), None, dtype) for name in names]
        kind = torch.int64 if how == "lengths" else torch.bool
        ports += [Port(f"{key(name)}_{how}", None, kind) for name in lines]

        def call(model: nn.Module, given: Mapping[str, Tensor]) -> Any:
            features = {name: given[key(name)] for name in names}
            pairs = {name: (features[name], given[f"{key(name)}_{how}"]) for name in lines}
            return model(*arranged(features | pairs))

        return ports, call

    def with_lengths(features: dict[str, Any]) -> list[Any]:
        pairs = [
            pair
            if isinstance(pair, tuple)
            else (pair, torch.ones_like(pair[:, 0], dtype=torch.int64))
            for pair in features.values()
        ]
        return [[[values for values, _ in pairs], [lengths for _, lengths in pairs]]]

    parameters = inspect.signature(module.forward).parameters.values()
    match adapter:
        case "":
            kinds = {
                p.name: torch.int64
                if "len" in p.name.lower()
                else torch.bool
                if "mask" in p.name.lower()
                else dtype
                for p in parameters
                if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.default is p.empty
            }
            yield (
                [Port(name, None, kind) for name, kind in kinds.items()],
                lambda model, given: model(**given),
            )
        case "dict":
            for lines in (long, []):
                yield way(lines, "mask", lambda features: [features])
        case "mmsa":
            # the modalities in the order of the module's arguments where these are called so; else in their order
            words = [p.name for p in parameters if p.name in names]
            order = words if len(words) == len(names) else names
            for lines in ([name for name in long if name in order[1:]], [], long):
                yield way(lines, "lengths", lambda features: [features[name] for name in order])
        case _:
            if long:
                yield way(long, "lengths", with_lengths)
            yield way([], "lengths", lambda features: [list(features.values())])


class _Flat(nn.Module):
    """Module called with tensors. The names of the tensors become the names of the program's inputs."""

    def __init__(self, module: nn.Module, call: Call, names: list[str]):
        super().__init__()
        self.module = module

        def forward(*given: Tensor) -> dict[str, Tensor]:
            return _name_outputs(call(module, dict(zip(names, given, strict=True))))

        forward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
        )
        self.forward = forward


def _name_outputs(outputs: Any) -> dict[str, Tensor]:
    if isinstance(outputs, Tensor):
        return {"scores": outputs}
    result = (
        outputs.items()
        if isinstance(outputs, Mapping)
        else enumerate(outputs if isinstance(outputs, (list, tuple)) else ())
    )
    return {str(key): value for key, value in result if isinstance(value, Tensor)}


def _export_module(
    module: nn.Module, call: Call, given: dict[str, Tensor], reference: str
) -> bytes:
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # its operators have no gradients
    try:
        with (
            translate_errors(
                f"The model of `{reference}` cannot be traced by torch.export",
                "Write its forward without branches on values and without pack_padded_sequence, or export it to ONNX.",
                Exception,  # torch.export promises no class of its own
                why=_WHY,
            ),
            warnings.catch_warnings(action="ignore"),
        ):
            program = torch.export.export(
                _Flat(module, call, list(given)),
                tuple(given.values()),
                dynamic_shapes={name: {0: torch.export.Dim.AUTO} for name in given},
                strict=False,
            )
            buffer = io.BytesIO()
            torch.export.save(program, buffer)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return buffer.getvalue()
