"""Snippets of the Compare page: A is the pinned view, B what the sidebar shows."""

from __future__ import annotations

from collections.abc import Callable

from qfusion.panels.view import View
from qfusion.ui.panel.snippets.assemble import fill


def sides(view: View) -> str:
    """Both decisions."""
    model, data, sample, tweak = view.pin
    words, lines = ["$model", "$name", "$data"], ""
    if view.background in ("product", "mixed", "zero"):
        words.append("background=$kind")
    elif view.background == "contrast" and data == view.get("data"):
        words.append("contrast=$contrast")
    if tweak:
        words.append("tweak=$tweak")
    ours = view.card["target"].get("classes")
    if len(view.card["outputs"]) > 1 and view_classes(model) == ours:  # the same class on both sides
        words.append("output=sample.explanation.outputs[sample.output]")
    lines += f"other = case({', '.join(words)})\n"
    return fill(lines + "a, b = other, sample\n", model=model, name=sample, data=data, tweak=tweak, kind=view.background,
                contrast=view.get("contrast"))


def view_classes(model: str) -> object:
    """The classes of a model's data."""
    from qfusion.training import checkpoint

    return checkpoint.card(model)["target"].get("classes")


def waterfall(letter: str) -> Callable[[View], str]:
    """Terms of one side."""
    return lambda view: sides(view) + f"""
numbers = pd.DataFrame({{"term": [term or "baseline" for term in {letter}.dividends], "dividend": list({letter}.dividends.values())}})
"""


def of_sides(body: str) -> Callable[[View], str]:
    """A template on both sides."""
    return lambda view: sides(view) + body


DIFFERENCES = """
numbers = pd.DataFrame({"term": [term or "baseline" for term in a.dividends], "dividend_A": list(a.dividends.values()),
                        "dividend_B": [b.dividends[term] for term in a.dividends]})
numbers["difference"] = numbers["dividend_B"] - numbers["dividend_A"]
"""
SHARES = """
numbers = pd.DataFrame([{"side": letter, "modality": name, "shapley": side.shapley[name], "share": side.shares[name]}
                        for letter, side in (("A", a), ("B", b)) for name in side.modalities])
"""
CLASSES = """
shares = [np.exp(side.scores) / np.exp(side.scores).sum() for side in (a, b)]
numbers = pd.DataFrame({"class": b.classes, "A": shares[0], "B": shares[1]})
"""
ENTROPIES = """
def entropies(side):
    if not side.has_time:
        read = evidence.read(side.model, {name: values[0] for name, values in side.model.encode(side.inputs).items()})
        return dict(zip(read.elements, read.entropy))
    ket = side.model.product_state(side.model.encode(side.inputs))[0]
    end = track.track(side.model.system(), ket, np.linspace(0, max(side.model.duration, 1e-6), 41), negativity=False, rtol=1e-6).measures
    return {name or "all together": values[-1] for name, values in end.single("entropy").items()}

numbers = pd.DataFrame([{"side": letter, "of": name, "entropy": value}
                        for letter, side in (("A", a), ("B", b)) for name, value in entropies(side).items()])
"""
TEMPLATES = {"waterfall-A": waterfall("a"), "waterfall-B": waterfall("b"), "differences": of_sides(DIFFERENCES), "shares": of_sides(SHARES),
             "compare-classes": of_sides(CLASSES), "entropies": of_sides(ENTROPIES)}
