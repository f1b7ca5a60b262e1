"""The tools for agents. Their docstrings are written for agents, which read them.

They take names, never paths, and write nothing but the cache of calculations.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

import qfusion
from qfusion._checks import check, choose, require_whole
from qfusion.commands import decisions, evaluate
from qfusion.commands.figure import render_figure
from qfusion.plugins.agents.arguments import (
    MOST_ROWS,
    address_values,
    list_page,
    open_sample,
    open_study,
)

MOST_TIMES = 101  # of a track
MOST_TEXT = 200  # characters of a sample's text in a list
MOST_BYTES = 4_000_000  # of a figure


def list_models(offset: int = 0, limit: int = 20) -> dict[str, Any]:
    """List trained models with their data, modalities, outputs and test metrics (mean and standard deviation over
    seeds), and the reasons why others are left out.

    Args:
        offset: number of entries to skip.
        limit: number of entries to list, at most 100.
    """
    cards, problems = evaluate.read_cards()
    page = list_page("models", cards, offset, limit)
    entries = []
    for card in page["models"]:
        entry = {
            "name": card["name"],
            "title": card["title"],
            "kind": card["model"],
            "data": card["data"]["name"],
            "modalities": list(card["inputs"]),
            "target": card["target"]["name"],
            "outputs": card["outputs"][:MOST_ROWS],
            "seeds": len(card["seeds"]),
            "metrics": card["metrics"].get("test", {}),
        }
        entries.append(entry)
    return page | {"left_out": problems[:MOST_ROWS], "models": entries}


def list_samples(
    model: str, filter: str = "", data: str = "", offset: int = 0, limit: int = 20
) -> dict[str, Any]:
    """List samples with the model's prediction, its error, and how the modalities relate.

    Args:
        model: name of a model.
        filter: conditions separated by `;`, such as "relation=conflict; error>1" or "id=p2924". Samples are of the
            test split, unless the filter has "split=train" or "split=all". `columns` of the answer lists the names
            that conditions can have.
        data: name of a data set; the model's own by default.
        offset: number of entries to skip.
        limit: number of entries to list, at most 100.
    """
    study = open_study(model, data)
    parts = qfusion.explain.cohort_filters.parse(filter)
    table = qfusion.study.cohorts.cohort_table_with_maps(study, None, parts)
    columns = ["split", "truth", "prediction", "error", "relation", "leader"]
    text_column = qfusion.study.text.text_column(study.dataset)
    if text_column:
        columns.append(text_column)
    rows = table.loc[qfusion.explain.cohort_filters.select_rows(parts, table), columns]
    if text_column:
        rows[text_column] = rows[text_column].astype(str).str[:MOST_TEXT]
    return {
        "model": model,
        "data": study.dataset.name,
        **list_page("samples", rows.reset_index().to_dict("records"), offset, limit),
        "columns": list(table.columns),
    }


def explain(
    model: str,
    sample: str,
    data: str = "",
    output: str = "",
    background: str = "product",
    contrast: str = "",
    tweak: str = "",
) -> dict[str, Any]:
    """Split a decision exactly into the contribution of each modality alone and the joint contributions of their
    combinations, with the uncertainty of each term, and the verdict.

    Args:
        model: name of a model.
        sample: id of a sample.
        data: name of a data set. Default: the model's own.
        output: the class to explain against all others, or "A:B" for class A rather than B. Default: the predicted
            class.
        background: replacement of absent modalities: product (training rows, each modality on its own), joint
            (training rows as they occur), mixed or zero.
        contrast: id of another sample that replaces absent modalities instead, to ask why this decision rather than
            that one.
        tweak: change of the model, see the tool `tweak`.
    """
    one = open_sample(model, sample, data, tweak, output, background, contrast)
    return {"model": model, "data": one.dataset.name, "tweak": one.tweak_text} | _decision(one)


def verdict(model: str, sample: str, data: str = "", tweak: str = "") -> dict[str, Any]:
    """Say in sentences which modality decided, whether modalities conflict, which change would flip the decision, when
    the decision was made and how much the dynamics added.

    Args:
        model: name of a model.
        sample: id of a sample.
        data: name of a data set. Default: the model's own.
        tweak: change of the model, see the tool `tweak`.
    """
    from qfusion.study import text
    from qfusion.views import overview
    from qfusion.views.words import answers

    one = open_sample(model, sample, data, tweak, "")
    return {
        "sample": one.id,
        "decision": text.strip_markup(answers.format_decision_value(one.study, one.scores)),
        "truth": one.truth,
        "verdict": _decision(one)["verdict"],
        "answers": {
            question: text.strip_markup(answer(one))
            for question, answer in overview.QUESTIONS.items()
        },
    }


def track(
    model: str, sample: str, times: int = 11, data: str = "", tweak: str = ""
) -> dict[str, Any]:
    """Follow a sample's state through the evolution of a quantum-jump model: von Neumann entropies and mutual
    information in nats, logarithmic negativities in bits, purities; one list for each, with one number for each time.

    Args:
        model: name of a model.
        sample: id of a sample.
        times: number of times, evenly spaced from 0 to the end, 2 to 101.
        data: name of a data set. Default: the model's own.
        tweak: change of the model, see the tool `tweak`.
    """
    require_whole("times", times, 2, MOST_TIMES)
    one = open_sample(model, sample, data, tweak, "")
    return {
        "sample": one.id,
        "tweak": one.tweak_text,
        "measures": qfusion.simulate.to_frame(qfusion.simulate.track_sample(one, times)).to_dict(
            "list"
        ),
    }


def tweak(
    model: str, sample: str, tweak: str = "", data: str = "", output: str = ""
) -> dict[str, Any]:
    """Return the effect of a change of a model's couplings on a decision, on its terms and on the metrics of all test
    samples; these are metrics of this one training, not the mean over seeds of the tool `list_models`.

    Args:
        model: name of a model.
        sample: id of a sample.
        tweak: the change, as in addresses of pages. For a quantum-jump model: factors on couplings H and dissipation
            D, and the duration, "H.text-audio=0.5,D.text=2,T=1.2"; `highest` of the answer has all keys. For an
            entangled-qcnn: fusion rules, "all:and", "3:and" or an angle, "2.011=1.57". Empty for no change.
        data: name of a data set. Default: the model's own.
        output: the class to explain against all others, or "A:B" for class A rather than B. Default: the class that
            the trained model predicts.
    """
    from qfusion.models.protocols import Evolution
    from qfusion.study import text
    from qfusion.views.words import answers

    after = open_sample(model, sample, data, tweak, output)
    before = after.untweaked

    def compare(read: Callable[[qfusion.study.Sample], Any]) -> dict[str, Any]:
        return {"before": read(before), "after": read(after)}

    effect = "Nothing is changed."
    if after.tweak_text:
        effect = text.strip_markup(qfusion.views.pages.notebook.describe_tweaked_sample(after))
    highest = {}
    if after.model.part(Evolution):
        highest = qfusion.views.pages.page_state.slider_tops(after.model)
    return {
        "sample": after.id,
        "tweak": after.tweak_text,
        "output": after.explanation.outputs[after.output],
        "says": effect,
        "decision": compare(
            lambda one: text.strip_markup(answers.format_decision_value(one.study, one.scores))
        ),
        after.quantity.replace("-", "_"): compare(lambda one: one.score),
        "dividends": compare(lambda one: one.dividends),
        "metrics": compare(lambda one: one.metrics),
        "highest": highest,
    }


def list_figures(
    page: str = "", address: dict[str, str | list[str]] | None = None
) -> dict[str, Any]:
    """List the pages with the question that each answers or, of one page, the names of its figures.

    Args:
        page: title of a page, such as "samples".
        address: content of the page, see the tool `figure`.
    """
    pages = qfusion.views.pages.catalogue
    if not page:
        return {"pages": {name: pages.QUESTIONS[name] for name in pages.PAGES}}
    return {
        "page": page,
        "figures": qfusion.views.pages.rendering.figure_names(page, address_values(address)),
    }


def figure(
    page: str,
    panel: str,
    address: dict[str, str | list[str]],
    format: Literal["png", "svg"] = "png",
    theme: Literal["light", "dark"] = "light",
    size: str = "single",
) -> Any:
    """Draw a figure of a page as an image, and describe it.

    Args:
        page: title of a page, such as "samples", "dynamics" or "cohorts".
        panel: name of a figure on this page, such as "waterfall", see list_figures.
        address: content of the page, the parameters of its links with their values, such as
            {"model": "qj-planted", "sample": "p2924", "H.text-audio": "0.5"}.
        format: png (300 dots an inch) or svg.
        theme: theme of the figure.
        size: single or double (columns), or a journal's name.
    """
    from mcp.server.mcpserver import Image

    choose("Page", page.lower(), qfusion.views.pages.catalogue.PAGES)
    content, about, remarks = render_figure(
        qfusion.figures.files.recipe.Recipe(page, panel, address_values(address)),
        format,
        {"theme": theme, "size": size},
    )
    check(
        len(content) <= MOST_BYTES,
        f"The figure has {len(content):,} bytes, and at most {MOST_BYTES:,} are sent. Ask for the other format.",
    )
    return [
        Image(data=content, format="svg+xml" if format == "svg" else format),
        json.dumps(about | {"remarks": list(filter(None, remarks))}),
    ]


def _decision(sample: qfusion.study.Sample) -> dict[str, Any]:
    return decisions.decision_record(
        sample.explanation, sample.dataset, sample.row, sample.output, sample.seed_uncertainty
    )


TOOLS = (list_models, list_samples, explain, verdict, track, tweak, list_figures, figure)
