"""Cards that describe the model, its test metrics and its data set."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion.analysis import text
from qfusion.analysis.study import Study
from qfusion.models import kind_files
from qfusion.training import metrics
from qfusion.ui import guidance, model_export_dialog, page_context, panels
from qfusion.ui.reading_guide_box import reading_guide
from qfusion.views.words import systems
from qfusion.views.words.systems import describe_notes
from qfusion.views.words.training import describe_parts


def metrics_card(context: page_context.PageContext) -> None:
    """Test metrics: mean and spread over the training seeds."""
    card = context.study.card
    if card.get("metrics", {}).get("test"):
        panels.show(context.study, context.theme, "test-metrics")
        with st.expander("All test metrics as a table", icon=":material/table:"):
            scores = card["metrics"]["test"]
            own = card.get("this_seed", {}).get("test", {})
            has_seeds = len(card.get("seeds", [])) > 1
            rows = []
            for name, about in metrics.labels(scores).items():
                score = scores[name]
                if not score:
                    continue
                mean = f"{score['mean']:.3f}"
                rows.append(
                    {
                        "metric": about.short,
                        "mean over seeds ± standard deviation": f"{mean} ± {score['std']:.3f}"
                        if has_seeds
                        else mean,
                        "this seed": f"{own[name]:.3f}" if name in own else "–",
                    }
                )
            st.dataframe(
                pd.DataFrame(rows),
                hide_index=True,
                height="content",
                alt="Test metrics: mean and standard deviation over the seeds.",
            )
    else:
        st.caption(
            "This checkpoint's card holds no test metrics. Retrain it to get them."
            if context.study.has_truth
            else "No truth is known of these samples, so there are no test metrics."
        )


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
            _describe_model(study),
            systems.model_card_rows(study),
        ),
    ):
        if study.reads_features:
            model_export_dialog.export_button(context)
    with right:
        data = study.dataset
        _card("data", "Data", text.escape_markdown(data.description, 600), _data_facts(study))
    reading_guide(context)


def _describe_model(study: Study) -> str:
    """Return the text behind the card of the model: its notes or its system, and of a model of a user's own what pages
    show of it.
    """
    notes = text.escape_markdown(describe_notes(study.card)) or systems.describe_system(study)
    notes = f"{notes} {systems.describe_base_rates(study)}".strip()
    if study.trained.kind in (
        kind_files.LIVE,
        kind_files.LIVE_CIRCUIT,
        *kind_files.file_formats(),
    ):
        return f"{notes}\n\n{describe_parts(study.model)}"
    return notes


def _data_facts(study: Study) -> dict[str, object]:
    """Return what the card of the data lists, by name: sizes, modalities, target, source."""
    data = study.dataset
    facts: dict[str, object] = {"": data.title, "samples": f"{len(data):,}"}
    for split in ("train", "valid", "test"):
        facts[split] = f"{len(data.rows(split)):,}"
    for modality in data.modalities:
        kind = ", sequence" if modality.is_sequence else ""
        facts[modality.name] = "player" if data.is_game else f"{modality.size} features{kind}"
    if study.classes:
        scale = f": {len(study.classes)} classes"
    else:
        scale = " in [{:g}, {:g}]".format(*study.scale)
    facts["target"] = data.target.name + scale
    facts["source"] = data.source
    facts["licence"] = data.licence
    facts["digest"] = data.digest[:12]
    return facts
