"""Leaderboard: every model on every data set, the papers' claims, their results, and the cost of missing modalities."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from qfusion.app import figure, frame, guidance, page_runs, panels, state, widgets
from qfusion.errors import default_on_error, translate_system_errors
from qfusion.plugins.papers import (
    benchmark_board,
    panels as builders,
    paper_list,
    paper_page,
    paper_panels as papers,
    paper_words,
    shipped_papers,
)
from qfusion.plugins.papers.board_words import explain_board_summary, summarise_board
from qfusion.plugins.papers.paper_results import Reproduction
from qfusion.plugins.why.evidence import BY_CONSTRUCTION, CONTRADICTED, OPEN, SUPPORTED
from qfusion.study import text
from qfusion.training import checkpoint_cards
from qfusion.views.pages import address, page_state
from qfusion.views.words.training import describe_metric

ICONS = {
    SUPPORTED: ":material/check:",
    CONTRADICTED: ":material/close:",
    OPEN: ":material/pending:",
    BY_CONSTRUCTION: ":material/architecture:",
}
# what the record of the board calls a verdict
BOARD_VERDICTS = {"for": SUPPORTED, "against": CONTRADICTED, "open": OPEN}
PARAMETERS = "The entangled network does as well as classical heads with many more parameters after the encoders"


@page_runs.fragment
def board() -> None:
    """Pickers and the open view: results, claims, papers or robustness; a fragment, so that another data set or metric
    redraws this and nothing else."""
    with st.container(key="fold-leaderboard"):
        result = benchmark_board.open_board()
        guidance.page_summary(summarise_board(result), explain_board_summary(result))
        view = state.current()
        data = builders.chosen_data(view)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            default = builders.default_board(result, data)
            name = widgets.draw(builders.BOARD, default=default)
            key = result.key(name, widgets.draw(builders.board_choices(result, name)[0]))
        if data and not result.board_of(data):
            title = address.data_titles().get(data, data)
            st.info(
                f"There is no board of {text.escape_markdown(title)} (`{text.escape_markdown(data)}`) yet. "
                f"{text.escape_markdown(result.of(name)['title'])} is shown.",
                icon=":material/info:",
            )
        draw = {
            builders.RESULTS: lambda: _results(result, name, key, view),
            builders.CLAIMS: lambda: _claims(result),
            builders.PAPERS: lambda: _papers(result, name),
            builders.NOISE: lambda: _robustness(result, name),
        }
        panels.tabs(builders.VIEW, draw, board=result)


def _results(
    result: benchmark_board.Board, name: str, key: str, view: page_state.PageState
) -> None:
    """The models on one data set, best first: their results, sizes, joint shares, and agreement with planted truth."""
    table = result.table(name, key)
    _head(result, name, key, table, view)
    left, right = st.columns(2, gap="medium")
    with left:
        panels.show(result, "board", first=1)
    with right:
        panels.show_with_controls(
            result, "board-size", lambda: widgets.draw(builders.SIZE), first=True
        )
    with widgets.fold(builders.TABLE, ":material/table:"):
        _table(result, name, key, table)
    panels.show(result, "board-joint", "board-agreement", columns=2, gap="medium")


def _head(
    result: benchmark_board.Board,
    name: str,
    key: str,
    table: pd.DataFrame,
    view: page_state.PageState,
) -> None:
    entry = result.of(name)
    metric = result.metric(key)
    first = table.iloc[0]
    better = "more" if metric.higher_is_better else "less"
    short = (
        f"**{text.escape_markdown(first['label'])}** leads on {text.escape_markdown(entry['title'])} with "
        f"{metric.short} "
        f"{first['mean']:.4f}. " + _told_apart(result, name, key)
    )
    measurement = (
        f"{metric.short}: {describe_metric(key)} The {better}, the better. "
        f"{entry['trained_on']:,} rows to train on, {entry['test']:,} test rows; "
        "all models with the same rows, encoders and number of epochs, means over "
        f"training seeds. Measured {text.escape_markdown(result.made, 200)} by "
        f"{text.escape_markdown(result.whole['command'])}."
    )
    if "qj-joint" not in result.whole["contenders"]:
        measurement += " Its QiNN-QJ reads the joint state, since it predates the local read-out."
    if key == entry["headline"]:
        test = f"{text.escape_markdown(result.whole['method'], 900)}."
    else:
        test = "paired t-test over seeds alone, two-sided; another test set may order the models differently."
    statistics = f"low, high: 95% t-interval of the mean over seeds. p: {test}"
    guidance.line(short, f"{short}\n\n{measurement}\n\n{statistics}")
    lines = [
        _name_trainings(result, name, key, view.get(address.MODEL.key)),
        _name_published(entry),
    ]
    st.caption("  \n".join(filter(None, lines)))


def _name_trainings(result: benchmark_board.Board, name: str, key: str, model: str) -> str:
    """Return that the board has trainings of its own, beside the result of the model that the reader has picked."""
    seeds = {len(row["seeds"]) for row in result.of(name)["rows"].values()}
    words = f"The board trained every model with {' or '.join(map(str, sorted(seeds)))} seeds of its own"
    score = _own_score(model, result.of(name)["source"], key)
    if score:
        of = "" if len(score["values"]) == 1 else f", mean of {len(score['values'])} seeds"
        return (
            f"{words}; {text.escape_markdown(model)}, which the other pages show, was trained apart and has "
            f"{result.metric(key).short} {score['mean']:.3f}{of}."
        )
    return f"{words}; models of the other pages were trained apart."


@default_on_error({})
def _own_score(model: str, data: str, key: str) -> Any:
    """Return the test result of a model of the other pages as its card has it; empty if it has none on these data."""
    card = checkpoint_cards.load_card(model)
    return card["metrics"]["test"].get(key, {}) if card["data"]["name"] == data else {}


def _name_published(entry: Any) -> str:
    """Return the figures that papers published on a data set, and where they are compared; empty if there are none."""
    figures = [
        f"{paper_list.find_paper(one.paper).name} {paper_words.list_compared(one)}"
        for one in shipped_papers.shipped_reproductions().values()
        if one.data == entry["source"]
        and one.figures
        and not all(figure.same_rows for figure in one.figures)
    ]
    if not figures:
        return ""
    return (
        f"Published on {text.escape_markdown(entry['title'])}: "
        f"{text.escape_markdown('; '.join(figures), 900)}. The view {builders.PAPERS} compares."
    )


def _told_apart(result: benchmark_board.Board, name: str, key: str) -> str:
    sign, words = 1 if result.metric(key).higher_is_better else -1, []
    for system in ("qj", "qcnn"):
        tests = result.of(name)["tests"].get(key, {}).get(system)
        if tests is not None and system in result.of(name)["rows"]:
            signs = [
                np.sign(sign * pair["difference"])
                for pair in tests["against"].values()
                if pair["holm"] < 0.05
            ]
            words.append(
                f"**{text.escape_markdown(result.label(system))}** beats {signs.count(1)} and loses to "
                f"{signs.count(-1)} of "
                f"{len(tests['against'])} rivals"
            )
    return f"Significant: {'; '.join(words)}." if words else ""


def _table(result: benchmark_board.Board, name: str, key: str, table: pd.DataFrame) -> None:
    shown = table.drop(columns="model").rename(
        columns={"label": "Model", "mean": result.metric(key).short}
    )
    formats = {}
    for column in shown.columns[2:]:
        is_count = column in ("seeds", "parameters", "after the encoders")
        number_format = "localized" if is_count else "%.4f"
        formats[column] = st.column_config.NumberColumn(format=number_format)
    formats |= {
        "Model": st.column_config.TextColumn(width=230, pinned=True),
        "joint share": st.column_config.NumberColumn(format="%.3f"),
        "seconds": st.column_config.NumberColumn("training (s)", format="%.1f"),
    }
    for column in shown.columns:
        if column.startswith(("p ", "adjusted p")):
            formats[column] = st.column_config.NumberColumn(format="%.3f")
    st.dataframe(
        shown,
        hide_index=True,
        height="content",
        column_config=formats,
        alt=f"Models on {name}, best first: "
        + ", ".join(f"{r.label} {r.mean:.4f}" for r in table.itertuples())
        + ".",
    )


def _claims(result: benchmark_board.Board) -> None:
    """The papers' claims with their verdicts, and which quantum resources matter."""
    parameters = result.whole["claims"]["parameters"]
    summary = text.escape_markdown(result.whole["summaries"]["parameters"].replace("`", ""), 2500)
    primary = [
        (one["data"], BOARD_VERDICTS[one["verdict"]]) for one in parameters if one["primary"]
    ]
    with st.container(border=True, key="panel-claims", gap="xsmall"):
        figure.heading("The papers' claims, tested")
        claims = benchmark_board.load_claims()
        tested = claims.tested
        lines = [
            f"{ICONS[one.verdict]} **{text.escape_markdown(one.claim, 200)}**  \n"
            + " · ".join(f"{name} read-out: {verdict}" for name, verdict in one.readouts.items())
            for one in tested
        ]
        if not tested:
            lines.append("Claims about quantum jumps are not measured yet.")
        if primary:
            lines.append(_verdicts(PARAMETERS, primary))
        st.container(key="claims-list").markdown("\n\n".join(lines))
        with st.expander("Measured values"):
            for entry in tested:
                st.markdown(
                    f"{ICONS[entry.verdict]} **{text.escape_markdown(entry.claim, 200)}.** "
                    f"{text.escape_markdown(entry.sentence, 2500)}"
                )
                st.markdown(
                    "  \n".join(
                        text.escape_markdown(sentence, 2500) for sentence in entry.data.values()
                    )
                )
            if parameters:
                st.markdown(f"**{PARAMETERS}.** {summary}")
                st.markdown(
                    "  \n".join(
                        f"{ICONS[BOARD_VERDICTS[one['verdict']]]} {text.escape_markdown(one['sentence'], 1500)}"
                        for one in parameters
                    )
                )
            if tested:
                measured = (
                    f"{claims.method} Measured {claims.date} by {claims.command}. Everything that was compared: "
                    "docs/plugins/claims.md."
                )
                st.caption(text.escape_markdown(measured, 1000))
        guidance.aside(
            "A check means supported, a cross contradicted, three dots open, and compasses true by "
            "construction. Claims about jumps were written down before the runs; the abstract's joint "
            "read-out decides, and every comparison must agree by its interval. The claim about "
            "parameters is tested by the accuracy against the concatenation network on each data set, "
            "over seeds and test rows, adjusted over the data sets. We know only the abstracts of the "
            "papers, so the tests concern our reading of their models."
        )
    panels.show(result, "board-audit")


def _verdicts(claim: str, verdicts: Sequence[tuple[str, str]]) -> str:
    """A claim in markdown with the data sets on which its primary outcome speaks for it, against it, or neither.

    Args:
        claim: in words. verdicts: data set and verdict.
    """
    names = {
        icon: [text.escape_markdown(data, 60) for data, finding in verdicts if finding == verdict]
        for verdict, icon in ICONS.items()
    }
    return f"**{text.escape_markdown(claim, 200)}**  \n" + " · ".join(
        f"{icon} {', '.join(those)}" for icon, those in names.items() if those
    )


def _papers(result: benchmark_board.Board, name: str) -> None:
    """All papers in a table, and one of them with its findings, figure, page as PDF and command."""
    with st.container(border=True, key="panel-papers", gap="xsmall"):
        figure.heading("Papers, reproduced")
        st.container(key="papers-list").markdown(papers.papers_markdown())
        guidance.aside(
            "Our reading of each paper, trained beside plain rivals with the same rows and budget. The best rival is "
            "the best on the test rows, which favours it. Where the convention of a published figure is unknown, the "
            "verdict must be the same under every metric that we compare it with. Mostly we know only abstracts, so a "
            "difference does not judge the paper."
        )
    source = result.of(name)["source"]
    panels.show_with_controls(result, "board-papers", partial(_choose_paper, source))


def _choose_paper(data: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = str(widgets.draw(papers.PAPER, default=papers.result_on(data)))
        shipped = papers.shipped_result(name)
        st.download_button(
            "PDF",
            data=translate_system_errors()(partial(_make_page, shipped)),
            file_name=f"qfusion-{shipped.paper}-{shipped.data}.pdf",
            mime="application/pdf",
            on_click="ignore",
            icon=":material/download:",
            key="paper-pdf",
            help="One page with the verdict, the tables, and digests of data, settings and results.",
        )
    st.markdown(papers.list_findings(shipped))
    st.code(shipped.command, language="bash")


def _make_page(result: Reproduction) -> bytes:

    return paper_page.report_on_paper(result).pdf()


def _robustness(result: benchmark_board.Board, name: str) -> None:
    if not result.robust_metrics(name):
        st.info("Robustness is not measured on this data set yet.", icon=":material/info:")
        return
    _, part, models = builders.board_choices(result, name)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        widgets.draw(part)
        chosen = widgets.draw(models, default=result.default(name))
    panels.show(result, "board-robustness")
    if not chosen:
        st.info("Choose a model to draw its curve.", icon=":material/info:")


def page() -> None:
    """Draw the page."""
    frame.begin_page("Leaderboard")
    board()
