"""Snippets of the Cohorts page."""

from __future__ import annotations

from collections.abc import Callable

from qfusion.panels.view import View
from qfusion.ui.panel.snippets.assemble import fill

ROWS = """
table = cohort_measures.table(work, work.frame(asked))
filter = cohorts.parse($filter)
explained = cohorts.within_split(filter, table) & np.isfinite(table["joint"].to_numpy())
rows, inside = table[explained], cohorts.passing(filter, table)[explained]
"""


def _body(body: str) -> Callable[[View], str]:
    return lambda view: fill(ROWS + body, filter=view.get("filter"))


SHARES = """
columns = {name: rows[f"share[{name}]"].to_numpy(dtype=float) for name in work.modalities}
found = {"all": resampling.means(columns), "cohort": resampling.means({name: values[inside] for name, values in columns.items()})}
lines = [(name, level, each[name]) for name in work.modalities for level, each in found.items()]
numbers = pd.DataFrame([{"modality": name, "level": level, "value": mean.value, "low": mean.low, "high": mean.high, "n": mean.n,
                         "resamples": mean.resamples} for name, level, mean in lines])
"""
TYPES = """
errors, lines = rows["error"].to_numpy(dtype=float), []
for kind in explain.RELATIONS:
    alike = (rows["relation"] == kind).to_numpy()
    for level, keep in (("all", alike), ("cohort", alike & inside)):
        mean = resampling.means({"error": errors[keep]})["error"]
        lines.append({"type": kind, "level": level, "count": int(keep.sum()), "mean_error": mean.value, "low": mean.low, "high": mean.high})
numbers = pd.DataFrame(lines)
"""


def dividends(view: View) -> str:
    """Every dividend of every sample, with its group."""
    by = view.get("by", "nothing")
    grouped = "cohort_measures.groups(work, rows, $by)[0]" if by != "nothing" else '""'
    return fill(ROWS + f"""
terms = list(work.terms)
if len(terms) > 8:  # those of the largest mean size are drawn
    sizes = rows[[f"dividend[{{term}}]" for term in terms]].abs().mean().to_numpy()
    terms = [terms[i] for i in sorted(np.argsort(-sizes, kind="stable")[:8])]
numbers = rows[[f"dividend[{{term}}]" for term in terms]].assign(in_cohort=inside, group={grouped}).reset_index()
""", filter=view.get("filter"), by=by)


def entanglement(view: View) -> str:
    """A measure of entanglement and the strength of the interaction, sample by sample."""
    measure, strength = view.get("measure", "entropy"), view.get("strength", "joint")
    slow = measure in ("negativity", "mutual information", "total correlation")
    across = "cohort_measures.entropies(work, rows, $measure)"
    if slow:
        across = "cohort_measures.correlations(work, np.array([work.dataset.row(name) for name in rows.index]))[$measure]"
    cut = "rows, inside = rows.head(800), inside[:800]  # every state is evolved for this\n" if slow else ""
    return fill(ROWS + f"""{cut}
numbers = pd.DataFrame({{"id": rows.index, "in_cohort": inside, $measure: {across},
                        $strength: rows[$strength].to_numpy(dtype=float)}})
""", filter=view.get("filter"), measure=measure, strength=strength)


TEMPLATES = {"cohort-shares": _body(SHARES), "types": _body(TYPES), "dividends": dividends, "entanglement": entanglement}
