"""The leaderboard in words: sentences of the claims, tables of docs/plugins/leaderboard.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import comparisons
import leaderboard_claims
import tables
from leaderboard_numbers import at_most, beside, digits_of, probability, span
from leaderboard_report import compared

from qfusion.training import metrics

SAID = {"for": "For the claim", "against": "Against it", "open": "Open"}
# beside the headline
SECOND = {
    "mosi": ("acc2_non0", "acc7", "corr"),
    "mosi-light": ("acc2_non0", "acc7", "corr"),
    "planted": ("mae",),
}


def short(key: str) -> str:
    """Returns a metric's short name."""
    return metrics.LABELS[key].short


def add_sentences(board: dict[str, Any]) -> None:
    """Writes the claims' sentences and their summary into the board; the claims of all data sets are judged
    together."""
    claims = leaderboard_claims.judged(board["claims"]["parameters"])
    for entry in claims:
        entry["sentence"] = leaderboard_claims.sentence(
            entry,
            board["data"][entry["data"]]["title"],
            board["contenders"][entry["rival"]]["label"],
        )
    board["claims"]["parameters"] = claims
    board["summaries"] = {"parameters": leaderboard_claims.summary(claims)}


def data_table(board: Mapping[str, Any], name: str) -> str:
    """Returns the whole table of one data set."""
    entry = board["data"][name]
    keys = (entry["headline"], *SECOND.get(name, ("f1", "nll")))
    header = [
        "Model",
        "Seeds",
        "Parameters",
        "after the encoders",
        f"{short(keys[0])} [95 %]",
        *(short(k) for k in keys[1:]),
        "Joint share",
        "Train - test",
        "Training (s)",
    ]
    rows = []
    best = best_of(entry, keys[0])
    for model, row in entry["rows"].items():
        contender = board["contenders"][model]
        mark = "**" if contender["role"] == "system" else ""
        gap = row["train"][keys[0]] - row["test"][keys[0]]["mean"]
        cells = [
            span(row["test"][k], digits_of(k))
            if k == keys[0]
            else f"{row['test'][k]['mean']:.{digits_of(k)}f}"
            for k in keys
        ]
        rows.append(
            [
                f"{mark}{contender['label']}{mark}{' (best)' if model == best else ''}",
                str(len(row["seeds"])),
                f"{row['parameters']:,}",
                f"{row['after_encoders']:,}",
                *cells,
                _joint(row),
                f"{gap:+.3f}",
                f"{row['seconds']:.0f}",
            ]
        )
    lines = [tables.markdown(header, rows), ""]
    for system, tests in entry["tests"].get(keys[0], {}).items():
        lines.append("- " + test_sentence(board, name, system, keys[0], tests))
    earlier = {
        row["date"]: [
            board["contenders"][m]["label"]
            for m, r in entry["rows"].items()
            if r.get("date") == row["date"]
        ]
        for row in entry["rows"].values()
        if row.get("date", board["date"]) != board["date"]
    }
    lines += [
        f"- Measured on {day} already: {', '.join(labels)}." for day, labels in earlier.items()
    ]
    return "\n".join([*lines, f"- {place_sentence(board, name)}"])


def _joint(row: Mapping[str, Any]) -> str:
    found = row.get("joint")
    return (
        ""
        if found is None
        else f"{found['mean']:.2f}" + (f" ± {found['std']:.2f}" if found["std"] else "")
    )


def agreement(board: Mapping[str, Any]) -> str:
    """Returns how models' contributions correlate with planted ones, by data set: the mean, and of each combination."""
    parts = []
    for name, entry in board["data"].items():
        rows = {
            model: row["agreement"] for model, row in entry["rows"].items() if "agreement" in row
        }
        if rows:
            names = list(next(iter(rows.values())))
            ordered = sorted(rows, key=lambda model: -sum(rows[model].values()))
            parts.append(
                tables.markdown(
                    [f"`{name}`", "mean", *names],
                    [
                        [
                            board["contenders"][model]["label"],
                            f"{sum(rows[model].values()) / len(names):.2f}",
                            *(f"{rows[model][part]:.2f}" for part in names),
                        ]
                        for model in ordered
                    ],
                )
            )
    return "\n\n".join(parts)


def best_of(entry: Mapping[str, Any], key: str) -> str:
    """Returns the model with the best mean."""
    better = 1 if metrics.LABELS[key].higher_is_better else -1
    return max(entry["rows"], key=lambda model: better * entry["rows"][model]["test"][key]["mean"])


def test_sentence(
    board: Mapping[str, Any], name: str, system: str, key: str, tests: Mapping[str, Any]
) -> str:
    """Returns a system's test against the best neighbour or baseline and how many of all it is told apart from."""
    d, label = digits_of(key), {model: c["label"] for model, c in board["contenders"].items()}
    entry = board["data"][name]
    items = f" and {entry['items']:,} test items" if key == entry["headline"] else ""
    pair = tests["against"][tests["best"]]
    sign = 1 if metrics.LABELS[key].higher_is_better else -1
    better = sum(p["holm"] < 0.05 and sign * p["difference"] > 0 for p in tests["against"].values())
    worse = sum(p["holm"] < 0.05 and sign * p["difference"] < 0 for p in tests["against"].values())
    return (
        f"{label[system]} against the best rival, {label[tests['best']]}: {short(key)} {pair['difference']:+.{d}f} "
        f"[{pair['low']:+.{d}f}, {pair['high']:+.{d}f}], {probability(pair['p'])}, "
        f"adjusted {probability(pair['holm'])} ({tests['seeds']} seeds{items})"
        + (
            f", not told apart, at most {at_most(pair['bound'], d)} (90 % interval)"
            if pair["p"] >= comparisons.ALPHA
            else ""
        )
        + f". Of {len(tests['against'])} rivals it is, after Holm's correction, better than {better} and worse than "
        f"{worse}."
    )


def place_sentence(board: Mapping[str, Any], name: str) -> str:
    """Returns how far each system is from the best row, over the seeds that both have and the test items, with the
    bound on the difference where p is not below 0.05."""
    entry = board["data"][name]
    key, rows = entry["headline"], entry["rows"]
    best, said = best_of(entry, key), []
    for system in ("qj", "qcnn"):
        if system not in rows:
            continue
        label = board["contenders"][system]["label"]
        if system == best:
            said.append(f"{label} is the best row")
            continue
        pair = compared(entry, system, best, key)
        other = board["contenders"][best]["label"]
        if pair is None:
            said.append(f"{label} and the best row, {other}, share fewer than two seeds")
            continue
        d = digits_of(key)
        said.append(
            f"{label} is {abs(pair.difference):.{d}f} from the best row, {other} (over {pair.n} seeds and "
            f"{entry['items']:,} test items, standard error {pair.error:.{d}f}, {probability(pair.p)}"
            + (
                f"; at most {at_most(pair.bound, d)} apart, 90 % interval"
                if pair.p >= comparisons.ALPHA
                else ""
            )
            + ")"
        )
    return "; ".join(said) + "."


def parity_sentence(board: Mapping[str, Any], name: str) -> str:
    """Returns where QiNN-QJ stands beside every neighbour and baseline on a data set: those with a better mean by name,
    and how far apart at most they are."""
    entry = board["data"][name]
    key, rows, label = (
        entry["headline"],
        entry["rows"],
        {m: c["label"] for m, c in board["contenders"].items()},
    )
    better = 1 if metrics.LABELS[key].higher_is_better else -1
    d, ours = digits_of(key), rows["qj"]["test"][key]["mean"]
    rivals = [m for m in rows if board["contenders"][m]["role"] in ("neighbour", "baseline")]
    ahead = sorted(
        (m for m in rivals if better * (rows[m]["test"][key]["mean"] - ours) > 0),
        key=lambda m: -better * rows[m]["test"][key]["mean"],
    )
    if not ahead:
        return f"On `{name}` no neighbour or baseline has a better mean than QiNN-QJ ({short(key)} {ours:.{d}f})."
    said = []
    for model in ahead:
        pair, mean = compared(entry, "qj", model, key), rows[model]["test"][key]["mean"]
        apart = (
            ""
            if pair is None
            else (
                f", {probability(pair.p)}"
                + (
                    f", at most {at_most(pair.bound, d)} apart"
                    if pair.p >= comparisons.ALPHA
                    else ""
                )
            )
        )
        said.append(f"{label[model]} {mean:.{d}f}{apart}")
    return (
        f"On `{name}` QiNN-QJ ({short(key)} {ours:.{d}f}) is below the mean of {len(ahead)} of {len(rivals)} "
        f"neighbours and baselines: {'; '.join(said)} (over seeds and {entry['items']:,} test items, not corrected; "
        "bounds are ends of 90 % intervals)."
    )


def short_table(board: Mapping[str, Any]) -> str:
    """Returns the short table: the two systems, and the best of neighbours and baselines, on every data set."""
    rows = []
    for name, entry in board["data"].items():
        key = entry["headline"]
        better = 1 if metrics.LABELS[key].higher_is_better else -1
        others = [
            m for m in entry["rows"] if board["contenders"][m]["role"] in ("neighbour", "baseline")
        ]
        best = max(others, key=lambda m: better * entry["rows"][m]["test"][key]["mean"])
        for i, model in enumerate([m for m in ("qj", "qcnn") if m in entry["rows"]] + [best]):
            row, tests, label = (
                entry["rows"][model],
                entry["tests"].get(key, {}).get(model),
                board["contenders"][model]["label"],
            )
            rows.append(
                [
                    f"`{name}`, {short(key)}" if i == 0 else "",
                    f"best rival: {label}" if model == best else f"**{label}**",
                    span(row["test"][key], digits_of(key)),
                    f"{row['after_encoders']:,}",
                    f"{row['parameters']:,}",
                    "" if tests is None else beside(tests["against"][best]),
                ]
            )
    header = [
        "Data, metric",
        "Model",
        "Test rows, mean [95 % over seeds]",
        "Parameters after the encoders",
        "in total",
        "p, adjusted, against the best rival",
    ]
    about_parity = [
        parity_sentence(board, name)
        for name in ("parity", "avparity")
        if "qj" in board["data"].get(name, {"rows": {}})["rows"]
    ]
    parts = [tables.markdown(header, rows), board["summaries"]["parameters"], *about_parity]
    return "\n\n".join(part for part in parts if part)


def claims(board: Mapping[str, Any]) -> str:
    """Returns the claim about parameters: what came out over all boards, then a row for each data set and head."""
    labels = {model: contender["label"] for model, contender in board["contenders"].items()}
    return "\n\n".join(
        [
            f"**{leaderboard_claims.TITLE}.**",
            board["summaries"]["parameters"],
            leaderboard_claims.table(board["claims"]["parameters"], labels),
        ]
    )


def cards(board: Mapping[str, Any]) -> str:
    """Returns the shipped models, each beside the row of its kind and data, and why the two differ where they do."""
    rows = []
    for entry in board["cards"]:
        digits = digits_of(entry["metric"])
        shipped, now = (f"{entry[side]:.{digits}f}" for side in ("shipped", "board"))
        rows.append(
            [
                f"`{entry['card']}`",
                f"`{entry['data']}`, {board['contenders'][entry['model']]['label']}",
                short(entry["metric"]),
                shipped,
                now,
                ""
                if shipped == now
                else "the code changed in between"
                if entry["same_recipe"]
                else "the board has settings of its own",
            ]
        )
    header = [
        "Shipped model",
        "Row of the board",
        "Metric",
        "As shipped",
        "On the board",
        "Why they differ",
    ]
    return tables.markdown(header, rows)


def published(board: Mapping[str, Any]) -> str:
    """Returns the published figures, as context."""
    found = board["published"]
    keys = list(next(iter(found["rows"].values())))
    return "\n".join(
        [
            tables.markdown(
                ["Published on MOSI", *(short(k) for k in keys)],
                [
                    [name, *(f"{values[k]:.3f}" for k in keys)]
                    for name, values in found["rows"].items()
                ],
            ),
            "",
            f"Source: {found['source']}. They stand here as context, with {found['note']}.",
        ]
    )


def robustness(board: Mapping[str, Any]) -> str:
    """Returns what every model loses without each modality, and with noise of one deviation on all."""
    parts = []
    for name, models in board["robustness"].items():
        key = board["data"][name]["headline"]
        d = 3
        names = board["data"][name]["modalities"]
        header = [
            f"`{name}`, {short(key)}",
            "as recorded",
            *(f"without {m}" for m in names),
            *(f"{m} swapped" for m in names),
            "noise of 1 on all",
        ]
        rows = []
        for model, records in models.items():
            at = {(r["kind"], r["modality"], r["level"]): r[key] for r in records}
            rows.append(
                [
                    board["contenders"][model]["label"],
                    f"{at['noise', 'all', 0.0]:.{d}f}",
                    *(f"{at['absent', m, 0.0]:.{d}f}" for m in names),
                    *(f"{at['swapped', m, 0.0]:.{d}f}" for m in names),
                    f"{at['noise', 'all', 1.0]:.{d}f}",
                ]
            )
        parts.append(tables.markdown(header, rows))
    return "\n\n".join(parts)
