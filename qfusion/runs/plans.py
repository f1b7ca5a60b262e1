"""Plans of trainings: settings read and checked before anything is created, and runs created and started.

Either all requested runs are created or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from pydantic.fields import FieldInfo

from qfusion import data as sources
from qfusion._checks import check, choose, require_whole
from qfusion.errors import translate_errors
from qfusion.models import build, registry
from qfusion.runs import folder, run_names, run_process, specifications
from qfusion.training import Options, checkpoint_cards, default_options
from qfusion.training.options import complete_options

MOST_KEPT = 100  # epochs after which a model is kept


def default_settings(data: str, model: str) -> dict[str, Any]:
    """Return every setting of a kind of model and of its training on a data set, with the defaults.

    Raises:
        NotFound: when there is no such model or data set.
    """
    return {**registry.settings(model), **default_options(sources.load(data)).model_dump()}


def counterpart(data: str, model: str, chosen: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the other one of the two systems and its settings on equal terms. Settings that both have are as in
    `chosen`, or as the defaults of the first; the rest are its own defaults.
    """
    other = next(kind for kind in registry.SYSTEMS if kind != model)
    first, own = {**default_settings(data, model), **chosen}, default_settings(data, other).items()
    if first["input_dropout"] < 0:  # in QiNN-QJ as the other dropout
        first["input_dropout"] = first["dropout"]
    return other, {key: first[key] for key, default in own if first.get(key, default) != default}


def setting_fields(model: str) -> dict[str, FieldInfo]:
    """Return the descriptions of every setting of a kind of model and of its training.

    Raises:
        NotFound: when there is no such model.
    """
    return {**registry.settings_type(model).model_fields, **Options.model_fields}


def read_settings(
    model: str, chosen: Mapping[str, Any], dataset: sources.DataSet
) -> tuple[dict[str, Any], Options]:
    """Return the chosen settings of a kind of model, and the options of its training on a data set. A text is read as a
    value of its setting.

    Args:
        model, chosen: see `make_plan`.
        dataset: what is trained on.

    Raises:
        InvalidInput, NotFound: when a setting does not exist or a value is impossible.
    """
    settings, options, known = {}, {}, setting_fields(model)
    for key, value in chosen.items():
        choose("Setting", key, known)
        if key in Options.model_fields:
            options[key] = value
        else:
            settings[key] = value
    checked = registry.settings_type(model)(**settings)
    return checked.model_dump(include=set(settings)), complete_options(dataset, options)


def make_plan(
    data: str,
    model: str,
    chosen: Mapping[str, Any],
    seed: int = 0,
    title: str = "",
    replay: int = 0,
) -> specifications.Plan:
    """Return the plan of a training, checked as far as possible without training.

    Args:
        data: as `qfusion.data.load` takes it.
        model: kind of model.
        chosen: settings of the model and options of the training by name, as `setting_fields` lists them; a text is
            read as a value of its setting.
        seed, title, replay: see `Plan`.

    Raises:
        InvalidInput, NotFound: when a name does not exist or a value is impossible, also for this data set.
    """
    require_whole("replay", replay, 0, MOST_KEPT)
    dataset = sources.load(data)
    settings, options = read_settings(model, chosen, dataset)
    default, target = default_options(dataset), dataset.target
    with torch.device("meta"):  # is it a model that can be built? Its shapes say so
        planned = build(model, dataset.input_specs, target.classes or (target.name,), settings)
    planned.check_trainable()
    return specifications.Plan(
        data,
        model,
        settings,
        seed,
        dataset.digest,
        options={
            key: result
            for key, result in options.model_dump().items()
            if result != getattr(default, key)
        },
        title=title,
        replay=replay,
    )


def seed_run_names(name: str, seeds: Sequence[int]) -> list[str]:
    """Return the names of the runs of some seeds: the name itself, or NAME-SEED for several."""
    return [name] if len(seeds) == 1 else [f"{name}-{seed}" for seed in seeds]


def check_names(names: Sequence[str]) -> None:
    """Raise InvalidInput when a name is not one, or is that of a run or of a model."""
    for name in names:
        run_names.check_free(name)
        check(
            not (folder.runs_folder() / name / "plan.json").exists(),
            f"A run called {name!r} is there already. Choose another name.",
        )


def choose_free_name(stem: str, taken: Iterable[str] = (), seeds: Sequence[int] = (0,)) -> str:
    """Return a name that no run, no model and nothing else that is `taken` has: STEM, or STEM.2, ..., free with all of
    some seeds."""
    stem = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in stem)[:48]
    known = {
        *taken,
        *checkpoint_cards.available(),
        *(path.name for path in folder.runs_folder().glob("*")),
    }
    names = (stem, *(f"{stem}.{n}" for n in range(2, len(known) + 3)))
    return next(name for name in names if not known & {name, *seed_run_names(name, seeds)})


def start_runs(plans: Mapping[str, specifications.Plan], events: bool = False) -> list[folder.Run]:
    """Create runs by name and start each in a separate process. A run that cannot be created or started is not left
    behind.

    Args:
        plans: of the runs by name, see `make_plan`.
        events: see `launch`.

    Raises:
        InvalidInput: when a name is not one or is taken, or nothing can be written.
    """
    check_names(list(plans))
    made: list[folder.Run] = []
    begun = 0
    with translate_errors(
        "The run could not be begun",
        "Free some disk space, or name another folder in QFUSION_RUNS.",
    ):
        try:
            for name, plan_of_run in plans.items():
                made.append(folder.create_run(plan_of_run, name=name))
            for run in made:
                run_process.launch_run(run, events)
                begun += 1
        except BaseException:
            for run in made[begun:]:
                run.delete()
            raise
    return made
