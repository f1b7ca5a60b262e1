"""Snippets of the pages Data, Train, Sweeps and Leaderboard: they read what data sets, runs, sweeps and the benchmark hold."""

from __future__ import annotations

from collections.abc import Callable

from qfusion.panels.view import View
from qfusion.ui.panel.snippets.assemble import fill


def _runs(body: str, **values: object) -> Callable[[View], str]:
    """A template on the records of the runs shown: those of the address, else the newest."""
    def made(view: View) -> str:
        names = view.all("run")
        first = "records = {name: runs.find(name).record() for name in $names}\n" if names else \
            "newest = runs.runs()[0]\nrecords = {newest.name: newest.record()}\n"
        return fill(first + body, names=names, **values)
    return made


CURVES = """
curves = {what: {name: run_curves.curve(record, key) for name, record in records.items()} for what, key in {keys}.items()}
numbers = pd.concat([pd.DataFrame({"run": name, "epoch": epochs.astype(int), "measure": what, "value": values})
                     for what, found in curves.items() for name, (epochs, values) in found.items()])
"""
TERMS = """
curves = {name: run_curves.watched(record, {prefix}) for name, record in records.items()}
numbers = pd.concat([pd.DataFrame({"run": name, "term": term, "epoch": epochs.astype(int), "value": values})
                     for name, terms in curves.items() for term, (epochs, values) in terms.items()])
"""


def _curves(**keys: str) -> Callable[[View], str]:
    return _runs(CURVES.replace("{keys}", repr({what.replace("_", " "): key for what, key in keys.items()})))


def metric(view: View) -> str:
    """One metric on the validation rows."""
    chosen = view.get("train.metric")
    usual = "run_curves.main_metric(run_curves.metric_names(list(records.values())))"
    pick = f"metric = {'$chosen' if chosen else usual}\n"
    return _runs(pick + CURVES.replace("{keys}", '{metric: f"valid.{metric}"}'), chosen=chosen)(view)


def _norms(first: str, second: str, one: str, other: str) -> Callable[[View], str]:
    keys = {one: f"watched.norm.{first}", other: f"watched.norm.{second}"}
    return _runs(CURVES.replace("{keys}", repr(keys)) + "numbers = numbers.reset_index(drop=True)\n")


TRAIN = {
    "train-loss": _curves(validation_loss="valid_loss", training_loss="train_loss"), "train-metric": metric,
    "train-gradient": _curves(gradient_norm="gradient_norm"), "train-rate": _curves(learning_rate="rate"),
    "train-dividends": _runs(TERMS.replace("{prefix}", '"dividend"')),
    "train-negativity": _runs(TERMS.replace("{prefix}", '"entanglement"')),
    "train-fused": _curves(entropy="watched.entanglement.fused"), "train-norm-H": _norms("H", "L", "norm of H", "norm of all L"),
    "train-norm-tables": _norms("tables", "circuit", "truth tables, from undecided", "angles of the network"),
}
