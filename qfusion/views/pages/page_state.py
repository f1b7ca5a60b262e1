"""The reader's choices on one page as one object, the short texts of pins and tweaks, and the scopes that they open.

A scope is "sample", "study", "sides", "levels", ... A page, a program and a recipe open it by the same call."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from qfusion._checks import check, require_number
from qfusion.explain import backgrounds, cohort_filters
from qfusion.models.protocols import Evolution
from qfusion.models.registry import KINDS, LIVE
from qfusion.models.tweak import COUPLING, DISSIPATION, DURATION, Tweak, learned_values
from qfusion.study import opening, sliders
from qfusion.training import checkpoint, checkpoint_cards

MAX_PIN = 2000


@dataclass(frozen=True)
class Pin:
    """A view by names."""

    model: str
    data: str
    sample: str
    tweak: str = ""

    def __str__(self) -> str:
        return "/".join(
            quote(part, safe=" :=,.+[]()-_|")
            for part in (self.model, self.data, self.sample, self.tweak)
            if part
        )


def parse_pin(text: str) -> Pin:
    """Return a pin from its text; whether its parts exist is checked when they are looked up.

    Raises:
        InvalidInput: when the text does not have three or four parts.
    """
    check(
        len(text) <= MAX_PIN,
        f"The pin has {len(text):,} characters, and at most {MAX_PIN:,} are read. Pin anew.",
    )
    parts = [unquote(part) for part in text.split("/")]
    check(
        len(parts) in (3, 4) and all(part.isprintable() for part in parts) and all(parts[:3]),
        f"Pin {text[:60]!r} must look like `model/data/sample` or `model/data/sample/tweak`. Pin anew.",
    )
    return Pin(*parts)


PREDICTED = "decided class"
FACTORS = (COUPLING, DISSIPATION)  # prefixes of the keys of factors
MAX_TEXT = 20_000  # characters of a value
Address = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class PageState:
    """The reader's choices on one page.

    Links, recipes and programs are texts of it. `get` and `all` read any value as text; a parameter
    (`params.Param`) reads its own value as what it stands for.

    Attributes:
        page: title of the page, in lower case.
        values: by parameter, as an address holds them (a text, or texts where a parameter may be repeated), or as a
            widget holds them (a number, a truth value, ...).
    """

    page: str
    values: Mapping[str, Any]

    def get(self, key: str, default: str = "") -> str:
        """Return the value of a parameter as text; of a repeated one the last."""
        values = self.all(key)
        return values[-1] if values else default

    def all(self, key: str) -> list[str]:
        """Return all values of a parameter as texts.

        Raises:
            InvalidInput: when one is too long.
        """
        if key not in self.values:
            return []
        values = format_value(self.values[key])
        check(
            all(len(value) <= MAX_TEXT for value in values),
            f"Parameter `{key[:60]}` is longer than any of ours. Copy the link again.",
        )
        return values

    def address(self) -> dict[str, list[str]]:
        """Return the values as texts, by parameter."""
        return {key: self.all(key) for key in self.values}

    def option(self, key: str, options: Sequence[str]) -> str:
        """Return the value of a parameter if it is one of `options`, else the first option."""
        value = self.get(key)
        return value if value in options else options[0]

    def require(self, key: str) -> str:
        """Return the value of a parameter that must be set.

        Raises:
            InvalidInput: when it is not set.
        """
        value = self.get(key)
        check(
            bool(value),
            f"The address does not say which {key} it is. Open the page again and copy its link.",
        )
        return value

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.require("model")

    @cached_property
    def card(self) -> dict[str, Any]:
        """The model's card."""
        return checkpoint_cards.load_card(self.model)

    def has_part(self, protocol: type) -> bool:
        """Whether models of this kind have a part, by its protocol of `models.protocols`."""
        kind = self.card["model"]
        model = KINDS.get(kind) or LIVE.get(kind)
        return model is not None and protocol in model.parts

    @property
    def modalities(self) -> list[str]:
        """Names of the modalities, in the model's order."""
        return list(self.card["inputs"])

    @property
    def output(self) -> str:
        """The explained output, see `study.sample.parse`; empty for the decided class and for a regression."""
        value = self.get("output")
        return "" if value == PREDICTED else value

    @property
    def background(self) -> str:
        """Kind of the background."""
        value = self.get("background", opening.DEFAULT_BACKGROUND)
        return opening.OFFERED.get(value, value)

    @property
    def tweak(self) -> str:
        """The reader's changes to the model as text, as `open_sample` takes it.

        It is empty on pages that show the model as trained.
        """
        has_time = self.has_part(Evolution)
        if self.page not in ("dynamics" if has_time else "circuit", "circuit", "compare"):
            return ""
        if not has_time:
            return self.get("phi").strip(" ,")
        keys = [key for key in self.values if key.startswith(FACTORS) or key == DURATION]
        numbers = [(key, self.get(key)) for key in keys]
        return str(Tweak.of(numbers, checkpoint.load(self.model).model))

    @property
    def pin(self) -> Pin:
        """The pinned view."""
        return parse_pin(self.require("pin"))


def format_value(value: Any) -> list[str]:
    """Return a widget's value as an address holds it: a list of texts, [""] for an empty list."""
    if isinstance(value, list | tuple):
        texts = [text for entry in value for text in format_value(entry)]
        return texts or [""]
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, float) and value.is_integer():
        return [str(int(value))]
    return [str(value)]


class Call(NamedTuple):
    """The call that opens a scope.

    Attributes:
        module: the module of the function.
        function: its name.
        positional: its positional arguments, after the scope `of`.
        named: its keyword arguments.
        of: the scope that is its first argument; empty for none.
    """

    module: str
    function: str
    positional: tuple[Any, ...] = ()
    named: Mapping[str, Any] = {}
    of: str = ""

    def text(self) -> str:
        """Return the call as Python source."""
        arguments = [self.of] if self.of else []
        arguments += [repr(value) for value in self.positional]
        arguments += [f"{name}={value!r}" for name, value in self.named.items()]
        return f"{self.function}({', '.join(arguments)})"

    def run(self, scopes: Mapping[str, Any]) -> Any:
        """Return the scope that the call opens.

        Args:
            scopes: the scopes that are open already, by name.
        """
        function = getattr(importlib.import_module(self.module), self.function)
        first = [scopes[self.of]] if self.of else []
        return function(*first, *self.positional, **self.named)


def open_scope(view: PageState, scope: str, known: dict[str, Any] | None = None) -> Any:
    """Return the object that panels are built from under a complete address.

    Args:
        view: the page under the address.
        scope: "study" or one of `SCOPES`.
        known: scopes that are open already, by name; newly opened ones are added.
    """
    scopes = {} if known is None else known
    for name, call in scope_calls(view, scope):
        if name not in scopes:
            scopes[name] = call.run(scopes)
    if scope == "study":
        return scopes["sample"].study
    return scopes[scope]


def scope_calls(view: PageState, scope: str) -> list[tuple[str, Call]]:
    """Return the calls that open a scope, in order, each with the name of the scope that it opens.

    "study" is the study of the scope "sample".
    """
    name = "sample" if scope == "study" else scope
    call = SCOPES[name](view)
    before = scope_calls(view, call.of) if call.of else []
    return [*before, (name, call)]


def _sample(view: PageState) -> Call:
    """Return the call that opens the page's sample, with its background, tweak and output."""
    sample = view.require("sample")
    members = _members(view)
    background = view.background
    if background == backgrounds.DEFAULT or (background == "cohort" and not members):
        background = ""
    arguments = {
        "output": view.output,
        "tweak": view.tweak,
        "background": background,
        "contrast": view.require("contrast") if background == "contrast" else "",
        "members": members,
        "rows": view.get("rows"),
    }
    return Call(
        "qfusion.study.opening",
        "open_sample",
        (view.model, sample, view.require("data")),
        drop_empty(arguments),
    )


def _sides(view: PageState) -> Call:
    """Return the call that opens the pinned view as A beside the page's sample as B."""
    pin = view.pin
    return Call(
        "qfusion.study.compare",
        "compare_samples",
        (pin.model, pin.sample, pin.data),
        drop_empty({"tweak": pin.tweak, "members": _members(view)}),
        "sample",
    )


def _levels(view: PageState) -> Call:
    """Return the call that opens three levels: all samples, those of the filter, and the page's sample."""
    filter = view.get("filter")
    name = ""
    for cohort in map(cohort_filters.parse_saved, view.all("cohort")):
        if cohort.parts == cohort_filters.parse(filter):
            name = cohort.name
            break
    return Call(
        "qfusion.study.performance",
        "compare_cohort",
        (),
        drop_empty({"filter": filter, "output": view.output, "name": name}),
        "sample",
    )


def _members(view: PageState) -> str:
    """Return the saved cohort that is the background; empty for another background or an unknown cohort."""
    if view.background != "cohort":
        return ""
    saved = {cohort_filters.parse_saved(value).name: value for value in view.all("cohort")}
    first = next(iter(saved), "")
    return saved.get(view.get("members", first), "")


def _dataset(view: PageState) -> Call:
    return Call("qfusion.views.pages.data", "open_data_set", tuple(view.all("set")[-1:]))


def _runs(view: PageState) -> Call:
    names = view.all("run")
    return Call("qfusion.study.trainings", "open_runs", (names,) if names else ())


SCOPES: dict[str, Callable[[PageState], Call]] = {
    "sample": _sample,
    "sides": _sides,
    "levels": _levels,
    "dataset": _dataset,
    "runs": _runs,
}


def drop_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries whose value is not empty."""
    return {name: value for name, value in values.items() if value}


# What an address may say of a model's couplings, dissipation and duration: factors from 0 to the top of their sliders.


def slider_tops(model: Any) -> dict[str, float]:
    """Return the highest value of every slider, by key; the lowest is 0."""
    return {key: sliders.slider_range(model, key)[1] for key in learned_values(model)}


def parse_slider_tweak(model: Any, tweak: Tweak | str) -> Tweak:
    """Return a tweak, given as text or not, that the sliders can show.

    Raises:
        InvalidInput, NotFound: when there is no such slider or a number is out of its range.
    """
    result, highest = model.parse_tweak(tweak), slider_tops(model)
    for key, value in result.numbers().items():
        require_number(key, value, 0, highest[key])
    return result


def parse_tweak(study: Any, text: str) -> Any:
    """Return the tweak of a pin or link, as the model takes it.

    Raises:
        InvalidInput, NotFound: when it does not fit the model, or no slider can show it.
    """
    return (
        parse_slider_tweak(study.model, text)
        if study.model.part(Evolution)
        else study.model.parse_tweak(text)
    )


GUIDES = ("tour", "words")


def is_guide(key: str) -> bool:
    """Return whether a parameter guides the reader."""
    return key in GUIDES
