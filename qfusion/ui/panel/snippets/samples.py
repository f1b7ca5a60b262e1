"""Snippets of the Samples page."""

from __future__ import annotations

from qfusion.panels.view import View
from qfusion.ui.panel.snippets.assemble import fill

ENTROPIES = """
series = {f"entropy[{name or 'all'}]": values for name, values in tracked.measures.single("entropy").items()}
"""
READING = "numbers = reading.frame().reset_index()"


def verdict(view: View) -> str:
    """Prediction and truth, or the classes' probabilities."""
    if view.card["target"]["kind"] == "regression":
        return 'numbers = pd.DataFrame({"sample": [sample.sample], "truth": [sample.truth], "prediction": [sample.score]})'
    return """
probabilities = np.exp(sample.scores) / np.exp(sample.scores).sum()
numbers = pd.DataFrame({"sample": sample.sample, "class": sample.classes, "score": sample.scores, "probability": probabilities,
                        "truth": [name == sample.truth for name in sample.classes]})
"""


WATERFALL = """
numbers = pd.DataFrame({"sample": sample.sample, "term": terms, "dividend": list(sample.dividends.values())})
if sample.dataset.truth is not None:
    numbers["true_dividend"] = [sample.dataset.truth.iloc[sample.row].get(term) for term in sample.dividends]
"""
SHAPLEY = """
numbers = pd.DataFrame({"sample": sample.sample, "modality": sample.modalities, "shapley": list(sample.shapley.values()),
                        "share": list(sample.shares.values())})
"""


def inside(view: View) -> str:
    """Attribution of a term to the features of one modality."""
    start = {"training mean": "mean", "zero": "zero", "another sample": "sample"}.get(view.get("inside.from"), "mean")
    said = view.get("inside.term", "the score")
    other = '""'
    if start == "sample":
        other = "$other" if view.get("inside.other") else "backgrounds.usual_contrast(work, sample.row)"
    return fill(f"""
attributed = inside_modality.attribute(work, sample.row, $modality, $term, sample.output, $start, {other})
numbers = inside_modality.frame(work, sample.row, attributed)
""", modality=view.get("inside.of", view.modalities[0]), start=start, other=view.get("inside.other"),
                term="score" if said == "the score" else said.replace(" and ", "+"))


def scatter(view: View) -> str:
    """The samples that pass the filters of the page."""
    lines = ["rows = work.frame(asked)"]
    split = view.get("split", "test")
    if split != "all":
        lines.append('rows = rows[rows["split"] == $split]')
    if view.all("verdict"):
        lines.append('rows = rows[(rows["truth"] == rows["prediction"]) == $right]')
    if view.all("class"):
        lines.append('rows = rows[rows["truth"].isin($classes)]')
    if view.all("relation"):
        lines.append('rows = rows[rows["relation"].isin($relations)]')
    if view.get("find"):
        lines += ["said = rows.select_dtypes(exclude=\"number\").astype(str).assign(id=rows.index)",
                  "rows = rows[said.apply(lambda column: column.str.casefold().str.contains($words, regex=False)).any(axis=1)]"]
    classes = view.card["target"]["kind"] != "regression"
    usual = ("truth", "prediction") if not classes else ("error", "disagreement" if view.can("rules") else "certainty")
    x, y = (view.get(key, default) for key, default in zip("xy", usual, strict=True))
    if any(column.startswith("negativity[") for column in (x, y)):
        lines += ["rows = rows.head(800)  # every state is evolved for this",
                  "entanglement = jump_subject.negativities(work, np.array([work.dataset.row(name) for name in rows.index]))",
                  'rows = rows.assign(**{f"negativity[{name}]": entanglement[:, m] for m, name in enumerate(work.modalities)})']
    lines += ["rows = rows[np.isfinite(rows[[$x, $y]].to_numpy(dtype=float)).all(axis=1)]", "numbers = rows[[$x, $y]].reset_index()"]
    return fill("\n".join(lines), split=split, right=view.get("verdict") == "right", classes=view.all("class"),
                relations=view.all("relation"), words=view.get("find").casefold(), x=x, y=y)


TEMPLATES = {
    "verdict": verdict, "waterfall": WATERFALL, "shapley": SHAPLEY, "scatter": scatter, "inside": inside, "inside-features": inside,
    "entropies": ENTROPIES + 'numbers = pd.DataFrame({"t": tracked.times} | series)',
    "masses": READING, "beliefs": READING, "fused-entropies": READING,
}
