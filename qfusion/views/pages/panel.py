"""A panel: a view on a page, with the reader's choices as the address of the page says them.

Pages list views with `panels`; the choices of each are the keyword-only arguments of its function."""

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.views.pages.page_state import PageState
from qfusion.views.pages.params import NumberParam, Param, SelectParam, SwitchParam, always
from qfusion.views.view import Slider, View, choices_of, view_name

# of a builder whose last pictures are kept for all who ask, as those of the samples around the one that is read
cached = memo(24)


Read = Callable[[PageState], Any]  # of an option: its value, None where the address does not say it


# whether the part of a page in which a panel stands is open under an address
Opens = Callable[[PageState], bool]
ViewFunction = Callable[..., View]


def all_open(*conditions: Opens) -> Opens:
    """Return whether all of these are open."""
    return lambda view: all(is_open(view) for is_open in conditions)


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
            `study.study.Study`), or another of `page_state.SCOPES`.
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

    @property
    def choices(self) -> list[Param]:
        """The parameters of links that its options and conditions read."""
        readers = (*self.options.values(), *self.conditions.values())
        return [reader for reader in readers if isinstance(reader, Param)]

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


@dataclass(frozen=True)
class Place:
    """Where a page draws a view: below all else, in a tab if the page has tabs; `fits` as of `Panel`."""

    page: str
    tab: str = ""
    fits: Callable[..., bool] = always


PLACED: dict[ViewFunction, Place] = {}  # views that name their place themselves


def on_page(title: str, tab: str = "", fits: Callable[..., bool] = always) -> Any:
    """Decorate a view: a page draws it below all else, with the controls of its choices.

    Args:
        title: of the page.
        tab: of the page; any if empty.
        fits: see `Panel`.
    """

    def place(view: ViewFunction) -> ViewFunction:
        PLACED[view] = Place(title.lower(), tab, fits)
        return view

    return place


def panels(*views: ViewFunction | Mapping[str, ViewFunction], **shared: Any) -> dict[str, Panel]:
    """Return the panels of views by name, in order.

    Args:
        views: functions of views; or by the names of their panels, where these are not those of the functions.
        shared: arguments of `make_panel` that all have.
    """
    named: dict[str, ViewFunction] = {}
    for view in views:
        named.update(view if isinstance(view, Mapping) else {view_name(view): view})
    return {name: make_panel(view, **shared) for name, view in named.items()}


def variants(view: ViewFunction, name: str, **values: Iterable[str]) -> dict[str, ViewFunction]:
    """Return a view for each value of one of its arguments, by the names of their panels.

    Args:
        view: the function.
        name: template of the names, with `{}` for the value.
        values: of the one argument.
    """
    [(argument, options)] = values.items()
    return {
        name.format(option.replace("_", "-")): partial(view, **{argument: option})
        for option in options
    }


def make_panel(view: ViewFunction, *, cached: bool = True, **more: Any) -> Panel:
    """Return the panel of a view. Its options are the choices in the view's signature.

    Args:
        view: a function whose first argument has the name of the panel's scope; or a `functools.partial` of it with
            the arguments that are fixed.
        cached: whether its last results are kept.
        more: further attributes of the `Panel`.

    Raises:
        TypeError: when a keyword-only argument is no choice.
    """
    fixed = view.keywords if isinstance(view, partial) else {}
    function = view.func if isinstance(view, partial) else view
    options = {
        name: _read_choice(f"{view_name(function)}.{name}", name, *choice)
        for name, choice in choices_of(function).items()
        if name not in fixed
    }
    return Panel(
        drawn(function) if cached else partial(draw_view, view=function),
        options,
        fixed,
        scope=next(iter(inspect.signature(function).parameters)),
        **more,
    )


@cache
def drawn(function: Callable[..., View]) -> Callable[..., View]:
    """Return a view whose last results are cached, the same for all who ask for it."""
    return memo(24)(partial(draw_view, view=function))


def draw_view(scope: Any, *, view: Callable[..., View], **choices: Any) -> View:
    """Return what a view shows of a sample or study, with its name."""
    made = view(scope, **choices)
    return made if made.name else replace(made, name=view_name(view))


def _read_choice(key: str, name: str, hint: Any, default: Any) -> Read:
    """Return the choice that the type of a keyword argument names, or makes one of `bool`, `Literal` or `Slider`.

    Args:
        key, name: of the choice that is made, and of the argument.
        hint, default: type and default of the argument.
    """
    label = name.replace("_", " ").capitalize()
    fallback = f"{default} is used."
    if hint is bool:
        return SwitchParam(key, label, fallback, default=default)
    if typing.get_origin(hint) is typing.Literal:
        options = typing.get_args(hint)
        return SelectParam(key, label, fallback, values=options, default=default, look="segments")
    for part in getattr(hint, "__metadata__", ()):
        if isinstance(part, Slider):
            return NumberParam(key, label, fallback, low=part.low, high=part.high, default=default)
        if callable(part):
            return part
    raise TypeError(
        f"Choice `{name}` must be a bool, a Literal of texts, an Annotated[float, Slider(low, high)], or name a choice "
        f"as Annotated[str, CHOICE], but is {hint}."
    )
