"""The form of a visitor's own sample: drawn, spoken or written, and processed like the training data.

It becomes a sample of this session, is shown with its decision and its distance from the training data, and opens like
any other. It stays in the session; no other session sees it.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from qfusion import _limits, _read_only
from qfusion._sentences import share, true_minus
from qfusion.app import figure, navigation, page_runs, state
from qfusion.app.page_context import PageContext
from qfusion.app.samples import contents
from qfusion.data import Audio, Image, own_samples
from qfusion.data.data_set import DataSet
from qfusion.data.media_pictures import enlarge, grey_levels
from qfusion.data.sample_content import FeatureTransform
from qfusion.study import compare, text
from qfusion.study.compare import TrainingDistance
from qfusion.study.opening import with_samples
from qfusion.study.sample import build_sample
from qfusion.views.pages import address, samples
from qfusion.views.words import answers

DISTANCE = (
    "Its encodings are further from the training data than those of {share} of the test samples (distance to the "
    "nearest training sample {own:.2g}, median {median:.2g})."
)

MOST_SAMPLES = 8  # that a session keeps
COLOURS = [
    "white",
    "red",
    "orange",
    "yellow",
    "green",
    "teal",
    "blue",
    "purple",
    "pink",
    "brown",
    "gray",
    "grey",
    "black",
]


def session_samples() -> tuple[own_samples.OwnSample, ...]:
    """The samples that this session has made, the latest last."""
    return tuple(state.get(page_runs.OWN) or ())


def _open_sample(sample: own_samples.OwnSample) -> None:
    """Keep a sample for this session, which holds the latest `MOST_SAMPLES`, and open it."""
    others = [one for one in session_samples() if one.digest != sample.digest]
    state.put(page_runs.OWN, (*others, sample)[-MOST_SAMPLES:])
    state.put(samples.TRY.key, False)  # what is asked for stands below
    state.choose_sample(sample.id)


def _forget() -> None:
    state.put(page_runs.OWN, ())
    state.page_again()


@page_runs.fragment
def try_own(context: PageContext) -> None:
    """Draw what can be given for this data set, and the model's answer to it."""
    dataset = context.study.dataset
    boxes = own_samples.input_groups(dataset)
    given: dict[str, own_samples.OwnInput] = {}
    st.caption(
        "Your input is processed like the training data. It is deleted at the end of this session."
    )
    with st.container(key="own-boxes"):
        *places, answer = st.columns([*[1] * len(boxes), 1.1])
    for cell, (first, names) in zip(places, boxes.items(), strict=True):
        with cell:
            piece = _ask(f"_own-{dataset.name}-{first}", dataset.feature_transforms[first], names)
        if piece is not None:
            given[first] = piece
    with answer, page_runs.show_errors():
        if given:
            _draw_result(context, _made(dataset, given, _like(context)))
        else:
            st.caption("The model's answer appears here.")
    if mine := [one for one in session_samples() if one.data == dataset.name]:
        with st.container(horizontal=True, vertical_alignment="center", key="own-stored"):
            st.caption("Samples of this session:", width="content")
            for one in mine:
                st.button(
                    one.id,
                    key=f"_open-{one.digest}",
                    type="tertiary",
                    on_click=state.choose_sample,
                    args=(one.id,),
                )
            st.button("Delete all", key="_forget_own", icon=":material/delete:", on_click=_forget)


def _made(
    dataset: DataSet, given: dict[str, own_samples.OwnInput], like: str
) -> own_samples.OwnSample:
    """Return the sample made from the given inputs. A sample that was not made before waits for its turn."""
    before = own_samples.find_sample(dataset, given, like)
    if before is not None:
        return before
    with st.spinner("Reading your input …"):
        return own_samples.make_sample(dataset, given, like)


def _like(context: PageContext) -> str:
    """Return the sample of the data set that fills in missing inputs: the open one, or, if that is a reader's own,
    the sample on which it is based.
    """
    if not context.study.dataset.is_own(context.row):
        return context.sample
    return next(
        (one.like for one in session_samples() if one.id == context.sample), ""
    ) or address.default_sample(context.study)


def _ask(
    key: str, transform: FeatureTransform, names: tuple[str, ...]
) -> own_samples.OwnInput | None:
    """Draw the widgets with which a visitor gives one input. Return the last input, or None if there is none."""
    verbs = {"drawing": "Draw", "recording": "Say", "sentence": "Write", "clip": "Choose"}
    what = f"**{verbs[transform.kind]} {text.escape_markdown(transform.hint, 160)}**"
    if len(names) > 1:  # one input makes several modalities
        what += f"  \n:small[for {', '.join(map(text.escape_markdown, names))}]"
    st.markdown(what)
    if transform.kind == "sentence":
        words = st.text_input(
            "Your sentence", key=key, max_chars=own_samples.MAX_BYTES["sentence"] // 4
        )
        return own_samples.OwnInput("sentence", words.encode("utf-8", "replace")) if words else None
    made = _draw_canvas(key, transform.hint) if transform.kind == "drawing" else None
    if _read_only.is_read_only():
        st.caption("This server accepts no files and no recordings.")
        return made
    if transform.kind == "recording":
        sound: Any = st.audio_input("Record", sample_rate=16_000, key=key)
        made = None if sound is None else own_samples.OwnInput("recording", sound.getvalue())
        st.caption(
            "No microphone, or blocked by the browser? Allow it for this page next to the address "
            "(browsers ask only on https and on this machine), or upload a sound file."
        )
    file = st.file_uploader(
        "Or upload a file" if transform.kind != "clip" else "Upload a clip",
        type=[ending.removeprefix(".") for ending in own_samples.ENDINGS[transform.kind]],
        max_upload_size=own_samples.MAX_BYTES[transform.kind] // _limits.MIB,
        key=f"{key}-file",
        help="A file replaces the drawing or recording. Remove it to use that again.",
    )
    return (
        made
        if file is None
        else own_samples.OwnInput(
            transform.kind, file.getvalue(), Path(file.name).suffix.lower()[:8]
        )
    )


def _draw_canvas(key: str, hint: str) -> own_samples.OwnInput | None:
    """Draw the canvas and return the drawing on it, or None if there is none."""
    light = "light" in hint or "white ground" in hint
    named = [colour for colour in COLOURS if re.search(rf"\b{colour}\b", hint)]
    result = figure.component("canvas")(
        key=figure.component_key(key),
        data={
            "name": key,
            "label": f"Canvas: draw {hint}",
            "ground": "#f4f4f4" if light else "#000000",
            "colours": named or [COLOURS[-1] if light else COLOURS[0]],
            "width": 24,  # pixels of 280: as thick as MNIST's
        },
        on_drawing_change=lambda: None,
    )
    drawing = result.drawing
    return own_samples.read_canvas(drawing) if drawing else None


def _draw_result(context: PageContext, made: own_samples.OwnSample) -> None:
    """Draw the model's input, its answer, and the way to everything else."""
    study = with_samples(context.explained_study.base_study, (made,))
    sample = build_sample(study, len(study.dataset), context.output_wanted)
    with st.container(key="own-answer", border=True):
        decision = true_minus(answers.format_decision_value(study, sample.scores))
        st.markdown(f"#### {text.escape_markdown(study.name)} decides: {decision}")
        st.markdown(
            true_minus(answers.answer_decision(sample.verdict, study.seeds_state))
            + _describe_replaced(made, study.modalities)
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "Explain it",
                type="primary",
                icon=":material/troubleshoot:",
                key="_explain_own",
                on_click=_open_sample,
                args=(made,),
                help=f"Opens it as sample {made.id} on all pages.",
            )
            if context.sample == made.id:
                navigation.link("app.py", "Five questions about it", ":material/help:")
        st.caption("Input of the model")
        with st.container(horizontal=True):
            for name in study.modalities:
                _input(context, made, name)
        # last, since all test samples are looked at the first time
        st.caption(describe_distance(compare.measure_distance(sample)))


def _input(context: PageContext, made: own_samples.OwnSample, name: str) -> None:
    """Draw the model's input of one modality: a picture, a log-mel as a picture, text, or else the number of values."""
    modality = next(m for m in context.study.dataset.modalities if m.name == name)
    values, content = made.features[name], made.content.get(name)
    pixels, size = None, " × ".join(map(str, modality.shape or values.shape))
    if isinstance(content, Image):
        pixels = content.pixels
    elif modality.shape and len(modality.shape) == 2:
        levels = grey_levels(values.reshape(modality.shape), values.min(), values.max() + 1e-9)
        pixels = enlarge(np.flipud(levels), 112)  # the lowest band at the foot
    with st.container(width="content", key=f"own-input-{name}"):
        if pixels is not None:
            st.image(pixels, width=112, alt=f"Input of the model for {name}: {size} numbers")
        if content is not None and not isinstance(content, Image):
            contents.raw_content(name, content, 180, in_box=True)
        form = " (log-mel)" if isinstance(content, Audio) and modality.shape else ""
        st.caption(f"{text.escape_markdown(name)}: {size}{form}")


def _describe_replaced(made: own_samples.OwnSample, modalities: tuple[str, ...]) -> str:
    """Return a sentence that names the modalities of the model that the visitor did not give."""
    rest = [text.escape_markdown(name) for name in modalities if name in made.taken]
    return (
        f" Not given: {', '.join(rest)}, taken from sample {text.escape_markdown(made.like)}."
        if rest
        else ""
    )


def describe_distance(distance: TrainingDistance) -> str:
    """Return the distance of a sample compared with those of the test samples."""
    return DISTANCE.format(share=share(distance.nearer), own=distance.own, median=distance.median)
