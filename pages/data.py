"""Data: the available data sets, their contents, and the import of one's own."""

import streamlit as st

from qfusion import _read_only, plugin
from qfusion._sentences import count
from qfusion.app import (
    context_bar,
    frame,
    navigation,
    page_runs,
    panels,
    state,
    tables,
    tasks,
    widgets,
)
from qfusion.app.forms.data_import import data_import_form, draw_findings
from qfusion.data import registry
from qfusion.data.data_set import DataSet
from qfusion.data.row_splits import SPLITS
from qfusion.data.sources import Origin
from qfusion.data.store import manifest
from qfusion.data.target_spec import CONVENTIONS
from qfusion.models import registry as model_registry
from qfusion.models.kind_texts import describe_kind
from qfusion.runs import plans
from qfusion.study import text
from qfusion.training import checkpoint
from qfusion.views.pages import address, data, train as builders

ORIGINS = {
    Origin.INCLUDED: "included",
    Origin.PUBLIC: "public data set",
    Origin.UNPUBLISHED: "no public copy",
    Origin.IMPORTED: "imported",
}


def page() -> None:
    """Draw the page."""
    frame.begin_page("Data")
    with page_runs.show_errors(), st.container(key="fold-data"):
        if words := state.pop(state.DATA_MESSAGE):
            # in view wherever the reader has scrolled to
            st.toast(words, icon=":material/check_circle:", duration="long")
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            listing()
        with left, page_runs.show_errors():
            dataset = choose_set()
            with right:
                draw_set(dataset)
    data_import_form()


@page_runs.show_errors()
def listing() -> None:
    """Draw a table of the available data sets, and the instructions for getting each missing one."""
    st.header("Available data sets", anchor=False)
    sources = registry.available()
    available = [source for source in sources if source.available]
    missing = [source for source in sources if not source.available]
    rows = [
        {"name": source.name, "title": source.title, "origin": ORIGINS[source.origin]}
        for source in available
    ]
    tables.draw(
        rows,
        "The available data sets and where they come from.",
        height="content" if len(rows) <= 12 else 440,
    )
    if missing:
        label = f"{count(len(missing), 'more data set')}: how to get {'it' if len(missing) == 1 else 'them'}"
        with st.expander(label, icon=":material/info:"):
            for source in missing:
                head = f"**{text.escape_markdown(source.title)}**"
                st.markdown(context_bar.describe_missing(head, source))


def choose_set() -> DataSet:
    """Draw the picker of a data set and its description, and return the chosen one."""
    names = address.sources()
    new = state.pop(state.NEW_SET)
    if new in names:
        state.put(data.SET.key, new)
    name = widgets.draw(data.SET, options=names)
    dataset = tasks.load_dataset(name)
    st.caption(text.escape_markdown(dataset.description, 900))
    return dataset


@page_runs.show_errors()
def draw_set(dataset: DataSet) -> None:
    """Draw the contents of a data set."""
    name = dataset.name
    st.markdown(_card(dataset))
    panels.show(dataset, *data.PANELS, first=1)
    panels.draw_lower_panels(dataset=dataset)
    if not dataset.is_game:
        navigation.link(
            "pages/train.py", "Train a model on it", ":material/model_training:", train=name
        )
    for draw in plugin.tabs("data").values():
        draw(dataset)
    if name in manifest.imported_names():
        if not dataset.is_game and not _read_only.is_read_only():
            st.button(
                "Train both systems on it",
                key="_train_both",
                icon=":material/model_training:",
                on_click=page_runs.run_or_notice,
                args=(_train_both, name),
                help=" and ".join(
                    f"**{describe_kind(kind).title}**" for kind in model_registry.SYSTEMS
                )
                + ", with default settings. Training runs in separate processes and continues when this page "
                "is closed.",
            )
        _import_record(name)


def _train_both(name: str) -> None:
    """Start a training of either system, with the usual settings; Train shows them."""
    started = {
        plans.choose_free_name(f"{kind}-{name}"): plans.make_plan(name, kind, {})
        for kind in model_registry.SYSTEMS
    }
    plans.start_runs(started)
    state.put(builders.RUNS.key, list(started))
    state.put(
        state.DATA_MESSAGE,
        f"Both systems are being trained on **{text.escape_markdown(name)}**. **Train**, in the menu, "
        "shows their progress and links to their samples.",
    )


def _card(data_set: DataSet) -> str:
    target = data_set.target
    sizes = [f"{len(data_set.rows(split)):,}" for split in SPLITS]
    modalities = []
    for modality in data_set.modalities:
        extent = f"{modality.size:,} features"
        if modality.is_sequence:
            extent += f", sequences of up to {modality.values.shape[1]:,} steps"
        modalities.append(modality.name if data_set.is_game else f"{modality.name} ({extent})")
    values = "classes" if target.classes else "a number"
    if target.range:
        values += f" in {target.range}"
    rows = {
        "title": data_set.title,
        "samples": f"{len(data_set):,}",
        "train / valid / test": " / ".join(sizes),
        "players" if data_set.is_game else "modalities": ", ".join(modalities),
        "target": f"{target.name}, {values}",
        "source": data_set.source,
        "licence": data_set.licence,
        "digest": data_set.digest[:12],
    }
    if not target.classes:
        rows["metrics"] = CONVENTIONS[target.convention]
    if data_set.unimodal is not None:
        rows["labels of single modalities"] = ", ".join(map(str, data_set.unimodal.columns))
    lines = [(key, text.escape_markdown(value)) for key, value in rows.items()]
    return tables.markdown(["property", "value"], lines)


def _import_record(name: str) -> None:
    """Draw what was found and repaired when the data set was imported, and the button that removes it."""
    record = manifest.imported_manifest(name)
    with st.expander("Import report", icon=":material/fact_check:"):
        for file in record.files:
            st.code(
                f"{file['name']}, {file['bytes']:,} bytes\nSHA-256 {file['sha256']}",
                language=None,
                wrap_lines=True,
            )
        draw_findings(record.report["findings"])
        st.caption(
            f"Imported {text.escape_markdown(record.created)} with qfusion "
            f"{text.escape_markdown(record.versions['qfusion'])}."
        )
    if not _read_only.is_read_only():
        with st.popover("Remove", icon=":material/delete:"):
            st.markdown(
                f"Remove **{text.escape_markdown(name)}** from this machine? The original files are kept."
            )
            if st.button("Yes, remove it", key="_remove_set"):
                with page_runs.show_errors():
                    checkpoint.remove_game(name) if checkpoint.is_game(
                        name
                    ) else manifest.remove_imported(name)
                    state.put(state.DATA_MESSAGE, f"{text.escape_markdown(name)} was removed.")
                    st.rerun()


page_runs.run_page(__file__, __name__)
