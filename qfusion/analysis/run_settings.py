"""Settings and data of trainings: differences between runs, defaults, and those of the shipped models."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from qfusion import data, plugin
from qfusion._checks import choose
from qfusion._memory_cache import memo
from qfusion.analysis.runs import Seen
from qfusion.analysis.tasks import Task
from qfusion.errors import default_on_error
from qfusion.models import registry
from qfusion.runs import Plan, training_watch
from qfusion.runs.plans import setting_fields
from qfusion.training import Options, default_options


def differences(
    plans: Mapping[str, Plan], defaults: Callable[[Plan], Mapping[str, Any]]
) -> tuple[list[str], dict[str, dict[str, str]]]:
    """Compare what is trained, and how, in every run.

    Args:
        plans: by name of the run.
        defaults: gives the settings that a plan does not name.

    Returns:
        the rows that are not the same in all runs, and all rows, each by run.
    """
    filled = {
        name: {
            "data": plan.data,
            "model": plan.model,
            "seed": plan.seed,
            **defaults(plan),
            **plan.settings,
            **plan.options,
        }
        for name, plan in plans.items()
    }
    rows = list(dict.fromkeys(key for value in filled.values() for key in value))
    table = {
        key: {name: _words(result.get(key)) for name, result in filled.items()} for key in rows
    }
    return [key for key in rows if len(set(table[key].values())) > 1], table


def _words(value: Any) -> str:
    return (
        ""
        if value is None
        else ", ".join(map(str, value))
        if isinstance(value, list | tuple)
        else str(value)
    )


@default_on_error({})
def defaults(plan: Plan, of_data: Callable[[str], Options]) -> dict[str, Any]:
    """Return the default settings of a plan's model and training, or nothing if its kind or data are not known here."""
    return {**registry.settings(plan.model), **of_data(plan.data).model_dump()}


def setting_titles(plans: Iterable[Plan]) -> dict[str, str]:
    """Return the titles of the settings of plans by name, as far as their kinds are known here."""
    return {
        key: field.title or key
        for plan in plans
        if plan.model in registry.KINDS
        for key, field in setting_fields(plan.model).items()
    }


@memo(4, task=Task.LOAD_DATA, stamp=data.stamp)
def load_run_dataset(name: str) -> data.DataSet:
    """Return the data that a run was trained on.

    Raises:
        NotFound: when they are a file given by its path, or are not among the data sets here.
    """
    return data.load(choose("Data set", name, [source.name for source in data.available()]))


@default_on_error("")
def run_loss(entry: Seen) -> str:
    """Return the loss that a run minimizes, or an empty text if neither its plan nor its data specify it."""
    assert entry.plan is not None
    return str(
        entry.plan.options.get("loss") or default_options(load_run_dataset(entry.plan.data)).loss
    )


@default_on_error(None)
def count_rows(entry: Seen) -> tuple[int, int, tuple[int, int, int]] | None:
    """Return the number of rows for training and for validation, and the sizes of `training_watch.watched_sizes`; None
    where the data are not available."""
    assert entry.plan is not None
    dataset = load_run_dataset(entry.plan.data)
    train, valid = (
        len(dataset.rows(split))
        for split in ("train+valid" if entry.plan.options.get("refit") else "train", "valid")
    )
    return train, valid, training_watch.watched_sizes(train, valid)


def shipped_recipe(data: str, model: str) -> tuple[str, dict[str, Any]]:
    """Return the name and settings of a shipped model of that kind, trained on those data. Both are empty if there
    is none.
    """
    for path in plugin.glob_assets("models", "*.json"):
        card = json.loads(path.read_text(encoding="utf-8"))
        if card.get("model") == model and card["data"].get("name") == data:
            known = setting_fields(model)
            return path.stem, {
                key: value
                for key, value in {**card["settings"], **card.get("training", {})}.items()
                if key in known
            }
    return "", {}
