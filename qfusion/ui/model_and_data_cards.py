"""Cards that describe the model, its test metrics and its data set."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion.analysis import text
from qfusion.training import metrics
from qfusion.ui import guidance, model_export_dialog, page_context, panels
from qfusion.ui.reading_guide_box import reading_guide
from qfusion.wording import systems
from qfusion.wording.model_notes import describe_notes


def metrics_card(context: page_context.PageContext) -> None:
    """Test metrics: mean and spread over the training seeds."""
    card = context.study.card
    if card.get("metrics", {}).get("test"):
        panels.show(context.study, context.theme, "test-metrics")
        with st.expander("All test metrics as a table", icon=":material/table:"):
            scores, own = card["metrics"]["test"], card.get("this_seed", {}).get("test", {})
            many = len(card.get("seeds", [])) > 1
            st.dataframe(
                pd.DataFrame(
                    [
                        {
                            "metric": about.short,
                            "mean over seeds ± standard deviation": f"{score['mean']:.3f} ± {score['std']:.3f}"
                            if many
                            else f"{score['mean']:.3f}",
                            "this seed": f"{own[name]:.3f}" if name in own else "–",
                        }
                        for name, about in metrics.labels(scores).items()
                        if (score := scores[name])
                    ]
                ),
                hide_index=True,
                height="content",
                alt="Test metrics: mean and standard deviation over the seeds.",
            )
    else:
        st.caption("This checkpoint's card holds no test metrics. Retrain it to get them.")


def _card(key: str, title: str, more: str, facts: Mapping[str, object]) -> DeltaGenerator:
    """Draw a card that describes something, with chips and a text behind an (i). Return the container to which more
    can be added.
    """
    box = st.container(border=True, height="stretch", key=f"panel-{key}")
    with box:
        guidance.title(title, more, 3)
        st.container(key=f"chips-{key}").markdown(
            " ".join(
                f":gray-badge[{text.escape_markdown(name)}{' ' if name else ''}**{text.escape_markdown(value, 120)}**]"
                for name, value in facts.items()
            )
        )
    return box


def model_and_data(context: page_context.PageContext) -> None:
    """Draw the test metrics, descriptions of the model and the data, and how to read the pages."""
    study = context.study
    left, middle, right = st.columns(3, gap="medium")
    with left:
        metrics_card(context)
    with (
        middle,
        _card(
            "model",
            "Model",
            text.escape_markdown(describe_notes(study.card)) or systems.describe_system(study),
            systems.model_card_rows(study),
        ),
    ):
        model_export_dialog.export_button(context)
    with right:
        data = study.dataset
        _card(
            "data",
            "Data",
            text.escape_markdown(data.description, 600),
            (
                {"": data.title, "samples": f"{len(data):,}"}
                | {split: f"{len(data.rows(split)):,}" for split in ("train", "valid", "test")}
                | {
                    m.name: f"{m.size} features{', sequence' if m.is_sequence else ''}"
                    for m in data.modalities
                }
                | {
                    "target": data.target.name
                    + (
                        f": {len(study.classes)} classes"
                        if study.classes
                        else " in [{:g}, {:g}]".format(*study.scale)
                    ),
                    "source": data.source,
                    "licence": data.licence,
                    "digest": data.digest[:12],
                }
            ),
        )
    reading_guide(context)
