"""A choice of the reader, said once: under which parameter of the address it stands, what it is called, what it may be,
what is taken unless it is made, and what it is for. From it come the widget of a page (`ui.controls`), the rule of what
a link may hold (`Control.rule`), and what a panel reads from an address (a control is called with a view). No widget is
known here.

    SPLIT = Choice("split", "Split", [*SPLITS, "all"], instead="The test split is shown.", default="test")
    SPLIT.rule().test("train")                       # what a link may say
    SPLIT(View("samples", {"split": "train"}))      # "train"; None where the address leaves it open
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from qfusion._checks import check, choose, require_number
from qfusion.data.own import PREFIX
from qfusion.errors import NotFound, QFusionError


@dataclass(frozen=True)
class Allowed:
    """What one query parameter may hold: `test` raises a QFusionError that names a value that does not fit.

    `many`: it may stand in the address several times, once for each value; an empty one says that none is chosen.
    """

    test: Callable[[str], object]
    instead: str
    many: bool = False


@dataclass(frozen=True)
class Problem:
    """What is wrong with a parameter, and the values that are left of it."""

    words: str
    left: tuple[str, ...] = ()


def audit(query: Mapping[str, Sequence[str]], allowed: Mapping[str, Allowed]) -> dict[str, Problem]:
    """Returns what is wrong with every parameter in `query`, keyed by parameter, that does not fit.

    Args:
        query: all values of each parameter. Of one that may stand there once, the last counts.
    """
    problems = {}
    for key, rule in allowed.items():
        values = list(query.get(key, ()))
        if not values or (rule.many and values == [""]):
            continue
        if not rule.many and len(values) > 1:
            fitting = _fitting(key, values[-1:], rule)
            problems[key] = Problem(
                f"In the link, `{key}` stands {len(values)} times; the last one counts."
                + (f" {fitting.words}" if fitting else ""),
                () if fitting else (values[-1],),
            )
        elif problem := _fitting(key, values, rule):
            problems[key] = problem
    return problems


def _fitting(key: str, values: Sequence[str], rule: Allowed) -> Problem | None:
    left, sentence = [], []
    for value in dict.fromkeys(values):
        try:
            rule.test(value)
        except QFusionError as error:
            sentence.append(str(error))
        else:
            left.append(value)
    if not sentence:
        return None
    more = f" {len(sentence) - 1} more do not fit either." if len(sentence) > 1 else ""
    return Problem(
        f"In the link, `{key}`: {sentence[0]}{more}{'' if left else f' {rule.instead}'}",
        tuple(left),
    )


def always(*_: Any, **__: Any) -> bool:
    """Of what stands on its page whatever the address says, or fits every scope."""
    return True


Address = Mapping[str, str | Sequence[str]]
MAX_TEXT = 20_000  # characters of a parameter


@dataclass(frozen=True)
class Parameters:
    """What the address of a page says.

    Attributes:
        page: its title, in small letters. address: values by name, in a list where a name may be repeated.
    """

    page: str
    address: Address

    def get(self, key: str, default: str = "") -> str:
        """Returns the value of a parameter; of a repeated one the last."""
        values = self.all(key)
        return values[-1] if values else default

    def all(self, key: str) -> list[str]:
        """Returns all values of a parameter.

        Raises:
            InvalidInput: when one is too long to be of an address.
        """
        value = self.address.get(key, [])
        values = [value] if isinstance(value, str) else [str(entry) for entry in value]
        check(
            all(len(value) <= MAX_TEXT for value in values),
            f"Parameter `{key[:60]}` is longer than any of ours. Copy the link again.",
        )
        return values

    def one_of(self, key: str, options: Sequence[str]) -> str:
        """Returns the value of a parameter where it is one of `options`, else the first of these."""
        value = self.get(key)
        return value if value in options else options[0]

    def number(self, key: str, default: float, low: float = -1e6, high: float = 1e6) -> float:
        """Returns the value of a parameter as a number.

        Raises:
            InvalidInput: when it is none, or not in [low, high].
        """
        value = self.get(key)
        return require_number(key[:60], value, low, high) if value else default

    def named(self, key: str) -> str:
        """Returns a parameter that the panel cannot do without.

        Raises:
            InvalidInput: when the address does not have it.
        """
        value = self.get(key)
        check(
            bool(value),
            f"The address does not say which {key} it is. Open the page again and copy its link.",
        )
        return value


@dataclass(frozen=True, eq=False)
class Control:
    """A choice of any kind.

    Attributes:
        key: parameter of the address, and key of the widget.
        label: what pages and errors call it.
        instead: what is said to happen where a link holds what does not fit.
        help: what it is for, as markdown.
        fits: from a study to whether there is such a choice.
        style: what the widget is told besides, such as its width or format.
        many: whether several values may stand in an address.
    """

    key: str
    label: str
    instead: str = ""
    help: str = ""
    fits: Callable[[Any], bool] = field(default=always, kw_only=True)
    style: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    many: bool = field(default=False, kw_only=True)

    def rule(self, study: Any = None) -> Allowed:
        """Returns what a link may hold of a study."""
        return Allowed(lambda value: self.require(study, value), self.instead, self.many)

    def require(self, study: Any, value: str) -> None:
        """Raises a QFusionError where a link may not hold a value of a study; any, unless a kind of choice says so."""

    def __call__(self, view: Parameters) -> Any:
        """Returns what an address says of it, as builders take it; None where it says nothing.

        Raises:
            InvalidInput: when it says what cannot be.
        """
        return (view.all(self.key) if self.many else view.get(self.key)) or None


@dataclass(frozen=True, eq=False)
class Choice(Control):
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

    def chosen(self, *words: str) -> Callable[[Parameters], bool]:
        """Returns under which addresses one of some words is chosen: the first is unless they say another."""
        known = self.options()
        return lambda view: view.one_of(self.key, known) in words

    def require(self, study: Any, value: str) -> None:
        """See `Control.require`."""
        if self.checked:
            choose(self.label, value, self.options(study))

    def __call__(self, view: Parameters) -> Any:
        """See `Control.__call__`."""
        result = super().__call__(view)
        return self.value(result) if result and not self.many else result


def whole(key: str, low: int, high: int) -> Callable[[str], int]:
    """What reads a word under a key as a whole number in [low, high]; raises InvalidInput where it is none."""
    return lambda word: round(require_number(key, word, low, high))


@dataclass(frozen=True, eq=False)
class Switch(Control):
    """On or off. Of a part of a page that is folded: whether it is open.

    Attributes:
        default: what it is unless it is turned.
        look: "toggle" or "box".
    """

    default: bool = False
    look: str = field(default="toggle", kw_only=True)

    def require(self, study: Any, value: str) -> None:
        """See `Control.require`."""
        choose(self.label, value, ("true", "false"))

    def __call__(self, view: Parameters) -> bool | None:
        """See `Control.__call__`."""
        word = view.get(self.key)
        return word == "true" if word else None

    def opens(self, view: Parameters) -> bool:
        """Whether what it folds is open under an address."""
        return view.get(self.key) == "true"


@dataclass(frozen=True, eq=False)
class Number(Control):
    """A number in [low, high].

    Attributes:
        default: that is taken unless another is chosen. step: of the widget. whole: whether it has no fraction.
        look: "slider" or "box".
    """

    low: float = 0.0
    high: float = 1.0
    default: float = 0.0
    step: float | None = None
    whole: bool = False
    look: str = field(default="slider", kw_only=True)

    def require(self, study: Any, value: str) -> None:
        """See `Control.require`."""
        require_number(self.label, value, self.low, self.high)

    def __call__(self, view: Parameters) -> float | None:
        """See `Control.__call__`."""
        if not view.get(self.key):
            return None
        value = view.number(self.key, 0.0, self.low, self.high)
        return round(value) if self.whole else value


@dataclass(frozen=True, eq=False)
class Text(Control):
    """A text of at most `most` characters, which `test` may refuse for a study by raising a QFusionError."""

    most: int = 20_000
    test: Callable[[Any, str], object] = field(default=always, kw_only=True)

    def require(self, study: Any, value: str) -> None:
        """See `Control.require`."""
        check(
            len(value) <= self.most,
            f"{self.label} has at most {self.most:,} characters, but this one has {len(value):,}. Shorten it.",
        )
        self.test(study, value)


def strange(
    view: Parameters, starts: tuple[str, ...], known: Container[str], refuse: Callable[..., object]
) -> list[Text]:
    """Returns a choice for what an address says under keys that begin like those of a page and that a study does not
    have: `refuse`, given such a key, the study and the value, raises a QFusionError."""
    return [
        Text(key, key, "It is ignored.", test=partial(refuse, key))
        for key in view.address
        if key.startswith(starts) and key not in known
    ]


@dataclass(frozen=True, eq=False)
class SampleId(Control):
    """A sample of the data set, by its id."""

    def __call__(self, view: Parameters) -> Any:
        """See `Control.__call__`: an emptied box says nothing."""
        ids = super().__call__(view)
        return None if ids == [""] else ids

    def require(self, study: Any, value: str) -> None:
        """See `Control.require`."""
        check(
            not value.startswith(PREFIX) or bool(study.dataset.known([value])),
            f"Sample {value[:40]!r} was made by a visitor and lives in another session. Load the file that this "
            "session was saved to.",
            NotFound,
        )
        study.dataset.row(value)


# choices that depend on the address, such as one for each setting of a kind of model
Family = Callable[[Any, Any], Iterable[Control]]


def rules(
    parts: Iterable[Control | Family], view: Parameters, study: Any = None
) -> dict[str, Allowed]:
    """Returns what an address may say of the choices that a study has, by parameter."""
    controls = [
        control
        for part in parts
        for control in ((part,) if isinstance(part, Control) else part(view, study))
    ]
    return {one.key: one.rule(study) for one in controls if one.fits(study)}
