"""Computes the results that ship with the package for its trained models, see `qfusion.study.cache`; after
every change of a model, of its data, or of a calculation that changes results.

    python scripts/ship_results.py [MODEL ...]

Without names, the results of all shipped models whose data are on this machine, some minutes of a core.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
from qfusion import data, plugin  # noqa: E402
from qfusion.errors import QFusionError  # noqa: E402
from qfusion.explain import disturbances  # noqa: E402
from qfusion.study import cache, compare, trust  # noqa: E402
from qfusion.study.opening import open_study  # noqa: E402
from qfusion.study.study import Study  # noqa: E402
from qfusion.views.pages import address  # noqa: E402

EXPLAINED = ("qcnn-digits", "qcnn-easyvqa", "qcnn-scenes")  # the explanation of others is fast
# Models on which the slow calculations are made again in tests. Others take a quarter of a minute to two minutes.
DELETED = (
    "qcnn-digits",
    "qcnn-houston",
    "qcnn-parity",
    "qj-crowd",
    "qj-easyvqa",
    "qj-mosi",
    "qj-parity",
    "qj-scenes",
)
Call = tuple[Callable[..., Any], tuple[Any, ...]]  # a function, and its arguments but the study


def shipped_models() -> list[str]:
    """Return the names of the shipped models whose data are on this machine."""
    cards = plugin.glob_assets("models", "*.json")
    return [name for name in sorted(card.stem for card in cards) if has_data(name)]


def has_data(model: str) -> bool:
    """Return whether the data that a model was trained on are on this machine."""
    try:
        data.load(address.own_data(model))
    except QFusionError:
        return False
    return True


def shipped_calls(study: Study) -> Iterator[Call]:
    """Yield the calls whose results ship: what Faithfulness and plugins show first, by default."""
    if not study.model.algebra.is_linear:  # of the others they are there at once
        yield compare.find_examples, ("test",)
    yield trust.modality_curves, (False,)
    yield trust.find_truth, ()
    yield trust.find_joint, ()
    yield trust.agreement, ()
    if study.reads_features:
        for modality in study.modalities:
            yield trust.feature_curves, (modality, disturbances.FIRST, False, False)
    for module in plugin_modules():
        yield from module.shipped_calls(study)


def plugin_modules() -> list[ModuleType]:
    """Return the modules `shipped_calls` of plugins that have one."""
    names = [f"qfusion.plugins.{one.name}.shipped_calls" for one in plugin.plugins()]
    return [importlib.import_module(name) for name in names if importlib.util.find_spec(name)]


def is_slow(study: Study, call: Call) -> bool:
    """Return whether tests leave a call out: students and deletions of features of
    other models than `TAUGHT` and `DELETED`, and what plugins call slow.
    """
    slow_elsewhere: dict[Callable[..., Any], Sequence[str]] = {
        trust.feature_curves: DELETED,
    }
    if call[0] in slow_elsewhere:
        return study.name not in slow_elsewhere[call[0]]
    return any(
        call in list(module.shipped_calls(study)) and module.is_slow(study, call[0])
        for module in plugin_modules()
    )


def compute_results(study: Study, *, quick: bool = False) -> dict[str, Any]:
    """Return the results of `shipped_calls`, computed anew, by the names of the calls.

    Args:
        study: a shipped model on its own data.
        quick: whether to leave out what is slow.
    """
    with cache.computed_anew():
        return {
            cache.name_call(call[0].__name__, call[1]): inspect.unwrap(call[0])(study, *call[1])
            for call in shipped_calls(study)
            if not (quick and is_slow(study, call))
        }


def write_explanation(study: Study) -> None:
    """Write the coalition values of the explained rows, computed anew."""
    values = study.backend.compute_explanation().values
    cache.write_values(study, values)


def main(
    models: Annotated[list[str] | None, typer.Argument(help="Names of models.")] = None,
) -> None:
    """Compute and write the results of models."""
    for model in models or shipped_models():
        began = time.perf_counter()
        study = open_study(model, address.own_data(model))
        folder = plugin.find_asset(cache.FOLDER, f"{model}.json").parent
        path = cache.write_results(study, compute_results(study), folder)
        if model in EXPLAINED:
            write_explanation(study)
        seconds = time.perf_counter() - began
        print(f"{path.name}: {path.stat().st_size:,} bytes, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    typer.run(main)
