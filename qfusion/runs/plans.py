"""From what someone asks for to runs: settings read and checked before anything is made, all runs made or none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch

from qfusion import data as sources
from qfusion._checks import check, choose
from qfusion.errors import InvalidInput
from qfusion.models import build, registry
from qfusion.runs import quota
from qfusion.runs.folder import Plan, Run, check_name, create, home
from qfusion.runs.process import launch
from qfusion.training import checkpoint, default_options


def known(data: str, model: str) -> dict[str, Any]:
    """Returns every setting of a kind of model and of its training on a data set, with the defaults.

    Raises:
        NotFound: when there is no such model or data set.
    """
    return {**registry.settings(model), **asdict(default_options(sources.load(data)))}


def value(key: str, text: str, default: Any) -> Any:
    """Returns `text` as a value of the kind that the default is: text, a whole number, a number, or several (4,4,2).

    Raises:
        InvalidInput: when it is none.
    """
    if isinstance(default, str):
        return text
    if isinstance(default, bool):
        check(
            text.lower() in ("true", "false"),
            f"Setting `{key}` must be true or false, but is {text[:80]!r}.",
        )
        return text.lower() == "true"
    try:
        found = json.loads(f"[{text}]" if "," in text and not text.startswith("[") else text)
    except (ValueError, RecursionError):
        found = None
    values = found if isinstance(found, list) and not isinstance(default, float) else [found]
    kinds = (int,) if isinstance(default, int) else (int, float)
    check(
        len(values) > 0 and all(isinstance(v, kinds) and not isinstance(v, bool) for v in values),
        f"Setting `{key}` must be a {'whole ' if isinstance(default, int) else ''}number, but is {text[:80]!r}. "
        f"Its default is {default!r}.",
    )
    return found


def plan(data: str, model: str, chosen: Mapping[str, Any], seed: int = 0, title: str = "") -> Plan:
    """Returns what shall be trained, checked as far as it can be without training.

    Args:
        data: as `qfusion.data.load` takes it.
        model: kind of model.
        chosen: settings of the model and options of the training by name, as `known` lists them.
        seed, title: see `Plan`.

    Raises:
        InvalidInput, NotFound: when a name does not exist or a value is impossible, also for this data set.
    """
    dataset = sources.load(data)
    of_model, default = registry.settings(model), default_options(dataset)
    for key in chosen:
        choose("Setting", key, {**of_model, **asdict(default)})
    settings = {key: found for key, found in chosen.items() if key in of_model}
    options = replace(
        default, **{key: found for key, found in chosen.items() if key not in of_model}
    )
    target = dataset.target
    classes = target.kind == "classification"
    check(
        (options.loss == "cross_entropy") == classes,
        f"Setting `loss` must be {'cross_entropy' if classes else 'l1, mse or huber'} for a {target.kind} target, "
        f"but is {options.loss!r}.",
    )
    with torch.device("meta"):  # is it a model that can be built? Its shapes say so
        build(model, dataset.input_specs, target.classes or (target.name,), settings)
    changed = {
        key: found for key, found in asdict(options).items() if found != getattr(default, key)
    }
    return Plan(data, model, settings, changed, seed, title, digest=dataset.digest)


def names_of(name: str, seeds: Sequence[int]) -> list[str]:
    """Returns the names of the runs of some seeds: the name itself, or NAME-SEED for several."""
    return [name] if len(seeds) == 1 else [f"{name}-{seed}" for seed in seeds]


def check_names(names: Sequence[str]) -> None:
    """Raises InvalidInput when a name is not one, or is that of a run or of a model."""
    for name in names:
        check_name(name)
        check(
            not (home() / name / "plan.json").exists(),
            f"A run called {name!r} is there already. Choose another name.",
        )


def free_name(model: str, data: str, seeds: Sequence[int] = (0,)) -> str:
    """Returns a name that no run and no model has: MODEL-DATA, or MODEL-DATA.2, ..., free with all of some seeds."""
    stem = "".join(
        c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in f"{model}-{data}"
    )[:48]
    taken = {*checkpoint.available(), *(path.name for path in home().glob("*"))}
    wanted = [stem, *(f"{stem}.{n}" for n in range(2, len(taken) + 3))]
    return next(name for name in wanted if not taken & {name, *names_of(name, seeds)})


def start(plans: Mapping[str, Plan], events: bool = False) -> list[Run]:
    """Makes runs by name and starts them, each in a process of its own; one that cannot be made or started is not left
    behind.

    Args:
        plans: of the runs by name, see `plan`.
        events: see `work`.

    Raises:
        InvalidInput: when a name is not one or is taken, or nothing can be written.
    """
    check_names(list(plans))
    quota.check_room(len(plans))
    quota.check_queue(len(plans))
    made: list[Run] = []
    begun = 0
    try:
        for name, each in plans.items():
            made.append(create(each, name=name))
        for run in made:
            launch(run, events)
            begun += 1
    except OSError as error:
        _withdraw(made[begun:])
        raise InvalidInput(
            f"The run could not be begun ({error.strerror or error}). Free some disk space, or name another folder in "
            "QFUSION_RUNS."
        ) from error
    except BaseException:
        _withdraw(made[begun:])
        raise
    return made


def _withdraw(made: Sequence[Run]) -> None:
    for run in made:
        run.delete()
