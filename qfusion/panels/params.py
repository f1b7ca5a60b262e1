"""Parameters of a page: kinds, validation, defaults.

A parameter is one choice of the reader, defined once: its key in the address, its label, its options, its default and
its help. The widget of a page (`ui.widgets`), the rule for links (`Param.rule`) and the argument of a panel
(`Param.__call__`) all come from this definition. No widget is known here.

    SPLIT = SelectParam("split", "Split", [*SPLITS, "all"], fallback_text="The test split is shown.", default="test")
    SPLIT.rule().test("train")                            # raises if a link may not hold it
    SPLIT(PageState("samples", {"split": "train"}))       # "train"; None where the address does not set it
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from qfusion._checks import check, choose, require_number
from qfusion.data.own import PREFIX
from qfusion.errors import NotFound, QFusionError
from qfusion.panels.page_state import PageState


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
    """Returns an error for each parameter in `query` whose values do not fit its rule, by parameter.

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
    """Returns the error of a parameter that is repeated although it may not be: its last value counts."""
    message = f"In the link, `{key}` stands {len(values)} times; the last one counts."
    problem = _check_values(key, values[-1:], rule)
    if problem is None:
        return ParamError(message, (values[-1],))
    return ParamError(f"{message} {problem.message}")


def _check_values(key: str, values: Sequence[str], rule: ParamRule) -> ParamError | None:
    """Returns the error of a parameter some of whose values do not fit, or None."""
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
        message += f" {len(reasons) - 1} more do not fit either."
    if not valid:
        message += f" {rule.fallback_text}"
    return ParamError(message, tuple(valid))


def always(*_: Any, **__: Any) -> bool:
    """Returns True for any arguments: the condition of whatever a page always shows."""
    return True


# The kinds of choices.


@dataclass(frozen=True, eq=False)
class Param:
    """A choice of any kind.

    Attributes:
        key: parameter of the address, and key of the widget.
        label: what pages and errors call it.
        fallback_text: sentence that says what happens where a link holds a value that does not fit.
        help: what it is for, as markdown.
        fits: from a study to whether there is such a choice.
        style: what the widget is told besides, such as its width or format.
        many: whether several values may stand in an address.
    """

    key: str
    label: str
    fallback_text: str = ""
    help: str = ""
    fits: Callable[[Any], bool] = field(default=always, kw_only=True)
    style: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    many: bool = field(default=False, kw_only=True)

    def rule(self, study: Any = None) -> ParamRule:
        """Returns what a link may hold of a study."""
        return ParamRule(lambda value: self.require(study, value), self.fallback_text, self.many)

    def require(self, study: Any, value: str) -> None:
        """Raises a QFusionError where a link may not hold a value of a study; any, unless a kind of choice says so."""

    def __call__(self, view: PageState) -> Any:
        """Returns what an address says of it, as builders take it; None where it says nothing.

        Raises:
            InvalidInput: when it says what cannot be.
        """
        return (view.all(self.key) if self.many else view.get(self.key)) or None


@dataclass(frozen=True, eq=False)
class SelectParam(Param):
    """One of several words, or some of them.

    Attributes:
        values: the words, or what gives them from a study; all of `read` unless told.
        default: that is taken unless another is chosen; the first where none is named.
        empty: whether none may be chosen.
        look: "segments", "list", "pills", "steps" or "tabs".
        checked: whether a link may hold its values only; else the page says of a link what does not fit.
        read: what a word stands for: by word, or a function of it.
    """

    values: Iterable[str] | Callable[[Any], Iterable[str]] = ()
    default: str = field(default="", kw_only=True)
    empty: bool = field(default=False, kw_only=True)
    look: str = field(default="list", kw_only=True)
    checked: bool = field(default=True, kw_only=True)
    read: Mapping[str, Any] | Callable[[str], Any] = field(default=str, kw_only=True)

    def options(self, study: Any = None) -> list[str]:
        """Returns the words that may be chosen of a study."""
        values = self.values(study) if callable(self.values) else self.values
        return list(map(str, values or (self.read if isinstance(self.read, Mapping) else ())))

    def value(self, word: str) -> Any:
        """Returns what a word stands for.

        Raises:
            NotFound: when it stands for nothing.
        """
        return (
            self.read[choose(self.label, word, self.read)]
            if isinstance(self.read, Mapping)
            else self.read(word)
        )

    def chosen(self, *words: str) -> Callable[[PageState], bool]:
        """Returns under which addresses one of some words is chosen: the first is unless they say another."""
        known = self.options()
        return lambda view: view.one_of(self.key, known) in words

    def require(self, study: Any, value: str) -> None:
        """See `Param.require`."""
        if self.checked:
            choose(self.label, value, self.options(study))

    def __call__(self, view: PageState) -> Any:
        """See `Param.__call__`."""
        result = super().__call__(view)
        return self.value(result) if result and not self.many else result


def whole_number(key: str, low: int, high: int) -> Callable[[str], int]:
    """What reads a word under a key as a whole number in [low, high]; raises InvalidInput where it is none."""
    return lambda word: round(require_number(key, word, low, high))


@dataclass(frozen=True, eq=False)
class SwitchParam(Param):
    """On or off. Of a part of a page that is folded: whether it is open.

    Attributes:
        default: what it is unless it is turned.
        look: "toggle" or "box".
    """

    default: bool = False
    look: str = field(default="toggle", kw_only=True)

    def require(self, study: Any, value: str) -> None:
        """See `Param.require`."""
        choose(self.label, value, ("true", "false"))

    def __call__(self, view: PageState) -> bool | None:
        """See `Param.__call__`."""
        word = view.get(self.key)
        return word == "true" if word else None

    def opens(self, view: PageState) -> bool:
        """Whether what it folds is open under an address."""
        return view.get(self.key) == "true"


@dataclass(frozen=True, eq=False)
class NumberParam(Param):
    """A number in [low, high].

    Attributes:
        default: that is taken unless another is chosen. step: of the widget. whole: whether it has no fraction.
        look: "slider" or "box".
        plays: whether it is a cursor that can be played, see `panel.played`.
    """

    low: float = 0.0
    high: float = 1.0
    default: float = 0.0
    step: float | None = None
    whole: bool = False
    look: str = field(default="slider", kw_only=True)
    plays: bool = field(default=False, kw_only=True)

    def require(self, study: Any, value: str) -> None:
        """See `Param.require`."""
        require_number(self.label, value, self.low, self.high)

    def __call__(self, view: PageState) -> float | None:
        """See `Param.__call__`."""
        word = view.get(self.key)
        if not word:
            return None
        value = require_number(self.key[:60], word, self.low, self.high)
        return round(value) if self.whole else value


@dataclass(frozen=True, eq=False)
class TextParam(Param):
    """A text of at most `most` characters, which `test` may refuse for a study by raising a QFusionError."""

    most: int = 20_000
    test: Callable[[Any, str], object] = field(default=always, kw_only=True)

    def require(self, study: Any, value: str) -> None:
        """See `Param.require`."""
        check(
            len(value) <= self.most,
            f"{self.label} has at most {self.most:,} characters, but this one has {len(value):,}. Shorten it.",
        )
        self.test(study, value)


def unknown_params(
    view: PageState, starts: tuple[str, ...], known: Container[str], refuse: Callable[..., object]
) -> list[TextParam]:
    """Returns a choice for what an address says under keys that begin like those of a page and that a study does not
    have: `refuse`, given such a key, the study and the value, raises a QFusionError."""
    return [
        TextParam(key, key, "It is ignored.", test=partial(refuse, key))
        for key in view.address
        if key.startswith(starts) and key not in known
    ]


@dataclass(frozen=True, eq=False)
class SampleParam(Param):
    """A sample of the data set, by its id."""

    def __call__(self, view: PageState) -> Any:
        """See `Param.__call__`: an emptied box says nothing."""
        ids = super().__call__(view)
        return None if ids == [""] else ids

    def require(self, study: Any, value: str) -> None:
        """See `Param.require`."""
        check(
            not value.startswith(PREFIX) or bool(study.dataset.known_ids([value])),
            f"Sample {value[:40]!r} was made by a visitor and lives in another session. Load the file that this "
            "session was saved to.",
            NotFound,
        )
        study.dataset.row(value)


# choices that depend on the address, such as one for each setting of a kind of model
ParamFamily = Callable[[Any, Any], Iterable[Param]]


def rules(
    parts: Iterable[Param | ParamFamily], view: PageState, study: Any = None
) -> dict[str, ParamRule]:
    """Returns what an address may say of the choices that a study has, by parameter."""
    return {
        one.key: one.rule(study)
        for part in parts
        for one in ((part,) if isinstance(part, Param) else part(view, study))
        if one.fits(study)
    }
