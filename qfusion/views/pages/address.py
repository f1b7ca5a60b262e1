"""A page under a complete address: the choices of every page, and the default of each that a link leaves open."""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qfusion import data
from qfusion._checks import check, choose
from qfusion.errors import NotFound, QFusionError, default_on_error
from qfusion.explain import cohort_filters
from qfusion.figures.files import recipe
from qfusion.models.protocols import Evolution
from qfusion.models.tweak import learned_values
from qfusion.study import compare, opening, sample
from qfusion.study.opening import find_misfit
from qfusion.study.study import Study
from qfusion.training import checkpoint_cards
from qfusion.views.pages.page_state import (
    PREDICTED,
    Address,
    PageState,
    Pin,
    is_guide,
    parse_pin,
    parse_slider_tweak,
    parse_tweak,
)
from qfusion.views.pages.params import (
    ParamRule,
    SampleParam,
    SelectParam,
    TextParam,
    rules,
    validate,
)
from qfusion.views.words.names import ModelName, name_model, with_id

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
    kind = opening.OFFERED[values.get("background", [opening.DEFAULT_BACKGROUND])[0]]
    if kind == "contrast":
        values.setdefault(
            "contrast",
            [opening.default_contrast(study, study.dataset.row(values["sample"][0]))],
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
            recipe.parse_visible(values[key][-1])


def _require(values: Values, allowed: Mapping[str, ParamRule]) -> None:
    problems = validate(values, allowed)
    check(
        not problems,
        " ".join(
            entry.message.removesuffix(f" {allowed[key].fallback_text}")
            for key, entry in problems.items()
        ),
    )


MOST_PAIRS = 30  # classes of which every pair is offered


DEFAULT_MODEL = "qj-planted"  # the model that is shown by default


def models() -> list[str]:
    """Return the names of the checkpoints that pages can show, the default one first.

    Raises:
        NotFound: when there is none.
    """
    names = checkpoint_cards.available()
    if not names:
        raise NotFound(
            "There is no trained model yet. Train the shipped ones with `python scripts/train_models.py`."
        )
    return sorted(names, key=lambda name: (name != DEFAULT_MODEL, name))


def model_names() -> dict[str, ModelName]:
    """Return the names of all models in lists, by id, grouped by system."""
    names = [
        name_model(name, _readable_card(path), shipped=checkpoint_cards.is_shipped(path))
        for name, path in checkpoint_cards.card_paths().items()
    ]
    return {name.id: name for name in sorted(names)}


@default_on_error({})
def _readable_card(path: Path) -> Mapping[str, Any]:
    return checkpoint_cards.read_card(path)


def data_names() -> dict[str, str]:
    """Return the names in lists of the data sets that are on this machine, by id."""
    return {name: with_id(title, name) for name, title in data_titles().items()}


def data_titles() -> dict[str, str]:
    """Return the titles of the data sets that are on this machine, by id."""
    return {source.name: source.title for source in data.available() if source.available}


def sources() -> list[str]:
    """Return names of the data sets that are on this machine."""
    return [source.name for source in data.available() if source.available]


def sources_with_features() -> list[str]:
    """Return names of the data sets on this machine that models can be trained on: all but measured games."""
    return [name for name in sources() if not data.registry.is_game(name)]


def test_data(name: str) -> None:
    """Raise NotFound if there is no data set of this name on this machine."""
    known = {source.name: source for source in data.available()}
    result = known[choose("Data set", name, known)]
    if not result.available:
        raise NotFound(f"Data set '{name}' is not on this machine. {result.reason} {result.remedy}")


# What a reader chooses on every page that shows a model; "cohort" and "pin" have no widget.
MODEL = SelectParam(
    "model",
    "Model",
    "The default model is shown.",
    "A trained checkpoint. Data set and test metrics follow it.",
    lambda _: models(),
    style={"width": 190},
    titles=lambda: {name: shown.option for name, shown in model_names().items()},
)
DATA = TextParam(
    "data",
    "Data",
    "The model's own data are shown.",
    "A data set on this machine. The model follows it.",
    test=lambda _, name: test_data(name),
    style={"width": 160},
)
SAMPLE = SampleParam("sample", "Sample", "A default sample is shown.", style={"width": 170})
OUTPUT = SelectParam(
    "output",
    "Explained output",
    "The predicted class is explained.",
    "Contributions sum to the log-odds of this class against all others, or of class A against B "
    "(written A:B).",
    lambda study: [PREDICTED, *offered_outputs(study.classes)],
    fits=lambda study: bool(study.classes),
    style={"width": 150},
)
BACKGROUND = SelectParam(
    "background",
    "Background",
    "The default background is used.",
    "Replacement of absent modalities when contributions are computed: the training samples with "
    "each modality drawn independently (product of marginals); the training samples as they are; "
    "maximally mixed states; the reference state |0⟩; one other sample, for “why this decision "
    "rather than that one?”; or a cohort saved on the Cohorts page.",
    meanings=opening.OFFERED,
    style={"width": 190},
)
CONTRAST = SampleParam(
    "contrast", "Rather than sample", "Another sample is the background.", style={"width": 170}
)
MEMBERS = SelectParam(
    "members", "Cohort", "The first saved cohort is the background.", style={"width": 170}
)
ROWS = SelectParam("rows", "Rows", "Some of the rows are used.", values=(opening.ALL_ROWS,))
PICKERS = (MODEL, DATA, SAMPLE, OUTPUT, BACKGROUND, CONTRAST, MEMBERS, ROWS)
KEYS = (*(control.key for control in PICKERS), "cohort", "pin")


def offered_outputs(classes: Sequence[str]) -> list[str]:
    """Return the texts of all classes, and of all pairs of more than two, see `study.sample`."""
    names = tuple(classes)
    texts = [*names]
    if 2 < len(names) <= MOST_PAIRS:
        pairs = itertools.permutations(range(len(names)), 2)
        texts += [str(sample.Output(first, second, names)) for first, second in pairs]
    return texts


def own_data(model: str) -> str:
    """Return the name of the data set that a model was trained on."""
    return str(opening.load_checkpoint(model).card["data"]["name"])


def offered_models(known: Collection[str]) -> list[str]:
    """Return the models that menus offer: those trained on one of the `known` data sets, and damaged ones, which are
    named when they are picked.
    """
    cards = checkpoint_cards.card_paths()
    data = {name: _readable_card(cards[name]).get("data", {}).get("name") for name in models()}
    return [name for name, own in data.items() if own is None or own in known]


def trained_models(data_name: str) -> Iterator[str]:
    """Yield the models that were trained on a data set."""
    for name in models():
        with suppress(QFusionError):  # a damaged checkpoint is named when it is picked
            # the card says it without the weights, which are read of a model that could be one
            if checkpoint_cards.load_card(name)["data"]["name"] == data_name == own_data(name):
                yield name


@default_on_error("")
def misfit(model: str, data_name: str) -> str:
    """Return why a model does not fit a data set; empty when it does or either cannot be loaded, which shows later.
    Both are names: readers give them."""
    choose("Model", model, models())
    choose("Data set", data_name, sources())
    return find_misfit(dict(opening.load_checkpoint(model).card), data.load(data_name))


def default_sample(study: Study) -> str:
    """Return the sample with which a page opens: the one that the model's card names, or else the most telling
    conflict, or else the first of the other examples, or else the first test sample.
    """
    if named := study.dataset.known_ids([str(study.card.get("opening", ""))]):
        return named[0]
    if study.opening_sample:
        return study.opening_sample
    examples = compare.find_examples(study)
    if not examples:
        return str(study.dataset.ids[study.dataset.rows("test")[0]])
    return next((one for one in examples if one.kind == "conflict"), examples[0]).sample


def resolve_pin(pin: Pin) -> tuple[Study, int]:
    """Return the model on its data and the row that a pin names.

    Raises:
        NotFound: when there is no such model, data set or sample here.
        InvalidInput: when the model does not take the data, or the tweak does not fit the model.
    """
    choose("Model", pin.model, models())
    choose("Data set", pin.data, sources())
    study = opening.open_study(pin.model, pin.data)
    parse_tweak(study, pin.tweak)
    return study, study.dataset.row(pin.sample)
