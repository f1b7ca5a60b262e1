"""The reader's choices on one page, as one object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qfusion._checks import check
from qfusion.analysis import background_choice
from qfusion.models.protocols import Evolution
from qfusion.models.registry import KINDS, LIVE
from qfusion.models.tweak import COUPLING, DISSIPATION, DURATION, Tweak
from qfusion.panels.pins import Pin, parse_pin
from qfusion.training import checkpoint, checkpoint_cards

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
        """The explained output, see `analysis.outputs.parse`; empty for the decided class and for a regression."""
        value = self.get("output")
        return "" if value == PREDICTED else value

    @property
    def background(self) -> str:
        """Kind of the background."""
        value = self.get("background", background_choice.DEFAULT_BACKGROUND)
        return background_choice.OFFERED.get(value, value)

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
