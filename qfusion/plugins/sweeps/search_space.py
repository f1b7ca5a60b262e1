"""The search space of a sweep: ranges and choices of settings, parsed and checked before any training."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from qfusion import data as sources
from qfusion._checks import check, choose, require_number
from qfusion.errors import InvalidInput
from qfusion.runs import folder
from qfusion.runs.plans import make_plan, read_settings, setting_fields
from qfusion.training import metrics

if TYPE_CHECKING:
    from optuna import Trial
    from pydantic.fields import FieldInfo

LOSS = "loss"
MAX_SETTINGS = 40  # settings that are searched, and choices of one


@dataclass(frozen=True)
class Search(folder.Training):
    """Specification of what a sweep searches and by which metric it is judged.

    Attributes:
        space: by setting, `{"low", "high", "log", "whole"}` or `{"choices"}`.
        metric: "loss", the validation loss, or a metric of the validation rows; that of the epoch that a training
            keeps.
    """

    space: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metric: str = LOSS

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """ "minimize" or "maximize"."""
        return (
            "maximize"
            if self.metric != LOSS and metrics.LABELS[self.metric].higher_is_better
            else "minimize"
        )


def read_search(
    data: str,
    model: str,
    assigned: Mapping[str, Any],
    ranges: Sequence[str],
    choices: Sequence[str],
    metric: str = LOSS,
    seed: int = 0,
) -> Search:
    """Return the search that the arguments describe, checked as far as possible without training.

    Args:
        data, model: see `Search`.
        assigned: settings that are fixed.
        ranges: like "rate=1e-4:1e-2:log" or "hidden=16:128:int"; the two words may be joined, "hidden=16:128:int:log".
        choices: like "evolution=jump,unitary"; several numbers of one value are written "dims=[4,4,2],[2,2,2]".
        metric: "loss" or one of the validation metrics.
        seed: of the first trial.

    Raises:
        InvalidInput, NotFound: when a setting does not exist, a range is empty, or a value is impossible for the model
            or the data.
    """
    fields = setting_fields(model)
    dataset = sources.load(data)
    fixed = _read(model, assigned, dataset)
    space: dict[str, dict[str, Any]] = {}
    words = [("--range", word) for word in ranges] + [("--choice", word) for word in choices]
    check(
        not fixed.get("refit") and not any(word.startswith("refit") for _, word in words),
        "Setting `refit` must be false in a sweep: it trains on the validation rows, by which settings are judged.",
    )
    for option, word in words:
        key, equals, text = word.partition("=")
        form = "key=low:high" if option == "--range" else "key=one,two"
        check(
            bool(equals),
            f"Argument `{option}` must have the form {form}, but is {word[:80]!r}.",
        )
        key = choose("Setting", key.strip(), fields)
        check(
            key not in space and key not in assigned,
            f"Setting `{key}` is given twice: fix it or search it, and once only.",
        )
        if option == "--range":
            space[key] = _range(key, text.strip(), fields[key])
        else:
            texts = [part.strip() for part in re.findall(r"\[[^\]]*\]|[^,\[\]]+", text)]
            values = [_read(model, {**fixed, key: part}, dataset)[key] for part in texts if part]
            space[key] = _choices(key, text, values)
    return validate_search(Search(data, model, fixed, seed, space=space, metric=metric))


def validate_search(search: Search) -> Search:
    """Return a search with the digest of its data, once every end of its ranges and every choice is known to be
    possible.

    Raises:
        InvalidInput, NotFound: see `read_search`.
    """
    dataset = sources.load(search.data)
    check(
        0 < len(search.space) <= MAX_SETTINGS,
        f"A sweep must search from 1 to {MAX_SETTINGS} settings, but searches {len(search.space)}. Add --range or "
        "--choice.",
    )
    choose("Metric", search.metric, metric_names(dataset))
    for key in ("loss", "class_weights"):
        check(
            search.metric != LOSS or key not in search.space,
            f"Setting `{key}` cannot be judged by the loss, which it changes. Judge it by a metric.",
        )
    require_number("seed", search.seed, 0, 2**31)
    for key, entry in search.space.items():
        for value in entry.get("choices", (entry.get("low"), entry.get("high"))):
            make_plan(search.data, search.model, {**search.settings, key: value})
    return replace(search, digest=dataset.digest)


def metric_names(dataset: sources.DataSet) -> list[str]:
    """Return the metrics by which a sweep on a data set can be judged."""
    return [LOSS, *metrics.names(dataset)]


def suggest_settings(search: Search, trial: Trial) -> dict[str, Any]:
    """Return the settings that a trial tries: the fixed ones, and one value of each that is searched."""
    tried: dict[str, Any] = {}
    for key, entry in search.space.items():
        if "choices" in entry:
            tried[key] = trial.suggest_categorical(
                key, [_word(value) for value in entry["choices"]]
            )
        else:
            pick = trial.suggest_int if entry["whole"] else trial.suggest_float
            tried[key] = pick(key, entry["low"], entry["high"], log=entry["log"])
    return trial_settings(search, tried)


def trial_settings(search: Search, tried: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings of a trial, given the values tried in it."""
    return {
        **search.settings,
        **{
            key: next(
                choice
                for choice in search.space[key].get("choices", [value])
                # as a storage keeps it, which tells 1 and True apart by their kinds alone
                if _word(choice) == value and type(_word(choice)) is type(value)
            )
            for key, value in tried.items()
        },
    }


def _word(value: Any) -> Any:
    """A choice as storages keep it: several numbers as text."""
    return json.dumps(value) if isinstance(value, list) else value


def _read(model: str, chosen: Mapping[str, Any], dataset: sources.DataSet) -> dict[str, Any]:
    """Return settings of a model and options of its training as values of their kinds, checked together."""
    settings, options = read_settings(model, chosen, dataset)
    return {**options.model_dump(include=set(chosen)), **settings}


def _range(key: str, text: str, field: FieldInfo) -> dict[str, Any]:
    low, high, *marks = [part.strip() for part in text.split(":")] if text.count(":") else ["", ""]
    check(
        field.annotation in (int, float),
        f"Setting `{key}` is {field.default!r} by default, not a number: it has no range. Name values with --choice "
        f"{key}=one,two.",
    )
    check(
        bool(low and high) and set(marks) <= {"log", "int"} and len(marks) == len(set(marks)),
        f"The range of `{key}` must have the form low:high, with :log or :int after it where wanted, but is "
        f"{text[:80]!r}.",
    )
    whole = "int" in marks or field.annotation is int
    bounds = []
    for part in (low, high):
        try:
            bounds.append(int(part) if whole else float(part))
            float(bounds[-1])
        except (ValueError, OverflowError):
            raise InvalidInput(
                f"The range of `{key}` must lie between two {'whole ' if whole else ''}numbers, but has "
                f"{part[:40]!r}."
            ) from None
    check(
        all(math.isfinite(bound) for bound in bounds) and bounds[0] < bounds[1],
        f"The range of `{key}` must begin below its end, but is {low} to {high}.",
    )
    check(
        "log" not in marks or bounds[0] > 0,
        f"The range of `{key}` must begin above 0 with :log, but begins at {low}.",
    )
    return {"low": bounds[0], "high": bounds[1], "log": "log" in marks, "whole": whole}


def _choices(key: str, text: str, values: list[Any]) -> dict[str, Any]:
    check(
        1 < len(values) <= MAX_SETTINGS and len({_word(value) for value in values}) == len(values),
        f"Argument `--choice` must name from 2 to {MAX_SETTINGS} different values of `{key}`, but is {text[:80]!r}.",
    )
    return {"choices": values}
