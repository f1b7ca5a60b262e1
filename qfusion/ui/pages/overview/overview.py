"""The Overview page's parts: the pipeline, the cards, test metrics, three telling samples."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qfusion.analysis import backgrounds, describe, text
from qfusion.analysis.cohort import examples
from qfusion.figures import style
from qfusion.panels import overview as builders
from qfusion.training import metrics
from qfusion.ui.frame.shell import Here, link
from qfusion.ui.panel import panels
from qfusion.ui.shared import export_dialog, sample_view

ICONS = {"agreement": ":material/join:", "conflict": ":material/compare_arrows:", "synergy": ":material/hub:"}
TITLES = {"agreement": "Agreement", "conflict": "Conflict", "synergy": "Synergy"}


def sentence(here: Here) -> None:
    """What this model is, in two sentences, and its two best-known metrics."""
    st.markdown(describe.sentence(here.work) + _in_short(here.work.card))


def _in_short(card: Any) -> str:
    """The two best-known test metrics, with their spread."""
    scores = card.get("metrics", {}).get("test", {})
    parts = [f"{metrics.describe[name].short} {_spread(card, scores[name])}"
             for name in ("acc2_non0", "mae", "corr", "accuracy") if name in scores]
    sizes = card["data"]["sizes"]
    return f" On {sizes['test']:,} test samples: {', '.join(parts)} ({_seeds(card)})." if parts else ""


def _spread(card: Any, found: Any) -> str:
    """Mean and spread over the seeds; one seed has no spread."""
    many = len(card.get("seeds", [])) > 1
    return f"{found['mean']:.3f} ± {found['std']:.3f}" if many else f"{found['mean']:.3f}"


def _seeds(card: Any) -> str:
    count = len(card.get("seeds", []))
    return f"{count} training seed{'s' if count != 1 else ''}"


def pipeline(here: Here) -> None:
    """The way from features to score; each part links to the page that shows it."""
    parts = describe.pipeline(here.work)
    with st.container(key="pair-pipeline"):
        cells = st.columns(len(parts), gap="small")
        for i, (cell, (name, words, page, label, shown)) in enumerate(zip(cells, parts, strict=True)):
            with cell, st.container(border=True, height="stretch"):
                st.markdown(f"**{i + 1}  {name}**" + ("  :material/arrow_forward:" if i < len(parts) - 1 else ""))
                st.caption(words)
                link(page, label, ":material/arrow_outward:", **shown)


def example_samples(here: Here) -> None:
    """Three samples in cards: content, mini waterfall, entropies."""
    st.header("Three samples to start with", anchor=False)
    st.caption(
        f"Picked by their contributions among the {len(here.work.dataset.rows('test')):,} test samples, from the "
        f"better-predicted half where it has such a sample. {backgrounds.baseline(here.work.sample_background)}")
    found = examples.find(here.work)
    cells = st.columns(len(found), gap="medium")
    for cell, item in zip(cells, found, strict=True):
        with cell, st.container(border=True, height="stretch", key=f"telling-{item.kind}"):
            _card(here, item)


def _card(here: Here, item: Any) -> None:
    work = here.work
    row = work.dataset.row(item.sample)
    st.subheader(f"{ICONS[item.kind]} {TITLES[item.kind]}", anchor=False)
    st.caption(item.why)
    sample_view.content(here, row, details=False)
    output = int(work.predicted[row])
    if work.classes:
        right = work.predicted[row] == work.dataset.y[row]
        st.markdown(f"Predicted **{text.plain(work.classes[output])}** with {work.probabilities[row, output]:.0%}, "
                    f"{'rightly' if right else 'but it is ' + text.plain(work.classes[int(work.dataset.y[row])])}")
    panels.small(builders.waterfall(work, here.theme, kind=item.kind))
    if work.can("time"):
        panels.small(builders.entropy(work, here.theme, kind=item.kind))
        st.caption("Top: baseline + terms = score. Bottom: entropy of each modality over time (nats).")
    elif work.can("masses"):
        panels.small(builders.masses(work, here.theme, kind=item.kind))
        st.caption(f"Top: baseline + terms = {work.unit_of(output)}. Bottom: the mass each modality gives each element "
                   "(dark 0, yellow 1), and what the fusion makes of it.")
    else:
        st.caption("Baseline + terms = score.")
    link("pages/samples.py", f"Open {text.plain(item.sample)}", ":material/open_in_full:", open=item.sample)


def metrics_card(here: Here) -> None:
    """Test metrics: mean and spread over the training seeds."""
    card = here.work.card
    scores = card.get("metrics", {}).get("test", {})
    own = card.get("this_seed", {}).get("test", {})
    st.subheader("How good is it?", anchor=False)
    table = _metric_table(card, scores, own)
    if table.empty:
        st.caption("This checkpoint's card holds no test metrics. Retrain it to get them.")
        return
    st.dataframe(table, hide_index=True, height="content", alt="Test metrics: mean and spread over the seeds.")
    st.caption(f"Data {text.plain(card['data']['name'])}, test split, n = {card['data']['sizes']['test']:,}. Mean and "
               f"standard deviation over {_seeds(card)}; last column: the one loaded (seed {card.get('seed')}).")


def _metric_table(card: Any, scores: Any, own: Any) -> pd.DataFrame:
    rows = []
    for name, about in metrics.describe.items():
        if name in scores:
            found = scores[name]
            rows.append({"metric": about.short, "mean ± spread": _spread(card, found),
                         "this model": f"{own[name]:.3f}" if name in own else "–"})
    return pd.DataFrame(rows)


def model_card(here: Here) -> None:
    """What the model is."""
    rows = describe.model_rows(here.work)
    _rows("Model", rows, str(here.work.card.get("notes") or ""))
    export_dialog.button(here)


def data_card(here: Here) -> None:
    """What the data are."""
    data = here.work.dataset
    rows = {"data set": data.title, "samples": f"{len(data):,}",
            "train / valid / test": " / ".join(f"{len(data.rows(split)):,}" for split in ("train", "valid", "test")),
            "modalities": ", ".join(f"{m.name} ({m.size} features{', sequence' if m.is_sequence else ''})"
                                    for m in data.modalities),
            "target": describe.target_words(here.work), "source": data.source, "licence": data.licence,
            "digest": data.digest[:12]}
    _rows("Data", rows, data.description)


def _rows(title: str, rows: dict[str, Any], words: str) -> None:
    st.subheader(title, anchor=False)
    lines = [f"| {key} | {text.plain(value)} |" for key, value in rows.items()]
    st.markdown("\n".join([lines[0], "|---|---|", *lines[1:]]))
    if words:
        st.caption(text.plain(words, 600))


_OF_TIME = (
    "- **Entropy** says how mixed a modality's state has become; it measures correlation, not who decided.\n"
    "- **Sliders** on the Dynamics page change the physics, and the test metrics with it: an explanation one can "
    "test.\n")
_OF_CIRCUITS = (
    "- **Mass** is how much a modality speaks for an element, from 0 to 1; a **truth table** says what the fusion "
    "makes of it.\n- **Angles** on the Circuit page can be edited, and decision and test accuracy with them: an "
    "explanation one can test.\n- **Entropy** of a fused qubit is its entanglement with what it was fused from; it "
    "measures correlation, not who decided.\n")


def reading_guide(here: Here) -> None:
    """How to read the pages."""
    names = here.work.modalities
    st.header("How to read the pages", anchor=False)
    swatches = "  ".join(f"{text.plain(name)} ({_hue_name(name, names)})" for name in names)
    st.markdown(
        f"- **Colours** stand for modalities everywhere: {swatches}. Joint terms take the mixed hue, dashed or "
        "hatched.\n- **A decision is a sum**: baseline (the mean over the training data, or whatever the sidebar "
        "compares with) + what each modality adds alone + what pairs and all together add jointly = score. The sum is "
        "exact, not sampled.\n"
        + (_OF_TIME if here.work.can("time") else _OF_CIRCUITS if here.work.can("rules") else "") +
        "- **Every figure** has an Export button (SVG, PDF, PNG, HTML, and what it was made from) and its numbers as "
        "CSV; the address bar holds the whole view.")


def _hue_name(name: str, names: tuple[str, ...]) -> str:
    hues = {style.BLUE: "blue", style.VERMILLION: "vermillion", style.GREEN: "green", style.YELLOW: "yellow",
            style.PURPLE: "purple", style.SKY: "sky blue"}
    return hues.get(style.term_colour(name, names), "grey")


