"""`train`: makes a model and keeps it in a folder of its own."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfusion._checks import check, choose
from qfusion.commands._load import CARD
from qfusion.commands._output import Json, bar, number, print_json, print_table, say

if TYPE_CHECKING:
    from qfusion.data import DataSet
    from qfusion.training import Options, Result

SPLITS = ("train", "valid", "test")


def train(data: Annotated[str, typer.Option(metavar="NAME", help="Data set to train on, as `data list` prints it, or "
                                                "the path of a .mat or .npz file.")],
          out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the trained model; made if it is missing.")],
          model: Annotated[str, typer.Option(metavar="KIND", help="Kind of model.")] = "quantum-jump",
          seed: Annotated[int, typer.Option(min=0, help="Seed of every random number.")] = 0,
          assign: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the model or "
                                                           "of the training; may be given several times.")] = None,
          as_json: Json = False) -> None:
    """Train a model; its folder then stands for it wherever --model is asked for."""
    from qfusion import data as sources
    from qfusion import training

    _check_place(out)
    dataset = sources.load(data)
    settings, options = _settings(model, training.default_options(dataset), assign or [])
    with bar("Training") as show:
        result = training.train(model, dataset, settings, options, seed, on_epoch=lambda p: show(
            p.epoch, p.epochs, f"epoch {p.epoch}, validation loss {p.valid_loss:.3f}"))
    measured = {split: training.metrics.evaluate(result.model.double(), dataset, split) for split in SPLITS}
    _save(result, dataset, out, measured)
    if as_json:
        print_json({"model": model, "data": dataset.name, "seed": seed, "out": str(out), "epochs": len(result.history),
                    "kept": result.kept, "metrics": measured})
        return
    print_table(["Metric", *SPLITS], [[training.metrics.describe[key][0], *(number(measured[s][key]) for s in SPLITS)]
                                      for key in measured["test"]], title=f"{model} on {dataset.name}, seed {seed}")


def _check_place(out: Path) -> None:
    """Raises InvalidInput, before an hour of training, when the folder could not be made or written to."""
    place = out if out.is_dir() else out.absolute().parent
    check(not out.exists() or out.is_dir(), f"Argument `--out` must name a folder, but {out} is a file. Choose another name.")
    check(place.is_dir() and os.access(place, os.W_OK),
          f"Argument `--out` must lie in a folder that you may write to, but {place} is not one. Make it or choose another.")


def _settings(kind: str, options: Options, assignments: list[str]) -> tuple[dict[str, Any], Options]:
    """Returns the model's settings and the training's options that KEY=VALUE words change."""
    from qfusion.models import registry

    of_model, of_training = registry.settings(kind), dataclasses.asdict(options)
    known = {**of_model, **of_training}
    chosen = {}
    for word in assignments:
        key, equals, text = word.partition("=")
        check(bool(equals), f"Argument `--set` must have the form key=value, but is {word[:80]!r}. Write --set epochs=30, say.")
        key = choose("Setting", key.strip(), known)
        chosen[key] = _value(key, text.strip(), known[key])
    return ({key: value for key, value in chosen.items() if key in of_model},
            dataclasses.replace(options, **{key: value for key, value in chosen.items() if key in of_training}))


def _value(key: str, text: str, default: Any) -> Any:
    """Returns `text` as a value of the kind that the default is: text, a whole number, a number, or several (4,4,2)."""
    if isinstance(default, str):
        return text
    try:
        value = json.loads(f"[{text}]" if "," in text and not text.startswith("[") else text)
    except ValueError:
        value = None
    values = value if isinstance(value, list) and not isinstance(default, float) else [value]
    kinds = (int,) if isinstance(default, int) else (int, float)
    check(len(values) > 0 and all(isinstance(v, kinds) and not isinstance(v, bool) for v in values),
          f"Setting `{key}` must be a {'whole ' if isinstance(default, int) else ''}number, but is {text[:80]!r}. "
          f"Its default is {default!r}.")
    return value


def _save(result: Result, dataset: DataSet, out: Path, measured: dict[str, dict[str, float]]) -> None:
    from qfusion.training import checkpoint, metrics

    name = out.absolute().name
    card = checkpoint.make_card(
        result.model, dataset, name=name, title=f"{result.model.kind} on {dataset.title}", seed=result.seed,
        training=result.settings(), metrics={split: metrics.summary([m]) for split, m in measured.items()},
        this_seed=measured, seeds=[result.seed])
    out.mkdir(exist_ok=True)
    say(f"Model written to {checkpoint.save(out / CARD, result.model, card).parent}")
