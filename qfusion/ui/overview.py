"""The Overview page's parts: the pipeline, the cards, test metrics, three telling samples."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from qfusion.figures import decision, dynamics, style
from qfusion.training import metrics
from qfusion.ui import cache, panels, sample_view, text
from qfusion.ui.shell import Here, link

ICONS = {"agreement": ":material/join:", "conflict": ":material/compare_arrows:", "synergy": ":material/hub:"}
TITLES = {"agreement": "Agreement", "conflict": "Conflict", "synergy": "Synergy"}


def sentence(here: Here) -> None:
    """What this model is, in one sentence."""
    work = here.work
    names = " and ".join([", ".join(map(text.plain, work.modalities[:-1])), text.plain(work.modalities[-1])])
    dims = " × ".join(str(d) for d in work.model.dims)
    jumps = work.model.jump_count
    noun = "operator" if jumps == 1 else "operators"
    st.markdown(f"**{text.plain(work.card.get('title') or work.name)}** turns {names} into quantum states "
                f"({dims} levels), lets them evolve together under a learned Hamiltonian and {jumps} learned jump {noun}, "
                f"and reads the {text.plain(work.dataset.target.name)} from the result. Because the read-out is linear, "
                "every decision splits exactly into what each modality says alone and what they say only jointly."
                + _in_short(work.card))


def _in_short(card: Any) -> str:
    """The two best-known test metrics, with their spread."""
    scores = card.get("metrics", {}).get("test", {})
    parts = [f"{metrics.describe[name].short} {scores[name]['mean']:.3f} ± {scores[name]['std']:.3f}"
             for name in ("acc2_non0", "mae", "corr", "accuracy") if name in scores]
    sizes = card["data"]["sizes"]
    return f" On {sizes['test']:,} test samples: {', '.join(parts)} ({_seeds(card)})." if parts else ""


def _seeds(card: Any) -> str:
    count = len(card.get("seeds", []))
    return f"{count} training seed{'s' if count != 1 else ''}"


def pipeline(here: Here) -> None:
    """The way from features to score; each part links to the page that shows it."""
    work = here.work
    size = 1
    for d in work.model.dims:
        size *= d
    sizes = ", ".join(f"{text.plain(m.name)} {m.size}" for m in work.dataset.modalities)
    numbers = f"{sizes} numbers" + (" a step" if any(m.is_sequence for m in work.dataset.modalities) else "")
    kets = f"one ket a modality, dimension {', '.join(str(d) for d in work.model.dims)}"
    physics = f"H and {work.model.jump_count} jump operators on {size} levels, T = {work.model.duration:g}"
    vectors = f"{len(work.model.measurement_vectors())} measurement vectors, linear read-out"
    parts = (("Features", numbers, "pages/samples.py", "See a sample", ""),
             ("States", kets, "pages/dynamics.py", "See the state", "State"),
             ("Evolution", physics, "pages/dynamics.py", "Turn the knobs", "Decision"),
             ("One step", "as a circuit with the learned values", "pages/circuit.py", "See the circuit", ""),
             ("Score", vectors, "pages/samples.py", "See who decided", ""))
    with st.container(key="pair-pipeline"):
        cells = st.columns(len(parts), gap="small")
        for i, (cell, (name, words, page, label, view)) in enumerate(zip(cells, parts, strict=True)):
            with cell, st.container(border=True, height="stretch"):
                st.markdown(f"**{i + 1}  {name}**" + ("  :material/arrow_forward:" if i < len(parts) - 1 else ""))
                st.caption(words)
                link(page, label, ":material/arrow_outward:", **({"show": view} if view else {}))


def telling_samples(here: Here) -> None:
    """Three samples in cards: content, mini waterfall, entropies."""
    st.header("Three samples to start with", anchor=False)
    st.caption(f"Picked by their contributions among the {len(here.work.dataset.rows('test')):,} test samples, from the "
               "better-predicted half.")
    found = cache.telling_samples(here.work)
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
    dividends, truth = work.dividends(row), float(work.dataset.y[row])
    drawn = decision.waterfall(dividends, work.modalities, truth=truth, unit=work.unit, theme=here.theme, compact=True)
    panels.figure(f"telling-waterfall-{item.kind}", drawn,
                  f"Waterfall of sample {item.sample}: {sample_view.finding(dividends)}.")
    times, series = cache.sparkline(work, row)
    panels.figure(f"telling-entropy-{item.kind}",
                  dynamics.sparkline(times, series, work.modalities, theme=here.theme),
                  "Entropy of each modality over time.")
    st.caption("Top: baseline + terms = score. Bottom: entropy of each modality over time (nats).")
    link("pages/samples.py", f"Open {text.plain(item.sample)}", ":material/open_in_full:", open=item.sample)


def metrics_card(here: Here) -> None:
    """Test metrics: mean and spread over the training seeds."""
    card = here.work.card
    scores = card.get("metrics", {}).get("test", {})
    own = card.get("this_seed", {}).get("test", {})
    st.subheader("How good is it?", anchor=False)
    table = _metric_table(scores, own)
    if table.empty:
        st.caption("This checkpoint's card holds no test metrics. Retrain it to get them.")
        return
    st.dataframe(table, hide_index=True, height="content", alt="Test metrics: mean and spread over the seeds.")
    st.caption(f"Data {text.plain(card['data']['name'])}, test split, n = {card['data']['sizes']['test']:,}. Mean and "
               f"standard deviation over {_seeds(card)}; last column: the one loaded (seed {card.get('seed')}).")


def _metric_table(scores: Any, own: Any) -> pd.DataFrame:
    rows = []
    for name, about in metrics.describe.items():
        if name in scores:
            found = scores[name]
            rows.append({"metric": about.short, "mean ± spread": f"{found['mean']:.3f} ± {found['std']:.3f}",
                         "this model": f"{own[name]:.3f}" if name in own else "–"})
    return pd.DataFrame(rows)


def model_card(here: Here) -> None:
    """What the model is."""
    card, model = here.work.card, here.work.model
    parameters = card.get("parameters", {})
    rows = {"checkpoint": here.work.name, "kind": card.get("model", model.kind),
            "state dimensions": " × ".join(str(d) for d in model.dims),
            "jump operators": model.jump_count, "measurement vectors": len(model.measurement_vectors()),
            "duration T": f"{model.duration:g}", "parameters": f"{parameters.get('total', 0):,}",
            "of them in the fusion": f"{parameters.get('fusion', 0):,}",
            "weights": str(card.get("weights_sha256", ""))[:12]}
    _rows("Model", rows, str(card.get("notes") or ""))


def data_card(here: Here) -> None:
    """What the data are."""
    data = here.work.dataset
    low, high = here.work.scale
    rows = {"data set": data.title, "samples": f"{len(data):,}",
            "train / valid / test": " / ".join(f"{len(data.rows(split)):,}" for split in ("train", "valid", "test")),
            "modalities": ", ".join(f"{m.name} ({m.size} features{', sequence' if m.is_sequence else ''})"
                                    for m in data.modalities),
            "target": f"{data.target.name} in [{low:g}, {high:g}]", "source": data.source, "licence": data.licence,
            "digest": data.digest[:12]}
    _rows("Data", rows, data.description)


def _rows(title: str, rows: dict[str, Any], words: str) -> None:
    st.subheader(title, anchor=False)
    lines = [f"| {key} | {text.plain(value)} |" for key, value in rows.items()]
    st.markdown("\n".join([lines[0], "|---|---|", *lines[1:]]))
    if words:
        st.caption(text.plain(words, 600))


def reading_guide(here: Here) -> None:
    """How to read the pages."""
    names = here.work.modalities
    st.header("How to read the pages", anchor=False)
    swatches = "  ".join(f"{text.plain(name)} ({_hue_name(name, names)})" for name in names)
    st.markdown(
        f"- **Colours** stand for modalities everywhere: {swatches}. Joint terms take the mixed hue, dashed or hatched.\n"
        "- **A decision is a sum**: baseline (the mean over the training data) + what each modality adds alone + what pairs "
        "and all together add jointly = score. The sum is exact, not sampled.\n"
        "- **Entropy** says how mixed a modality's state has become; it measures correlation, not who decided.\n"
        "- **Sliders** on the Dynamics page change the physics, and the test metrics with it: an explanation one can test.\n"
        "- **Every figure** has a camera (SVG or PNG, picked in the sidebar) and its numbers as CSV; the address bar holds the "
        "whole view.")


def _hue_name(name: str, names: tuple[str, ...]) -> str:
    hues = {style.BLUE: "blue", style.VERMILLION: "vermillion", style.GREEN: "green", style.YELLOW: "yellow",
            style.PURPLE: "purple", style.SKY: "sky blue"}
    return hues.get(style.term_colour(name, names), "grey")


