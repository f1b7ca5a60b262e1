"""What the reader has picked on the bar on top of a page."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from qfusion.analysis import outputs
from qfusion.analysis.outputs import DECIDED
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.figures.style import Theme
from qfusion.models import Tweak
from qfusion.ui import page_params, reruns, state


@dataclass(frozen=True)
class PageContext:
    """What the reader has picked: the model on its data, the sample's row, the theme, and what is explained."""

    study: Study
    row: int
    theme: Theme
    output: outputs.Output = DECIDED

    @property
    def output_wanted(self) -> int | None:
        """Number of the class that is explained; None for the one decided for."""
        return self.output.number

    @property
    def explained_study(self) -> Study:
        """The study whose scores are explained: log-odds against all other classes, or against one."""
        return self.study.with_reference(self.output.reference)

    def tweaked_sample(self, tweak: Tweak | str = "") -> Sample:
        """The sample, under a tweak: whatever is told of it is asked there."""
        return Sample(
            self.explained_study,
            self.row,
            int(self.study.predicted[self.row])
            if self.output_wanted is None
            else self.output_wanted,
            tweak,
        )

    def prepare(self) -> None:
        """Has what this page shows drawn in the background of the samples beside this one; the last thing that a page
        does."""
        reruns.prepare_ahead(
            self,
            page_params.current(),
            frozenset(state.get(state.WAITING)),
        )

    def scopes(self, tweak: Tweak | str = "") -> dict[str, Any]:
        """What panels of this page are made from, by what builders call it."""
        return {"sample": self.tweaked_sample(tweak), "study": self.study}

    @property
    def output_name(self) -> str:
        """What is explained, as text of `outputs.parse`; empty for the class decided for."""
        return str(self.output)

    @property
    def sample(self) -> str:
        """The sample's id."""
        return str(self.study.dataset.ids[self.row])


def theme() -> Theme:
    """The reader's theme, for the figures."""
    return "dark" if st.context.theme.type == "dark" else "light"
