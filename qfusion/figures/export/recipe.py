"""A recipe: everything that a figure was made from, small enough to travel inside the figure's file.

It names the page, what stood in its address (model, data, sample, sliders, view), the panel, the style of the export,
digests of weights, data and numbers, and the versions of the software. It holds no date and nothing of the machine, so
the same figure has the same recipe.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd

from qfusion import __version__
from qfusion._checks import check
from qfusion.errors import InvalidInput
from qfusion.figures.export.style import ExportStyle

KIND, VERSION = "qfusion recipe", 1
MAX_TEXT = 64_000  # characters of a recipe
MAX_WORDS = 2_000
MAX_VALUES, MAX_VALUE = 200, 8_000  # parameters of an address, characters of one
_GIVE = "Give the .json file of the figure drawer, or an exported figure."
_NAME = re.compile(r"[\w.:+ |=,()-]{1,200}")
_PACKAGES = ("torch", "numpy", "qutip", "pennylane", "plotly", "matplotlib", "streamlit", "kaleido")


@dataclass(frozen=True)
class Recipe:
    """What a figure was made from.

    Attributes:
        page: "overview", "dynamics", ...; panel: its name on the page.
        address: what stood in the page's address, values by name, in a list where a name may be repeated.
        style: how it was exported.
        made_from: names and digests of model and data, the sample, the model's training seed.
        software: versions by package. numbers: digest of the panel's table, see `digest_of`.
        title, caption: what is written above and below in the place of the panel's own; empty for that.
    """

    page: str
    panel: str
    address: Mapping[str, list[str]] = field(default_factory=dict)
    style: ExportStyle = field(default_factory=ExportStyle)
    made_from: Mapping[str, Any] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    numbers: str = ""
    title: str = ""
    caption: str = ""

    def text(self) -> str:
        """The recipe as JSON, the same for the same recipe."""
        found = {
            "kind": KIND,
            "version": VERSION,
            "page": self.page,
            "panel": self.panel,
            "address": {key: list(values) for key, values in sorted(self.address.items())},
            "look": self.style.as_dict(),
            "made_from": dict(self.made_from),
            "software": dict(self.software),
            "numbers": self.numbers,
            "title": self.title,
            "caption": self.caption,
        }
        return json.dumps(found, indent=1, sort_keys=True)

    def like(self, other: Recipe) -> Recipe:
        """The same figure exported as another recipe says: its style, title and caption."""
        return replace(self, style=other.style, title=other.title, caption=other.caption)


def parse(text: str) -> Recipe:
    """Returns a recipe from its JSON; names are looked up when the figure is drawn.

    Raises:
        InvalidInput: when it is not a recipe, of another version, or holds what no recipe holds.
    """
    check(
        len(text) <= MAX_TEXT,
        f"The recipe has {len(text):,} characters, and at most {MAX_TEXT:,} are read. Export the figure again.",
    )
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The recipe is not JSON ({str(error)[:120]}). {_GIVE}") from error
    check(
        isinstance(found, dict) and found.get("kind") == KIND, f"This JSON is not a {KIND}. {_GIVE}"
    )
    seen = found.get("version")
    check(
        seen == VERSION,
        f"The recipe has version {str(seen)[:20]!r}, and this qfusion ({__version__}) reads version {VERSION}. "
        f"{_newer(found) if isinstance(seen, int) and seen > VERSION else 'Export the figure again.'}",
    )
    page, panel = (_name(found, key) for key in ("page", "panel"))
    address = found.get("address", {})
    check(
        isinstance(address, dict)
        and len(address) <= MAX_VALUES
        and all(
            isinstance(values, list) and len(values) <= MAX_VALUES for values in address.values()
        )
        and all(
            isinstance(value, str) and len(value) <= MAX_VALUE
            for values in address.values()
            for value in values
        ),
        f"Part `address` of the recipe must hold lists of texts, at most {MAX_VALUES} of at most {MAX_VALUE:,} "
        "characters. Export the figure again.",
    )
    parts = {key: found.get(key, {}) for key in ("made_from", "software")}
    for key, part in parts.items():
        check(
            isinstance(part, dict),
            f"Part `{key}` of the recipe must be an object, but is {str(part)[:60]!r}. Export the figure again.",
        )
    return Recipe(
        page,
        panel,
        address,
        ExportStyle.parse(found.get("look", {})),
        parts["made_from"],
        {str(k): str(v) for k, v in parts["software"].items()},
        str(found.get("numbers", ""))[:80],
        str(found.get("title", ""))[:MAX_WORDS],
        str(found.get("caption", ""))[:MAX_WORDS],
    )


def _name(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    check(
        isinstance(value, str) and bool(_NAME.fullmatch(value)),
        f"Part `{key}` of the recipe must be a name, but is {str(value)[:60]!r}. Export the figure again.",
    )
    return str(value)


def _newer(found: Mapping[str, Any]) -> str:
    software = found.get("software")
    made = software.get("qfusion", "newer") if isinstance(software, dict) else "newer"
    return f"It was made with qfusion {str(made)[:20]}: install that version."


def software() -> dict[str, str]:
    """Versions of what computes and draws figures."""
    found = {"qfusion": __version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def digest_of(numbers: pd.DataFrame) -> str:
    """SHA-256, in hex, of a table with its numbers rounded to ten significant digits, which machines agree on."""
    text = numbers.to_csv(index=False, float_format="%.10g", lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


def changes(recipe: Recipe, made_from: Mapping[str, Any]) -> list[str]:
    """What a recipe was made from that is not what is here now, a sentence each."""
    found = []
    for what, name in (("model", "Model"), ("data", "Data set")):
        then, now = (part.get(what) for part in (recipe.made_from, made_from))
        if (
            isinstance(then, dict)
            and isinstance(now, dict)
            and then.get("digest") != now.get("digest")
        ):
            found.append(
                f"{name} '{str(now.get('name'))[:80]}' is not the one the recipe was made from: its digest is "
                f"{str(now.get('digest'))[:12]}, the recipe's {str(then.get('digest'))[:12]}."
            )
    return found
