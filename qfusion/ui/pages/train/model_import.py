"""Bring a model that was trained elsewhere: an .onnx or .pt2 file, checked in a process of its own and kept among the
models."""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from qfusion._checks import check
from qfusion.analysis import text
from qfusion.analysis.learning import model_import as aside
from qfusion.data.importing import storing
from qfusion.errors import QFusionError
from qfusion.models.programs.imported import KIND
from qfusion.panels.address import sources
from qfusion.training import checkpoint, metrics
from qfusion.training.imports import taking
from qfusion.training.imports.taking import Unfit
from qfusion.ui.door import access, entrance, turns
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import guard, link, told

OPEN = "train.import"
MAX_CARD = 20_000  # characters
_UPLOAD, _FOUND, _CARD, _PROBLEM = "_model.upload", "_model.found", "_model.card", "_model.problem"
_SAID = "_model.said"
_HOW = (
    "Bring an `.onnx` file, which runs no code of its own, as of `torch.onnx.export` or skl2onnx."
)
_HOW_HERE = """Bring an `.onnx` file, which runs no code of its own, or a program of PyTorch that you trust:

    program = torch.export.export(model.eval(), example, dynamic_shapes=...)
    torch.export.save(program, "mine.pt2")
"""
_METRICS = ("mae", "corr", "acc2_non0", "acc2", "accuracy", "f1", "nll")
_PULSE = 0.2  # seconds between two looks at the process


def is_open() -> bool:
    """Whether it is unfolded, also before it is drawn."""
    return bool(st.session_state.get(OPEN, st.query_params.get(OPEN) == "true"))


@st.fragment
def part() -> None:
    """The whole part; a fragment, so that what is typed redraws this and nothing else."""
    with st.expander(
        "Bring a model that was trained elsewhere",
        icon=":material/upload_file:",
        **state.opened(OPEN),
    ) as box:
        if box.open:
            with guard():
                _page()


def _page() -> None:
    level = access.level()
    if level == "none":
        st.info(
            "Here models cannot be brought in the browser, since this server is not only for its own machine. Use "
            "`python -m qfusion model import FILE --data NAME --name NAME` there, or set "
            f"{access.VARIABLE}=upload.",
            icon=":material/lock:",
        )
        return
    said = state.get(_SAID)
    if said:
        state.put(_SAID, None)
        st.success(said, icon=":material/check_circle:")
    with st.container(key="fold-model-import"):
        left, right = st.columns([1, 1.25], gap="medium")
    with left:
        order = _form(level)
    with right:
        if order is not None:
            _import(*order)
        if state.get(_PROBLEM):
            st.error(text.message(state.get(_PROBLEM)), icon=":material/error:")
        if state.get(_FOUND):
            _report(state.get(_FOUND))
        card = _card()
        if not order and not card and not state.get(_FOUND):
            _how()
    if level == "path":
        _removal()


def _form(level: str) -> tuple[str, str, str, bool, str] | None:
    """What to import: data set, name, title, whether to replace, and the card; None until asked."""
    most = int(st.get_option("server.maxUploadSize"))
    with st.form("_model_form", border=True):
        known = sources()
        data = st.selectbox("Data set whose modalities go in", known, key="_model.data")
        file = st.file_uploader(
            "Program",
            type=[ending[1:] for ending in _endings()],
            key="_model.file",
            help=f"{_formats()} At most {most} MB.",
        )
        name = st.text_input(
            "Name",
            key="_model.name",
            max_chars=60,
            placeholder="my-model",
            help="Letters, digits, . - and _. It is picked and linked by this name.",
        ).strip()
        title = st.text_input(
            "Title, if it should be another", key="_model.title", max_chars=storing.MAX_TITLE
        ).strip()
        replace = level == "path" and st.checkbox(
            "Replace an imported model of that name", key="_model.replace"
        )
        pressed = st.form_submit_button(
            "Check and import", icon=":material/fact_check:", type="primary"
        )
    if not pressed:
        return None
    state.put(_CARD, None)
    check(
        file is not None,
        entrance.refusal() or f"There is nothing to import yet. Choose {_words()} file first.",
    )
    check(bool(name), "The model has no name yet. Type one.")
    _put(file)
    return str(data), name, title, bool(replace), ""


def _endings() -> tuple[str, ...]:
    """Of the files that this reader may bring: torch.export.load runs what a file holds, so .pt2 is for readers on the
    server's own machine."""
    return aside.SUFFIXES if access.is_local() else aside.SUFFIXES[:1]


def _words() -> str:
    return f"an {' or '.join(_endings())}"


def _formats() -> str:
    return (
        "ONNX, or of torch.export.save: such a program runs what it holds, so bring only one that you trust."
        if access.is_local()
        else "ONNX. Programs of torch.export come in on the server's own machine."
    )


def _put(file: Any) -> None:
    """Writes an upload into a folder that goes when the session does, under a name that leads nowhere else."""
    folder = tempfile.TemporaryDirectory(prefix="qfusion-model-", ignore_cleanup_errors=True)
    name = (
        re.sub(r"[^\w.\- ]", "_", Path(file.name.replace("\\", "/")).name)[-100:].lstrip(".")
        or "program"
    )
    path = Path(folder.name) / name
    path.write_bytes(file.getbuffer())
    state.put(_UPLOAD, (folder, path))


def _import(data: str, name: str, title: str, replace: bool, card: str) -> None:
    """Imports the upload once it is this reader's turn."""
    with turns.waiting(""):
        _import_now(data, name, title, replace, card)


def _import_now(data: str, name: str, title: str, replace: bool, card: str) -> None:
    """Imports the upload in a process of its own, with the seconds that it has taken and a way to end it."""
    _, path = state.get(_UPLOAD)
    for key in (_FOUND, _PROBLEM):
        state.put(key, None)
    try:
        running = aside.Import(
            path, data, name, card, title, replace, only_onnx=not access.is_local()
        )
    except QFusionError as error:
        state.put(_PROBLEM, str(error))
        return
    try:
        shown = st.status("Checking …")
        st.button(
            "Cancel", icon=":material/close:", key="_model.cancel"
        )  # a click ends this run, and so the process
        while not running.done:
            shown.update(label=f"Checking in a process of its own, {running.seconds:.0f} s …")
            time.sleep(_PULSE)
        state.put(_FOUND, running.result() | {"data": data})
        state.put(_CARD, None)
        state.put(_UPLOAD, None)
        state.put(_SAID, f"**{text.plain(name)}** is among the models.")
    except Unfit as error:
        state.put(_PROBLEM, str(error))
        state.put(_CARD, (error.card.text(), data, name, title, replace))
    except QFusionError as error:
        state.put(_PROBLEM, str(error))
    finally:
        running.cancel()
    st.rerun()


def _card() -> bool:
    """The card of a program that does not fit yet, to be corrected."""
    found = state.get(_CARD)
    if found is None:
        return False
    words, data, name, title, replace = found
    st.markdown("What was guessed of it. Correct what is wrong:")
    typed = st.text_area(
        "Card",
        words,
        height=340,
        max_chars=MAX_CARD,
        key=f"_model.toml.{hash(words)}",
        label_visibility="collapsed",
    )
    if st.button(
        "Import with this card", type="primary", icon=":material/fact_check:", key="_model.again"
    ):
        state.put(_CARD, (typed, data, name, title, replace))
        _import(data, name, title, replace, typed)
    return True


def _report(found: dict[str, Any]) -> None:
    kept, card = found["kept"], found["card"]
    with st.container(border=True, key="model-report"):
        st.markdown(f"#### {text.plain(kept['name'], 80)}: {found['parameters']:,} parameters")
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "input": each["name"],
                        "modality": " and ".join(each["modality"]),
                        "gives": each["gives"],
                        "axes": " x ".join(map(str, each["axes"])),
                        "type": each["dtype"],
                    }
                    for each in card["input"]
                ]
            ),
            hide_index=True,
            height="content",
            alt="Which input of the program takes which modality.",
        )
        for warning in found["warnings"]:
            st.warning(text.message(warning), icon=":material/warning:")
        known = metrics.labels(kept["metrics"])
        measured = ", ".join(
            f"{known[key].short} {kept['metrics'][key]:.3f}" for key in _METRICS if key in known
        )
        st.caption(
            f"On the test rows: {measured or 'there are none'}. A figure far from the one that you know means "
            f"that an input is matched wrongly. Explaining one sample against {found['first']['rows']:,} rows "
            f"took {found['first']['seconds']:.2g} s."
        )
        link(
            "pages/samples.py",
            "Open it on Samples",
            ":material/search:",
            model=kept["name"],
            data=found["data"],
            open=found["sample"],
        )
        with st.expander("Card", icon=":material/description:"):
            st.code(found["toml"], language="toml")


def _how() -> None:
    st.markdown(f"""
Any model that maps the modalities of a data set to scores can be explored. {_HOW_HERE if access.is_local() else _HOW}
Its inputs are matched to the modalities by names and shapes; what was guessed can be corrected. It is checked on ten
rows and measured on all. `docs/bring-your-model.md` walks through it; models made by your own Python code come in on
the command line.
""")


def _removal() -> None:
    own = [name for name in checkpoint.available() if _is_imported(name)]
    if not own:
        return
    with st.popover("Remove an imported model", icon=":material/delete:"):
        name = st.selectbox("Model", own, key="_model.gone")
        st.button(
            "Remove it from this machine", on_click=told, args=(_remove, name), key="_model.remove"
        )


def _is_imported(name: str) -> bool:
    try:
        return bool(checkpoint.card(name)["model"] == KIND)
    except QFusionError:  # a damaged card says so where the model is picked
        return False


def _remove(name: str) -> None:
    taking.remove(name)
    state.put(_SAID, f"{text.plain(name)} was removed; the file that it was imported from stays.")
