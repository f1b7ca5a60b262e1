"""A sample on a page: its texts, pictures and recordings, the facts of the data set's table, its report, and the
card with the model's decision on it."""

from dataclasses import dataclass
from enum import Enum
from functools import partial
from math import ceil
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from qfusion._lazy import Library
from qfusion._sentences import capitalise, true_minus
from qfusion.app import figure, navigation, page_runs
from qfusion.app.models import tweaks
from qfusion.app.page_context import PageContext
from qfusion.data import Audio, Content, Image, Text, media_files, media_films, media_pictures
from qfusion.data.sample_content import Clip, Film, Series
from qfusion.data.target_spec import LABEL_PREFIX
from qfusion.errors import translate_system_errors
from qfusion.models.protocols import Circuit, Evolution
from qfusion.study import recording_strip, text
from qfusion.study.sample import Sample, build_sample
from qfusion.study.study import Study
from qfusion.study.text import escape_markdown
from qfusion.views import samples
from qfusion.views.pages.panel import drawn
from qfusion.views.words.rules import format_probability

PROBABILITY_HELP = (
    "Softmax of the scores. It is not calibrated, so that it need not be the share of such "
    "decisions that are right."
)
EVIDENCE_HELP = "The explained quantity: baseline and contributions below sum to it."
ERROR_HELP = "Distance of the prediction from the annotation."


class Outcome(Enum):
    """How a decision compares with the annotation."""

    RIGHT = "correct"
    WRONG = "wrong"
    MEASURED = "measured"
    UNKNOWN = "truth unknown"


@dataclass(frozen=True)
class Fact:
    """A number of a decision.

    Attributes:
        name: of the number, as Markdown.
        value: the number with its unit, as Markdown.
        help: what the number means, in a sentence.
    """

    name: str
    value: str
    help: str = ""


@dataclass(frozen=True)
class DecisionSummary:
    """The decision of a model on one sample.

    Attributes:
        answer: the class or the number, as Markdown.
        outcome: how the answer compares with the annotation.
        facts: its numbers.
    """

    answer: str
    outcome: Outcome
    facts: tuple[Fact, ...]


BADGES = {
    Outcome.RIGHT: ":green-badge[:material/check: correct]",
    Outcome.WRONG: ":red-badge[:material/close: wrong]",
    Outcome.UNKNOWN: ":gray-badge[truth unknown]",
}


def hero_card(context: PageContext, *, details: bool = False, key: str = "card") -> None:
    """Draw the content of the current sample beside the decision on it.

    Args:
        context: the reader's picks.
        details: whether to add the facts of the data set's table.
        key: tells figures of one sample apart that a page shows twice.
    """
    sample = context.tweaked_sample()
    with st.container(border=True, key="hero"):
        content, decision = st.columns([1.25, 1], gap="medium", vertical_alignment="center")
        with content:
            sample_content(context, details=details, key=key)
        with decision:
            _draw_decision(summarize_decision(sample), _name_decision(sample))


def _name_decision(sample: Sample) -> str:
    if sample.classes:
        return "Decision"
    unit = escape_markdown(sample.unit)
    return f"Prediction, {unit}" if sample.study.reads_features else f"Measured, {unit}"


def _draw_decision(summary: DecisionSummary, name: str) -> None:
    """Draw what is decided, the answer, large, and its numbers below."""
    with st.container(key="hero-decision", gap="xsmall"):
        st.caption(name)
        st.markdown(f"**{summary.answer}** {BADGES.get(summary.outcome, '')}")
        with st.container(horizontal=True, gap="medium", key="hero-facts"):
            for fact in summary.facts:
                st.markdown(
                    f":small[{fact.name}]  \n**{fact.value}**",
                    help=fact.help or None,
                    width="content",
                )


def sample_content(
    context: PageContext,
    row: int | None = None,
    *,
    details: bool = True,
    only: tuple[str, ...] | None = None,
    key: str = "card",
) -> None:
    """The raw content that the data set has of a sample; says so where a modality has none.

    Args:
        row: of the sample, the current one unless given. details: with facts from the data's table, and as the page's
            main content.
        only: modalities to show. key: tells figures of one sample apart that a page shows twice.
    """
    at, card = context.row if row is None else row, "main" if details else key
    content = context.study.dataset.content(at)
    shown = {
        name: content[name]
        for name in context.study.modalities
        if name in content and (only is None or name in only)
    }

    def pieces(kind: type) -> dict[str, Content]:
        return {name: piece for name, piece in shown.items() if isinstance(piece, kind)}

    for name, piece in pieces(Text).items():
        raw_content(name, piece)
    result = recording_strip.source(context.study.dataset, at)
    with st.container(key=f"content-{card}-{at}" if only is None else None, gap="small"):
        if result.clip is not None and only is None:
            clip(result.clip, str(context.study.dataset.ids[at]))
        played = pieces(Image) | pieces(Audio) | pieces(Film)
        with st.container(horizontal=True, vertical_alignment="center", wrap=len(shown) > 3):
            for name, piece in played.items():
                if isinstance(piece, Image):
                    wide = len(played if details else pieces(Image)) == 1
                else:
                    wide = details
                raw_content(name, piece, "stretch" if wide else 150)
    if result.problem:
        st.warning(text.message(result.problem), icon=":material/videocam_off:")
    for name in pieces(Series):
        st.caption(text.escape_markdown(name))
        figure.draw_thumbnail(drawn(samples.curve)(context.study, row=at, modality=name, card=card))
    if details:
        absent = [
            text.escape_markdown(name) for name in context.study.modalities if name not in shown
        ]
        if absent and not context.study.dataset.is_game:
            st.caption(
                f"This data set has no raw content of {', '.join(absent)}, only features."
                if result.clip is None
                else f"The data set has only features of {', '.join(absent)}. The recording, which was linked to "
                "it, shows the original content."
            )
        draw_facts(context, at)


def raw_content(
    name: str,
    piece: Content,
    width: int | Literal["stretch"] = "stretch",
    *,
    in_box: bool = False,
) -> None:
    """Draw the raw content of a modality. In a box of that modality, its name and a border are left out."""
    match piece:
        case Text():
            st.container(border=not in_box).text(piece.text)
        case Audio():
            st.audio(
                np.asarray(piece.samples),
                sample_rate=piece.rate,
                width=width,
                alt=f"Recording: {name} of the sample",
            )
        case Image():
            st.image(
                np.asarray(piece.pixels),
                width=120 if in_box else 160 if width == "stretch" else 90,
                clamp=True,
                caption=None if in_box else text.escape_markdown(name),
                alt=f"Picture: {name} of the sample",
            )
        case Film():
            with page_runs.show_errors():
                st.video(media_films.encode_film(piece), loop=True, muted=True, width=width)


def clip(piece: Clip, sample: str) -> None:
    """Draw the recording of a sample, as a player or a picture. A player begins and ends at whole seconds."""
    if piece.kind == "image":
        with page_runs.show_errors():
            st.image(
                media_pictures.read_picture(piece.path, 2 * media_pictures.POSTER),
                alt=f"Picture: sample {sample}",
            )
    else:
        player = st.video if piece.kind == "video" else st.audio
        player(
            piece.path,
            media_files.TYPES[piece.path.suffix.lower()],
            int(piece.start),
            end_time=None if piece.end is None else ceil(piece.end),
            alt=f"Recording: sample {sample}",
        )


def follow_strip(sample: Sample, content: str, name: str = "strip", **options: Any) -> None:
    """Move a playhead over the strip of a sample's seconds, with buttons for its largest steps.

    Args:
        content: key of the raw content in which the recording stands. name: of the strip's panel.
        options: as of `views.samples.strip`.
    """
    result, _ = samples.open_strip(sample, **options)
    recording = recording_strip.source(sample.dataset, sample.row).clip
    figure.follow_player(
        f"follow-{name}",
        f".st-key-content-{content} :is(video, audio)",
        name,
        recording.start if recording is not None else 0.0,
        [
            (
                f"{lane.modality[:40]}, {lane.starts[lane.peak]:.2f} s",
                float(lane.starts[lane.peak]),
                true_minus(f"{lane.names[lane.peak]}: {lane.total[lane.peak]:+.3f}"),
            )
            for lane in result.lanes
        ],
    )


def draw_facts(context: PageContext, row: int) -> None:
    """Draw the planted scores of a sample, where they are known, and folded what the data set's table says of it, such
    as video, segment and speaker. Content that is shown and ids of its sources are left out.
    """
    data = context.study.dataset
    if data.is_own(row):
        st.caption("Made by you in this session; no truth is known.")
        return
    left_out = {"text", "transcript", data.target.name, *data.names}
    facts = {
        str(name): value
        for name, value in data.table.iloc[row].items()
        if not (name in left_out or str(name).endswith("_item"))
        and not (str(name).startswith(LABEL_PREFIX) and pd.isna(value))
    }
    scores = [
        f"{name.removeprefix('latent_')} {facts.pop(name):+.2f}"
        for name in list(facts)
        if name.startswith("latent_")
    ]
    if scores:
        st.caption(f"Planted truth: {text.escape_markdown(true_minus(', '.join(scores)))}")
    parts = [f"Split: {data.split[row]}"]
    if all(pd.api.types.is_number(facts.get(name)) for name in ("start", "end")):
        parts.append(f"Segment: {facts.pop('start'):.1f} s to {facts.pop('end'):.1f} s")
    parts += [
        f"{text.escape_markdown(capitalise(text.column(name)))}: "
        + text.escape_markdown(true_minus(f"{value:.2f}") if isinstance(value, float) else value)
        for name, value in facts.items()
    ]
    with st.expander("Details"):
        st.caption("  \n".join(parts))


def sample_heading(context: PageContext) -> None:
    """The sample's id, and the way on."""
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.subheader(f"Sample {text.escape_markdown(context.sample)}", anchor=False)
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            report_of_sample(context)
            if context.study.model.part(Evolution):
                navigation.link("pages/dynamics.py", "See it over time", ":material/timeline:")
            elif context.study.model.part(Circuit):
                navigation.link("pages/circuit.py", "See it along the circuit", ":material/schema:")


def truth(study: Study, row: int, limit: int = 400, digits: int = 2) -> str:
    """Return the annotation of a sample as markdown. Class names are shortened to `limit` characters, and numbers
    have `digits` decimals. The annotation of some samples is not known, such as that of a visitor's own.
    """
    if not study.dataset.has_truth(row):
        return "not known"
    y = study.dataset.y[row]
    return (
        text.escape_markdown(study.classes[int(y)], limit)
        if study.classes
        else true_minus(f"{float(y):+.{digits}f}")
    )


def report_of_sample(context: PageContext) -> None:
    """Offer the report on the current sample, with the reader's background, output and changes of the model."""
    changed = tweaks.current_tweak(context.study)
    with st.popover(
        "Report", icon=":material/description:", help="A report to read, print or send"
    ):
        st.caption(
            "A report on this decision in one file that needs no network: contributions, dynamics, "
            "entropies, circuit, faithfulness, methods with equations, BibTeX. It takes about ten "
            "seconds."
            + (
                f" The report uses the model with your changes: {text.escape_markdown(changed, 120)}."
                if changed
                else ""
            )
        )
        name = text.file_name(f"{context.study.name}-{context.sample}", 80)
        with st.container(horizontal=True):
            for suffix, kind in ((".pdf", "application/pdf"), (".html", "text/html")):
                st.download_button(
                    suffix[1:].upper(),
                    data=translate_system_errors()(partial(_write, context, changed, suffix)),
                    file_name=f"qfusion-{name}{suffix}",
                    mime=kind,
                    on_click="ignore",
                    icon=":material/download:",
                    key=f"report{suffix}",
                )


_REPORT: Any = Library("qfusion.report")


def _write(context: PageContext, changed: str, suffix: str) -> bytes:
    sample = build_sample(context.explained_study, context.row, context.output_wanted, changed)
    return bytes(_REPORT.sample(sample).render(suffix))


def summarize_decision(sample: Sample) -> DecisionSummary:
    """Return the decision of the model as trained on a sample."""
    if sample.classes:
        return _summarize_class(sample.untweaked)
    return _summarize_number(sample.untweaked)


def _summarize_class(sample: Sample) -> DecisionSummary:
    study = sample.study
    predicted = int(study.predicted[sample.row])
    probability = float(study.probabilities[sample.row, predicted])
    explained = escape_markdown(sample.classes[sample.output], 40)
    facts = [
        Fact("Softmax", format_probability(probability), PROBABILITY_HELP),
        Fact(f"Log-odds of ‘{explained}’", true_minus(f"{sample.score:+z.2f} nats"), EVIDENCE_HELP),
    ]
    truth = sample.true_class
    if truth is None:
        outcome = Outcome.UNKNOWN
    elif truth == predicted:
        outcome = Outcome.RIGHT
    else:
        outcome = Outcome.WRONG
        facts.append(Fact("Annotated class", escape_markdown(sample.classes[truth], 40)))
    return DecisionSummary(escape_markdown(sample.classes[predicted], 80), outcome, tuple(facts))


def _summarize_number(sample: Sample) -> DecisionSummary:
    prediction = float(sample.study.scores[sample.row, 0])
    answer = true_minus(f"{prediction:+z.2f}")
    if sample.target is None:
        is_measured = not sample.study.reads_features
        return DecisionSummary(answer, Outcome.MEASURED if is_measured else Outcome.UNKNOWN, ())
    facts = (
        Fact("Annotated value", true_minus(f"{sample.target:+z.2f}")),
        Fact("Error", f"{abs(prediction - sample.target):.2f}", ERROR_HELP),
    )
    return DecisionSummary(answer, Outcome.MEASURED, facts)
