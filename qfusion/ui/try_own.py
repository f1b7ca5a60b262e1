"""Try your own: what a visitor draws, says or writes becomes a sample of this session, shown as the model sees it, with
its decision and how far it lies from the training data, and opened like any other.

What is given stays in the session, and in the file that ‘Save session’ writes; nobody else's session knows it.
"""

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from qfusion import _limits
from qfusion.analysis import answers, compare, text
from qfusion.analysis.sample import sample_of, with_samples
from qfusion.data import Audio, Image, own, spec
from qfusion.data.spec import Maker
from qfusion.errors import QFusionError, refused
from qfusion.panels import address, samples
from qfusion.ui import player, reruns, state, views
from qfusion.ui.frame import Here, fragment, link

ENDINGS = {
    "drawing": ("png", "jpg", "jpeg"),
    "recording": ("wav", "flac", "ogg", "mp3"),
    "clip": ("mp4", "webm", "mov", "avi", "wav", "flac", "mp3", "ogg"),
}
VERBS = {"drawing": "Draw", "recording": "Say", "sentence": "Write", "clip": "Choose"}
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
GROUNDS = {True: "#f4f4f4", False: "#000000"}  # whether a drawing is on a light one
BRUSH = 24  # pixels of 280: as thick as MNIST's
_START = "data:image/png;base64,"
_MICROPHONE = (
    "No microphone, or your browser refused it? Allow it for this page beside the address (it is asked for "
    "on https and on this machine only), or upload a sound file."
)


def stored() -> tuple[own.Own, ...]:
    """The samples that this session has made, the latest last."""
    return tuple(state.get(reruns.OWN) or ())


def keep(sample: own.Own) -> None:
    """Keeps a sample for this session; of more than `own.MOST` the oldest goes."""
    others = [one for one in stored() if one.digest != sample.digest]
    state.put(reruns.OWN, (*others, sample)[-own.MOST :])


def _open(sample: own.Own) -> None:
    keep(sample)
    state.put(samples.TRY.key, False)  # what is asked for stands below
    state.choose_sample(sample.id)


def _forget() -> None:
    state.put(reruns.OWN, ())
    state.page_again()


@fragment
def try_own(here: Here) -> None:
    """What can be given for this data set, and what the model makes of it."""
    dataset = here.study.dataset
    boxes = own.boxes(dataset)
    given: dict[str, own.Given] = {}
    st.caption(
        "What you give is made into features the very way of the training data. It stays in this session and is gone "
        "with it, unless you save the session."
    )
    with st.container(key="own-boxes"):
        for cell, (first, names) in zip(st.columns(len(boxes)), boxes.items(), strict=True):
            with cell:
                piece = _ask(f"_own-{dataset.name}-{first}", dataset.makers[first], names)
            if piece is not None:
                given[first] = piece
    if given:
        try:
            _shown(here, own.make(dataset, given, _like(here)))
        except QFusionError as error:
            st.error(text.message(error), icon=":material/error:")
    if mine := [one for one in stored() if one.data == dataset.name]:
        with st.container(horizontal=True, vertical_alignment="center", key="own-stored"):
            st.caption("Of this session:", width="content")
            for one in mine:
                st.button(
                    one.id,
                    key=f"_open-{one.digest}",
                    type="tertiary",
                    on_click=state.choose_sample,
                    args=(one.id,),
                )
            st.button("Forget all", key="_forget_own", icon=":material/delete:", on_click=_forget)


def _like(here: Here) -> str:
    """The sample of the set that gives what is not given: the open one, or what that was made like."""
    if not here.study.dataset.is_own(here.row):
        return here.sample
    made = next((one.like for one in stored() if one.id == here.sample), "")
    return made or address.default_sample(here.study)


def _ask(key: str, maker: Maker, names: tuple[str, ...]) -> own.Given | None:
    """Draws what a visitor gives one thing with; what was given last, if anything."""
    st.markdown(
        f"**{VERBS[maker.kind]} {text.plain(maker.hint, 160)}**  \n"
        f":small[for {', '.join(map(text.plain, names))}]"
    )
    if maker.kind == "sentence":
        words = st.text_input("Your sentence", key=key, max_chars=own.LARGEST["sentence"] // 4)
        return own.Given("sentence", words.encode("utf-8", "replace")) if words else None
    made = _drawn(key, maker.hint) if maker.kind == "drawing" else None
    if _limits.is_read_only():
        st.caption("This server takes no files, and no recordings.")
        return made
    if maker.kind == "recording":
        sound: Any = st.audio_input("Record", sample_rate=16_000, key=key)
        made = None if sound is None else own.Given("recording", sound.getvalue())
        st.caption(_MICROPHONE)
    file = st.file_uploader(
        "Or upload a file" if maker.kind != "clip" else "Upload a clip",
        type=ENDINGS[maker.kind],
        max_upload_size=own.LARGEST[maker.kind] // _limits.MIB,
        key=f"{key}-file",
        help="A file counts more than what is drawn or recorded; remove it to go back to that.",
    )
    if file is None:
        return made
    return own.Given(maker.kind, file.getvalue(), Path(file.name).suffix.lower()[:8])


def _drawn(key: str, hint: str) -> own.Given | None:
    """What is on the canvas."""
    light = "light" in hint or "white ground" in hint
    named = [colour for colour in COLOURS if re.search(rf"\b{colour}\b", hint)]
    result = player.component("canvas")(
        key=key,
        data={
            "name": key,
            "label": f"Canvas: draw {hint}",
            "ground": GROUNDS[light],
            "colours": named or [COLOURS[-1] if light else COLOURS[0]],
            "width": BRUSH,
        },
        on_drawing_change=lambda: None,
    )
    drawing = result.drawing
    if not drawing:
        return None
    with refused(
        "What the canvas sent is no picture",
        "Clear it and draw again.",
        *(AttributeError, TypeError, ValueError),
    ):
        return own.Given("drawing", base64.b64decode(drawing.removeprefix(_START), validate=True))


def _shown(here: Here, made: own.Own) -> None:
    """What the model was given, what it says, and the way to all else."""
    study = with_samples(here.study.of_set, (made,))
    sample = sample_of(study, len(study.dataset), here.output_wanted)
    with st.container(key="own-answer", border=True):
        see, read = st.columns([1, 1.3])
        with see:
            st.caption("What the model is given")
            with st.container(horizontal=True):
                for name in study.modalities:
                    _input(here, made, name)
        with read:
            st.markdown(
                f"#### {text.plain(study.name)} decides: {answers.numbered(study, sample.scores)}"
            )
            st.markdown(f"{answers.decided(sample)}{_taken(made, study.modalities)}")
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button(
                    "Explain it",
                    type="primary",
                    icon=":material/troubleshoot:",
                    key="_explain_own",
                    on_click=_open,
                    args=(made,),
                    help=f"Opens it as sample {made.id}, on this page and all others.",
                )
                if here.sample == made.id:
                    link("app.py", "Five questions about it", ":material/help:")
            # last, since all test samples are looked at the first time
            st.caption(compare.away_words(compare.away(sample)))


def _input(here: Here, made: own.Own, name: str) -> None:
    """What the model is given of a modality: a picture, a log-mel as one, words, else how many numbers."""
    modality = next(m for m in here.study.dataset.modalities if m.name == name)
    values, content = made.features[name], made.content.get(name)
    pixels, size = None, " × ".join(map(str, modality.shape or values.shape))
    if isinstance(content, Image):
        pixels = content.pixels
    elif modality.shape and len(modality.shape) == 2:
        levels = spec.grey(values.reshape(modality.shape), values.min(), values.max() + 1e-9)
        pixels = spec.enlarged(np.flipud(levels), 112)  # the lowest band at the foot
    with st.container(width="content", key=f"own-input-{name}"):
        if pixels is not None:
            st.image(pixels, width=112, alt=f"What the model is given for {name}, {size} numbers")
        if content is not None and not isinstance(content, Image):
            views.raw_content(name, content, 180, in_box=True)
        form = " (log-mel)" if isinstance(content, Audio) and modality.shape else ""
        st.caption(f"{text.plain(name)}: {size}{form}")


def _taken(made: own.Own, modalities: tuple[str, ...]) -> str:
    """Which modalities of the model are not the visitor's."""
    rest = [text.plain(name) for name in modalities if name in made.taken]
    return (
        f" Not given: {', '.join(rest)}, taken from sample {text.plain(made.like)}." if rest else ""
    )
