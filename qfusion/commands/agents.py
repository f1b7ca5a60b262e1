"""`mcp`: a server for agents on standard input and output, by the Model Context Protocol.

Its tools give what the commands print with `--json` and what `figure` writes. They take names, never paths, and write
nothing but what is kept of calculations.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import qfusion
from qfusion import _read_only
from qfusion._checks import check, choose, require_whole
from qfusion.commands import (
    background_options,
    common,
    decisions,
    figure_files,
    models,
    printing,
)
from qfusion.errors import QFusionError, translate_import_errors, translate_system_errors
from qfusion.models.abilities import can

if TYPE_CHECKING:
    from mcp.server import MCPServer

MOST_ROWS, MOST_TIMES = 100, 101  # of a list, of a track
MOST_TEXT = 200  # characters of what was said in a sample, in a list
MOST_KEYS = 100  # of an address
MOST_BYTES = 4_000_000  # of a figure
INSTRUCTIONS = """qfusion explains decisions of trained multimodal fusion models. Begin with list_models, then
list_samples. A decision is split exactly: the baseline and all contributions (dividends) add up to the log-odds of a
class in nats, or to the predicted number of a regression; "a+b" is what a and b say only jointly. `spread` is the
standard deviation of a contribution over training seeds, `standard_error` that over drawn rows of the background; null
where nothing was measured. Contributions say what a model computed, not what caused an annotation. Models and samples
are named by their names, never by paths."""


# What the tools open: by name alone.


def _study(model: str, data: str) -> qfusion.analysis.study.Study:
    pickers = qfusion.panels.pickers
    choose("Model", model, pickers.models())
    name = data or pickers.own_data(model)
    pickers.test_data(name)
    return qfusion.analysis.opening.open_study(model, name)


def _sample(
    model: str,
    sample: str,
    data: str,
    tweak: str,
    output: str,
    background: str = "product",
    contrast: str = "",
) -> qfusion.analysis.Sample:
    study = _study(model, data)
    qfusion.panels.tweak_limits.parse_tweak(study, tweak)
    background_options.check_background(background, contrast or None)
    return qfusion.analysis.open_sample(
        model,
        sample,
        study.dataset.name,
        output=output,
        background=background,
        contrast=contrast,
        tweak=tweak,
    )


def _decision(sample: qfusion.analysis.Sample) -> dict[str, Any]:
    return decisions.decision_record(
        sample.explanation, sample.dataset, sample.row, sample.output, sample.seed_uncertainty
    )


def _page(name: str, rows: Sequence[Any], offset: int, limit: int) -> dict[str, Any]:
    """Some of a list, and how many there are."""
    require_whole("offset", offset, 0, 10**9)
    require_whole("limit", limit, 1, MOST_ROWS)
    return {"total": len(rows), "offset": offset, name: list(rows[offset : offset + limit])}


# The tools. Their docstrings are what an agent reads.


def list_models(offset: int = 0, limit: int = 20) -> dict[str, Any]:
    """List trained models with their data, modalities, outputs and test metrics (mean and standard deviation over
    seeds), and the reasons why others are left out.

    Args:
        offset: how many to leave out. limit: how many to list, at most 100.
    """
    cards, problems = models.read_cards()
    page = _page("models", cards, offset, limit)
    return page | {
        "left_out": problems[:MOST_ROWS],
        "models": [
            {
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
            for card in page["models"]
        ],
    }


def list_samples(
    model: str, filter: str = "", data: str = "", offset: int = 0, limit: int = 20
) -> dict[str, Any]:
    """List samples with the model's prediction, its error, and how the modalities relate.

    Args:
        model: name of a model.
        filter: conditions separated by `;`, such as "relation=conflict; error>1" or "id=p2924"; of the test split
            unless it has "split=train" or "split=all". `columns` of the answer are what can be asked for.
        data: name of a data set; the model's own unless given.
        offset: how many to leave out. limit: how many to list, at most 100.
    """
    study, parts = _study(model, data), qfusion.explain.cohort_filters.parse(filter)
    table = qfusion.analysis.cohort_table.cohort_table_with_maps(study, None, parts)
    columns = ["split", "truth", "prediction", "error", "relation", "leader"]
    spoken = qfusion.analysis.study.said_columns(table)
    rows = table.loc[qfusion.explain.cohort_filters.select_rows(parts, table), [*columns, *spoken]]
    for name in spoken:
        rows[name] = rows[name].astype(str).str[:MOST_TEXT]
    return {
        "model": model,
        "data": study.dataset.name,
        **_page("samples", rows.reset_index().to_dict("records"), offset, limit),
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
        model: name of a model. sample: id of a sample. data: name of a data set; the model's own unless given.
        output: the class to explain against all others, or "A:B" for class A rather than B; the class decided for
            unless given.
        background: what stands for absent modalities: product (training rows, each modality on its own), joint
            (training rows as they occur), mixed or zero.
        contrast: id of another sample that stands for them instead: why this decision rather than that one?
        tweak: what to change of the model first, see the tool `tweak`.
    """
    one = _sample(model, sample, data, tweak, output, background, contrast)
    return {"model": model, "data": one.dataset.name, "tweak": one.tweak_text} | _decision(one)


def verdict(model: str, sample: str, data: str = "", tweak: str = "") -> dict[str, Any]:
    """Say in sentences which modality decided, whether modalities conflict, which change would flip the decision, when
    the decision was made and how much the dynamics added.

    Args:
        model: name of a model. sample: id of a sample. data: name of a data set; the model's own unless given.
        tweak: what to change of the model first, see the tool `tweak`.
    """
    from qfusion.analysis import text
    from qfusion.wording import answers

    one = _sample(model, sample, data, tweak, "")
    return {
        "sample": one.id,
        "decision": text.strip_markup(answers.format_decision_value(one.study, one.scores)),
        "truth": one.truth,
        "verdict": _decision(one)["verdict"],
        "answers": {
            question: text.strip_markup(answer(one))
            for question, answer in answers.QUESTIONS.items()
        },
    }


def track(
    model: str, sample: str, times: int = 11, data: str = "", tweak: str = ""
) -> dict[str, Any]:
    """Follow a sample's state through the evolution of a quantum-jump model: von Neumann entropies and mutual
    information in nats, logarithmic negativities in bits, purities; a list with a number a time.

    Args:
        model: name of a model. sample: id of a sample.
        times: how many, evenly from 0 to the end, 2 to 101.
        data: name of a data set; the model's own unless given. tweak: see the tool `tweak`.
    """
    require_whole("times", times, 2, MOST_TIMES)
    one = _sample(model, sample, data, tweak, "")
    return {
        "sample": one.id,
        "tweak": one.tweak_text,
        "measures": qfusion.track.to_frame(qfusion.track.follow(one, times)).to_dict("list"),
    }


def tweak(
    model: str, sample: str, tweak: str = "", data: str = "", output: str = ""
) -> dict[str, Any]:
    """Return the effect of a change of a model's couplings on a decision, on its terms and on the metrics of all test
    samples.

    Args:
        model: name of a model. sample: id of a sample.
        tweak: as the pages' addresses have it. Of a quantum-jump model factors on couplings H and dissipation D, and
            the duration: "H.text-audio=0.5,D.text=2,T=1.2"; `highest` of the answer has all keys. Of an
            entangled-qcnn fusion rules: "all:and", "3:and" or an angle, "2.011=1.57". Empty: nothing is changed.
        data: name of a data set; the model's own unless given.
        output: the class to explain against all others, or "A:B" for class A rather than B; the class that the model
            as trained decides for unless given.
    """
    from qfusion.analysis import text
    from qfusion.wording import answers

    now = _sample(model, sample, data, tweak, output)

    def ends(of: Callable[[qfusion.analysis.Sample], Any]) -> dict[str, Any]:
        return {"before": of(now.untweaked), "after": of(now)}

    return {
        "sample": now.id,
        "tweak": now.tweak_text,
        "output": now.explanation.outputs[now.output],
        "says": text.strip_markup(qfusion.panels.tweak_effects.describe_tweaked_sample(now))
        if now.tweak_text
        else "Nothing is changed.",
        "decision": ends(
            lambda one: text.strip_markup(answers.format_decision_value(one.study, one.scores))
        ),
        now.quantity.replace("-", "_"): ends(lambda one: one.score),
        "dividends": ends(lambda one: one.dividends),
        "metrics": ends(lambda one: one.metrics),
        "highest": qfusion.panels.tweak_limits.slider_tops(now.model)
        if can(now.model, "time")
        else {},
    }


def list_figures(
    page: str = "", address: dict[str, str | list[str]] | None = None
) -> dict[str, Any]:
    """List the pages with the question that each answers or, of one page, the names of its figures.

    Args:
        page: title of a page, such as "samples". address: what the page is to show, see the tool `figure`.
    """
    pages = qfusion.panels.pages
    if not page:
        return {"pages": {name: pages.QUESTIONS[name] for name in pages.PAGES}}
    return {"page": page, "figures": qfusion.panels.rendering.figure_names(page, _values(address))}


def figure(
    page: str,
    panel: str,
    address: dict[str, str | list[str]],
    format: Literal["png", "svg"] = "png",
    theme: Literal["light", "dark", "grey"] = "light",
    size: str = "single",
) -> Any:
    """Draw a figure of a page as an image, and describe it.

    Args:
        page: title of a page, such as "samples", "dynamics" or "cohorts". panel: name of a figure there, such as
            "waterfall", see list_figures.
        address: what the page is to show, values by parameter as its links have them, such as
            {"model": "qj-planted", "sample": "p2924", "H.text-audio": "0.5"}.
        format: png (300 dots an inch) or svg. theme: of the figure. size: single, double (columns) or a journal's.
    """
    from mcp.server.mcpserver import Image

    choose("Page", page.lower(), qfusion.panels.pages.PAGES)
    content, about, remarks = figure_files.render_figure(
        qfusion.figures.recipe.Recipe(page, panel, _values(address)),
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


def _values(address: dict[str, str | list[str]] | None) -> dict[str, list[str]]:
    """An address with lists alone."""
    values = address or {}
    check(
        len(values) <= MOST_KEYS,
        f"The address has {len(values):,} parameters, and at most {MOST_KEYS} are read. Leave some out.",
    )
    return {key: [value] if isinstance(value, str) else value for key, value in values.items()}


TOOLS = (list_models, list_samples, explain, verdict, track, tweak, list_figures, figure)
_TURN = threading.Lock()  # calls that come at once are answered one after the other


def server() -> MCPServer:
    """Return the server, which is to be run."""
    with translate_import_errors():
        from mcp.server import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
        from mcp.types import ToolAnnotations

        from qfusion.commands.agent_tools import CheckedTool

    def answering(tool: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(tool)
        def answer(**named: Any) -> Any:
            try:
                with _TURN, translate_system_errors():
                    result = tool(**named)
            except (QFusionError, MemoryError) as error:
                raise ToolError(str(error) or "It takes more memory than there is.") from error
            return result if tool is figure else json.loads(printing.json_text(result))

        return answer

    return MCPServer(
        "qfusion",
        version=qfusion.__version__,
        instructions=INSTRUCTIONS,
        log_level="WARNING",
        tools=[
            CheckedTool.of(
                answering(tool),
                annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False),
                structured_output=tool is not figure,
            )
            for tool in TOOLS
        ],
    )


def mcp(model: common.Folders = None) -> None:
    """Answer agents on standard input and output, by the Model Context Protocol: available models and data, reasons
    for a decision, effects of a change of couplings, figures. Nothing is written, and no path is taken from an
    agent.
    """
    common.add_models(model)
    _read_only.begin_read_only()
    printing.print_remark(
        "qfusion: an agent is answered on standard input and output; Ctrl-C ends it."
    )
    server().run()
