"""What several pages show: a sample's content, sensitivities, decision and entanglement under one cursor, the decision
along layers, and what takes long on all samples.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from qfusion import model_export, report
from qfusion._checks import check
from qfusion._sentences import share
from qfusion.analysis import drawn_samples, jobs, physics_sensitivity, recording_strip, text
from qfusion.analysis.sample import Sample, sample_of
from qfusion.analysis.study import Study
from qfusion.data import Audio, Content, Image, Text, clip_copies, clip_previews, media
from qfusion.data.sample_content import Clip, Film, Series
from qfusion.data.unimodal_labels import LABEL_PREFIX
from qfusion.errors import translate_system_errors
from qfusion.explain import contribution_shares
from qfusion.explain.cohorts import Part
from qfusion.panels import (
    archives,
    dynamics,
    network,
    network_layers,
    panel,
    samples,
    term_sensitivity,
    timelines,
)
from qfusion.runs import plans
from qfusion.training import checkpoint, metrics
from qfusion.ui import access, controls, frame, guidance, page_params, panels, reruns, state
from qfusion.wording import answers, systems


def sample_content(
    here: frame.Here,
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
    at, card = here.row if row is None else row, "main" if details else key
    content = here.study.dataset.content(at)
    shown = {
        name: content[name]
        for name in here.study.modalities
        if name in content and (only is None or name in only)
    }

    def pieces(kind: type) -> dict[str, Content]:
        return {name: piece for name, piece in shown.items() if isinstance(piece, kind)}

    for name, piece in pieces(Text).items():
        raw_content(name, piece)
    result = recording_strip.source(here.study.dataset, at)
    with st.container(key=f"content-{card}-{at}" if only is None else None, gap="small"):
        if result.clip is not None and only is None:
            clip(result.clip, str(here.study.dataset.ids[at]), f"{card}-{at}")
        played = pieces(Image) | pieces(Audio) | pieces(Film)
        with st.container(horizontal=True, vertical_alignment="center", wrap=len(shown) > 3):
            for name, piece in played.items():
                wide = len(played) == 1 if isinstance(piece, Image) else details
                raw_content(name, piece, "stretch" if wide else 150)
    if result.problem:
        st.warning(text.message(result.problem), icon=":material/videocam_off:")
    for name in pieces(Series):
        st.caption(text.plain(name))
        panels.small(samples.curve(here.study, here.theme, row=at, modality=name, card=card))
    if details:
        if absent := [text.plain(name) for name in here.study.modalities if name not in shown]:
            st.caption(
                f"No raw content of {', '.join(absent)} comes with this data set, only features."
                if result.clip is None
                else f"Of {', '.join(absent)} the data set itself holds only features: what there was to see and "
                "hear is the recording, which was joined to it."
            )
        _facts(here, at)


def raw_content(
    name: str,
    piece: Content,
    width: int | Literal["stretch"] = "stretch",
    *,
    in_box: bool = False,
) -> None:
    """The raw content of a modality; in a box that is of it, its name and a border are left out."""
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
                caption=None if in_box else text.plain(name),
                alt=f"Picture: {name} of the sample",
            )
        case Film():
            with frame.guard():
                st.video(str(clip_copies.copy_film(piece)), loop=True, muted=True, width=width)


def clip(piece: Clip, sample: str, key: str) -> None:
    """The recording of a sample, as a player or a picture; `key` tells it from others on the page."""
    if piece.kind == "image":
        with frame.guard():
            st.image(
                media.picture(piece.path, 2 * clip_previews.POSTER), alt=f"Picture: sample {sample}"
            )
    else:
        panels.play(f"player-{key}", f"Recording: sample {sample}", piece)


def follow_strip(sample: Sample, content: str, name: str = "strip", **options: Any) -> None:
    """Has a playhead go over the strip of a sample's seconds, with buttons for its largest steps.

    Args:
        content: key of the raw content in which the recording stands. name: of the strip's panel.
        options: as of `panels.timelines.timeline`.
    """
    result, _ = timelines.open_timeline(sample, **options)
    panels.play(
        f"follow-{name}",
        "",
        bound=f".st-key-content-{content} :is(video, audio)",
        strip=name,
        peaks=[
            (
                f"{lane.modality[:40]}, {lane.starts[lane.peak]:.2f} s",
                float(lane.starts[lane.peak]),
                f"{lane.names[lane.peak]}: {lane.total[lane.peak]:+.3f}",
            )
            for lane in result.lanes
        ],
    )


def save_upload(file: Any, folder: Path, otherwise: str) -> Path:
    """Writes an upload into a folder, under a name that leads nowhere else, and returns where it is; `otherwise` is it
    called where nothing is left of its name."""
    name = re.sub(r"[^\w.\- ]", "_", Path(file.name.replace("\\", "/")).name)[-100:].lstrip(".")
    path = folder / (name or otherwise)
    check(not path.exists(), f"Two files are called {path.name!r}. Rename one.")
    path.write_bytes(file.getbuffer())
    return path


def _facts(here: frame.Here, row: int) -> None:
    """Whatever the data set's table says of the sample: video and segment times, regime."""
    facts = {
        str(name): value
        for name, value in here.study.dataset.table.iloc[row].items()
        if name not in ("text", "transcript", here.study.dataset.target.name)
        and not (str(name).startswith(LABEL_PREFIX) and pd.isna(value))
    }
    parts = [f"split: {here.study.dataset.split[row]}"]
    if here.study.dataset.is_own(row):
        facts, parts = {}, ["made by you, in this session alone: no truth is known of it"]
    if all(pd.api.types.is_number(facts.get(name)) for name in ("start", "end")):
        parts.append(f"segment: {facts.pop('start'):.1f} s to {facts.pop('end'):.1f} s")
    parts += [
        f"{text.plain(text.column(name))}: "
        + text.plain(f"{value:.2f}" if isinstance(value, float) else value)
        for name, value in facts.items()
    ]
    st.caption(" · ".join(parts))


def sample_heading(here: frame.Here) -> None:
    """The sample's id, and the way on."""
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.subheader(f"Sample {text.plain(here.sample)}", anchor=False)
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            report_of_sample(here)
            if here.study.can("time"):
                frame.link("pages/dynamics.py", "Follow it through time", ":material/timeline:")
            elif here.study.can("circuit"):
                frame.link("pages/circuit.py", "Walk it through the circuit", ":material/schema:")


def truth(study: Study, row: int, limit: int = 400, digits: int = 2) -> str:
    """What a sample was annotated as, as markdown; names of classes shortened to so many characters, numbers with so
    many digits after the point. Of a visitor's own none is known."""
    if study.dataset.is_own(row):
        return "not known"
    y = study.dataset.y[row]
    return text.plain(study.classes[int(y)], limit) if study.classes else f"{float(y):+.{digits}f}"


class Changed(NamedTuple):
    """A number before and after a change, with its name, its help, and the colour of a rise as `st.metric` takes it."""

    label: str
    before: float
    after: float
    help: str
    colour: str = "off"


def metrics_changed(
    numbers: Sequence[Changed], places: Sequence[DeltaGenerator], unchanged: str | None = None
) -> None:
    """Draws numbers with their changes; where there is none as numbers are written, `unchanged` says so."""
    for place, (label, before, after, words, colour) in zip(places, numbers, strict=True):
        same = dynamics.equal_as_written(before, after)
        place.metric(
            label,
            f"{after:.3f}",
            unchanged if same else f"{after - before:+.3f}",
            delta_color="off" if same else colour,  # type: ignore[arg-type]
            delta_arrow="off" if same else "auto",
            help=words,
            border=True,
            height="stretch",
        )


# Sensitivity, on the Dynamics and on the Circuit page: pickers, the tornado, one term's way, and all terms as a
# table.


def sensitivity_tab(here: frame.Here, sample: Sample) -> None:
    """Pickers, tornado, table, response."""
    effect, over, group, half = controls.row(
        term_sensitivity.EFFECT,
        term_sensitivity.COHORT,
        term_sensitivity.GROUP,
        term_sensitivity.HALF,
        study=here.study,
    )
    measured = term_sensitivity.effect_sensitivity(sample, effect, over)
    if term_sensitivity.has_effect(sample, effect, over, group):
        panels.show(sample, here.theme, "tornado", first=1)
        if measured.sensitivity.note:
            st.caption(text.plain(measured.sensitivity.note))
        _agreement(measured, term_sensitivity.half_slopes(sample, effect, over) if half else None)
    else:
        st.info(
            f"None of these terms moves the {text.plain(effect)}. Choose others, or another effect."
        )
    _way(here, sample, list(measured.followed()))
    _table(sample, measured)


def _agreement(measured: term_sensitivity.EffectSensitivity, half: np.ndarray | None) -> None:
    _, result, reach = measured
    big, same = physics_sensitivity.large(result, reach), result.agrees()[:, 0]
    bent = np.array(
        [parameter.kind not in physics_sensitivity.LINEAR for parameter in result.parameters]
    )
    if not big.any():
        st.caption(f"No removal moves it by more than 1 % of its range ({reach:.3g}).")
    else:
        middle = ""
        if half is not None:
            right = np.sign(half) == np.sign(result.effects[:, 0])
            middle = f" The slope half-way points the way of the removal for {(big & right).sum()}."
        st.caption(
            f"Slope and removal point the same way for {(big & same).sum()} of the {big.sum()} terms whose removal "
            f"moves it by more than 1 % of its range ({reach:.3g}); of the {(big & bent).sum()} among them that do "
            f"not act linearly, for {(big & bent & same).sum()}.{middle} A slope says what a little less does, not "
            "what nothing at all does: where they differ, the answer bends on the way."
        )


def _way(here: frame.Here, sample: Sample, titles: list[str]) -> None:
    if not titles:
        return
    key = term_sensitivity.FOLLOWED.key
    term = page_params.text_of(key)
    if term and state.get(key) is None:
        state.put(key, term)
        if state.get(key) not in titles:
            st.warning(
                f"In the link, `{key}`: ‘{text.plain(term, 60)}’ is no term that can be followed here. The one below "
                "is shown.",
                icon=":material/link_off:",
            )
    controls.draw(term_sensitivity.FOLLOWED, options=titles)
    panels.show(sample, here.theme, "way")


def _table(sample: Sample, measured: term_sensitivity.EffectSensitivity) -> None:
    study, (_, result, reach) = sample.study, measured
    with controls.fold(term_sensitivity.TABLE, ":material/table_rows:"):
        table = result.frame(result.targets[0])
        table.insert(7, "above_1_percent", physics_sensitivity.large(result, reach))
        if controls.draw(term_sensitivity.WITHOUT):
            scored = physics_sensitivity.metrics_without(study, sample.tweak)
            known = metrics.labels(scored.columns)
            names = [name for name in ("mae", "corr", "accuracy", "nll") if name in scored.columns]
            for name in names[:2]:
                table[f"test {known[name].short}"] = scored[name].loc[table["key"]].to_numpy()
            whole = ", ".join(f"{known[name].short} {scored[name].loc['']:.3f}" for name in names)
            st.caption(
                f"Over {len(study.dataset.rows('test')):,} test samples{systems.seed_suffix(study)}; with all terms: "
                f"{whole}. A weight or measurement vector is taken out of every output."
            )
        st.dataframe(
            table.iloc[np.argsort(-np.abs(result.effects[:, 0]))].drop(columns=["key"]),
            hide_index=True,
            height=420,
            alt="Slope, removal and agreement of every term.",
        )


# Decision and entanglement under one cursor: the answer in words.


def at_cursor(
    dividends: Mapping[str, np.ndarray],
    moving: np.ndarray,
    moving_name: str,
    place: int,
    where: str,
    unit: str,
) -> None:
    """The numbers at the cursor in one line."""
    joint = contribution_shares.net_joint_share(dividends)
    now, at_start, at_end = (share(joint[at]) for at in (place, 0, -1))
    largest = answers.largest_at(dividends, place)
    guidance.line(
        f"At {where}: joint terms {now}, {largest}, {moving_name} {moving[place]:.3f} {unit}.",
        f"At {where}: joint terms are {now} of the net sums ({at_start} at the start, {at_end} at the end); "
        f"{largest}; {moving_name} "
        f"{moving[place]:.3f} {unit} ({moving[0]:.3f} at the start, {moving[-1]:.3f} at the end).",
    )


def along_layers(here: frame.Here, sample: Sample) -> None:
    """Correlations of the qubits and terms of the decision of an entangled-fusion network at every place between its
    layers: what the read-out would say if the circuit stopped there."""
    moments = sample.through.moments
    _, layer = controls.row(
        panel.TERMS, replace(network.LAYER, default=moments[-1]), study=sample.study
    )
    panels.show(sample, here.theme, "decision-layers", first=1)
    place, mutual = moments.index(layer), network_layers.MUTUAL
    at_cursor(
        sample.along,
        network_layers.layer_correlations(sample)[mutual],
        mutual,
        place,
        f"“{layer}”",
        "nats",
    )


# What takes long on all samples: measured on some, drawn at random, and on all of them behind the page where the
# reader asks for it, by one control for all panels and pages.


def everyone(
    name: str, study: Study, rows: np.ndarray, some: int, make: Callable[[], object], *more: str
) -> bool:
    """Returns whether a panel shows all samples, which are then worked out; says until then that some are drawn,
    and how far all are.

    Args:
        name: of the panel. study: the model on its data. rows: of all samples. some: how many are drawn of these.
        make: works out what the panel shows of all samples, where it is kept.
        more: what else tells it from others.
    """
    key = (name, *more, *study.of_set.memo_key(), hashlib.sha256(rows.tobytes()).hexdigest())
    if some >= len(rows) or state.get(panel.EVERYONE.key) != drawn_samples.ALL:
        if some < len(rows):
            st.caption(f"{drawn_samples.drawn_words(some, len(rows))}.")
        jobs.leave_job(key, access.session_id())
        return False
    return controls.is_done(
        jobs.begin_job(key, make, len(rows), access.session_id()),
        "All samples: {job.done:,} of {job.total:,}",
        "All samples cannot be measured: {job.problem}. Some of them are shown.",
        wanted=lambda: state.get(panel.EVERYONE.key) == drawn_samples.ALL,
        # the next run leaves the job
        cancel=partial(state.put, panel.EVERYONE.key, drawn_samples.DRAWN),
        width=320,
        keys=(f"all-samples-{name}", f"_all_cancel_{name}"),
    )


# What a reader takes away beside figures: the model as it is tweaked, from a dialog behind a button, and the report on
# what the page shows.

_OPEN, _FORMAT, _PRECISION, _NAME, _KEPT = (
    "_out.open",
    "_out.format",
    "_out.precision",
    "_out.name",
    "_out.kept",
)
_EXACT = {"double": "double precision", "single": "single precision, half the size"}


def export_button(here: frame.Here) -> None:
    """The button that opens the dialog."""
    st.button(
        "Export model",
        icon=":material/output:",
        type="tertiary",
        key="_model_out",
        on_click=state.put,
        args=(state.DRAWER, _OPEN),
        help="This model, with what you have tweaked, as a checkpoint, for PyTorch, QuTiP, OpenQASM or NumPy.",
    )
    if value := state.take(_KEPT):
        st.toast(f"Kept as {text.plain(value)}: pick it on top.", icon=":material/check:")
    if state.get(state.DRAWER) == _OPEN:
        reruns.dialog(
            "Export model",
            _body,
            here,
            width="medium",
            on_dismiss=partial(state.put, state.DRAWER, None),
        )


def _body(here: frame.Here) -> None:
    study = here.study
    loaded, tweak = reruns.loaded(study.name), controls.current_tweak(study)
    st.markdown(
        f"**{text.plain(study.name)}**, "
        + (f"tweaked: {text.plain(tweak)}." if tweak else "as trained: nothing is tweaked.")
        + f" Sample {text.plain(here.sample)}, where a format is of one."
    )
    reasons = {name: model_export.impossible(name, loaded) for name in model_export.FORMATS}
    able = [name for name, reason in reasons.items() if not reason]
    picked = st.radio(
        "Format",
        able,
        format_func=lambda name: model_export.FORMATS[name].title,
        key=_FORMAT,
        captions=[model_export.FORMATS[name].says for name in able],
    )
    if picked is not None:
        _download(here, loaded, tweak, picked)
    if left_out := [model_export.FORMATS[name].title for name, reason in reasons.items() if reason]:
        reason = next(reason for reason in reasons.values() if reason)
        st.caption(
            f"Not for this model: {', '.join(left_out)}. {text.message(reason.partition('. ')[2])}"
        )
    if access.level() != "none":
        _keep(here, loaded, tweak)


def _download(here: frame.Here, loaded: checkpoint.Checkpoint, tweak: str, picked: str) -> None:
    study, wanted = here.study, model_export.FORMATS[picked]
    name = plans.choose_free_name(f"{study.name}-tweaked" if tweak else f"{study.name}-copy")
    stem = (
        f"{study.name}-{here.sample}"
        if wanted.of_sample
        else name
        if picked == "checkpoint"
        else study.name
    )
    precision = (
        state.one_of(
            "Numbers",
            list(_EXACT),
            format_func=_EXACT.__getitem__,
            default="double",
            key=_PRECISION,
        )
        if picked == "torch"
        else "double"
    )
    make = partial(
        model_export.make,
        picked,
        loaded,
        study.dataset,
        tweak=tweak,
        sample=here.sample,
        model_name=name,
        precision=precision,
        behind=study.background,
    )
    st.download_button(
        f"Download {wanted.title}",
        access.in_turn(make),
        f"{archives.file_name(stem, 80)}{wanted.ending}",
        "application/octet-stream",
        on_click="ignore",
        type="primary",
        icon=":material/download:",
        key=f"model-out-{picked}",
        help={
            "checkpoint": "Measured anew on all samples: takes some seconds.",
            "torch": "Traced step by step: takes some seconds.",
            "numpy": "Worked out when you press: takes some seconds.",
        }.get(picked),
    )
    says = {
        "qutip": "A .qu file is a pickle, and loading a pickle runs what its maker put into it: load only your own.",
        "checkpoint": "Unpack it into a folder of models, or keep the model here, below.",
    }
    if picked in says:
        st.caption(says[picked])


def _keep(here: frame.Here, loaded: checkpoint.Checkpoint, tweak: str) -> None:
    """Puts the model among the reader's own."""
    with st.container(border=True, gap="xsmall", key="box-keep-model"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            free = plans.choose_free_name(f"{here.study.name}-tweaked")
            name = st.text_input(
                "Keep as my model, under the name", placeholder=free, max_chars=64, key=_NAME
            )
            pressed = st.button(
                "Keep as my model",
                icon=":material/save:",
                key="_keep_model",
                disabled=not tweak,
                help=None if tweak else "Nothing is tweaked: it would be the model that you have.",
            )
        if pressed:
            called = name.strip() or free
            with frame.guard():
                with access.waiting("Measuring it on all samples …"):
                    model_export.keep(loaded, tweak, here.study.dataset, called)
                state.put(_KEPT, called)
                state.put(state.DRAWER, None)
                st.rerun()  # of the whole page: its pickers have the model then


# The button that writes a report on what the reader looks at.


def report_of_sample(here: frame.Here) -> None:
    """Offers the report on the current sample, with the reader's background, output and changes of the model."""
    changed = controls.current_tweak(here.study)
    _offer(
        f"{here.study.name}-{here.sample}",
        "All about this decision in one file that needs no network: contributions, dynamics, entropies, "
        "circuit, faithfulness, methods with equations, BibTeX. It takes about ten seconds."
        + (
            f" The model is taken as you have changed it: {text.plain(changed, 120)}."
            if changed
            else ""
        ),
        lambda suffix: report.sample(
            sample_of(here.explained, here.row, here.output_wanted, changed)
        ).written(suffix),
    )


def report_of_cohort(here: frame.Here, table: Any, parts: Sequence[Part], name: str) -> None:
    """Offers the report on the cohort in force."""
    _offer(
        f"{here.study.name}-cohort",
        "All about this cohort in one file that needs no network: shares and types with intervals, "
        "contributions, entanglement, members, faithfulness, methods with equations, BibTeX. It takes about ten "
        "seconds.",
        lambda suffix: report.cohort(
            report.contents.members(here.explained, table, parts, name, here.output_wanted)
        ).written(suffix),
    )


def _offer(name: str, says: str, make: Callable[[str], bytes]) -> None:
    with st.popover(
        "Report", icon=":material/description:", help="A report to read, print or send"
    ):
        st.caption(says)
        with st.container(horizontal=True):
            for suffix, kind in ((".pdf", "application/pdf"), (".html", "text/html")):
                st.download_button(
                    suffix[1:].upper(),
                    data=access.in_turn(translate_system_errors()(partial(make, suffix))),
                    file_name=f"qfusion-{archives.file_name(name, 80)}{suffix}",
                    mime=kind,
                    on_click="ignore",
                    icon=":material/download:",
                    key=f"report{suffix}",
                )
