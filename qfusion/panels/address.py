"""What an address says of a page, and what it may say: a choice of the reader a parameter, sliders and pins, and what
is said of a value that does not fit. What a link leaves open is chosen.

A choice is said once: under which parameter of the address it stands, what it is called, what it may be, what is taken
unless it is made, and what it is for. From it come the widget of a page (`ui.controls`), the rule of what a link may
hold (`Control.rule`), and what a panel reads from an address (a control is called with a view). No widget is known
here.

    SPLIT = Choice("split", "Split", [*SPLITS, "all"], instead="The test split is shown.", default="test")
    SPLIT.rule().test("train")                       # what a link may say
    SPLIT(View("samples", {"split": "train"}))      # "train"; None where the address leaves it open
"""

import itertools
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote, unquote

from qfusion import data
from qfusion._checks import check, choose, require_number
from qfusion.analysis import (
    compare,
    outputs,
    sample as backgrounds,
    study as studies,
)
from qfusion.data.own import PREFIX
from qfusion.errors import NotFound, QFusionError, default_on_error
from qfusion.explain import cohorts, counterfactual
from qfusion.figures import recipe
from qfusion.models import FUSION, Ability, can
from qfusion.models.tweak import COUPLING, DISSIPATION, DURATION, Tweak, learned
from qfusion.training import checkpoint


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


# A pinned view as text: model, data, sample, and what was tweaked. It stands in the address and is checked before it
# is used.
#
#     qj-planted/planted/p0031                        a sample, as learned
#     qj-planted/planted/p0031/H.text=0.5,T=1.2       with the sliders of the Dynamics page, see `models.Tweak`
#     qcnn-digits/digits/d0004/all:and                with the fusion rules of the Circuit page, see `models.edits`

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
    """Returns a pin from its text; whether its parts exist is checked when they are looked up.

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


# What an address says of a page: values are checked for their form, and looked up no further than the model.

PREDICTED = "decided class"
MOST_PAIRS = 30  # classes of which every pair is offered
FACTORS = (COUPLING, DISSIPATION)  # how keys of factors begin
Address = Mapping[str, str | Sequence[str]]
MAX_TEXT = 20_000  # characters of a parameter


@dataclass(frozen=True)
class View:
    """A page as its address has it, and what it says of the model, the sample and the pinned view.

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

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.named("model")

    @cached_property
    def card(self) -> dict[str, Any]:
        """The model's card."""
        return checkpoint.card(self.model)

    def can(self, ability: Ability) -> bool:
        """Whether models of this kind say that they can do something, see `models.explorable`."""
        return can(FUSION.get(self.card["model"]), ability)

    @property
    def modalities(self) -> list[str]:
        """Names in the model's order."""
        return list(self.card["inputs"])

    @property
    def output(self) -> str:
        """What is explained, see `analysis.outputs.parse`; empty for the class decided for and for a regression."""
        value = self.get("output")
        return "" if value == PREDICTED else value

    @property
    def background(self) -> str:
        """Kind of the background."""
        value = self.get("background", backgrounds.DEFAULT_BACKGROUND)
        return backgrounds.OFFERED.get(value, value)

    @property
    def tweak(self) -> str:
        """What the reader has changed in the model, as `open_sample` takes it; empty on pages that show the model as
        trained."""
        has_time = self.can("time")
        if self.page not in ("dynamics" if has_time else "circuit", "circuit", "compare"):
            return ""
        if not has_time:
            return self.get("phi").strip(" ,")
        return str(
            Tweak.of(
                [
                    (key, self.get(key))
                    for key in self.address
                    if key.startswith(FACTORS) or key == DURATION
                ],
                checkpoint.load(self.model).model,
            )
        )

    @property
    def pin(self) -> Pin:
        """The pinned view."""
        return parse_pin(self.named("pin"))


# The kinds of choices.


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

    def __call__(self, view: View) -> Any:
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

    def chosen(self, *words: str) -> Callable[[View], bool]:
        """Returns under which addresses one of some words is chosen: the first is unless they say another."""
        known = self.options()
        return lambda view: view.one_of(self.key, known) in words

    def require(self, study: Any, value: str) -> None:
        """See `Control.require`."""
        if self.checked:
            choose(self.label, value, self.options(study))

    def __call__(self, view: View) -> Any:
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

    def __call__(self, view: View) -> bool | None:
        """See `Control.__call__`."""
        word = view.get(self.key)
        return word == "true" if word else None

    def opens(self, view: View) -> bool:
        """Whether what it folds is open under an address."""
        return view.get(self.key) == "true"


@dataclass(frozen=True, eq=False)
class Number(Control):
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
        """See `Control.require`."""
        require_number(self.label, value, self.low, self.high)

    def __call__(self, view: View) -> float | None:
        """See `Control.__call__`."""
        word = view.get(self.key)
        if not word:
            return None
        value = require_number(self.key[:60], word, self.low, self.high)
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
    view: View, starts: tuple[str, ...], known: Container[str], refuse: Callable[..., object]
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

    def __call__(self, view: View) -> Any:
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


def rules(parts: Iterable[Control | Family], view: View, study: Any = None) -> dict[str, Allowed]:
    """Returns what an address may say of the choices that a study has, by parameter."""
    return {
        one.key: one.rule(study)
        for part in parts
        for one in ((part,) if isinstance(part, Control) else part(view, study))
        if one.fits(study)
    }


# What an address may say of a model's couplings, dissipation and duration: factors from 0 to the top of their sliders.

_TOPS = {
    COUPLING: counterfactual.TOP_FACTOR,
    DISSIPATION: counterfactual.TOP_FACTOR,
    DURATION: counterfactual.TOP_DURATION,
}


def slider_tops(model: Any) -> dict[str, float]:
    """Returns the highest value of every slider, by key; the lowest is 0."""
    return {
        key: default * next(top for start, top in _TOPS.items() if key.startswith(start))
        for key, default in learned(model).items()
    }


def fitting_tweak(model: Any, tweak: Tweak | str) -> Tweak:
    """Returns a tweak, given as text or not, that the sliders can show.

    Raises:
        InvalidInput, NotFound: when there is no such slider or a number is out of its range.
    """
    result, highest = model.parse_tweak(tweak), slider_tops(model)
    for key, value in result.numbers().items():
        require_number(key, value, 0, highest[key])
    return result


# A page's address with all that the page adds to it: what a link leaves open is chosen.
#
# Whatever does not fit is an error here; a page shows its default instead and says so.

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


FIRST = "qj-scenes"  # the model that is shown unless told


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
    return sorted(names, key=lambda name: (name != FIRST, name))


def sources() -> list[str]:
    """Returns names of the data sets that are on this machine."""
    return [source.name for source in data.available() if source.available]


def test_data(name: str) -> None:
    """Raises NotFound when there is no data set of this name on this machine."""
    known = {source.name: source for source in data.available()}
    result = known[choose("Data set", name, known)]
    if not result.available:
        raise NotFound(f"Data set '{name}' is not on this machine. {result.reason} {result.remedy}")


# What a reader chooses on every page that shows a model; "cohort" and "pin" have no widget.
MODEL = Choice(
    "model",
    "Model",
    "The default model is shown.",
    "A trained checkpoint. Data and test numbers follow it.",
    lambda _: models(),
    style={"width": 190},
)
DATA = Text(
    "data",
    "Data",
    "The model's own data are shown.",
    "A data set that is on this machine. The model follows it.",
    test=lambda _, name: test_data(name),
    style={"width": 160},
)
SAMPLE = SampleId("sample", "Sample", "A default sample is shown.", style={"width": 170})
OUTPUT = Choice(
    "output",
    "Explain",
    "The class decided for is explained.",
    "Contributions add up to the log-odds of this class against all others, or of class A rather than B (written A:B).",
    lambda study: [PREDICTED, *offered_outputs(study.classes)],
    fits=lambda study: bool(study.classes),
    style={"width": 150},
)
BACKGROUND = Choice(
    "background",
    "Compared with",
    "The default background is used.",
    "What replaces a modality while the contributions of the others are computed: each modality of the training "
    "samples drawn on its own (product of marginals); the training samples as they occur; states that know nothing; "
    "the reference state |0⟩; one other sample, for “why this decision rather than that one?”; or a cohort saved on "
    "the Cohorts page.",
    read=backgrounds.OFFERED,
    style={"width": 190},
)
CONTRAST = SampleId(
    "contrast", "Rather than sample", "Another sample is compared with.", style={"width": 170}
)
MEMBERS = Choice("members", "Cohort", "The first saved one is compared with.", style={"width": 170})
ROWS = Choice("rows", "Rows", "Some of the rows are used.", values=(backgrounds.ALL_ROWS,))
EVERYWHERE = (MODEL, DATA, SAMPLE, OUTPUT, BACKGROUND, CONTRAST, MEMBERS, ROWS)
KEYS = (*(control.key for control in EVERYWHERE), "cohort", "pin")


def offered_outputs(classes: Sequence[str]) -> list[str]:
    """Returns the texts of all classes, and of all pairs of more than two, see `analysis.outputs`."""
    names = tuple(classes)
    texts = [*names]
    if 2 < len(names) <= MOST_PAIRS:
        pairs = itertools.permutations(range(len(names)), 2)
        texts += [str(outputs.Output(first, second, names)) for first, second in pairs]
    return texts


def own_data(model: str) -> str:
    """Returns the name of the data set that a model was trained on."""
    return str(backgrounds.loaded(model).card["data"]["name"])


def models_for(data_name: str) -> Iterator[str]:
    """Yields the models that were trained on a data set."""
    for name in models():
        with suppress(QFusionError):  # a damaged checkpoint is named when it is picked
            # the card says it without the weights, which are read of a model that could be one
            if checkpoint.card(name)["data"]["name"] == data_name == own_data(name):
                yield name


@default_on_error("")
def misfit(model: str, data_name: str) -> str:
    """Returns why a model does not fit a data set; empty when it does or either cannot be loaded, which shows later.
    Both are names: readers give them."""
    choose("Model", model, models())
    choose("Data set", data_name, sources())
    return studies.misfit(dict(backgrounds.loaded(model).card), data.load(data_name))


def default_sample(study: studies.Study) -> str:
    """Returns the sample that a page opens with: that which the model's card names, the most telling conflict, or the
    first of the others."""
    if named := study.dataset.known([str(study.card.get("opening", ""))]):
        return named[0]
    if study.opening:
        return study.opening
    examples = compare.find_examples(study)
    return next((one for one in examples if one.kind == "conflict"), examples[0]).sample


def tweak_of(study: Any, text: str) -> Any:
    """Returns the tweak of a pin or link, as the model takes it.

    Raises:
        InvalidInput, NotFound: when it does not fit the model, or no slider can show it.
    """
    return fitting_tweak(study.model, text) if study.can("time") else study.model.parse_tweak(text)


def resolve(pin: Pin) -> tuple[studies.Study, int]:
    """Returns the model on its data and the row that a pin names.

    Raises:
        NotFound: when there is no such model, data set or sample here.
        InvalidInput: when the model does not take the data, or the tweak does not fit the model.
    """
    choose("Model", pin.model, models())
    choose("Data set", pin.data, sources())
    study = backgrounds.open_study(pin.model, pin.data)
    tweak_of(study, pin.tweak)
    return study, study.dataset.row(pin.sample)


def completed(page: str, address: Address, allowed: Rules, *, bare: bool = False) -> Opened:
    """Returns a page under an address, with what the address leaves open chosen: a page of a model, its data and a
    sample, or a `bare` one, which needs neither.

    Raises:
        InvalidInput, NotFound: when a part of the address does not fit.
    """
    result = _kept(_written(address))
    view = View(page, result)  # as it is completed
    if bare:
        _audit(result, allowed(view, None))
        return Opened(view, {})
    _require(result, rules((MODEL, DATA), view))
    _choose_model(result)
    study = backgrounds.open_study(result["model"][0], result["data"][0])
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
            resolve(view.pin)
    if page == "dynamics" and "turn" in result and study.can("time"):
        default = learned(study.model)
        turned = fitting_tweak(study.model, result.pop("turn")[0]).numbers()
        for key, value in (default | turned).items():
            result.pop(key, None)
            result |= {key: [f"{value:.15g}"]} if value != default[key] else {}
    return Opened(
        view, made_from(study) | {"sample": result["sample"][0], "seed": study.card.get("seed")}
    )


def made_from(study: studies.Study) -> dict[str, Any]:
    """Returns names and digests of a model and its data, as recipes and session files hold them."""
    return {
        "model": {"name": study.name, "digest": str(study.card.get("weights_sha256", ""))},
        "data": {"name": study.dataset.name, "digest": study.dataset.digest},
    }


def _written(address: Address) -> Values:
    """The address with lists alone, without what leads the reader."""
    result = {
        key: [values] if isinstance(values, str) else list(values)
        for key, values in address.items()
        if key not in GUIDES
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
    """Says of an error what it is of, in words before its own."""
    try:
        yield
    except QFusionError as error:
        raise type(error)(f"{what}: {error}") from error


def _kept(values: Values) -> Values:
    """The address with saved cohorts and the pinned view in their one form."""
    if "cohort" in values:
        with naming("In the link, `cohort`"):
            check(
                len(values["cohort"]) <= cohorts.MAX_SAVED,
                f"{len(values['cohort'])} cohorts are named, and at most {cohorts.MAX_SAVED} are kept. Leave some "
                "out.",
            )
            saved = {one.name: str(one) for one in map(cohorts.parse_saved, values["cohort"])}
        values["cohort"] = list(saved.values())
    if "pin" in values:
        with naming("In the link, `pin`"):
            values["pin"] = [str(parse_pin(values["pin"][-1]))]
    return values


def _choose_model(values: Values) -> None:
    """Model and data that agree."""
    if "model" not in values:
        values["model"] = [
            next(models_for(values["data"][0]), models()[0]) if "data" in values else models()[0]
        ]
    model = values["model"][0]
    if "data" not in values:
        values["data"] = [own_data(model)]
    problem = misfit(model, values["data"][0])
    check(
        not problem,
        f"In the link, `data`: model '{model}' does not fit data set '{values['data'][0]}': {problem}",
    )


def _compare(values: Values, view: View, study: studies.Study) -> None:
    """What decisions are compared with, with what is meant where the address does not say it."""
    _require(values, rules((BACKGROUND, CONTRAST, ROWS), view, study))
    kind = backgrounds.OFFERED[values.get("background", [backgrounds.DEFAULT_BACKGROUND])[0]]
    if kind == "contrast":
        values.setdefault(
            "contrast",
            [backgrounds.default_contrast(study, study.dataset.row(values["sample"][0]))],
        )
    names = [cohorts.parse_saved(word).name for word in values.get("cohort", [])]
    if kind == "cohort" and names:
        _require(values, rules((replace(MEMBERS, values=names),), view))
        values.setdefault("members", names[:1])


def _set_first_filter(values: Values, view: View) -> None:
    """The filter that the Cohorts page begins with."""
    if view.page == "cohorts" and "filter" not in values and values.get("cohort"):
        values["filter"] = [cohorts.parse_saved(values["cohort"][0]).filter]


def _audit(values: Values, allowed: Mapping[str, Allowed]) -> None:
    """Raises InvalidInput with whatever does not fit the rules of a page, and with what no rule is of."""
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


def _require(values: Values, allowed: Mapping[str, Allowed]) -> None:
    problems = audit(values, allowed)
    check(
        not problems,
        " ".join(
            entry.words.removesuffix(f" {allowed[key].instead}") for key, entry in problems.items()
        ),
    )
