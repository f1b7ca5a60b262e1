"""A page under a complete address: every choice that a link leaves open is set to the page's default.

A value that does not fit raises an error here. A page shows its default instead and adds a notice.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from qfusion._checks import check
from qfusion.analysis import background_choice, opening
from qfusion.analysis.study import Study
from qfusion.errors import QFusionError
from qfusion.explain import cohort_filters
from qfusion.figures import visible_range
from qfusion.models.protocols import Evolution
from qfusion.models.tweak import learned_values
from qfusion.panels.guides import is_guide
from qfusion.panels.page_state import Address, PageState
from qfusion.panels.params import ParamRule, rules, validate
from qfusion.panels.pickers import (
    BACKGROUND,
    CONTRAST,
    DATA,
    KEYS,
    MEMBERS,
    MODEL,
    OUTPUT,
    ROWS,
    SAMPLE,
    default_sample,
    misfit,
    models,
    own_data,
    resolve_pin,
    trained_models,
)
from qfusion.panels.pins import parse_pin
from qfusion.panels.tweak_limits import parse_slider_tweak

Values = dict[str, list[str]]
LINKED = {  # how links inside the app name these parameters; Streamlit keeps to itself what is bound to a widget
    "open": "sample",
    "show": "view",
    "rules": "part",
    "edits": "phi",
    "explore": "model",
    "on": "data",
    "train": "new.data",
}
FREE = "fig."  # begins parameters that say what is shown of a figure
Rules = Callable[[PageState, Any], Mapping[str, ParamRule]]


@dataclass(frozen=True)
class OpenedPage:
    """A page under an address.

    Attributes:
        view: the address, with nothing left open.
        made_from: names and digests of model and data, the sample, the model's training seed.
    """

    view: PageState
    made_from: Mapping[str, Any]


def complete_address(
    page: str, address: Address, allowed: Rules, *, bare: bool = False
) -> OpenedPage:
    """Return the page under an address, with defaults for the choices that the address leaves open. The page is that of
    a model, its data and a sample, or a `bare` page, which needs neither.

    Raises:
        InvalidInput, NotFound: when a part of the address does not fit.
    """
    result = _normalise_links(_drop_guides(address))
    view = PageState(page, result)  # as it is completed
    if bare:
        _audit(result, allowed(view, None))
        return OpenedPage(view, {})
    _require(result, rules((MODEL, DATA), view))
    _choose_model(result)
    study = opening.open_study(result["model"][0], result["data"][0])
    if "sample" not in result:  # which takes some seconds to choose
        result["sample"] = [default_sample(study)]
    _require(result, rules((SAMPLE, OUTPUT), view, study))
    if not study.classes:
        result.pop("output", None)  # one score
    _compare(result, view, study)
    _set_first_filter(result, view)
    _audit(result, allowed(view, study))
    if "phi" in result:
        with naming("In the link, `phi`"):
            study.model.parse_tweak(result["phi"][0])
    if page == "compare" and "pin" in result:
        with naming("In the link, `pin`"):
            resolve_pin(view.pin)
    if page == "dynamics" and "turn" in result and study.model.part(Evolution):
        default = learned_values(study.model)
        turned = parse_slider_tweak(study.model, result.pop("turn")[0]).numbers()
        for key, value in (default | turned).items():
            result.pop(key, None)
            result |= {key: [f"{value:.15g}"]} if value != default[key] else {}
    return OpenedPage(
        view,
        describe_source(study) | {"sample": result["sample"][0], "seed": study.card.get("seed")},
    )


def describe_source(study: Study) -> dict[str, Any]:
    """Return names and digests of a model and its data, as recipes hold them."""
    return {
        "model": {"name": study.name, "digest": str(study.card.get("weights_sha256", ""))},
        "data": {"name": study.dataset.name, "digest": study.dataset.digest},
    }


def _drop_guides(address: Address) -> Values:
    """Return the address with lists as values, without the parameters that guide the reader."""
    result = {
        key: [values] if isinstance(values, str) else list(values)
        for key, values in address.items()
        if not is_guide(key)
    }
    for linked, key in LINKED.items():
        if linked in result:
            result[key] = result.pop(linked)[-1:]
    return {
        key: values
        for key, values in result.items()
        if values and not (key.startswith(FREE) and values == [""])
    }


@contextmanager
def naming(what: str) -> Iterator[None]:
    """Context manager that prefixes the message of an error with the name of its source."""
    try:
        yield
    except QFusionError as error:
        raise type(error)(f"{what}: {error}") from error


def _normalise_links(values: Values) -> Values:
    """The address with saved cohorts and the pinned view in their one form."""
    if "cohort" in values:
        with naming("In the link, `cohort`"):
            check(
                len(values["cohort"]) <= cohort_filters.MAX_SAVED,
                f"{len(values['cohort'])} cohorts are named, and at most {cohort_filters.MAX_SAVED} are kept. Leave "
                "some "
                "out.",
            )
            saved = {
                one.name: str(one) for one in map(cohort_filters.parse_saved, values["cohort"])
            }
        values["cohort"] = list(saved.values())
    if "pin" in values:
        with naming("In the link, `pin`"):
            values["pin"] = [str(parse_pin(values["pin"][-1]))]
    return values


def _choose_model(values: Values) -> None:
    """Model and data that agree."""
    if "model" not in values:
        values["model"] = [
            next(trained_models(values["data"][0]), models()[0])
            if "data" in values
            else models()[0]
        ]
    model = values["model"][0]
    if "data" not in values:
        values["data"] = [own_data(model)]
    problem = misfit(model, values["data"][0])
    check(
        not problem,
        f"In the link, `data`: model '{model}' does not fit data set '{values['data'][0]}': {problem}",
    )


def _compare(values: Values, view: PageState, study: Study) -> None:
    """Check the settings that say what decisions are compared with, and add the defaults that the address leaves
    out.
    """
    _require(values, rules((BACKGROUND, CONTRAST, ROWS), view, study))
    kind = background_choice.OFFERED[
        values.get("background", [background_choice.DEFAULT_BACKGROUND])[0]
    ]
    if kind == "contrast":
        values.setdefault(
            "contrast",
            [background_choice.default_contrast(study, study.dataset.row(values["sample"][0]))],
        )
    names = [cohort_filters.parse_saved(word).name for word in values.get("cohort", [])]
    if kind == "cohort" and names:
        _require(values, rules((replace(MEMBERS, values=names),), view))
        values.setdefault("members", names[:1])


def _set_first_filter(values: Values, view: PageState) -> None:
    """Set the filter with which the Cohorts page begins."""
    if view.page == "cohorts" and "filter" not in values and values.get("cohort"):
        values["filter"] = [cohort_filters.parse_saved(values["cohort"][0]).filter]


def _audit(values: Values, allowed: Mapping[str, ParamRule]) -> None:
    """Raise InvalidInput if a value does not fit the rules of a page or has no rule."""
    _require(values, allowed)
    strange = [key for key in values if key not in {*allowed, *KEYS} and not key.startswith(FREE)]
    several = len(strange) > 1
    check(
        not strange,
        f"In the link, {', '.join(f'`{key[:60]}`' for key in strange[:8])}: this page has no such "
        f"setting{'s' if several else ''}, or not for this model. Leave {'them' if several else 'it'} "
        "out.",
    )
    for key in (key for key in values if key.startswith(FREE)):
        with naming(f"In the link, `{key}`"):
            visible_range.parse_visible(values[key][-1])


def _require(values: Values, allowed: Mapping[str, ParamRule]) -> None:
    problems = validate(values, allowed)
    check(
        not problems,
        " ".join(
            entry.message.removesuffix(f" {allowed[key].fallback_text}")
            for key, entry in problems.items()
        ),
    )
