"""Recipes: everything that a figure was made from, small enough to travel inside the figure's file."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import pandas as pd

from qfusion import __version__
from qfusion._checks import check
from qfusion._extras import installed_versions
from qfusion._memory_cache import memo
from qfusion.errors import InvalidInput
from qfusion.figures.export_style import ExportStyle

KIND = "qfusion recipe"
VERSION = 1
MAX_TEXT = 64_000  # characters of a recipe
MAX_WORDS = 2_000
MAX_VALUES = 200  # parameters of an address
MAX_VALUE = 8_000  # characters of one parameter
_GIVE = "Give the .json file of the figure drawer, or an exported figure."
_NAME = re.compile(r"[\w.:+ |=,()-]{1,200}")
_PACKAGES = ("torch", "numpy", "qutip", "pennylane", "plotly", "matplotlib", "streamlit")


@dataclass(frozen=True)
class Recipe:
    """Inputs and settings from which a figure was made.

    Attributes:
        page: "overview", "dynamics", ...; panel: its name on the page.
        address: what stood in the page's address, values by name, in a list where a name may be repeated.
        style: how it was exported.
        made_from: names and digests of model and data, the sample, the model's training seed.
        software: versions by package. numbers: digest of the panel's table, see `table_digest`.
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
        """Return the recipe as JSON, the same for the same recipe."""
        return json.dumps(
            {
                "kind": KIND,
                "version": VERSION,
                "page": self.page,
                "panel": self.panel,
                "address": {key: list(values) for key, values in self.address.items()},
                "look": self.style.as_dict(),
                "made_from": dict(self.made_from),
                "software": dict(self.software),
                "numbers": self.numbers,
                "title": self.title,
                "caption": self.caption,
            },
            indent=1,
            sort_keys=True,
        )

    def like(self, other: Self) -> Self:
        """Return the same figure exported as another recipe says: its style, title and caption."""
        return replace(self, style=other.style, title=other.title, caption=other.caption)


def parse(text: str) -> Recipe:
    """Return a recipe from its JSON; names are looked up when the figure is drawn.

    Raises:
        InvalidInput: when it is not a recipe, of another version, or holds what no recipe holds.
    """
    record = _read_record(text)
    names = {key: record.get(key) for key in ("page", "panel")}
    for key, name in names.items():
        check(
            isinstance(name, str) and bool(_NAME.fullmatch(name)),
            f"Part `{key}` of the recipe must be a name, but is {str(name)[:60]!r}. Export the figure again.",
        )
    address = record.get("address", {})
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
    parts = {key: record.get(key, {}) for key in ("made_from", "software")}
    for key, part in parts.items():
        check(
            isinstance(part, dict),
            f"Part `{key}` of the recipe must be an object, but is {str(part)[:60]!r}. Export the figure again.",
        )
    return Recipe(
        str(names["page"]),
        str(names["panel"]),
        address,
        ExportStyle.parse(record.get("look", {})),
        parts["made_from"],
        {str(k): str(v) for k, v in parts["software"].items()},
        str(record.get("numbers", ""))[:80],
        str(record.get("title", ""))[:MAX_WORDS],
        str(record.get("caption", ""))[:MAX_WORDS],
    )


def _read_record(text: str) -> dict[str, Any]:
    """Return the contents of a recipe as parsed JSON."""
    check(
        len(text) <= MAX_TEXT,
        f"The recipe has {len(text):,} characters, and at most {MAX_TEXT:,} are read. Export the figure again.",
    )
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The recipe is not JSON ({str(error)[:120]}). {_GIVE}") from error
    check(
        isinstance(record, dict) and record.get("kind") == KIND,
        f"This JSON is not a {KIND}. {_GIVE}",
    )
    seen = record.get("version")
    made = record.get("software")
    newer = made.get("qfusion", "newer") if isinstance(made, dict) else "newer"
    check(
        seen == VERSION,
        f"The recipe has version {str(seen)[:20]!r}, and this qfusion ({__version__}) reads version {VERSION}. "
        + (
            f"It was made with qfusion {str(newer)[:20]}: install that version."
            if isinstance(seen, int) and seen > VERSION
            else "Export the figure again."
        ),
    )
    return record


@memo(1)
def software() -> dict[str, str]:
    """Return the versions of the packages that compute and draw figures."""
    return {"qfusion": __version__, **installed_versions(_PACKAGES)}


def table_digest(numbers: pd.DataFrame) -> str:
    """Return the SHA-256 of a table, in hex.

    Numbers are rounded to ten significant digits, on which machines agree.
    """
    return hashlib.sha256(
        numbers.to_csv(index=False, float_format="%.10g", lineterminator="\n").encode()
    ).hexdigest()


def describe_changes(recipe: Recipe, made_from: Mapping[str, Any]) -> list[str]:
    """Describe how the sources of a recipe differ from the current ones, one sentence per difference."""
    parts = [
        (name, recipe.made_from.get(what), made_from.get(what))
        for what, name in (("model", "Model"), ("data", "Data set"))
    ]
    return [
        f"{name} '{str(now.get('name'))[:80]}' is not the one the recipe was made from: its digest is "
        f"{str(now.get('digest'))[:12]}, the recipe's {str(then.get('digest'))[:12]}."
        for name, then, now in parts
        if isinstance(then, dict)
        and isinstance(now, dict)
        and then.get("digest") != now.get("digest")
    ]
