"""Why fuse?: does fusion matter for the data, for the model, and which piece of the model does it?"""

from __future__ import annotations

import streamlit as st

from qfusion.analysis import errors, trust
from qfusion.panels import cohorts
from qfusion.ui import controls, panels
from qfusion.ui.frame import Here, guard
from qfusion.ui.pages.faithfulness import over_seeds

# Does my model fuse?


def model_section(here: Here) -> None:
    """What the model loses without joint terms, what takes off the loss, which coalitions say most, and whether
    training seeds say the same."""
    study = here.study
    with st.container(key="fold-why-model"):
        panels.show(study, here.theme, "why-emap", "why-loss", columns=2)
        words = controls.draw(cohorts.FILTER)
        with guard():
            levels = errors.levels_of(here.sample_of(), str(words or ""), output=here.output_name)
            if not levels.inside.any():
                st.info("No sample passes this filter. Loosen it.", icon=":material/help:")
            panels.show(levels, here.theme, "why-ranking", "why-pairs", columns=2)
            panels.show(levels, here.theme, "why-swarm")
        panels.show(study, here.theme, "why-synergy", grows=False)
        if missing := over_seeds(trust.as_trained(study))[1]:
            st.info(f"Other training seeds: {missing}", icon=":material/help:")
        panels.show(here.sample_of(), here.theme, "why-basins")
