"""The texts of kinds of models, from the files kinds.toml of the core and of plugins."""

import inspect
from typing import NamedTuple

from qfusion import plugin
from qfusion.models import FUSION


class KindText(NamedTuple):
    """The texts of a kind of model.

    Attributes:
        short: name in lists; empty for the title of its class.
        summary: one sentence; empty for the first line of the docstring of its class.
        sentence: what it does from the features to the score, behind the name of a model; may be empty.
        circuit: the relation of a sample's circuit to its score; may be empty.
    """

    short: str = ""
    summary: str = ""
    sentence: str = ""
    circuit: str = ""


_TEXTS = {
    kind: KindText(**texts)
    for record in plugin.read_assets("kinds.toml")
    for kind, texts in record.items()
}


def kind_text(kind: str) -> KindText:
    """Return the texts of a kind of model; empty ones where there are none."""
    return _TEXTS.get(kind, KindText())


class KindDescription(NamedTuple):
    """Title and summary of a kind of model."""

    title: str
    summary: str


def describe_kind(kind: str) -> KindDescription:
    """Return title and summary of a kind of model that can be trained."""
    model = FUSION[kind]
    first_line = (inspect.getdoc(model) or "").partition("\n")[0]
    return KindDescription(model.title or kind, kind_text(kind).summary or first_line)
