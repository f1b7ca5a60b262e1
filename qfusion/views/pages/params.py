"""Parameters of a page: kinds, validation, defaults."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from qfusion._checks import check, choose, require_number
from qfusion.data.own_samples import PREFIX
from qfusion.errors import NotFound, QFusionError
from qfusion.views.pages.page_state import PageState


@dataclass(frozen=True)
class ParamRule:
    """Rule for the values of one query parameter.

    Attributes:
        test: raises a QFusionError for a value that does not fit.
        fallback_text: sentence that says what happens instead.
        many: whether the parameter may be repeated, once for each value; an empty value then means "none chosen".
    """

    test: Callable[[str], object]
    fallback_text: str
    many: bool = False


@dataclass(frozen=True)
class ParamError:
    """Values of a query parameter that do not fit.

    Attributes:
        message: one sentence for the reader.
        valid: the values that do fit.
    """

    message: str
    valid: tuple[str, ...] = ()


def validate(
    query: Mapping[str, Sequence[str]], allowed: Mapping[str, ParamRule]
) -> dict[str, ParamError]:
    """Return an error for each parameter in `query` whose values do not fit its rule, by parameter.

    Args:
        query: all values of each parameter. If one that may not be repeated is, its last value counts.
        allowed: the rules by parameter.
    """
    problems = {}
    for key, rule in allowed.items():
        values = list(query.get(key, ()))
        if not values or (rule.many and values == [""]):
            continue
        if rule.many or len(values) == 1:
            problem = _check_values(key, values, rule)
        else:
            problem = _check_repeated(key, values, rule)
        if problem is not None:
            problems[key] = problem
    return problems


def _check_repeated(key: str, values: Sequence[str], rule: ParamRule) -> ParamError:
    """Return the error of a parameter that is repeated although it may not be: its last value counts."""
    message = f"In the link, `{key}` occurs {len(values)} times; the last one is used."
    problem = _check_values(key, values[-1:], rule)
    if problem is None:
        return ParamError(message, (values[-1],))
    return ParamError(f"{message} {problem.message}")


def _check_values(key: str, values: Sequence[str], rule: ParamRule) -> ParamError | None:
    """Return the error of a parameter if some of its values do not fit, or None."""
    valid: list[str] = []
    reasons: list[str] = []
    for value in dict.fromkeys(values):
        try:
            rule.test(value)
        except QFusionError as error:
            reasons.append(str(error))
        else:
            valid.append(value)
    if not reasons:
        return None
    message = f"In the link, `{key}`: {reasons[0]}"
    if len(reasons) > 1:
        message += f" {len(reasons) - 1} more are invalid."
    if not valid:
        message += f" {rule.fallback_text}"
    return ParamError(message, tuple(valid))


def always(*_: Any, **__: Any) -> bool:
    """Return True for any arguments: the condition of whatever a page always shows."""
    return True


# The kinds of choices.


@dataclass(frozen=True, eq=False)
class Param:
    """A choice of the reader, of any kind.

    Attributes:
        key: parameter of the address, and key of the widget.
        label: its name on pages and in errors.
        fallback_text: sentence that says what happens where a link holds a value that does not fit.
        help: its help, as markdown.
        fits: from a study to whether the study has this choice.
        style: further arguments of the widget, such as its width or format.
        many: whether it may have several values.
    """

    key: str
    label: str
    fallback_text: str = ""
    help: str = ""
    fits: Callable[[Any], bool] = field(default=always, kw_only=True)
    style: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    many: bool = field(default=False, kw_only=True)

    def rule(self, study: Any = None) -> ParamRule:
        """Return the rule for links to a study."""
        return ParamRule(lambda value: self.require(study, value), self.fallback_text, self.many)

    def require(self, study: Any, value: str) -> None:
        """Raise a QFusionError if a link to a study may not hold a value. Here any value fits."""

    def read(self, texts: Sequence[str]) -> Any:
        """Return the widget's value for the values of a link, which fit.

        Raises:
            ValueError: when they do not.
        """
        if self.many:
            return [text for text in texts if text]
        return texts[-1]

    def __call__(self, view: PageState) -> Any:
        """Return the value that a page's state has, as builders of panels take it; None where it has none.

        Raises:
            InvalidInput: when the value does not fit.
        """
        value = view.all(self.key) if self.many else view.get(self.key)
        return value or None


@dataclass(frozen=True, eq=False)
class SelectParam(Param):
    """One of several options, or a subset of them.

    Attributes:
        values: the options, or a function that returns them for a study; the keys of `meanings` if there are none.
        default: the option that is chosen at first; the first option if empty.
        empty: whether no option may be chosen.
        look: "segments", "list", "pills", "steps" or "tabs".
        checked: whether the rule refuses other values; if not, the page itself reports a value that does not fit.
        meanings: the value that each option stands for, by option or as a function of it.
        present: from a value of a link to its present name, where older links have another one.
        titles: returns the texts of options that a list shows in their place, by option.
    """

    values: Iterable[str] | Callable[[Any], Iterable[str]] = ()
    default: str = field(default="", kw_only=True)
    empty: bool = field(default=False, kw_only=True)
    look: str = field(default="list", kw_only=True)
    checked: bool = field(default=True, kw_only=True)
    meanings: Mapping[str, Any] | Callable[[str], Any] = field(default=str, kw_only=True)
    present: Callable[[str], str] = field(default=str, kw_only=True)
    titles: Callable[[], Mapping[str, str]] = field(default=dict, kw_only=True)

    def options(self, study: Any = None) -> list[str]:
        """Return the options for a study."""
        values = self.values(study) if callable(self.values) else self.values
        if not values and isinstance(self.meanings, Mapping):
            values = self.meanings
        return [str(value) for value in values]

    def value(self, option: str) -> Any:
        """Return the value that an option represents.

        Raises:
            NotFound: when there is no such option.
        """
        if isinstance(self.meanings, Mapping):
            return self.meanings[choose(self.label, option, self.meanings)]
        return self.meanings(option)

    def is_one_of(self, *options: str) -> Callable[[PageState], bool]:
        """Return a condition on a page's state: one of these options is chosen. Without a choice the first one is."""
        known = self.options()
        return lambda view: view.option(self.key, known) in options

    def require(self, study: Any, value: str) -> None:
        """See `Param.require`."""
        if self.checked:
            choose(self.label, self.present(value), self.options(study))

    def read(self, texts: Sequence[str]) -> Any:
        """See `Param.read`."""
        return super().read([self.present(text) for text in texts])

    def __call__(self, view: PageState) -> Any:
        """See `Param.__call__`."""
        option = super().__call__(view)
        if not option:
            return option
        if self.many:
            return [self.present(name) for name in option]
        return self.value(self.present(option))


def whole_number(key: str, low: int, high: int) -> Callable[[str], int]:
    """Return a function that reads a text as a whole number in [low, high], or raises InvalidInput naming `key`."""
    return lambda text: round(require_number(key, text, low, high))


@dataclass(frozen=True, eq=False)
class SwitchParam(Param):
    """On or off; of a part of a page that can be folded, open or closed.

    Attributes:
        default: its first value.
        look: "toggle" or "box".
    """

    default: bool = False
    look: str = field(default="toggle", kw_only=True)

    def require(self, study: Any, value: str) -> None:
        """See `Param.require`."""
        choose(self.label, value, ("true", "false"))

    def read(self, texts: Sequence[str]) -> bool:
        """See `Param.read`."""
        return texts[-1] == "true"

    def __call__(self, view: PageState) -> bool | None:
        """See `Param.__call__`."""
        text = view.get(self.key)
        return text == "true" if text else None

    def opens(self, view: PageState) -> bool:
        """Return whether the toggle is on or the folded part is open."""
        return view.get(self.key, str(self.default).lower()) == "true"


@dataclass(frozen=True, eq=False)
class NumberParam(Param):
    """A number in [low, high].

    Attributes:
        low, high: its range.
        default: its first value.
        step: of the widget.
        whole: whether it is a whole number.
        look: "slider" or "box".
    """

    low: float = 0.0
    high: float = 1.0
    default: float = 0.0
    step: float | None = None
    whole: bool = False
    look: str = field(default="slider", kw_only=True)

    def require(self, study: Any, value: str) -> None:
        """See `Param.require`."""
        require_number(self.label, value, self.low, self.high)

    def read(self, texts: Sequence[str]) -> float:
        """See `Param.read`."""
        number = float(texts[-1])
        return round(number) if self.whole else number

    def __call__(self, view: PageState) -> float | None:
        """See `Param.__call__`."""
        value = view.values.get(self.key)
        if not isinstance(value, int | float):
            value = view.get(self.key)
        if value == "":
            return None
        number = require_number(self.key[:60], value, self.low, self.high)
        return round(number) if self.whole else number


@dataclass(frozen=True, eq=False)
class TextParam(Param):
    """A text.

    Attributes:
        most: the largest number of characters.
        test: given a study and a text, raises a QFusionError if the text does not fit.
    """

    most: int = 20_000
    test: Callable[[Any, str], object] = field(default=always, kw_only=True)

    def require(self, study: Any, value: str) -> None:
        """See `Param.require`."""
        check(
            len(value) <= self.most,
            f"{self.label} has at most {self.most:,} characters, but this one has {len(value):,}. Shorten it.",
        )
        self.test(study, value)


@dataclass(frozen=True, eq=False)
class SampleParam(Param):
    """A sample of the data set, by its id."""

    def __call__(self, view: PageState) -> Any:
        """See `Param.__call__`. An empty box has no value."""
        ids = super().__call__(view)
        return None if ids == [""] else ids

    def require(self, study: Any, value: str) -> None:
        """See `Param.require`."""
        check(
            not value.startswith(PREFIX) or bool(study.dataset.known_ids([value])),
            f"Sample {value[:40]!r} was made by a visitor and lives in another session. Choose one of the data set.",
            NotFound,
        )
        study.dataset.row(value)


# Parameters that depend on the page's state and the study, such as one for each modality.
ParamFamily = Callable[[Any, Any], Iterable[Param]]


def rules(
    parts: Iterable[Param | ParamFamily], view: PageState, study: Any = None
) -> dict[str, ParamRule]:
    """Return the rules of the parameters that a study has, by parameter.

    Args:
        parts: parameters and families of parameters.
        view: the page's state, which families read.
        study: the model on its data; None on a page without one.
    """
    result = {}
    for part in parts:
        params = (part,) if isinstance(part, Param) else part(view, study)
        for param in params:
            if param.fits(study):
                result[param.key] = param.rule(study)
    return result


def unknown_params(
    view: PageState,
    starts: tuple[str, ...],
    known: Container[str],
    refuse: Callable[..., object],
) -> list[TextParam]:
    """Return a parameter for each key of a page's state that the study does not have.

    Args:
        view: the page's state.
        starts: prefixes of the keys of the page.
        known: keys that the study has.
        refuse: given a key, the study and the value, raises a QFusionError that says why.
    """
    return [
        TextParam(key, key, "It is ignored.", test=partial(refuse, key))
        for key in view.values
        if key.startswith(starts) and key not in known
    ]
