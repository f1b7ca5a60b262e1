"""What a panel is: a function from a sample, and what the reader chose, to a figure with its words and its table.

A page draws it, a file is exported from it, a report, a notebook and the command line call it; none of that is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with all that is said of it.

    Attributes:
        name: of its files and keys.
        title: the finding or the question, as markdown.
        figure: of plotly, in the theme that was asked for.
        shows, not_shown: a sentence each, as markdown.
        alt: what a reader who does not see it is told.
        table: makes the numbers behind the figure.
        called: what the figure is called where its title states what it finds.
        lead: what there is to say above it, as markdown.
    """

    name: str
    title: str
    figure: go.Figure
    shows: str
    not_shown: str
    alt: str
    table: Callable[[], pd.DataFrame]
    called: str = ""
    lead: str = ""
