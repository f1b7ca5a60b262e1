"""Does the quantum part matter? Twins and entanglement cuts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion._sentences import capitalise, count
from qfusion.explain import backgrounds
from qfusion.figures import model_charts, style
from qfusion.plugins.why.audit import audit, audit_rows, resource_cuts
from qfusion.plugins.why.audit.words import explain_verdict, name_audited_model, summarise_audit
from qfusion.plugins.why.fusion.model_fusion import interval_words
from qfusion.study import metric_gains, text
from qfusion.study.study import Study
from qfusion.views.view import View
from qfusion.views.words import rules


def twin_comparison(study: Study) -> View:
    """Draw the gain of each quantum resource on the data: full models minus twins without it, trained alike."""
    entry = audit.measure_audit(study)
    return resource_comparison("why-audit", entry, [row["resource"] for row in entry["rows"]])


def resource_comparison(
    name: str, entry: Mapping[str, Any], names: Sequence[str], hues: Sequence[str] = ()
) -> View:
    """Draw the value of resources in an audit.

    Args:
        name: of the panel. entry: see `audit.load_shipped_audit`. names: of its rows.
        hues: of the rows, grey by default.
    """
    words = summarise_audit(entry["rows"], names)
    failed = {failure for row in entry["rows"] for failure in row["failed"]}
    notes = [
        f"{name}: {note}"
        for name, row in zip(names, entry["rows"], strict=True)
        if (note := explain_verdict(row))
    ]
    bounded = any(row.get("bounded") for row in entry["rows"])
    series = {
        "new seeds, these rows": _mean_gain(entry["rows"], "seeds"),
        "new seeds and new rows": _mean_gain(entry["rows"], "rows"),
    }
    figure = model_charts.interval_dots(
        names,
        {key: ends for key, ends in series.items() if np.isfinite(ends[:, 0]).any()},
        hues=hues or [style.GREY] * len(names),
        x_title=f"{entry['short']}: better with the resource by",
    )
    up_to = "up to " if any(row["seeds"] < entry["seeds"] for row in entry["rows"]) else ""
    bound = (
        "; errors of single rows were not saved, so the wider interval is a bound"
        if bounded
        else ""
    )
    shows = (
        f"by how much {entry['short']} of {name_audited_model(entry, 'the full model')} on the test samples of "
        f"{text.escape_markdown(entry['title'])} is better than that of a twin which lacks one resource, both "
        "trained with the "
        f"same encoders, schedule and seeds: mean of {up_to}"
        f"{count(entry['seeds'], 'paired difference')} with 95% intervals, for new seeds on these rows, and for new "
        f"rows, too ({entry['test_rows']:,} test rows, which count as {entry['independent']:,.0f} independent ones"
        f"{bound}). "
        "“Not needed” is said where two one-sided tests exclude a difference of the margin either way: "
        f"{entry['within']:g}, or a quarter of the model's error where that is less. Verdicts hold after Holm's "
        "correction."
    )
    if notes:
        shows += f" {capitalise('; '.join(notes))}."
    if failed:
        shows += f" {count(len(failed), 'training')} failed, as the table says."
    return View(
        name=name,
        title=capitalise(words),
        figure=figure,
        caption=shows,
        limits="Twins use the settings of the model. With their own, or on other data, they may do better.",
        alternative=f"{words}.",
        table=lambda: pd.json_normalize(entry["rows"]),
    )


def _mean_gain(rows: Sequence[Mapping[str, Any]], scope: str) -> np.ndarray:
    """Return mean gain and the ends of its interval, (rows, 3).

    A row that is split has no mean, and a comparison that is no test has no numbers: these are NaN. With too few seeds
    there is only the mean, on these rows.
    """
    result = np.full((len(rows), 3), np.nan)
    for place, row in enumerate(rows):
        if row["excluded"]:
            continue
        low, high = audit_rows.ends(row, scope)
        alone = scope == "seeds" and not row["learned"]
        if alone or np.isfinite(low):
            result[place] = row.get("worth", np.nan), low, high
    return result


DEPHASED = (
    " Dephasing in the product basis removes local coherence. Dephasing in each modality's own "
    "eigenbasis keeps its state and removes entanglement and quantum correlation without "
    "entanglement; large states use some of the samples."
)


def cut_comparison(study: Study) -> View:
    """Draw how much worse the metric of this model becomes when a resource is cut from it without retraining."""
    frame = resource_cuts.cut_resources(study)
    key, label = metric_gains.main_metric(study.dataset)
    ends = frame[["loses", "loses:low", "loses:high"]].to_numpy(float)
    names = frame["resource"].tolist()
    words = describe_cut_losses(ends[:, 0], ends[:, 1], rules.name_metric(key))
    figure = model_charts.interval_dots(
        names,
        {"loses": ends},
        hues=[style.GREY] * len(names),
        x_title=f"{label.short} lost without the resource",
    )
    shows = (
        f"the loss of {label.short} on test samples when one resource is cut from this model without "
        f"retraining. {interval_words(study, backgrounds.RESAMPLES)}."
    )
    if resource_cuts.ENTANGLEMENT in names:
        shows += DEPHASED
    alt = f"{words}: {rules.list_numbers(names, ends[:, 0].tolist(), '+.3f')}."
    return View(
        name="why-cut",
        title=words,
        figure=figure,
        caption=shows,
        limits="A model trained without the resource may do better: see the twins.",
        alternative=alt,
        table=lambda: frame,
    )


def describe_cut_losses(losses: np.ndarray, lows: np.ndarray, metric: str) -> str:
    """Return how many resources a trained model needs, and what the metric loses without one of them.

    Args:
        losses, lows: of the metric by each resource, and the lower ends of their intervals, (n,).
        metric: name of the metric in a sentence.
    """
    needed = losses[lows > audit_rows.WITHIN]
    if not len(needed):
        return f"No resource has a significant effect above {audit_rows.WITHIN:g} when cut"
    if len(needed) == 1:
        cut = f"1 of {len(losses)} resources matters: cutting it"
    elif len(needed) == len(losses):
        cut = "Every resource matters: cutting one"
    else:
        cut = f"{len(needed)} of {len(losses)} resources matter: cutting one"
    least, most = f"{needed.min():.2f}", f"{needed.max():.2f}"
    cost = most if least == most else f"{least} to {most}"
    return f"{cut} costs {cost} in {metric}"
