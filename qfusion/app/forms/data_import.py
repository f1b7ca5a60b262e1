"""The form that imports a data set: bring files, read the report, agree to repairs, store the set."""

import itertools
import re
import shutil
import textwrap
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion._checks import check
from qfusion.app import guidance, page_runs, requests, state, tables
from qfusion.app.forms import table_columns
from qfusion.data import importing
from qfusion.data.examine import repairs as import_repairs, report as import_report
from qfusion.data.examine.report import Report
from qfusion.data.readers import formats
from qfusion.data.readers.table_files import preview_table
from qfusion.data.staged_set import limit_part_size
from qfusion.data.store import manifest, writing
from qfusion.data.target_spec import CONVENTIONS
from qfusion.study import text

# The Data page's lower half: bring a file, read the report, agree to repairs, keep the set.

FOUND = "_import"  # what was read and is not kept yet
BROUGHT = "_import_seen"  # ids of the files that were examined last, which is done as soon as they are brought
_FRESH = "_import_fresh"  # number of a report that was not shown yet
_REPORTS = itertools.count(1)
_INTO_VIEW = """
requestAnimationFrame(() => document.querySelector(".st-key-import-report")?.scrollIntoView({ behavior: "smooth" }));
"""
_EXAMINED_COLUMNS = "_import_examined_columns"  # roles of columns that the report is on
# bytes of a file, and of a modality in it, that are read from the page; more belongs on the command line
MAX_PATH = 2 * 1024**3
UPLOAD, PATH = "Upload", "A path on this machine"
_TARGETS = {
    "detect automatically": "auto",
    "a number (regression)": "regression",
    "classes": "classification",
    "several labels per sample": "labels",
}
_CONVENTIONS = {
    "detect automatically": "auto",
    "MOSI, MOSEI: Acc-2, 5, 7": "mosi",
    "CH-SIMS: Acc-2, 3, 5": "sims",
    "plain: MAE, correlation, R2": "plain",
}
# what files may look like: by what they are called, the words about them and an example
LAYOUTS = {
    "One table": (
        "Features and labels in one file. Columns of a modality share the beginning of their names; all roles can be "
        "changed before the import.",
        """
    mine.csv    id, label, split, text_0, text_1, ..., audio.pitch, audio.energy, ...
                one row a sample; id and split may be left out; .tsv and .parquet work too
""",
    ),
    "MMSA pickle": (
        "MOSI, MOSEI, CH-SIMS; aligned or unaligned, `.pkl`. Only arrays, plain containers, text and numbers are read; "
        "nothing in the file is run.",
        """
    {"train": {"text": (N, T, F), "audio": (N, T, F), "vision": (N, T, F),   # or (N, F); NumPy arrays
               "audio_lengths": [...], "vision_lengths": [...],              # of unaligned sequences
               "raw_text": [...], "id": [...],
               "regression_labels": (N,), "annotations": [...]},             # CH-SIMS: also regression_labels_T, _A, _V
     "valid": {...}, "test": {...}}
""",
    ),
    "Tables": (
        "One per modality and one of labels, joined by `id`.",
        """
    text.csv      id, f1, f2, ...              one row a sample; .parquet and .npy work too
    audio.csv     id, step, pitch, energy      with a column `step`: a row a step of a sequence
    labels.csv    id, label, split, text       label: words, or numbers; split: train, valid, test (may be left out)
                                               several labels a sample: joy;surprise
""",
    ),
    "Multi-view file": (
        "",
        """views.mat    X: cell of views, each (rows, features); Y: labels; version 4 to 7.3
views.npz    an array a view; y: labels
""",
    ),
}


@page_runs.fragment
def data_import_form() -> None:
    """Draw the whole part on importing. It is a fragment, so that a consent redraws only this part. Saving redraws
    the page.
    """
    with st.container(key="fold-import"):
        st.header("Import your data", anchor=False)
        if requests.says_read_only("import data"):
            return
        st.markdown("Bring one CSV; you get a report before anything is saved.")
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            _source()
        with right:
            value = state.get(FOUND)
            if value is not None:
                draw_report(value)
            else:
                _layouts()


def _layouts() -> None:
    """Draw the expected layouts of the files."""
    box = st.container(border=True, height="stretch", key="box-layouts")
    for tab, (words, example) in zip(box.tabs(list(LAYOUTS)), LAYOUTS.values(), strict=True):
        with tab:
            if words:
                guidance.aside(words)
            st.code(textwrap.dedent(example).strip("\n"), language=None, wrap_lines=True)


def _source() -> None:
    how = state.required_choice("From", [UPLOAD, PATH], default=UPLOAD, key="_import_from")
    files: list[Any] = []
    path = ""
    with st.container(border=True):
        if how == UPLOAD:
            says = (
                "One table, one MMSA pickle, one .mat or .npz file, or a table per modality, of at most "
                f"{st.get_option('server.maxUploadSize')} MB per file. For larger files: "
                f"by path, or on the command line, `python -m qfusion data "
                "import FILE --name NAME`, which reads them in pieces."
            )
            files = st.file_uploader(
                "Files",
                type=[ending[1:] for ending in formats.SUFFIXES],
                accept_multiple_files=True,
                key="_import_files",
                help=guidance.help(says),
            )
            guidance.help_line(says)
        columns = st.container()  # of one table, which is known once the path is
        with st.form("_import_form", border=False):
            if how == PATH:
                path = st.text_input(
                    "File, or folder of tables",
                    key="_import_path",
                    help="On the server's machine.",
                )
            target = st.selectbox("Target", list(_TARGETS), key="_import_target")
            convention = st.selectbox(
                "Metrics of scores", list(_CONVENTIONS), key="_import_convention"
            )
            pressed = st.form_submit_button("Examine", icon=":material/fact_check:")
    brought = [file.file_id for file in files] or [path]
    fresh = brought != state.get(BROUGHT)
    if not pressed and not (files and fresh):
        if not fresh:
            with columns:
                _draw_columns()
        return
    state.put(BROUGHT, brought)
    discard()
    with page_runs.show_errors():
        if fresh:
            table_columns.forget_columns()
            _preview_table(files, path)
        with columns:
            _draw_columns()
        if table_columns.has_problems():
            if pressed:  # the form says which column it is
                st.warning("Not examined: correct the columns above first.")
        else:
            choice = table_columns.read_choice()
            options = {"target": _TARGETS[target], "convention": _CONVENTIONS[convention]}
            _examine(files, path, columns=choice, **options)
            state.put(_EXAMINED_COLUMNS, choice)
        if fresh or not state.get("_import_name"):  # a name that was typed stays with its files
            names = [file.name for file in files] or [path.strip()]
            stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(names[0]).stem).strip("-")[:60]
            # no table's name is the set's
            state.put("_import_name", "" if len(names) > 1 else stem)


def _draw_columns() -> None:
    """Draw the form on the columns of one table; a report on other columns than these is dropped."""
    table_columns.draw_columns_form()
    if table_columns.read_choice() != state.get(_EXAMINED_COLUMNS):
        discard()


def _preview_table(files: list[Any], path: str) -> None:
    """Read the columns of what was brought if it is one table, for the form that assigns them."""
    if len(files) <= 1:
        with manifest.staging_folder() as folder:
            table = formats.find_single_table(_brought_files(files, path, folder))
            if table is not None:
                table_columns.begin_columns(preview_table(table))


def _brought_files(files: list[Any], path: str, folder: Path) -> list[Path]:
    """Return what was brought: uploads, which are saved in a folder, or what a path names."""
    if files:
        # under names that cannot lead anywhere else
        return [requests.save_upload(file, folder, "file") for file in files]
    check(bool(path.strip()), "There is nothing to examine yet. Choose a file first.")
    return [Path(path.strip()).expanduser()]


def discard() -> None:
    """Discard data that were read and not saved, and remove their files."""
    if examined := state.pop(FOUND):
        examined.staged.discard()


@contextmanager
def _cleared_on_error(place: DeltaGenerator) -> Iterator[None]:
    """Context manager that removes what a place shows if the block fails, as the error is shown by itself."""
    try:
        yield
    except Exception:
        place.empty()
        raise


def _examine(files: list[Any], path: str, **options: Any) -> None:
    place = st.empty()
    with (
        _cleared_on_error(place),
        place.status("Reading …") as shown,
        manifest.staging_folder(keep=True) as folder,
        limit_part_size(MAX_PATH),
    ):
        (folder / "upload").mkdir()
        paths = _brought_files(files, path, folder / "upload")
        if not files:
            inside = [file for file in (paths[0], *paths[0].glob("*")) if file.is_file()]
            size = sum(file.stat().st_size for file in inside)
            check(
                size <= MAX_PATH,
                f"File {paths[0].name} has {size / 1024**3:.1f} GiB, and at most {MAX_PATH / 1024**3:.0f} are read "
                f"from this page. Use the command line: `python -m qfusion data import {paths[0]} --name NAME`.",
            )
        result = importing.examine_files(
            paths,
            folder,
            lambda done, total, remark: shown.update(label=f"{text.escape_markdown(remark)} …"),
            **options,
        )
        shutil.rmtree(folder / "upload", ignore_errors=True)
        shown.update(label="Examined", state="complete")
    st.toast(
        "Examined. The report is under **Import your data**.",
        icon=":material/fact_check:",
        duration="long",
    )
    weakref.finalize(result, result.staged.discard)  # its files go with the session
    state.put(FOUND, result)
    state.put(_FRESH, next(_REPORTS))


def draw_report(examined: import_report.ExaminedSet) -> None:
    """Draw the report of an examined set with its repairs, and the button that imports it. A report that is new comes
    into view, wherever the reader pressed the button.
    """
    if number := state.pop(_FRESH):  # a browser runs the same script once
        st.html(f"<script>/* {number} */{_INTO_VIEW}</script>", unsafe_allow_javascript=True)
    report = examined.report
    splits = ", ".join(f"{count:,} {name}" for name, count in report.splits.items() if count)
    with st.container(border=True, key="import-report"):
        st.markdown(
            f"#### {text.escape_markdown(examined.staged.title, 80)}: {report.samples:,} samples "
            f"({splits or 'no split yet'})"
        )
        tables.draw(
            [
                {
                    "modality": m["name"],
                    "shape": " x ".join(f"{n:,}" for n in m["shape"]),
                    "sequences": "yes" if m["sequence"] else "no",
                }
                for m in report.modalities
            ],
            "Modalities of the data set.",
        )
        st.caption(text.escape_markdown(_target(report.target), 600))
        draw_findings(report.as_dict()["findings"])
        agreed = _consents(report)
        if report.errors and not report.repairs:
            st.caption(
                "This data set cannot be imported, and the error cannot be corrected automatically. Correct "
                "the file."
            )
        name = st.text_input(
            "Name",
            key="_import_name",
            max_chars=60,
            help="Letters, digits, - and _. Links and menus use this name.",
        )
        title = st.text_input(
            "Title (default: the name)", key="_import_title", max_chars=writing.MAX_TITLE
        )
        licence = st.text_input(
            "Licence",
            key="_import_licence",
            max_chars=writing.MAX_LICENCE,
            placeholder="as stated by the authors of the files",
        )
        rates = (
            st.text_input(
                "Steps per second, if known",
                key="_import_rates",
                max_chars=200,
                placeholder="audio=100; vision=25",
                help="Attributions within sequences are then drawn on one axis in seconds.",
            )
            if any(m["sequence"] for m in report.modalities)
            else ""
        )
        replace = (
            name in manifest.imported_names()  # it removes the other one
            and st.checkbox(
                f"Replace the imported set {text.escape_markdown(name)}", key="_import_replace"
            )
        )
        left, right = st.columns(2)
        right.button("Discard", icon=":material/delete:", on_click=discard, key="_import_discard")
        if left.button("Save data set", type="primary", icon=":material/save:", key="_import_keep"):
            with page_runs.show_errors(), st.spinner("Saving …"):
                stored = importing.keep_set(
                    examined,
                    name.strip(),
                    repair=agreed,
                    replace=bool(replace),
                    title=title.strip(),
                    licence=licence.strip(),
                    rates=importing.parse_rates(filter(str.strip, rates.split(";"))),
                )
                discard()
                table_columns.forget_columns()
                state.put(state.NEW_SET, name.strip())
                state.put(
                    state.DATA_MESSAGE,
                    f"Saved **{text.escape_markdown(name)}** with {stored.samples:,} samples. It can now be "
                    "chosen.",
                )
                st.rerun(scope="app")


def _target(target: dict[str, Any]) -> str:
    if target["kind"] != "regression":
        pairs = sorted(zip(target["samples"], target["classes"], strict=True), reverse=True)
        first = ", ".join(f"{label} ({count:,})" for count, label in pairs[:12])
        return f"{len(pairs)} classes: {first}{f' and {len(pairs) - 12} more' if len(pairs) > 12 else ''}."
    if target["low"] is None:
        return ""
    return (
        f"Target {target['name']}: {target['low']:.3g} to {target['high']:.3g}, mean {target['mean']:.3g}, "
        f"deviation {target['deviation']:.3g}. Metrics: {CONVENTIONS[target['convention']]}."
    )


def _consents(report: Report) -> list[str]:
    """Draw check boxes of the offered repairs, and return those agreed to. If there is no split at all, one is made
    unless the reader declines.
    """
    if not report.repairs:
        return []
    unsplit = any(one.code == "no-split" for one in report.findings)
    st.markdown(
        "**Corrections are applied only if you agree**"
        + ("; since there is no split, one is made unless you decline:" if unsplit else ":")
    )
    return [
        name
        for name in import_repairs.REPAIRS
        if name in report.repairs
        and st.checkbox(
            f"`{name}` {import_repairs.REPAIRS[name]}",
            value=unsplit and name == "make-split",
            key=f"_repair_{name}",
        )
    ]


BADGES = {
    "error": ":red-badge[:material/error: error]",
    "warning": ":orange-badge[:material/warning: warning]",
    "note": ":gray-badge[note]",
}


def draw_findings(result: list[dict[str, Any]]) -> None:
    """Findings of a report as lines, worst first."""
    for entry in result:
        where = f"**{text.escape_markdown(entry['modality'])}**: " if entry["modality"] else ""
        st.markdown(f"{BADGES.get(entry['severity'], '')} {where}{text.message(entry['words'])}")
    if not result:
        st.markdown(":material/check: No problems were found.")
