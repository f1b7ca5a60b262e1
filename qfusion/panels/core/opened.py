"""A page's address with all that the page adds to it: what a link leaves open is chosen, names of old are put right.

Whatever does not fit is an error here; a page shows its default instead and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from qfusion import data
from qfusion._checks import check, choose
from qfusion.analysis import backgrounds, subject, text
from qfusion.analysis.cohort import examples
from qfusion.analysis.sample import loaded, open_work
from qfusion.analysis.subject import Workspace
from qfusion.errors import NotFound, QFusionError
from qfusion.explain import cohorts
from qfusion.figures import visible
from qfusion.models.tweak import learned
from qfusion.panels.core import allowed as rules
from qfusion.panels.core import pins, sliders
from qfusion.panels.core.allowed import Allowed
from qfusion.panels.core.pins import Pin
from qfusion.panels.core.view import PREDICTED, View
from qfusion.training import checkpoint

Values = dict[str, list[str]]
ALIASES = {
    "open": "sample",
    "show": "view",
    "rules": "part",
    "edits": "phi",
    "explore": "model",
    "on": "data",
    "train": "new.data",
}
# Choices that had another name, by parameter; and how names of choices began.
_RENAMED = {
    "view": {"What did it": "Sensitivity"},
    "part": {"What did it": "Sensitivity"},
    "terms": {"say of a modality": "weight of a modality"},
    "as": {"dividends": "contributions"},
    "words": {"short": "brief"},
    **{
        key: {"test samples of its regime": "test samples of its planted type"}
        for key in ("over", "builtof")
    },
}
_BEGAN = {"effect": ("dividend of ", "contribution of "), "term": ("say of ", "weight of ")}
_COLUMNS = ("by", "slice", "map.colour")  # hold names of columns as readers say them
_SPLIT = {"relation": cohorts.RELATIONS_THEN}
# in every page's address
KEYS = (
    "model",
    "data",
    "sample",
    "output",
    "background",
    "contrast",
    "members",
    "rows",
    "cohort",
    "pin",
)
GUIDES = ("tour", "load", "words")  # parameters that lead the reader and draw nothing
FREE = "fig."  # begins parameters that say what is shown of a figure
Rules = Callable[[View, Any], Mapping[str, Allowed]]


@dataclass(frozen=True)
class Opened:
    """A page under an address.

    Attributes:
        view: the address, with nothing left open.
        made_from: names and digests of model and data, the sample, the model's training seed.
    """

    view: View
    made_from: Mapping[str, Any]


def models() -> list[str]:
    """Returns names of the checkpoints that pages can show, that which is shown unless told first.

    Raises:
        NotFound: when there is none.
    """
    names = checkpoint.available()
    if not names:
        raise NotFound(
            "There is no trained model yet. Train the shipped ones with `python scripts/train_models.py`."
        )
    return sorted(names, key=lambda name: (name != "qj-planted", name))


def sources() -> list[str]:
    """Returns names of the data sets that are on this machine."""
    return [source.name for source in data.available() if source.available]


def test_model(name: str) -> None:
    """Raises NotFound or InvalidInput when pages cannot show a model of this name."""
    choose("Model", name, models())


def test_data(name: str) -> None:
    """Raises NotFound when there is no data set of this name on this machine."""
    known = {source.name: source for source in data.available()}
    found = known[choose("Data set", name, known)]
    if not found.available:
        raise NotFound(f"Data set '{name}' is not on this machine. {found.reason} {found.remedy}")


def own_data(model: str) -> str:
    """Returns the name of the data set that a model was trained on."""
    return str(loaded(model).card["data"]["name"])


def model_for(data_name: str) -> str | None:
    """Returns the first model that was trained on a data set."""
    for name in models():
        try:
            if own_data(name) == data_name:
                return name
        except QFusionError:
            continue  # a damaged checkpoint is named when it is picked
    return None


def misfit(model: str, data_name: str) -> str:
    """Returns why a model does not fit a data set; empty when it does or either cannot be loaded, which shows later.
    Both are names: readers give them."""
    try:
        choose("Model", model, models())
        choose("Data set", data_name, sources())
        return subject.misfit(dict(loaded(model).card), data.load(data_name))
    except QFusionError:
        return ""


def default_sample(work: Workspace) -> str:
    """Returns the sample that a page opens with: the most telling conflict, or the first of the others."""
    found = examples.find(work)
    return work.opening or next((one for one in found if one.kind == "conflict"), found[0]).sample


def tweak_of(work: Any, text: str) -> Any:
    """Returns the tweak of a pin or link, as the model takes it.

    Raises:
        InvalidInput, NotFound: when it does not fit the model, or no slider can show it.
    """
    return sliders.fitting(work.model, text) if work.can("time") else work.model.parse_tweak(text)


def resolve(pin: Pin) -> tuple[Workspace, int]:
    """Returns the model on its data and the row that a pin names.

    Raises:
        NotFound: when there is no such model, data set or sample here.
        InvalidInput: when the model does not take the data, or the tweak does not fit the model.
    """
    choose("Model", pin.model, models())
    choose("Data set", pin.data, sources())
    work = open_work(pin.model, pin.data)
    row = work.dataset.row(pin.sample)
    tweak_of(work, pin.tweak)
    return work, row


def bare(page: str, address: Mapping[str, str | Sequence[str]], allowed: Rules) -> Opened:
    """Returns a page that needs neither model nor sample, under an address.

    Raises:
        InvalidInput, NotFound: when a part of the address does not fit.
    """
    found = _kept(_written(address))
    view = View(page, found)
    _audit(found, allowed(view, None))
    return Opened(view, {})


def whole(page: str, address: Mapping[str, str | Sequence[str]], allowed: Rules) -> Opened:
    """Returns a page of a model, its data and a sample, under an address; arguments and errors are those of `bare`."""
    found = _kept(_written(address))
    _audit_some(found, {"model": Allowed(test_model, ""), "data": Allowed(test_data, "")})
    _choose_model(found)
    work = open_work(found["model"][0], found["data"][0])
    found.setdefault("sample", [default_sample(work)])
    _audit_some(found, {"sample": Allowed(work.dataset.row, "")})
    if work.classes:
        _audit_some(found, {"output": rules.options("Class", [PREDICTED, *work.classes], "")})
    else:
        found.pop("output", None)  # one score
    _compare(found, work)
    _physics(found, View(page, found), work)
    view = View(page, found)
    _audit(found, allowed(view, work))
    if "phi" in found:
        with _named("phi"):
            work.model.parse_tweak(found["phi"][0])
    if page == "compare" and "pin" in found:
        with _named("pin"):
            resolve(view.pin)
    if page == "dynamics" and "turn" in found and work.can("time"):
        turned, default = sliders.turned(work.model, found.pop("turn")[0]), learned(work.model)
        for key, value in turned.items():
            found.pop(key, None)
            found |= {key: [f"{value:.15g}"]} if value != default[key] else {}
    return Opened(
        view, made_from(work) | {"sample": found["sample"][0], "seed": work.card.get("seed")}
    )


def value_now(key: str, value: str) -> str:
    """Returns what a value of an address is called today: links hold the names of their time."""
    then, now = _BEGAN.get(key, ("", ""))
    if then and value.startswith(then):
        return now + value.removeprefix(then)
    if key in _COLUMNS:
        return text.column(value)
    return _RENAMED.get(key, {}).get(value, value)


def values_now(key: str, values: Sequence[str]) -> list[str]:
    """Returns what the values of a key are called today, each once; some have become several."""
    return list(
        dict.fromkeys(
            now
            for value in values
            for now in _SPLIT.get(key, {}).get(value, (value_now(key, value),))
        )
    )


def made_from(work: Workspace) -> dict[str, Any]:
    """Returns names and digests of a model and its data, as recipes and session files hold them."""
    return {
        "model": {"name": work.name, "digest": str(work.card.get("weights_sha256", ""))},
        "data": {"name": work.dataset.name, "digest": work.dataset.digest},
    }


def _written(address: Mapping[str, str | Sequence[str]]) -> Values:
    """The address with lists alone, by the names of today, without what leads the reader."""
    found = {
        key: [values] if isinstance(values, str) else list(values)
        for key, values in address.items()
        if key not in GUIDES
    }
    for alias, key in ALIASES.items():
        if alias in found:
            found[key] = found.pop(alias)[-1:]
    return {
        key: values_now(key, values)
        for key, values in found.items()
        if values and not (key.startswith(FREE) and values == [""])
    }


@contextmanager
def _named(key: str) -> Iterator[None]:
    """Says of an error of which parameter it is."""
    try:
        yield
    except QFusionError as error:
        raise type(error)(f"In the link, `{key}`: {error}") from error


def _kept(found: Values) -> Values:
    """The address with saved cohorts and the pinned view as they are written today."""
    if "cohort" in found:
        with _named("cohort"):
            check(
                len(found["cohort"]) <= cohorts.MAX_SAVED,
                f"{len(found['cohort'])} cohorts are named, and at most {cohorts.MAX_SAVED} are kept. Leave some "
                "out.",
            )
            named = {one.name: str(one) for one in map(cohorts.parse_saved, found["cohort"])}
        found["cohort"] = list(named.values())
    if "pin" in found:
        with _named("pin"):
            found["pin"] = [str(pins.parse(found["pin"][-1]))]
    return found


def _choose_model(found: Values) -> None:
    """Model and data that agree."""
    if "model" not in found:
        found["model"] = [(model_for(found["data"][0]) if "data" in found else None) or models()[0]]
    model = found["model"][0]
    if "data" not in found:
        found["data"] = [own_data(model)]
    problem = misfit(model, found["data"][0])
    check(
        not problem,
        f"In the link, `data`: model '{model}' does not fit data set '{found['data'][0]}': {problem}",
    )


def _compare(found: Values, work: Workspace) -> None:
    """What decisions are compared with, with what is meant where the address does not say it."""
    labels = {kind: label for label, kind in backgrounds.OFFERED.items()}
    if found.get("background"):
        found["background"] = [labels.get(said, said) for said in found["background"]]
    _audit_some(
        found,
        {
            "background": rules.options("Background", backgrounds.OFFERED, ""),
            "contrast": Allowed(work.dataset.row, ""),
            "rows": rules.options("Rows", [backgrounds.ALL_ROWS], ""),
        },
    )
    kind = backgrounds.OFFERED[found.get("background", [backgrounds.DEFAULT])[0]]
    if kind == "contrast":
        found.setdefault(
            "contrast", [backgrounds.default_contrast(work, work.dataset.row(found["sample"][0]))]
        )
    names = [cohorts.parse_saved(each).name for each in found.get("cohort", [])]
    if kind == "cohort" and names:
        _audit_some(found, {"members": rules.options("Cohort", names, "")})
        found.setdefault("members", names[:1])


def _physics(found: Values, view: View, work: Workspace) -> None:
    """Couplings under the names of today; the filter that the Cohorts page begins with."""
    if work.can("time") and view.page in ("dynamics", "compare"):
        for key, now in sliders.renamed(view, work).items():
            found[now] = found.pop(key)
    if view.page == "cohorts" and "filter" not in found and found.get("cohort"):
        found["filter"] = [cohorts.parse_saved(found["cohort"][0]).filter]


def _audit(found: Values, allowed: Mapping[str, Allowed]) -> None:
    """Raises InvalidInput with whatever does not fit the rules of a page, and with what no rule is of."""
    _audit_some(found, allowed)
    strange = [key for key in found if key not in {*allowed, *KEYS} and not key.startswith(FREE)]
    several = len(strange) > 1
    check(
        not strange,
        f"In the link, {', '.join(f'`{key[:60]}`' for key in strange[:8])}: this page has no such "
        f"setting{'s' if several else ''}, or not for this model. Leave {'them' if several else 'it'} "
        "out.",
    )
    for key in (key for key in found if key.startswith(FREE)):
        with _named(key):
            visible.parse(found[key][-1])


def _audit_some(found: Values, allowed: Mapping[str, Allowed]) -> None:
    problems = rules.audit(found, allowed)
    check(
        not problems,
        " ".join(
            each.words.removesuffix(f" {allowed[key].instead}") for key, each in problems.items()
        ),
    )
