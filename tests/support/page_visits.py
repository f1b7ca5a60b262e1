"""Pages opened by their links, as a reader opens them: what they show, and the link that they copy."""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.charts import figures

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Page:
    """What a page shows.

    Attributes:
        app: Streamlit's.
        link: that it copies, without the host.
        tables: under each panel, as CSV, by its name; of a small figure without a table, its specification.
    """

    app: Any
    link: str
    tables: dict[str, str]


def visit(link: str) -> Page:
    """Opens a link, `/dynamics?model=...`, cold; nothing of it may be refused."""
    return read(opened(link), urlsplit(link).path)


def opened(link: str) -> Any:
    """Returns the whole page under a link, which has not run yet."""
    from streamlit.testing.v1 import AppTest

    parts = urlsplit(link)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    app.session_state["_near"] = ["*"]
    if parts.path.strip("/"):
        app.switch_page(f"pages/{parts.path.strip('/')}.py")
    for key, values in parse_qs(parts.query, keep_blank_values=True).items():
        app.query_params[key] = values if len(values) != 1 else values[0]
    return app


def read(app: Any, path: str) -> Page:
    """Runs the page that is open and reads it."""
    with downloads() as offered:
        app.run()
    refuses_nothing(app)
    tables = {
        name.removeprefix("qfusion-").removesuffix(".csv"): content.decode()
        for name, content in offered.items()
        if name.endswith(".csv")
    }
    for key, specification in figures(app).items():
        tables.setdefault(key.removeprefix("figure-"), specification)
    return Page(app, copied_link(app, path), tables)


def refuses_nothing(app: Any) -> None:
    """Fails when the page names something that it could not do."""
    for problems in (app.exception, app.error, app.warning):
        assert not problems, [problem.value for problem in problems]


@contextlib.contextmanager
def downloads() -> Iterator[dict[str, bytes]]:
    """Yields the tables that pages run meanwhile offer to download, by the name of the file."""
    import streamlit as st

    from qfusion.app import figure
    from qfusion.study import text

    offered: dict[str, bytes] = {}
    button: Callable[..., Any] = st.download_button
    chart: Callable[..., Any] = figure.chart

    def seen_button(
        label: str, data: Any, file_name: Any = None, mime: Any = None, *rest: Any, **others: Any
    ) -> Any:
        if mime == "text/csv":
            content = data() if callable(data) else data
            offered[str(file_name)] = content.encode() if isinstance(content, str) else content
        return button(label, data, file_name, mime, *rest, **others)

    def seen_chart(*rest: Any, picture: Any = None, small: bool = False, **others: Any) -> None:
        if picture is not None and not small:
            offered[f"qfusion-{picture.name}.csv"] = text.csv(picture.numbers)
        chart(*rest, picture=picture, small=small, **others)

    st.download_button, figure.chart = seen_button, seen_chart
    try:
        yield offered
    finally:
        st.download_button, figure.chart = button, chart


def copied_link(app: Any, path: str) -> str:
    """Returns the link that "Copy link" gives: the address, with the names of model, data and sample also where they
    are the usual ones."""
    pattern = re.compile(r'data-link="(.*?)"')
    match = next(match for entry in app.get("html") if (match := pattern.search(entry.proto.body)))
    values = {
        key: [value] for key, value in json.loads(html.unescape(match.group(1)))["always"].items()
    }
    for key in app.query_params:
        value = app.query_params[key]
        values[key] = value if isinstance(value, list) else [value]
    query = urlencode([(key, value) for key in sorted(values) for value in values[key]])
    return f"/{path.strip('/')}?{query}"
