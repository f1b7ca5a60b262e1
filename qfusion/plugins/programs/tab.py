"""The form that imports a model trained elsewhere, an `.onnx` file, and removes such models."""

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from qfusion import data as sources
from qfusion._checks import check
from qfusion.app import navigation, page_runs, requests, state
from qfusion.app.forms import runs
from qfusion.data.store import writing
from qfusion.errors import QFusionError, default_on_error
from qfusion.models import measured_game
from qfusion.plugins.programs import imports, named_card, program_files
from qfusion.plugins.programs.imported import Imported
from qfusion.plugins.programs.words import describe_summary
from qfusion.study import text
from qfusion.training import checkpoint_cards, metrics
from qfusion.views.pages import address
from qfusion.views.words import training

_FOUND, _PROBLEM, _SAID = "_model.found", "_model.problem", "_model.said"
_HOW = """
Any model that predicts a number or a class from the modalities of a data set can be explored. Import an `.onnx` file
from `torch.onnx.export` or skl2onnx; such a file runs no code of its own. It is checked on ten rows and measured on
all. `docs/plugins/programs.md` walks through it, and through programs of PyTorch (`.pt2`), whose loading runs code:
these are imported on the command line. A model that you have in Python needs no file: see the other choices.
"""
FILE = training.Way(
    "File",
    "A file of a model that was trained elsewhere; an `.onnx` file runs no code of its own.",
    "python -m qfusion model import model.onnx --data planted --name mine",
    "bash",
)


def draw_tab() -> None:
    """Draw the way by a file, and the form for an `.onnx` file."""
    runs.draw_way(FILE)
    if message := state.pop(_SAID):
        st.success(message, icon=":material/check_circle:")
    left, right = st.container(key="fold-model-import").columns([1, 1.25], gap="medium")
    with left:
        _form()
    with right:
        if state.get(_PROBLEM):
            st.error(text.message(state.get(_PROBLEM)), icon=":material/error:")
        elif state.get(_FOUND):
            _report(state.get(_FOUND))
        else:
            st.markdown(_HOW)
    if own := list(filter(_is_imported, checkpoint_cards.available())):
        with st.popover("Remove an imported model", icon=":material/delete:"):
            name = st.selectbox("Model", own, key="_model.gone")
            st.button(
                "Remove it from this machine",
                on_click=page_runs.run_or_notice,
                args=(_remove, name),
                key="_model.remove",
            )


def _form() -> None:
    """Draw the import form, and import what it is given."""
    with st.form("_model_form", border=True):
        data = st.selectbox(
            "Data set of its modalities", address.sources_with_features(), key="_model.data"
        )
        file = st.file_uploader(
            "Program",
            type=["onnx"],
            key="_model.file",
            help=f"ONNX. At most {st.get_option('server.maxUploadSize')} MB.",
        )
        inputs = st.text_input(
            "Inputs",
            key="_model.inputs",
            placeholder="x1=text x2=audio:mean",
            help="What inputs take that are not called like a modality: NAME=MODALITY, or NAME=MODALITY:GIVES with "
            "mean, mask, padding or lengths.",
        )
        output = st.text_input(
            "Output",
            key="_model.output",
            help="The one that holds the scores, where there are several.",
        ).strip()
        name = st.text_input(
            "Name",
            key="_model.name",
            max_chars=60,
            placeholder="my-model",
            help="Letters, digits, . - and _. Links and menus use this name.",
        ).strip()
        title = st.text_input(
            "Title (default: the name)", key="_model.title", max_chars=writing.MAX_TITLE
        ).strip()
        replace = st.checkbox("Replace an imported model of that name", key="_model.replace")
        pressed = st.form_submit_button(
            "Check and import", icon=":material/fact_check:", type="primary"
        )
    if not pressed:
        return
    check(
        file is not None,
        "There is nothing to import yet. Choose an .onnx file first.",
    )
    check(bool(name), "The model has no name yet. Type one.")
    state.put(_FOUND, None)
    state.put(_PROBLEM, None)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="qfusion-model-") as folder,
            st.spinner("Checking …"),
        ):
            path = requests.save_upload(file, Path(folder), "program")
            state.put(_FOUND, _import(path, str(data), inputs, output, name, title, bool(replace)))
        state.put(_SAID, f"**{text.escape_markdown(name)}** is now one of the models.")
    except QFusionError as error:
        state.put(_PROBLEM, str(error))
    st.rerun()


def _import(
    path: Path, data: str, inputs: str, output: str, name: str, title: str, replace: bool
) -> dict[str, Any]:
    """Import an ONNX model, and return what was found."""
    check(
        program_files.program_kind(path.read_bytes()) != "torch",
        f"Program `{path.name}` is one of torch.export, and loading it runs the code that it holds. If you trust it, "
        f"import it on the command line: `python -m qfusion model import {path.name} --data {data} --name {name}`.",
    )
    imports.check_name(name, None, replace)
    dataset = sources.load(data)
    taken = imports.load_program(
        str(path), dataset, inputs=named_card.read_names(inputs.split()), output=output
    )
    place = imports.save_program(taken, dataset, name, None, title, replace)
    measured = checkpoint_cards.load_card(place)["this_seed"].get("test", {})
    stored = {"name": name, "path": str(place), "metrics": measured}
    return describe_summary(imports.summary(taken, stored)) | {"data": data}


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
            "know, an input is matched wrongly."
        )
        navigation.link(
            "pages/samples.py",
            "Open it on Samples",
            ":material/search:",
            model=stored["name"],
            data=result["data"],
        )


@default_on_error(False)  # a damaged card says so where the model is picked
def _is_imported(name: str) -> bool:
    return checkpoint_cards.load_card(name)["model"] in (Imported.kind, measured_game.KIND)


def _remove(name: str) -> None:
    imports.remove(name)
    state.put(
        _SAID,
        f"{text.escape_markdown(name)} was removed. The original file is kept.",
    )
