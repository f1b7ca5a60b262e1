"""The form that imports a model trained elsewhere: an `.onnx` or `.pt2` file.

The file is checked in a process of its own and stored among the models.
"""

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from qfusion._checks import check
from qfusion.analysis import model_import, text
from qfusion.data import import_store
from qfusion.errors import QFusionError, default_on_error
from qfusion.models import game
from qfusion.models.program import KIND
from qfusion.panels import learning as builders, pickers
from qfusion.training import checkpoint_cards, checkpoint_folders, imports, metrics
from qfusion.ui import (
    navigation,
    page_runs,
    state,
    uploads,
    widgets,
)
from qfusion.wording import own_models
from qfusion.wording.model_notes import describe_summary

_UPLOAD, _FOUND, _CARD, _PROBLEM = "_model.upload", "_model.found", "_model.card", "_model.problem"
_SAID = "_model.said"
_HOW = """
Any model that predicts a number or a class from the modalities of a data set can be explored. Import an `.onnx` file
from `torch.onnx.export` or skl2onnx. Such a file runs no code of its own. Its inputs are matched to the modalities by
names and shapes; what was guessed can be corrected. It is checked on ten rows and measured on all.
`docs/model-files.md` walks through it. A model that you have in Python needs no file: see the other choices.
"""


@st.fragment
def model_import_form() -> None:
    """Draw the whole part. It is a fragment, so that typing redraws only this part."""
    widgets.draw_folded(builders.IMPORT, _import_page, ":material/upload_file:")


@page_runs.guard()
def _import_page() -> None:
    title = st.segmented_control(
        "Where your model is",
        [way.title for way in own_models.WAYS],
        default=own_models.WAYS[0].title,
        required=True,
        key="_model.way",
    )
    way = next(way for way in own_models.WAYS if way.title == title)
    st.markdown(way.summary)
    st.code(way.snippet, language=way.language, wrap_lines=True)
    if way.title == "File":
        _upload_page()


def _upload_page() -> None:
    """Draw the form for an `.onnx` file."""
    if message := state.take(_SAID):
        st.success(message, icon=":material/check_circle:")
    left, right = st.container(key="fold-model-import").columns([1, 1.25], gap="medium")
    with left:
        order = _form()
    with right:
        if order is not None:
            _import(*order)
        if state.get(_PROBLEM):
            st.error(text.message(state.get(_PROBLEM)), icon=":material/error:")
        if state.get(_FOUND):
            _report(state.get(_FOUND))
        if state.get(_CARD):
            _correct(*state.get(_CARD))
        elif not order and not state.get(_FOUND):
            st.markdown(_HOW)
    if own := list(filter(_is_imported, checkpoint_folders.available())):
        with st.popover("Remove an imported model", icon=":material/delete:"):
            name = st.selectbox("Model", own, key="_model.gone")
            st.button(
                "Remove it from this machine",
                on_click=page_runs.run_or_notice,
                args=(_remove, name),
                key="_model.remove",
            )


def _form() -> tuple[str, str, str, bool, str] | None:
    """Draw the import form and return what to import: data set, name, title, whether to replace, and the card. It is
    None until submitted.
    """
    with st.form("_model_form", border=True):
        data = st.selectbox(
            "Data set of its modalities", pickers.sources_with_features(), key="_model.data"
        )
        file = st.file_uploader(
            "Program",
            type="onnx",
            key="_model.file",
            help="ONNX. Programs of torch.export, whose loading runs code, are imported on the command line. "
            f"At most {st.get_option('server.maxUploadSize')} MB.",
        )
        name = st.text_input(
            "Name",
            key="_model.name",
            max_chars=60,
            placeholder="my-model",
            help="Letters, digits, . - and _. Links and menus use this name.",
        ).strip()
        title = st.text_input(
            "Title (default: the name)", key="_model.title", max_chars=import_store.MAX_TITLE
        ).strip()
        replace = st.checkbox("Replace an imported model of that name", key="_model.replace")
        pressed = st.form_submit_button(
            "Check and import", icon=":material/fact_check:", type="primary"
        )
    if not pressed:
        return None
    state.put(_CARD, None)
    check(
        file is not None,
        "There is nothing to import yet. Choose an .onnx file first.",
    )
    check(bool(name), "The model has no name yet. Type one.")
    # goes when the session does
    directory = tempfile.TemporaryDirectory(prefix="qfusion-model-", ignore_cleanup_errors=True)
    state.put(_UPLOAD, (directory, uploads.save_upload(file, Path(directory.name), "program")))
    return str(data), name, title, bool(replace), ""


def _import(data: str, name: str, title: str, replace: bool, card: str) -> None:
    """Import the upload in a separate process. The elapsed seconds and a button to
    cancel are shown.
    """
    with ExitStack() as at_end:
        _, path = state.get(_UPLOAD)
        state.put(_FOUND, None)
        state.put(_PROBLEM, None)
        try:
            running = model_import.Import(path, data, name, card, title, replace, only_onnx=True)
            at_end.callback(running.cancel)
            status = st.status("Checking …")
            # a click ends this run, and so the process
            st.button("Cancel", icon=":material/close:", key="_model.cancel")
            while not running.done:
                status.update(label=f"Checking in a separate process, {running.seconds:.0f} s …")
                time.sleep(0.2)  # until the next look at the process
            state.put(_FOUND, describe_summary(running.result()) | {"data": data})
            state.put(_CARD, None)
            state.put(_UPLOAD, None)
            state.put(_SAID, f"**{text.escape_markdown(name)}** is now one of the models.")
        except QFusionError as error:
            state.put(_PROBLEM, str(error))
            if isinstance(error, imports.Unfit):
                state.put(_CARD, (error.card.text(), data, name, title, replace))
    st.rerun()


def _correct(words: str, data: str, name: str, title: str, replace: bool) -> None:
    """The card of a program that does not fit yet, to be corrected."""
    st.markdown("Detected settings. Correct any errors:")
    typed = st.text_area(
        "Card",
        words,
        height=340,
        max_chars=20_000,
        key=f"_model.toml.{hash(words)}",
        label_visibility="collapsed",
    )
    if st.button(
        "Import with this card", type="primary", icon=":material/fact_check:", key="_model.again"
    ):
        state.put(_CARD, (typed, data, name, title, replace))
        _import(data, name, title, replace, typed)


def _report(result: dict[str, Any]) -> None:
    stored, card = result["kept"], result["card"]
    with st.container(border=True, key="model-report"):
        st.markdown(
            f"#### {text.escape_markdown(stored['name'], 80)}: {result['parameters']:,} parameters"
        )
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "input": entry["name"],
                        "modality": " and ".join(entry["modality"]),
                        "gives": entry["gives"],
                        "axes": " x ".join(map(str, entry["axes"])),
                        "type": entry["dtype"],
                    }
                    for entry in card["input"]
                ]
            ),
            hide_index=True,
            height="content",
            alt="Inputs of the program and their modalities.",
        )
        for remark in result["remarks"]:
            st.caption(text.message(remark))
        for warning in result["warnings"]:
            st.warning(text.message(warning), icon=":material/warning:")
        known = metrics.labels(stored["metrics"])
        measured = ", ".join(
            f"{known[key].short} {stored['metrics'][key]:.3f}"
            for key in ("mae", "corr", "acc2_non0", "acc2", "accuracy", "f1", "nll")
            if key in known
        )
        st.caption(
            f"On the test rows: {measured or 'there are none'}. If this differs from the value that you "
            f"know, an input is matched wrongly. Explaining one sample against {result['first']['rows']:,} "
            f"rows took {result['first']['seconds']:.2g} s."
        )
        navigation.link(
            "pages/samples.py",
            "Open it on Samples",
            ":material/search:",
            model=stored["name"],
            data=result["data"],
            open=result["sample"],
        )
        st.expander("Card", icon=":material/description:").code(result["toml"], language="toml")


@default_on_error(False)  # a damaged card says so where the model is picked
def _is_imported(name: str) -> bool:
    return checkpoint_cards.load_card(name)["model"] in (KIND, game.KIND)


def _remove(name: str) -> None:
    imports.remove(name)
    state.put(
        _SAID,
        f"{text.escape_markdown(name)} was removed. The original file is kept.",
    )
