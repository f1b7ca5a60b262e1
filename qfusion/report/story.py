"""The content of a story: one decision, explained in acts."""

from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from qfusion.report.blocks import Block


@dataclass(frozen=True, eq=False)
class Act:
    """A part of a story in which lines grow from left to right.

    Attributes:
        name: title of a few words.
        says: description in sentences.
        figure: the complete figure, in the light theme.
        standing: number of lines, counted from the first, that are visible from the start.
    """

    name: str
    says: str
    figure: go.Figure
    standing: int = 0


@dataclass(frozen=True, eq=False)
class Story:
    """A story of one decision. All its texts are plain text, never markup.

    Attributes:
        title: the question.
        says: the decision in sentences.
        acts: its parts, in order.
        facts: about the sample, one line each.
        words: text of the sample, by modality.
        media: blocks of pictures, films and sounds that a page shows, by modality; see `report.blocks`.
        made_from: a sentence on model, data and versions.
        command: command that writes the story again; empty for a reader's own sample.
    """

    title: str
    says: str
    acts: tuple[Act, ...]
    facts: tuple[str, ...]
    words: Mapping[str, str]
    media: Mapping[str, Block]
    made_from: str
    command: str
