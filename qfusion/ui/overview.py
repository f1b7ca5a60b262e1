"""Overview: who decided on the current sample, three samples to start with, five questions, the model and the data."""

from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion.analysis import sample_examples, text
from qfusion.analysis.study import Study
from qfusion.figures import style
from qfusion.models import Ability
from qfusion.models.abilities import can
from qfusion.panels import overview
from qfusion.training import metrics
from qfusion.ui import (
    figure,
    frame,
    guidance,
    guided_tour,
    model_export_dialog,
    navigation,
    page_context,
    page_runs,
    panels,
    sample_content,
)
from qfusion.wording import answers, backgrounds, systems
from qfusion.wording.examples import explain_example
from qfusion.wording.model_notes import describe_notes
from qfusion.wording.samples import describe_softmax

ICONS = {
    "agreement": ":material/join:",
    "conflict": ":material/compare_arrows:",
    "synergy": ":material/hub:",
    "dominance": ":material/person:",
}
TITLES = {kind: name.capitalize() for kind, name in sample_examples.EXAMPLE_NAMES.items()}


WAYS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("Explore a sample", "pages/samples.py", ":material/search:", {}),
    ("Bring my data", "pages/data.py", ":material/upload_file:", {}),
    ("Understand the physics", "pages/dynamics.py", ":material/timeline:", {"show": "Decision"}),
)


def pipeline(context: page_context.PageContext) -> None:
    """The way from features to score; each part links to the page that shows it."""
    parts = systems.pipeline_stages(context.study)
    guidance.title(
        text.escape_markdown(context.study.card.get("title") or context.study.name),
        systems.describe_system(context.study),
        3,
    )
    with st.container(key="pair-pipeline"):
        for i, (cell, (name, words, page, label, shown)) in enumerate(
            zip(st.columns(len(parts), gap="small"), parts, strict=True)
        ):
            with cell, st.container(border=True, height="stretch"):
                st.markdown(
                    f"**{i + 1}  {name}**"
                    + ("  :material/arrow_forward:" if i < len(parts) - 1 else ""),
                    help=guidance.help(words),
                )
                guidance.help_line(words)
                navigation.link(page, label, ":material/arrow_outward:", **shown)


def example_samples(context: page_context.PageContext) -> None:
    """Samples to start with, in cards: content, mini waterfall, entropies."""
    guidance.title(
        "Samples to start with",
        f"Picked by their verdicts among the {len(context.study.dataset.rows('test')):,} test samples, from "
        "the better-predicted half where it has such a sample. "
        + backgrounds.describe_baseline(context.study.sample_background),
        3,
    )
    examples = sample_examples.find_examples(context.study)
    for cell, item in zip(st.columns(len(examples), gap="medium"), examples, strict=True):
        with cell, st.container(border=True, height="stretch", key=f"telling-{item.kind}"):
            _example(context, item)


def _example(context: page_context.PageContext, item: sample_examples.Example) -> None:
    study = context.study
    row = study.dataset.row(item.sample)
    unit = text.escape_markdown(study.score_unit(int(study.predicted[row])))
    drawn: dict[Ability, str] = {
        "time": f"Top: baseline + terms = {unit}. Bottom: entropy of each modality over time (nats).",
        "masses": f"Top: baseline + terms = {unit}. Bottom: the mass each modality gives each element (dark 0, yellow "
        "1), and what the fusion makes of it.",
    }
    figures = next(
        (drawn[able] for able in drawn if can(study.model, able)), f"Baseline + terms = {unit}."
    )
    guidance.title(
        f"{ICONS[item.kind]} {TITLES[item.kind]}", f"{explain_example(item)} {figures}", 3
    )
    with st.container(key=f"said-{item.kind}"):
        sample_content.sample_content(context, row, details=False)
    if study.classes:
        output = int(study.predicted[row])
        st.markdown(
            f"Predicted **{text.escape_markdown(study.classes[output])}** "
            f"({describe_softmax(study.probabilities[row, output])}), "
            + (
                "correctly"
                if output == study.dataset.y[row]
                else f"but it is {sample_content.truth(study, row)}"
            )
        )
    for build in panels.builders(
        study,
        context.theme,
        *(f"telling-{part}-{item.kind}" for part in ("waterfall", "entropy", "masses")),
    ).values():
        figure.small(build())
    navigation.link(
        "pages/samples.py",
        f"Open {text.escape_markdown(item.sample)}",
        ":material/open_in_full:",
        open=item.sample,
    )


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
                alt="Test metrics: mean and spread over the seeds.",
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


_OF_TIME = (
    "- **Entropy** says how mixed a modality's state has become; it measures correlation, not who decided.\n"
    "- **Sliders** on the Dynamics page change the physics, and the test metrics with it: an explanation one can "
    "test.\n"
)
_OF_CIRCUITS = (
    "- **Mass** is how much a modality speaks for an element, from 0 to 1; a **truth table** says what the fusion "
    "makes of it.\n- **Angles** on the Circuit page can be edited, and decision and test accuracy with them: an "
    "explanation one can test.\n- **Entropy** of a fused qubit is its entanglement with what it was fused from; it "
    "measures correlation, not who decided.\n"
)


def reading_guide(context: page_context.PageContext) -> None:
    """How to read the pages."""
    names = context.study.modalities
    total = "the score"
    if context.study.classes:
        total = "the log-odds of the class in nats: above 0 for it, below 0 against it"
    swatches = "  ".join(
        f"{text.escape_markdown(name)} ({_HUES.get(style.term_colour(name, names), 'grey')})"
        for name in names
    )
    st.expander("How to read the pages", icon=":material/help:", expanded=guidance.full()).markdown(
        f"- **Colours** stand for modalities everywhere: {swatches}. Joint terms take the mixed hue, dashed or "
        "hatched.\n- **A decision is a sum**: baseline (the mean over the training data, or whatever is picked on "
        f"top) + what each modality adds alone + what pairs and all together add jointly = {total}. "
        "The sum is exact, not sampled.\n"
        + (
            _OF_TIME
            if can(context.study.model, "time")
            else _OF_CIRCUITS
            if can(context.study.model, "rules")
            else ""
        )
        + "- **Every figure** has an export (SVG, PDF, PNG, HTML, and what it was made from) and its numbers as "
        "CSV; the address bar holds the whole view."
    )


_HUES = {
    style.BLUE: "blue",
    style.VERMILLION: "vermillion",
    style.GREEN: "green",
    style.YELLOW: "yellow",
    style.PURPLE: "purple",
    style.SKY: "sky blue",
}


# Five questions about the current sample, each with its answer in a sentence and a link to the figure behind it; on
# the Overview page.

Place = tuple[str, str, dict[str, str]]  # page, label of the link, what the link shows


def five_questions(context: page_context.PageContext) -> None:
    """Draw all five questions. The slow ones are computed last, so that the others can be read meanwhile."""
    sample = context.tweaked_sample()
    picture = overview.sample_questions(sample)
    with st.container(border=True, key="panel-questions", gap="xsmall", height="stretch"):
        figure.heading(picture.title, picture)
        cells = {
            question: st.container(key=f"question-{at}")
            for at, question in enumerate(answers.QUESTIONS)
        }
        places = dict(zip(answers.QUESTIONS, _places(context.study), strict=True))
        for question in answers.IN_TURN:
            answer, (page, label, shown) = answers.QUESTIONS[question](sample), places[question]
            with cells[question]:
                st.markdown(f"**{question}**  \n{answer}")
                navigation.link(page, label, ":material/arrow_outward:", **shown)
        figure.footer(picture)


def _places(study: Study) -> tuple[Place, ...]:
    """Return the location of the figure behind each answer."""
    last: dict[Ability, tuple[Place, ...]] = {
        "time": (
            ("pages/dynamics.py", "See it over time", {"show": "Decision"}),
            ("pages/dynamics.py", "See what built it", {"show": "Decision"}),
        ),
        "layers": (
            ("pages/circuit.py", "See it along the layers", {"rules": "Entropies"}),
            ("pages/circuit.py", "See it after the fusion", {"rules": "Entropies"}),
        ),
    }
    other: tuple[Place, ...] = (
        ("pages/dynamics.py", "See why", {}),
        ("pages/operators.py", "See what the read-out votes for", {}),
    )
    return (
        ("pages/samples.py", "See every part", {}),
        ("pages/samples.py", "See what each says", {}),
        ("pages/what_if.py", "See and try it", {}),
        *next((last[able] for able in last if can(study.model, able)), other),
    )


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


# Overview: who decided on the sample at hand, three samples to start with, what is loaded and how good it is.


def page() -> None:
    """Draw the page, which `app.py` shows."""
    page_runs.draw_page(_page)


def _page() -> None:
    context = frame.begin_model_page("Overview")
    with page_runs.guard(), st.container(key="fold-overview"):
        with guided_tour.invitation(navigation.link, navigation.FILES) as invited:
            for label, page, icon, shown in WAYS if invited else ():
                navigation.link(page, label, icon, **shown)
        left, questions = st.columns([1, 1.15], gap="medium")
        with left:
            with st.container(key="said-now"):
                sample_content.sample_content(context, details=False, key="now")
            panels.show(context.tweaked_sample(), context.theme, "waterfall", first=1)
        panels.lazy_panel("how-it-works", partial(pipeline, context))
        panels.lazy_panel("samples-to-start-with", partial(example_samples, context))
        panels.lazy_panel("model-and-data", partial(model_and_data, context))
        with questions, page_runs.guard():
            five_questions(
                context
            )  # last: of a network, looking for what would flip it takes seconds
        panels.draw_lower_panels(context.theme, **context.scopes())
