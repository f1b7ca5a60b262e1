"""Data: the available data sets, their content, and the import of new ones."""

import re
import shutil
import weakref
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from qfusion import _limits
from qfusion._checks import check
from qfusion._sentences import count
from qfusion.analysis import text
from qfusion.data import (
    clips,
    import_formats,
    import_record,
    import_repairs,
    import_report,
    import_store,
    imported_sets,
    importing,
    registry,
)
from qfusion.data.array_files import limit_part_size
from qfusion.data.data_set import DataSet
from qfusion.data.import_report import Report
from qfusion.data.row_splits import SPLITS
from qfusion.data.target_spec import CONVENTIONS
from qfusion.panels import data_fusion, learning as builders, pickers, targets
from qfusion.runs import plans
from qfusion.ui import (
    access,
    frame,
    guidance,
    panels,
    reruns,
    state,
    uploads,
    widgets,
)
from qfusion.ui.pages import why_fuse
from qfusion.wording import setting_texts
from qfusion.wording.model_kinds import describe_kind

# The Data page's upper half: the sets there are, and what is in the chosen one.

KEPT, PICK, ASK = "_kept_set", "_pick_set", "_ask_need"


@frame.guard()
def listing() -> None:
    """Every set with its state, and how to get those that are missing."""
    st.header("What there is", anchor=False)
    sources = registry.available()
    own = set(imported_sets.imported_names())
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "name": s.name,
                    "title": s.title,
                    "state": "here" if s.available else "missing",
                    "from": "imported" if s.name in own else "the project",
                }
                for s in sources
            ]
        ),
        hide_index=True,
        height="content" if len(sources) <= 12 else 440,
        alt="The data sets and whether they are here.",
    )
    for source in sources:
        if not source.available:
            st.expander(
                f"{text.escape_markdown(source.title)} is not here", icon=":material/info:"
            ).text(f"{source.reason}\n{source.remedy}")


@frame.guard()
def chosen_set() -> None:
    """What is in one set."""
    context = pickers.sources()
    if (picked := state.take(PICK)) in context:
        state.put(targets.SET.key, picked)
    name = widgets.draw(targets.SET, options=context)
    dataset = reruns.dataset(name)
    st.markdown(_card(dataset))
    guidance.aside(text.escape_markdown(dataset.description, 900))
    panels.show(dataset, frame.theme(), *targets.DATA, first=1)
    panels.draw_lower_panels(frame.theme(), dataset=dataset)
    why_fuse.needs(dataset, frame.theme())
    frame.link("pages/train.py", "Train a model on it", ":material/model_training:", train=name)
    recordings(dataset)
    if name in imported_sets.imported_names():
        if access.may_train() and not _limits.is_read_only():
            st.button(
                "Train both systems on it",
                key="_train_both",
                icon=":material/model_training:",
                on_click=frame.run_or_notice,
                args=(access.training, _train_both, name),
                help=" and ".join(f"**{describe_kind(kind).title}**" for kind in setting_texts.MAIN)
                + ", with their usual settings. They are trained in processes of their own, which go on when this "
                "page is closed.",
            )
        _record(name)


def _train_both(name: str) -> None:
    """Starts a training of either system, with the usual settings; Train shows them."""
    started = {
        plans.choose_free_name(f"{kind}-{name}"): plans.make_plan(name, kind, {})
        for kind in setting_texts.MAIN
    }
    plans.start_runs(started)
    state.put(builders.RUNS.key, list(started))
    state.put(
        KEPT,
        f"Both systems are being trained on **{text.escape_markdown(name)}**: **Train**, in the menu, shows how far "
        "they are and "
        "leads to their samples.",
    )


def _card(data_set: DataSet) -> str:
    target = data_set.target
    rows = (
        {
            "title": data_set.title,
            "samples": f"{len(data_set):,}",
            "train / valid / test": " / ".join(
                f"{len(data_set.rows(split)):,}" for split in SPLITS
            ),
            "modalities": ", ".join(
                f"{m.name} ({m.size:,} features"
                + (f", sequences of up to {m.values.shape[1]:,} steps)" if m.is_sequence else ")")
                for m in data_set.modalities
            ),
            "target": f"{target.name}, {'classes' if target.classes else 'a number'}"
            + (f" in {target.range}" if target.range else ""),
            "source": data_set.source,
            "licence": data_set.licence,
            "digest": data_set.digest[:12],
        }
        | ({} if target.classes else {"metrics": CONVENTIONS[target.convention]})
        | (
            {}
            if data_set.unimodal is None
            else {"targets of single modalities": ", ".join(map(str, data_set.unimodal.columns))}
        )
    )
    lines = [f"| {key} | {text.escape_markdown(value)} |" for key, value in rows.items()]
    return "\n".join([lines[0], "|---|---|", *lines[1:]])


FOLDER, TABLE = "_join_folder", "_join_table"


def recordings(dataset: DataSet) -> None:
    """Which samples have a recording, and a form to join a folder of them, for a reader on the server's machine."""
    joined = clips.coverage(dataset.name) if clips.is_joinable(dataset) else None
    may_join = access.level() == "path" and not _limits.is_read_only()
    if joined is None and not (may_join and clips.is_joinable(dataset)):
        return
    with st.expander("Recordings", icon=":material/movie:", expanded=joined is not None):
        if joined is None:
            guidance.aside(
                "Videos, sounds or pictures of the samples can be joined: they are then played beside what the model "
                "made of them. Files stay where they are."
            )
        else:
            own, every = map(sum, zip(*joined.splits.values(), strict=True))
            st.markdown(f"**{own:,} of {every:,} samples have a recording.**")
            for line in joined.lines():
                st.markdown(f"- {text.message(line)}")
        if may_join:
            with st.form("_join_form", border=False):
                st.text_input(
                    "Folder of recordings",
                    key=FOLDER,
                    help="On the machine that this server runs on. Files are called by the samples' ids, as "
                    "`<id>.mp4` or MMSA's `Raw/<video>/<clip>.mp4`; words are read from .srt, .vtt or .TextGrid files "
                    "beside them.",
                )
                st.text_input(
                    "Table of id, path, start and end (CSV), where files are not called so",
                    key=TABLE,
                    help="Paths are below the folder; start and end, in seconds, are of parts of files.",
                )
                if st.form_submit_button("Join", icon=":material/join:"):
                    with frame.guard():
                        _join(dataset)


def _join(dataset: DataSet) -> None:
    check(access.level() == "path", "Folders of this machine are not opened from here.")
    folder, table = (str(state.get(key) or "").strip() for key in (FOLDER, TABLE))
    check(bool(folder), "Name the folder of the recordings.")
    with access.waiting(""), st.status("Looking into the recordings …") as shown:

        def tell(done: float, total: float, name: str) -> None:
            shown.update(
                label=f"{done:,.0f} of {total:,.0f} files: {text.escape_markdown(name, 60)}"
            )

        joined = clips.join(
            dataset, Path(folder), Path(table).expanduser() if table else None, tell
        )
    joined_to = count(sum(number for number, _ in joined.splits.values()), "sample")
    state.put(
        KEPT, f"Recordings are joined to {joined_to} of **{text.escape_markdown(dataset.name)}**."
    )
    st.rerun(scope="app")


def _record(name: str) -> None:
    """What was found and repaired when the set was imported, and its removal."""
    record = imported_sets.manifest(name)
    with st.expander("Import report", icon=":material/fact_check:"):
        for file in record["files"]:
            st.code(
                f"{file['name']}, {file['bytes']:,} bytes\nSHA-256 {file['sha256']}",
                language=None,
                wrap_lines=True,
            )
        findings(record["report"]["findings"])
        st.caption(
            f"Imported {text.escape_markdown(record['created'])} with qfusion "
            f"{text.escape_markdown(record['versions']['qfusion'])}."
        )
    if access.level() == "path":
        with st.popover("Remove", icon=":material/delete:"):
            st.markdown(
                f"Remove **{text.escape_markdown(name)}** from this machine? The files it was imported from stay."
            )
            if st.button("Yes, remove it", key="_remove_set"):
                with frame.guard():
                    imported_sets.remove_imported(name)
                    state.put(KEPT, f"{text.escape_markdown(name)} was removed.")
                    st.rerun()


BADGES = {
    "error": ":red-badge[:material/error: error]",
    "warning": ":orange-badge[:material/warning: warning]",
    "note": ":gray-badge[note]",
}


def findings(result: list[dict[str, Any]]) -> None:
    """Findings of a report as lines, worst first."""
    for entry in result:
        where = f"**{text.escape_markdown(entry['modality'])}**: " if entry["modality"] else ""
        st.markdown(f"{BADGES.get(entry['severity'], '')} {where}{text.message(entry['words'])}")
    if not result:
        st.markdown(":material/check: Nothing was found that needs saying.")


# The Data page's lower half: bring a file, read the report, agree to repairs, keep the set.

FOUND = "_import"  # what was read and is not kept yet
BROUGHT = "_import_seen"  # ids of the files that were examined last, which is done as soon as they are brought
# bytes of a file, and of a modality in it, that are read from the page; more belongs on the command line
MAX_PATH = 2 * 1024**3
UPLOAD, PATH = "Upload", "A path on this machine"
_TARGETS = {
    "as the file suggests": "auto",
    "a number (regression)": "regression",
    "classes": "classification",
    "several labels a sample": "labels",
}
_CONVENTIONS = {
    "as the file suggests": "auto",
    "MOSI, MOSEI: Acc-2, 5, 7": "mosi",
    "CH-SIMS: Acc-2, 3, 5": "sims",
    "plain: MAE, correlation, R2": "plain",
}
# what files may look like: by what they are called, the words about them and an example
LAYOUTS = {
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
        "One a modality and one of labels, joined by `id`.",
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


@frame.fragment
def import_form() -> None:
    """Everything about importing; a fragment, so that a consent redraws this and nothing else; what is kept redraws the
    page."""
    with st.container(key="fold-import"):
        st.header("Bring your own", anchor=False)
        level = access.level()
        if access.says_read_only("take data"):
            return
        if level == "none":
            st.info(
                "Here data cannot be brought in the browser, since this server is not only for its own machine. Use "
                "`python -m qfusion data import FILE --name NAME` there, or set "
                f"{access.VARIABLE}=upload.",
                icon=":material/lock:",
            )
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            if level != "none":
                _source(level)
        with right:
            value = state.get(FOUND)
            if value is not None:
                _report(value)
            else:
                _layouts()


def _layouts() -> None:
    """What the files should look like."""
    box = st.container(border=True, height="stretch", key="box-layouts")
    for tab, (words, example) in zip(box.tabs(list(LAYOUTS)), LAYOUTS.values(), strict=True):
        with tab:
            if words:
                guidance.aside(words)
            st.code(example, language=None)


def _source(level: str) -> None:
    how = (
        state.one_of("From", [UPLOAD, PATH], default=UPLOAD, key="_import_from")
        if level == "path"
        else UPLOAD
    )
    files: list[Any] = []
    path = ""
    with st.container(border=True):
        if how == UPLOAD:
            says = (
                "One MMSA pickle, one .mat or .npz file, or tables. At most "
                f"{st.get_option('server.maxUploadSize')} MB a file. Larger ones: "
                f"{'by path, or ' if level == 'path' else ''}on the command line, `python -m qfusion data import "
                "FILE --name NAME`, which reads them in pieces."
            )
            files = st.file_uploader(
                "Files",
                type=[ending[1:] for ending in import_formats.SUFFIXES],
                accept_multiple_files=True,
                key="_import_files",
                help=guidance.help(says),
            )
            guidance.below(says)
        with st.form("_import_form", border=False):
            if how == PATH:
                path = st.text_input(
                    "File, or folder of tables",
                    key="_import_path",
                    help="On the machine that this server runs on.",
                )
            target = st.selectbox("Target", list(_TARGETS), key="_import_target")
            convention = st.selectbox(
                "Metrics of scores", list(_CONVENTIONS), key="_import_convention"
            )
            pressed = st.form_submit_button("Examine", icon=":material/fact_check:")
    brought = [file.file_id for file in files] or [path]
    fresh = brought != state.get(BROUGHT)
    if pressed or (files and fresh):
        state.put(BROUGHT, brought)
        discard()
        with frame.guard():
            _examine(files, path, target=_TARGETS[target], convention=_CONVENTIONS[convention])
            if fresh or not state.get("_import_name"):  # a name that was typed stays with its files
                names = [file.name for file in files] or [path.strip()]
                stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(names[0]).stem).strip("-")[:60]
                # no table's name is the set's
                state.put("_import_name", "" if len(names) > 1 else stem)


def discard() -> None:
    """Forgets what was read and not kept, and removes its files."""
    if examined := state.take(FOUND):
        examined.staged.discard()


def _examine(files: list[Any], path: str, **options: str) -> None:
    check(
        bool(files) or bool(path.strip()),
        access.refusal() or "There is nothing to examine yet. Choose a file first.",
    )
    with (
        access.waiting(""),
        st.status("Reading …") as shown,
        import_store.staging_folder(keep=True) as folder,
        limit_part_size(MAX_PATH),
    ):
        if files:
            (folder / "upload").mkdir()
            # under names that cannot lead anywhere else
            paths = [uploads.save_upload(file, folder / "upload", "file") for file in files]
        else:
            paths = [Path(path.strip()).expanduser()]
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
    weakref.finalize(result, result.staged.discard)  # its files go with the session
    state.put(FOUND, result)


def _report(examined: import_report.ExaminedSet) -> None:
    report = examined.report
    splits = ", ".join(f"{count:,} {name}" for name, count in report.splits.items() if count)
    with st.container(border=True, key="import-report"):
        st.markdown(
            f"#### {text.escape_markdown(examined.staged.title, 80)}: {report.samples:,} samples "
            f"({splits or 'no split yet'})"
        )
        st.dataframe(
            pd.DataFrame(
                [
                    {
                        "modality": m["name"],
                        "shape": " x ".join(f"{n:,}" for n in m["shape"]),
                        "sequences": "yes" if m["sequence"] else "no",
                    }
                    for m in report.modalities
                ]
            ),
            hide_index=True,
            height="content",
            alt="The modalities that were read.",
        )
        st.caption(text.escape_markdown(_target(report.target), 600))
        findings(report.as_dict()["findings"])
        agreed = _consents(report)
        if report.errors and not report.repairs:
            st.caption(
                "The set cannot be imported as it is, and no repair is offered. Correct the file."
            )
        name = st.text_input(
            "Name",
            key="_import_name",
            max_chars=60,
            help="Letters, digits, - and _. It is picked and linked by this name.",
        )
        title = st.text_input(
            "Title, if it should be another", key="_import_title", max_chars=import_store.MAX_TITLE
        )
        licence = st.text_input(
            "Licence",
            key="_import_licence",
            max_chars=import_store.MAX_LICENCE,
            placeholder="as whoever made the files says",
        )
        rates = (
            st.text_input(
                "Steps a second, where known",
                key="_import_rates",
                max_chars=200,
                placeholder="audio=100; vision=25",
                help="Then attributions inside sequences stand on one axis in seconds.",
            )
            if any(m["sequence"] for m in report.modalities)
            else ""
        )
        folder = (
            st.text_input(
                "Folder of the tokenizer",
                key="_import_vocabulary",
                max_chars=1000,
                help="It holds vocab.txt or tokenizer.json, on the machine that this server runs on. "
                "Then the steps of text are named by its tokens.",
            )
            if examined.staged.tokens is not None and access.level() == "path"
            else ""
        )
        replace = (
            access.level() == "path"
            and name in imported_sets.imported_names()  # it removes the other one
            and st.checkbox(
                f"Replace the imported set {text.escape_markdown(name)}", key="_import_replace"
            )
        )
        left, right = st.columns(2)
        right.button("Discard", icon=":material/delete:", on_click=discard, key="_import_discard")
        if left.button("Save data set", type="primary", icon=":material/save:", key="_import_keep"):
            with frame.guard(), access.waiting("Keeping …"):
                stored = importing.keep_set(
                    examined,
                    name.strip(),
                    repair=agreed,
                    replace=bool(replace),
                    title=title.strip(),
                    licence=licence.strip(),
                    rates=import_record.parse_rates(filter(str.strip, rates.split(";"))),
                    vocabulary=Path(folder.strip()) if folder.strip() else None,
                )
                discard()
                state.put(PICK, name.strip())
                state.put(ASK, True)
                state.put(
                    KEPT,
                    f"**{text.escape_markdown(name)}** is kept, with {stored.samples:,} samples, and can be picked.",
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
    """Check boxes of the repairs that are offered; returns those agreed to. Where there is no split at all, one is made
    unless the reader says no."""
    if not report.repairs:
        return []
    unsplit = any(one.code == "no-split" for one in report.findings)
    st.markdown(
        "**Nothing is changed unless you agree**"
        + ("; a split, of which there is none, is made unless you say no:" if unsplit else ":")
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


# Data: what sets there are, what is in them, and bringing one's own.


def page() -> None:
    """Draws the page."""
    frame.begin_page("Data")
    with frame.guard(), st.container(key="fold-data"):
        if state.take(ASK):
            state.put(data_fusion.NEED.key, True)  # it is asked at once whether it needs fusion
        if words := state.get(KEPT):
            st.success(words, icon=":material/check_circle:")
        panels.draw_side_by_side(listing, chosen_set, widths=[1, 1.25])
    import_form()
    state.take(KEPT)  # only now: what begins the page again before its end does not lose it


frame.run_page(__file__, __name__)
