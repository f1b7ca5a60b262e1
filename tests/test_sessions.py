"""Session files: round trip, refused files, reported omissions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, strategies as st

from qfusion.errors import InvalidInput, QFusionError
from qfusion.ui import session_file
from qfusion.ui.session_file import MAX_BYTES, Session

PAGES = ("Overview", "Samples", "Dynamics")
GOOD: dict[str, Any] = {
    "kind": session_file.KIND,
    "version": 1,
    "page": "Dynamics",
    "address": {"Dynamics": {"T": "0.6", "cohort": ["a:b=1", "c:d=2"]}},
}


def read(**changes: Any) -> Session:
    return session_file.read(json.dumps(GOOD | changes).encode(), PAGES)


def test_sessions_round_trip() -> None:
    session = Session(
        "Dynamics",
        {"Dynamics": {"T": ["0.6"], "cohort": ["a:b=1", "c:d=2"]}, "Samples": {"relation": [""]}},
        {"figure.size": "double"},
        {"model": {"name": "m", "digest": "d"}},
    )
    assert session_file.read(session.text().encode(), PAGES) == session
    assert session.text() == session_file.read(session.text().encode(), PAGES).text()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe", "not JSON"),
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": "\\ud800"}', "not JSON"),
        (b"[]", "not a qfusion session"),
        (b"1e999", "not a qfusion session"),
        (b'{"kind": "qfusion recipe"}', "not a qfusion session"),
        (b" " * (MAX_BYTES + 1), "at most 3,000,000"),
    ],
)
def test_invalid_session_file_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        session_file.read(data, PAGES)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2, "software": {"qfusion": "9.1"}}, "Open it with qfusion 9.1"),
        ({"version": 0}, "Save the session again"),
        ({"version": "1"}, "version '1'"),
        ({"version": True}, "version 'True'"),
        ({"version": None}, "reads version 1"),
        ({"page": 3}, "Part `page`"),
        ({"page": "Nowhere"}, "'Nowhere' does not exist"),
    ],
)
def test_session_of_another_version_or_page_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(QFusionError, match=words):
        read(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"script": "alert(1)"}, "`script` of the file is unknown"),
        ({"address": [1]}, "Part `address`"),
        ({"address": {"Nowhere": {}}}, "`Nowhere` that does not exist"),
        ({"address": {"Samples": 3}}, "entry of Samples in the file is not an object"),
        ({"address": {"Samples": {"x": 3}}}, "On Samples, `x` cannot be part of a link"),
        ({"address": {"Samples": {"x": [1]}}}, "`x` cannot be part of a link"),
        ({"address": {"Samples": {"x": []}}}, "`x` cannot be part of a link"),
        ({"address": {"Samples": {"_page": "x"}}}, "`_page` cannot be part of a link"),
        ({"address": {"Samples": {"embed": "true"}}}, "`embed` cannot be part of a link"),
        ({"address": {"Samples": {"load": "x"}}}, "`load` cannot be part of a link"),
        ({"address": {"Samples": {"x": "y" * 30_000}}}, "`x` cannot be part of a link"),
        ({"address": {"Samples": {"k" * 500: "y"}}}, "cannot be part of a link"),
        ({"address": {"Samples": {f"k{i}": "y" for i in range(305)}}}, "They are left out"),
        ({"figure": {"figure.size": "wall"}}, "Argument `size` must be one of"),
        ({"figure": {"_page": "x"}}, "not a setting of figures"),
        ({"figure": {"figure.size": {"a": 1}}}, "not a setting"),
        ({"figure": {"figure.size": float("nan")}}, "not a setting"),
    ],
)
def test_invalid_parts_are_reported_and_the_rest_is_kept(
    changes: dict[str, Any], words: str
) -> None:
    address = (
        {"address": GOOD["address"] | changes["address"]}
        if isinstance(changes.get("address"), dict)
        else {}
    )
    found = read(**(changes | address))
    assert len(found.problems) == 1
    assert re.search(words, found.problems[0])
    assert len(found.problems[0]) < 400
    if address:
        assert found.address["Dynamics"] == {"T": ["0.6"], "cohort": ["a:b=1", "c:d=2"]}
    assert not found.figure


def test_changes_since_saving_are_reported() -> None:
    found = read(
        made_from={"model": {"name": "m", "digest": "old"}, "data": {"name": "d", "digest": "same"}}
    )
    now = {("model", "m"): "new", ("data", "d"): "same"}
    assert session_file.changes(found, lambda *name: now.get(name)) == [
        "Model 'm' has been retrained since the session was saved: its numbers differ."
    ]
    assert "is not on this machine" in session_file.changes(found, lambda *_: None)[1]
    assert (
        session_file.changes(
            read(made_from={"model": 3, "data": {"name": [], "digest": "x" * 999}}), lambda *_: None
        )
        == []
    )


NAMES = st.sampled_from(["page", "T", "Samples", "figure.size", "model", "name"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["page", "address", "figure", "made_from", "software", "x"]),
        JSON,
        max_size=5,
    )
)
def test_random_files_are_read_or_refused(parts: dict[str, Any]) -> None:
    try:
        found = read(**parts)
    except QFusionError:
        return
    assert found.page in PAGES
    assert json.loads(found.text())["kind"] == session_file.KIND
    session_file.changes(found, lambda *_: "")
