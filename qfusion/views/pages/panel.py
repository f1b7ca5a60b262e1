"""A panel: a function from a sample, and the reader's choices, to a figure with its text and table.

Views become panels by `make_panel` and `drawn`."""

import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.explain import stability
from qfusion.study import jobs
from qfusion.views.pages.page_state import PageState
from qfusion.views.pages.params import NumberParam, Param, SelectParam, SwitchParam, always
from qfusion.views.view import Slider, View, choices_of, view_name

# of a builder whose last pictures are kept for all who ask, as those of the samples around the one that is read
cached = memo(24)


Read = Callable[[PageState], Any]  # of an option: its value, None where the address does not say it


# which terms of a decision are drawn
TERMS = SelectParam(
    "as",
    "Lower panel",
    "Contributions are shown.",
    "Contributions separate single modalities from joint terms. Shapley values split the joint "
    "terms among the modalities.",
    stability.TERM_KINDS,
    look="segments",
)
# of a panel that is measured on samples drawn at random unless all are asked for
EVERYONE = SelectParam(
    "measured",
    "Samples of slow figures",
    "A random subset is used.",
    "Slow measures use samples drawn at random, the same each time, and say so. All samples are computed in the "
    "background while the page stays usable.",
    meanings={jobs.DRAWN: None, jobs.ALL: True},
    look="segments",
)
Opens = Callable[
    [PageState], bool
]  # whether the part of a page in which a panel stands is open under an address


def all_open(*conditions: Opens) -> Opens:
    """Return whether all of these are open."""
    return lambda view: all(is_open(view) for is_open in conditions)


def needs(*protocols: type, where: Callable[[Any], object] = always) -> Callable[..., bool]:
    """Return the condition that a sample's or study's model has some parts, and that `where` holds of the study.

    Args:
        protocols: of `models.protocols`.
        where: condition on the study.
    """

    def fits(scope: Any, **_: Any) -> bool:
        study = getattr(scope, "study", scope)
        return all(study.model.part(protocol) for protocol in protocols) and bool(where(study))

    return fits


# Conditions of panels: whether the model of a sample or study reads features, and whether the truth of all samples is
# known.
reads_features = needs(where=lambda study: study.reads_features)
has_truth = needs(where=lambda study: study.has_truth)


@dataclass(frozen=True)
class Panel:
    """Panel of a page, or several panels whose names begin alike.

    Attributes:
        build: from a scope and options to a `View`.
        options: by argument of `build`, how the address says it.
        fixed: arguments that are the same whatever the address says.
        rest: the argument that the end of the panel's name gives, where several begin alike; or what reads more
            arguments from it.
        conditions: options that only `fits` has.
        fits: from the scope and the options to whether there is something to show; pages and command line ask it
            alike.
        opens: from an address to whether the part of the page in which it stands is open.
        endings: from an address and the scope to the ends of the names, where several begin alike.
        below: whether its page draws it below all else that is open; without it the page lays it out itself, beside
            another or with controls.
        scope: what it is built from: "sample" (an `study.sample.Sample`), "study" (an
            `study.study.Study`), or another of `scopes.SCOPES`.
    """

    build: Callable[..., View]
    options: Mapping[str, Read] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    rest: str | Callable[[PageState, str], Mapping[str, Any]] = ""
    conditions: Mapping[str, Read] = field(default_factory=dict)
    fits: Callable[..., bool] = always
    opens: Opens = always
    endings: Callable[[PageState, Any], Iterable[str]] = lambda view, scope: ("",)
    below: bool = False
    scope: str = "sample"

    @property
    def is_cached(self) -> bool:
        """Whether its last results are cached."""
        build = getattr(self.build, "func", self.build)  # a partial function of a view
        return hasattr(build, "__wrapped__")  # `memo` wraps it

    def arguments(self, view: PageState, rest: str = "") -> dict[str, Any]:
        """Return the arguments of `build` after the scope, as an address says them.

        Args:
            view: the page's address.
            rest: the end of the panel's name, where it is one of several.

        Raises:
            InvalidInput: when the address says what cannot be an option.
        """
        check(
            bool(rest) == bool(self.rest),
            f"There is no panel whose name ends in '{rest[:60]}'. Copy the link again.",
        )
        if callable(self.rest):
            ending: Mapping[str, Any] = self.rest(view, rest)
        elif self.rest:
            ending = {self.rest: rest}
        else:
            ending = {}
        return {**self.fixed, **ending, **_read_options(self.options, view)}

    def is_fitting(self, view: PageState, scope: Any, rest: str = "") -> bool:
        """Return whether there is something to show of a scope, in whichever part of the page; arguments and errors
        are those of `arguments`.
        """
        return self.fits(
            scope, **self.arguments(view, rest), **_read_options(self.conditions, view)
        )

    def is_shown(self, view: PageState, scope: Any, rest: str = "") -> bool:
        """Return whether the page shows it of a scope under an address; other arguments are those of `arguments`."""
        return self.opens(view) and self.is_fitting(view, scope, rest)


def _read_options(options: Mapping[str, Read], view: PageState) -> dict[str, Any]:
    """Return the values of options in the address."""
    return {name: value for name, read in options.items() if (value := read(view)) is not None}


def make_panel(
    function: Callable[..., View],
    shared: Mapping[str, Param] | None = None,
    *,
    fits: Callable[..., bool] = always,
    opens: Opens = always,
    below: bool = False,
) -> Panel:
    """Return the panel of a view.

    Args:
        function: the view.
        shared: choices that views of the page share, by the name that the view gives them. Of the others, controls are
            made from their types.
        fits, opens, below: see `Panel`.

    Raises:
        TypeError: when a choice is neither `bool`, a `Literal` of texts, nor a `float` with a `Slider`.
    """
    choices = choices_of(function)
    own = {
        name: _make_param(f"{view_name(function)}.{name}", name, *choice)
        for name, choice in choices.items()
        if name not in (shared or {})
    }
    first = next(iter(typing.get_type_hints(function)))
    return Panel(
        drawn(function),
        {**(shared or {}), **own},
        fits=fits,
        opens=opens,
        below=below,
        scope="study" if first == "study" else "sample",
    )


@cache
def drawn(function: Callable[..., View]) -> Callable[..., View]:
    """Return a view whose last results are cached, the same for all who ask for it."""
    return memo(24)(partial(draw_view, view=function))


def draw_view(scope: Any, *, view: Callable[..., View], **choices: Any) -> View:
    """Return what a view shows of a sample or study, with its name."""
    made = view(scope, **choices)
    return made if made.name else replace(made, name=view_name(view))


def _make_param(key: str, name: str, hint: Any, default: Any) -> Param:
    label = name.replace("_", " ").capitalize()
    fallback = f"{default} is used."
    if hint is bool:
        return SwitchParam(key, label, fallback, default=default)
    if typing.get_origin(hint) is typing.Literal:
        options = typing.get_args(hint)
        return SelectParam(key, label, fallback, values=options, default=default, look="segments")
    sliders = [part for part in typing.get_args(hint) if isinstance(part, Slider)]
    if not sliders:
        raise TypeError(
            f"Choice `{name}` must be a bool, a Literal of texts, or an Annotated[float, Slider(low, high)], but is "
            f"{hint}."
        )
    return NumberParam(
        key, label, fallback, low=sliders[0].low, high=sliders[0].high, default=default
    )
