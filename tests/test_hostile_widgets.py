"""Widget messages that no browser sends: earlier findings of scripts/fuzz_widgets.py and some random cases."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed

from qfusion.panels import pickers
from qfusion.ui import context_bar, gate, state
from scripts import fuzz_widgets, serving
from scripts.cross_talk import differences, shown
from scripts.fuzz_widgets import JUMP
from scripts.visitor import Seen, Visitor


def send_values(visitor: Visitor, **values: object) -> Seen:
    """Tells the page values of widgets by the ends of their ids, all in one message; a component is told events."""
    for key, value in values.items():
        kind, name = next(
            each for each in fuzz_widgets.widgets(visitor) if each[1].endswith(f"-{key}")
        )
        field = fuzz_widgets.FIELDS[kind]
        if kind == "bidi_component":
            name, field = f"$$STREAMLIT_INTERNAL_KEY_{name}__events", "json_trigger_value"
        visitor.widget_states[name] = fuzz_widgets.state(name, field, value)
    return visitor.run()


SLICES = {
    "figure-slices": (
        '[{"event": "selection", "value": 3}]',
        '[{"event": "selection", "value": {"points": [{"customdata": [1e999]}]}}]',
    )
}
RESIDUALS = {
    "figure-residuals": ('[{"event": "selection", "value": {"points": [{"customdata": ["x"]}]}}]',)
}


@pytest.mark.parametrize(
    ("page", "query", "values"),
    [
        ("dynamics", JUMP, {"model": "../../etc/passwd"}),
        ("dynamics", JUMP, {"data": "$x$ :smile: `a`"}),
        ("dynamics", JUMP, {"model": "nan", "data": "\x00", "sample": "x" * 10**5}),
        ("dynamics", JUMP, {"_shortcuts": True, "_model_out": True}),
        ("samples", JUMP, {"similar": []}),
        ("samples", JUMP, {"similar": ["x"], "words": []}),
        ("cohorts", {**JUMP, "cohorts.view": "Errors"}, SLICES),
        ("cohorts", {**JUMP, "cohorts.view": "Quality"}, RESIDUALS),
        (
            "circuit",
            {"model": "qcnn-parity", "data": "parity"},
            {
                "figure-circuit": '[{"event": "selection", "value": {"points": [{"customdata": [-1e9]}]}}]'
            },
        ),
    ],
)
def test_page_survives_invalid_widget_values(
    page: str, query: dict[str, str], values: dict[str, object], server: serving.Server
) -> None:
    with Visitor(server.url) as visitor:
        visitor.open(page, **query)
        visitor.whole()
        there = {name.rsplit("-", 1)[-1] for _, name in fuzz_widgets.widgets(visitor)}
        assert {key.rsplit("-", 1)[-1] for key in values} <= there
        one_by_one = [
            {key: each}
            for key, several in values.items()
            if isinstance(several, tuple)
            for each in several
        ]
        for message in one_by_one or [values]:
            assert not send_values(visitor, **message).exceptions
            assert not visitor.run().exceptions


@pytest.mark.parametrize(
    "address", ["=", "=&=x&a=%00", "model=&data=&sample=", "output=-1&background=%00"]
)
def test_address_with_nameless_parameters_opens(address: str, server: serving.Server) -> None:
    with Visitor(server.url) as visitor:
        visitor.open("dynamics")
        visitor.query = address
        assert not visitor.run().exceptions


def test_unknown_parameters_are_removed_at_once(server: serving.Server) -> None:
    with Visitor(server.url, 60) as visitor:
        unknown = {f"k{n}": "\u202e" * 300 for n in range(100)}
        seen = visitor.open("dynamics", **unknown, sample="p0031")
        assert not seen.exceptions
        assert "and 88 more" in seen.words()
        assert seen.seconds < 30
        assert "k17=" not in visitor.query


def test_renamed_parameters_open_no_path(tmp_path: Path, server: serving.Server) -> None:
    views = np.random.default_rng(0).normal(size=(2, 9, 2))
    np.savez(tmp_path / "set.npz", salary=views[0], b=views[1], Y=np.arange(9) % 3)
    with Visitor(server.url) as visitor:
        seen = visitor.open("dynamics", model="qj-planted", on=str(tmp_path / "set.npz"))
        assert not seen.exceptions
        assert "does not exist" in seen.words()
        assert "salary" not in seen.words()


def test_unused_messages_are_ignored(server: serving.Server) -> None:
    with Visitor(server.url) as visitor:
        visitor.open("glossary")
        for kind in ("clear_cache", "load_git_info"):
            message = BackMsg()
            setattr(message, kind, True)
            visitor.socket.send(message.SerializeToString())
        assert not visitor.run().exceptions
        visitor.socket.send(b"x" * (gate.MESSAGE + 1))
        with pytest.raises(ConnectionClosed):
            visitor.run()


def test_removed_fragment_is_not_drawn(server: serving.Server) -> None:
    with Visitor(server.url) as visitor:
        visitor.open("compare", pin="qj-planted/planted/p0031", **JUMP)
        waiting = next(
            each.button
            for each in visitor.seen.elements.values()
            if each.WhichOneof("type") == "button" and "-_later-" in each.button.id
        )
        visitor.set("_clear_pin", True)
        visitor.add_state("button", waiting, True)
        assert not visitor.run().exceptions


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_nan_ends_only_its_own_connection(number: float, server: serving.Server) -> None:
    with Visitor(server.url) as visitor, Visitor(server.url) as other:
        visitor.open("dynamics", **JUMP)
        other.open("glossary")
        slider = next(name for kind, name in fuzz_widgets.widgets(visitor) if kind == "slider")
        visitor.widget_states[slider] = WidgetState(id=slider)
        visitor.widget_states[slider].double_array_value.data[:] = [number]
        with pytest.raises(ConnectionClosed):
            visitor.run()
        assert not other.run().exceptions


def test_random_messages_do_not_affect_other_visitors(server: serving.Server) -> None:
    rng = random.Random(7)
    with Visitor(server.url) as quiet, Visitor(server.url) as visitor:
        for _ in range(2):
            truth = shown(quiet.open("samples", **JUMP))
        for page, query in rng.sample(fuzz_widgets.PAGES, 3):
            visitor.open(page, **query)
            for _ in range(2):
                how, typed = fuzz_widgets.case(visitor, rng)
                assert not (typed and visitor.seen.exceptions), how
                if not typed:
                    break
        assert not differences(truth, shown(quiet.run()))


def test_pickers_open_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {pickers.MODEL.key: "qj-planted", pickers.DATA.key: "/srv/other/set.npz"}
    monkeypatch.setattr(state, "get", said.get)
    for name in ("misfit", "own_data"):
        monkeypatch.setattr(pickers, name, lambda *asked: pytest.fail(f"{asked} was opened"))
    context_bar.apply_data_choice()
    said |= {pickers.MODEL.key: "/srv/other/model.json", pickers.DATA.key: "planted"}
    context_bar.apply_data_choice()
    context_bar.apply_model_choice()


def test_tracebacks_are_identified_by_location() -> None:
    log = (
        "Traceback (most recent call last)\n /x/qfusion/ui/a.py:3 in f\n /y/streamlit/b.py:9\nKeyError: None\n"
        '\x1b[31mTraceback\x1b[0m\n  File "/x/qfusion/ui/c.py", line 7\nValueError: no\n'
    )
    assert fuzz_widgets.raised(log) == [
        "qfusion/ui/a.py:3 KeyError: None",
        "qfusion/ui/c.py:7 ValueError: no",
    ]


@pytest.mark.parametrize("field", ["bool_value", "string_value", "trigger_value"])
def test_value_of_a_wrong_type_is_refused_in_one_line(field: str, server: serving.Server) -> None:
    with Visitor(server.url) as visitor:
        visitor.open("dynamics", **JUMP)
        _, name = next(each for each in fuzz_widgets.widgets(visitor) if each[1].endswith("-words"))
        before = server.log.stat().st_size
        value = "x" if field == "string_value" else True
        visitor.widget_states[name] = fuzz_widgets.state(name, field, value)
        assert not visitor.run().exceptions
        printed = server.log.read_bytes()[before:].decode(errors="replace")
    assert f"Refused a {field} for widget" in printed
    assert "which takes a string_array_value" in printed
    assert "Traceback" not in printed
