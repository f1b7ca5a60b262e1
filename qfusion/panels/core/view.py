"""What an address says of a page: values are checked for their form, and looked up no further than the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qfusion._checks import check, require_number
from qfusion.analysis.backgrounds import DEFAULT, OFFERED
from qfusion.models import FUSION, Ability, can
from qfusion.models.tweak import COUPLING, DISSIPATION, DURATION, RATE, Tweak
from qfusion.panels.core import pins
from qfusion.panels.core.pins import Pin
from qfusion.training import checkpoint

Address = Mapping[str, str | Sequence[str]]
PREDICTED = "the predicted class"
# pages that follow the parameters, by whether the model has time
TWEAKED = {True: ("dynamics", "compare"), False: ("circuit", "compare")}
MAX_TEXT = 20_000


@dataclass(frozen=True)
class View:
    """A page as its address has it.

    Attributes:
        page: its title, in small letters. address: values by name, in a list where a name may be repeated.
    """

    page: str
    address: Address

    def get(self, key: str, default: str = "") -> str:
        """Returns the value of a parameter; of a repeated one the last."""
        found = self.all(key)
        return found[-1] if found else default

    def all(self, key: str) -> list[str]:
        """Returns all values of a parameter.

        Raises:
            InvalidInput: when one is too long to be of an address.
        """
        found = self.address.get(key, [])
        values = [found] if isinstance(found, str) else [str(each) for each in found]
        check(
            all(len(each) <= MAX_TEXT for each in values),
            f"Parameter `{key[:60]}` is longer than any of ours. Copy the link again.",
        )
        return values

    def one_of(self, key: str, options: Sequence[str]) -> str:
        """Returns the value of a parameter where it is one of `options`, else the first of these."""
        said = self.get(key)
        return said if said in options else options[0]

    def number(self, key: str, default: float, low: float = -1e6, high: float = 1e6) -> float:
        """Returns the value of a parameter as a number.

        Raises:
            InvalidInput: when it is none, or not in [low, high].
        """
        said = self.get(key)
        return require_number(key[:60], said, low, high) if said else default

    def whole(self, key: str, default: int) -> int:
        """Returns the value of a parameter as a whole number."""
        return round(self.number(key, default))

    def named(self, key: str) -> str:
        """Returns a parameter that the panel cannot do without.

        Raises:
            InvalidInput: when the address does not have it.
        """
        said = self.get(key)
        check(
            bool(said),
            f"The address does not say which {key} it is. Open the page again and copy its link.",
        )
        return said

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.named("model")

    @cached_property
    def card(self) -> dict[str, Any]:
        """The model's card."""
        return checkpoint.card(self.model)

    @property
    def has_time(self) -> bool:
        """Whether the model evolves in time."""
        return self.can("time")

    def can(self, ability: Ability) -> bool:
        """Whether models of this kind say that they can do something, see `models.explorable`."""
        return can(FUSION.get(self.card["model"]), ability)

    @property
    def modalities(self) -> list[str]:
        """Names in the model's order."""
        return list(self.card["inputs"])

    @property
    def output(self) -> str:
        """The class whose score is explained; empty for the predicted one and for a regression."""
        said = self.get("output")
        return "" if said == PREDICTED else said

    @property
    def background(self) -> str:
        """Kind of the background."""
        said = self.get("background", DEFAULT)
        return OFFERED.get(said, said)

    @property
    def tweak(self) -> str:
        """What the reader has changed in the model, as `analysis.case` takes it; empty on pages that show the model as
        trained."""
        if self.page not in TWEAKED[self.has_time]:
            return ""
        if not self.has_time:
            return self.get("phi").strip(" ,")
        said = [
            (key, self.get(key))
            for key in self.address
            if key.startswith((COUPLING, DISSIPATION, RATE)) or key == DURATION
        ]
        model: Any = checkpoint.load(self.model).model
        return str(Tweak.of(said, model))

    @property
    def pin(self) -> Pin:
        """The pinned view."""
        return pins.parse(self.named("pin"))
