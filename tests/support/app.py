"""Visits of pages in Streamlit's test runner, and the words that they show."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from qfusion.app import navigation, panels
from qfusion.explain import Explanation
from qfusion.explain.verdicts import verdict_of_terms
from qfusion.study import text
from qfusion.views.words.verdicts import describe_headline
from tests.support import charts

APP = str(Path(__file__).resolve().parents[2] / "app.py")
PAGES = ("Overview", "Samples", "Dynamics", "Circuit")
FILES = {title: file for pages in navigation.PAGES.values() for file, title, _ in pages}


def visit(title: str, *, whole: bool = True, **query: Any) -> AppTest:
    """Opens a page cold with the given parameters in its address, and `qj-planted` as model where these name neither
    model nor data nor a step of the tour; as a `whole`, or with what stands on its first screen."""
    if not {"model", "data", "explore", "tour"} & query.keys():
        query["model"] = "qj-planted"
    app = AppTest.from_file(APP, default_timeout=90)
    app.session_state["_near"] = [panels.EVERYTHING] * whole
    if title != "Overview":
        app.switch_page(FILES[title])
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception, [e.value for e in app.exception]
    return app


MINUS = re.compile(r"−(?=\.?\d)")  # of a number


def said(app: AppTest) -> str:
    """Everything a page says in words, negative numbers as Python writes them."""
    return MINUS.sub("-", printed(app))


def printed(app: AppTest) -> str:
    """Everything a page says in words, as it stands there."""
    kinds = (
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.caption,
        app.warning,
        app.error,
        app.info,
        app.text,
    )
    return "\n".join(
        [*(str(element.value) for kind in kinds for element in kind), *charts.all_words(app)]
    )


def option_id(box: Any, words: str) -> str:
    """Returns an option of a picker as links write it: its id, whatever words the picker shows beside it."""
    last, first = words.split()[-1].strip("()"), words.split(text.BESIDE)[0]
    return next(name for name in (last, first, words) if str(box.format_func(name)) == words)


def offered_ids(app: AppTest, key: str) -> list[str]:
    """Returns the ids that a picker offers, without the words beside them."""
    box = app.selectbox(key=key)
    return [option_id(box, words) for words in box.options]


def plain(words: str) -> str:
    """Returns Markdown without escapes, negative numbers as Python writes them."""
    return MINUS.sub("-", words.replace("\\", "").replace("\u200b", ""))


def value(app: AppTest, label: str) -> float:
    return float(
        next(
            metric.value.replace("−", "-")
            for metric in app.metric
            if re.split(r" \(truth|, this seed", metric.label.replace("\\", ""))[0] == label
        )
    )


def headline_of(explanation: Explanation, terms: np.ndarray) -> str:
    """Returns who decided by the dividends (2^M,) of one sample, as titles say it within a sentence."""
    dividends = dict(zip(explanation.coalitions, terms.tolist(), strict=True))
    title = describe_headline(verdict_of_terms(dividends, explanation.modalities), towards="x")
    return title.removeprefix("X: ")
