"""Overview: one sample from what it says to the decision, five answers, samples to start with, the model, the data."""

from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion._sentences import true_minus
from qfusion.app import figure, frame, guidance, navigation, page_runs, panels, tables
from qfusion.app.models import exchange, sliders, tweaks
from qfusion.app.page_context import PageContext
from qfusion.app.samples import contents
from qfusion.figures import style
from qfusion.models import kind_files
from qfusion.models.protocols import Evolution, LayeredNetwork, MassStates, TruthTables
from qfusion.study import compare, text
from qfusion.study.sample import Sample
from qfusion.study.study import Study
from qfusion.views import overview
from qfusion.views.overview import explain_example
from qfusion.views.pages.panel import drawn
from qfusion.views.words import answers, decisions, systems
from qfusion.views.words.rules import describe_softmax
from qfusion.views.words.systems import describe_notes
from qfusion.views.words.training import describe_parts

ROW = (0.8, 1.75, 1.25)  # widths of what the sample says, its evolution, and the decision
WAYS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("Explore a sample", "pages/samples.py", ":material/search:", {}),
    ("Import my data", "pages/data.py", ":material/upload_file:", {}),
    ("Understand the physics", "pages/dynamics.py", ":material/timeline:", {"show": "Decision"}),
)


def page() -> None:
    """Draw the page, which `app.py` shows."""
    page_runs.draw_page(_page)


def _page() -> None:
    context = frame.begin_model_page("Overview")
    st.markdown(systems.describe_course(context.study))
    with page_runs.show_errors(), st.container(key="fold-overview"):
        instrument(context)
        questions = st.container()
        with navigation.invitation() as invited:
            for label, page, icon, shown in WAYS if invited else ():
                navigation.link(page, label, icon, **shown)
        panels.lazy_panel("how-it-works", partial(pipeline, context))
        panels.lazy_panel("samples-to-start-with", partial(example_samples, context))
        panels.lazy_panel("model-and-data", partial(model_and_data, context))
        with questions, page_runs.show_errors():
            five_questions(
                context
            )  # last: of a network, looking for what would flip it takes seconds
        panels.draw_lower_panels(**context.scopes())


@page_runs.fragment
def instrument(context: PageContext) -> None:
    """Draw what the sample says, its evolution or circuit, and the decision. This is a fragment, so that moving the
    slider redraws only this part."""
    model = context.study.model
    says, middle, decides = st.columns(ROW, gap="small")
    with says, st.container(border=True, key="hero", height="stretch"):
        contents.sample_content(context, details=False, key="now")
    with middle:
        if model.part(Evolution):
            tweaks.draw_strongest_coupling(context.study)
        sample = context.tweaked_sample(tweaks.current_tweak(context.study))
        panels.show(sample, "decision-over-time", "circuit", "shapley", first=1)
    with decides:
        draw_decision(sample)
        panels.show(sample, "waterfall", first=1)
    if model.part(Evolution):
        sliders.follow_sliders(
            sample, (), overview.shown_measure(sample.modalities), "fold-overview"
        )


def draw_decision(sample: Sample) -> None:
    """Draw the decision under the sliders beside the annotation, and the number that contributions sum to."""
    label = _label_decision(sample)
    number = tweaks.Changed(
        true_minus(label),
        sample.untweaked.score,
        sample.score,
        "The sum of baseline and contributions below. The small number is the change from the learned model.",
    )
    with st.container(key="pair-metrics"):
        tweaks.metrics_changed([number], [st.container()])


def _label_decision(sample: Sample) -> str:
    """Return the decision, the annotation and the name of the number below, as Markdown."""
    if not sample.study.reads_features:
        return f"Measured, {text.escape_markdown(sample.unit)}"
    decided = answers.format_decision(sample.study, sample.scores)
    has_truth = sample.study.dataset.has_truth(sample.row)
    truth = (
        f"annotated {contents.truth(sample.study, sample.row)}" if has_truth else "truth unknown"
    )
    label = f"Decision: **{decided}**, {truth}"
    if sample.classes:
        explained = text.escape_markdown(sample.classes[sample.output], 14)
        label += f" · log-odds of ‘{explained}’ (nats)"
    return label


def pipeline(context: PageContext) -> None:
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


Place = tuple[str, str, dict[str, str]]  # page, label of the link, what the link shows


def five_questions(context: PageContext) -> None:
    """Draw all five questions. The slow ones are computed last, so that the others can be read meanwhile."""
    sample = context.tweaked_sample()
    picture = drawn(overview.questions)(sample)
    with st.container(border=True, key="panel-questions", gap="xsmall"):
        figure.heading(picture.title, picture)
        with st.container(key="pair-questions"):
            columns = st.columns(len(overview.QUESTIONS), gap="medium")
        cells = {
            question: column.container(key=f"question-{at}", gap="xsmall")
            for at, (question, column) in enumerate(zip(overview.QUESTIONS, columns, strict=True))
        }
        places = dict(zip(overview.QUESTIONS, _places(context.study), strict=True))
        for question in overview.IN_TURN:
            answer, (page, label, shown) = overview.QUESTIONS[question](sample), places[question]
            short, stop, more = true_minus(answer).partition(". ")
            with cells[question]:
                st.markdown(f"**{question}**  \n{short}{stop.strip()}", help=more or None)
                if context.study.reads_features or page == "pages/samples.py":
                    navigation.link(page, label, ":material/arrow_outward:", **shown)
        figure.footer(picture)


def _places(study: Study) -> tuple[Place, ...]:
    """Return the location of the figure behind each answer."""
    last: dict[type, tuple[Place, ...]] = {
        Evolution: (
            ("pages/dynamics.py", "See it over time", {"show": "Decision"}),
            ("pages/dynamics.py", "See what built it", {"show": "Decision"}),
        ),
        LayeredNetwork: (
            ("pages/circuit.py", "See it along the layers", {"rules": "Entropies"}),
            ("pages/circuit.py", "See it after the fusion", {"rules": "Entropies"}),
        ),
    }
    other: tuple[Place, ...] = (
        ("pages/dynamics.py", "See why", {}),
        ("pages/operators.py", "See the votes of the read-out", {}),
    )
    return (
        ("pages/samples.py", "See every part", {}),
        ("pages/samples.py", "See what each says", {}),
        ("pages/what_if.py", "See and try it", {}),
        *next((places for part, places in last.items() if study.model.part(part)), other),
    )


ICONS = {
    "agreement": ":material/join:",
    "conflict": ":material/compare_arrows:",
    "synergy": ":material/hub:",
    "dominance": ":material/person:",
}
TITLES = {kind: name.capitalize() for kind, name in compare.EXAMPLE_NAMES.items()}


def example_samples(context: PageContext) -> None:
    """Samples to start with, in cards: content, mini waterfall, entropies."""
    examples = compare.find_examples(context.study)
    if not examples:
        return
    guidance.title(
        "Samples to start with",
        f"Chosen by their verdicts among the {len(context.study.dataset.rows('test')):,} test "
        "samples, if possible from the better-predicted half. "
        + decisions.describe_baseline(context.study.sample_background),
        3,
    )
    for cell, item in zip(st.columns(len(examples), gap="medium"), examples, strict=True):
        with cell, st.container(border=True, height="stretch", key=f"telling-{item.kind}"):
            _example(context, item, wide=len(examples) < compare.EXAMPLES)


def _example(context: PageContext, item: compare.Example, *, wide: bool) -> None:
    """Draw what a sample says and how it was decided; in a wide card beside each other."""
    study = context.study
    row = study.dataset.row(item.sample)
    unit = text.escape_markdown(study.score_unit(int(study.predicted[row])))
    drawn: dict[type, str] = {
        Evolution: f"Top: baseline + terms = {unit}. Bottom: entropy of each modality over time (nats).",
        MassStates: f"Top: baseline + terms = {unit}. Bottom: the mass that each modality assigns to each element "
        "(dark 0, yellow 1), and the result of the fusion.",
    }
    figures = next(
        (words for part, words in drawn.items() if study.model.part(part)),
        f"Baseline + terms = {unit}.",
    )
    guidance.title(
        f"{ICONS[item.kind]} {TITLES[item.kind]}", f"{explain_example(item)} {figures}", 3
    )
    says, decided = st.columns([1, 1.6]) if wide else (st.container(), st.container())
    with says, st.container(key=f"said-{item.kind}"):
        contents.sample_content(context, row, details=False)
        if study.classes:
            output = int(study.predicted[row])
            st.markdown(
                f"Predicted **{text.escape_markdown(study.classes[output])}** "
                f"({describe_softmax(study.probabilities[row, output])}), "
                + _describe_outcome(study, row, output)
            )
    with decided:
        for build in panels.builders(
            study, *(f"telling-{part}-{item.kind}" for part in ("waterfall", "entropy", "masses"))
        ).values():
            figure.draw_thumbnail(build())
    navigation.link(
        "pages/samples.py",
        f"Open {text.escape_markdown(item.sample)}",
        ":material/open_in_full:",
        open=item.sample,
    )


def _describe_outcome(study: Study, row: int, output: int) -> str:
    """Return whether a predicted class is the annotated one."""
    if not study.dataset.has_truth(row):
        return "no truth is known"
    if output == study.dataset.y[row]:
        return "correctly"
    return f"but it is {contents.truth(study, row)}"


def metrics_card(context: PageContext) -> None:
    """Test metrics: mean and spread over the training seeds."""
    card = context.study.card
    if card.get("metrics", {}).get("test"):
        panels.show(context.study, "test-metrics")
        with st.expander("All test metrics as a table", icon=":material/table:"):
            [build] = panels.builders(context.study, "test-metrics").values()
            numbers = build().numbers
            mean = numbers["mean"].map("{:.3f}".format)
            if len(card.get("seeds", [])) > 1:
                mean += " ± " + numbers["standard_deviation"].map("{:.3f}".format)
            own = numbers["this_seed"].map("{:.3f}".format, na_action="ignore").fillna("–")
            columns = {
                "metric": numbers["metric"],
                "mean over seeds ± standard deviation": mean,
                "this seed": own,
            }
            tables.draw(
                pd.DataFrame(columns),
                "Test metrics: mean and standard deviation over the seeds.",
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


def model_and_data(context: PageContext) -> None:
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
            exchange.export_button(context)
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
        scale = true_minus(" in [{:g}, {:g}]".format(*study.scale))
    facts["target"] = data.target.name + scale
    facts["source"] = data.source
    facts["licence"] = data.licence
    facts["digest"] = data.digest[:12]
    return facts


_OF_TIME = (
    "- **Entropy** measures how mixed a modality's state has become. It indicates correlation, "
    "not which modality decided.\n- **Sliders** on the Dynamics page change the physics and with "
    "it the test metrics, which makes the explanation testable.\n"
)
_OF_CIRCUITS = (
    "- **Mass** is the support of a modality for an element, from 0 to 1. A **truth table** "
    "defines how the fusion combines masses.\n- **Angles** on the Circuit page can be edited; "
    "decision and test accuracy then change, which makes the explanation testable.\n- "
    "**Entropy** of a fused qubit is its entanglement entropy with the modality qubits (nats). It indicates "
    "correlation, not which modality decided.\n"
)


def reading_guide(context: PageContext) -> None:
    """How to read the pages."""
    names = context.study.modalities
    total = "the score"
    if context.study.classes:
        total = "the log-odds of the class in nats: above 0 for it, below 0 against it"
    additions = ""
    if context.study.model.part(Evolution):
        additions = _OF_TIME
    elif context.study.model.part(TruthTables):
        additions = _OF_CIRCUITS
    swatches = "  ".join(
        f"{text.escape_markdown(name)} ({_HUES.get(style.term_colour(name, names), 'grey')})"
        for name in names
    )
    st.expander(
        "How to read the pages", icon=":material/help:", expanded=guidance.shows_full_text()
    ).markdown(
        f"- **Colours** stand for modalities everywhere: {swatches}. Joint terms take the mixed hue, dashed or "
        "hatched.\n- **A decision is a sum**: baseline (the mean over the training data, or whatever is picked on "
        f"top) + what each modality adds alone + what pairs and all together add jointly = {total}. "
        "The sum is exact, not sampled.\n"
        + additions
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
