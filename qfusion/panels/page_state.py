"""The reader's choices on one page, as one object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qfusion._checks import check
from qfusion.analysis import sample as backgrounds
from qfusion.models import FUSION, Ability, can
from qfusion.models.tweak import COUPLING, DISSIPATION, DURATION, Tweak
from qfusion.panels.pins import Pin, parse_pin
from qfusion.training import checkpoint

# What an address says of a page: values are checked for their form, and looked up no further than the model.

PREDICTED = "decided class"
FACTORS = (COUPLING, DISSIPATION)  # how keys of factors begin
Address = Mapping[str, str | Sequence[str]]
MAX_TEXT = 20_000  # characters of a parameter


@dataclass(frozen=True)
class PageState:
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
        """Whether models of this kind say that they can do something, see `registry.can`."""
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
