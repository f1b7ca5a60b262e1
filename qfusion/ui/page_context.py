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
from qfusion.ui import page_params, prefetch, state


@dataclass(frozen=True)
class PageContext:
    """Choices of the reader: the model on its data, the sample's row, the theme, and the explained output."""

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
        """Study whose scores are explained: log-odds against all other classes, or against one."""
        return self.study.with_reference(self.output.reference)

    def tweaked_sample(self, tweak: Tweak | str = "") -> Sample:
        """Return the sample under a tweak. Everything reported about it is computed under the tweak."""
        return Sample(
            self.explained_study,
            self.row,
            int(self.study.predicted[self.row])
            if self.output_wanted is None
            else self.output_wanted,
            tweak,
        )

    def prepare(self) -> None:
        """Draw the contents of this page for the neighbouring samples in the background. This is the last call of a
        page.
        """
        prefetch.prepare_ahead(
            self,
            page_params.current(),
            frozenset(state.get(state.WAITING)),
        )

    def scopes(self, tweak: Tweak | str = "") -> dict[str, Any]:
        """Return the objects from which panels of this page are made, by the names that builders use."""
        return {"sample": self.tweaked_sample(tweak), "study": self.study}

    @property
    def output_name(self) -> str:
        """Explained output as text of `outputs.parse`. It is empty for the class decided for."""
        return str(self.output)

    @property
    def sample(self) -> str:
        """The sample's id."""
        return str(self.study.dataset.ids[self.row])


def theme() -> Theme:
    """The reader's theme, for the figures."""
    return "dark" if st.context.theme.type == "dark" else "light"
