"""Sends hostile values to the widgets of every page, as a browser could that is not one.

    python scripts/fuzz_widgets.py [--cases 1000] [--seed 0] [--readers 2] [--pages dynamics ...]
        [--log FILE]

A case opens a page, or goes on in one, and gives one to three of its widgets values that no browser would send: NaN
and numbers beyond the slider's ends, options that were never offered, texts of a megabyte, events of figures that hold
anything but what was drawn; or the address becomes one that nobody would write. The page may take that,
or say in one line why not. An exception on the page or in the server's log, a run of more than `SECONDS`, a reader
beside it who sees something else, or a server that is gone is a finding. Values have the type of their widget; some
cases send another type, which Streamlit refuses: there only the server and the other readers must not notice.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

import numpy as np  # noqa: E402
from streamlit.proto.WidgetStates_pb2 import WidgetState  # noqa: E402
from websockets.exceptions import ConnectionClosed  # noqa: E402

from scripts import serving  # noqa: E402
from scripts.cross_talk import differences, shown  # noqa: E402
from scripts.visitor import Visitor  # noqa: E402

SECONDS = 90.0
JUMP, NETWORK = (
    dict(model="qj-planted", sample="p0031"),
    dict(model="qcnn-digits", data="digits", sample="digit-0003"),
)
PAGES = [
    *(
        (page, query)
        for page in (
            "",
            "samples",
            "dynamics",
            "what_if",
            "operators",
            "cohorts",
            "compare",
            "faithfulness",
            "why_fuse",
            "circuit",
        )
        for query in (JUMP, NETWORK)
    ),
    *((page, {}) for page in ("data", "train", "sweeps", "leaderboard", "glossary", "tour")),
]
FIELDS = {
    "slider": "double_array_value",
    "number_input": "double_value",
    "text_input": "string_value",
    "text_area": "string_value",
    "selectbox": "string_value",
    "checkbox": "bool_value",
    "multiselect": "string_array_value",
    "button": "trigger_value",
    "radio": "string_value",
    "button_group": "string_array_value",
    "download_button": "trigger_value",
    "bidi_component": "json_value",
    "dataframe": "string_value",
}
NUMBERS = [
    float("nan"),
    float("inf"),
    -float("inf"),
    1e308,
    -1e308,
    1e-320,
    -1.0,
    2.0**63,
    0.0,
    1e6,
]
TEXTS = [
    "",
    "\x00",
    "a" * 10**6,
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "nan",
    "-1",
    "9" * 5000,
    "[]",
    "{}",
    "=1+1",
    "\u202e",
    "$x$ :smile: `a`",
    "p0031",
    "text",
    "__class__",
    "%s%n",
    "[" * 10_000,
    "dynamics",
    "1e999",
]
POINTS: list[Any] = [
    {},
    [],
    None,
    3,
    "x",
    {"points": 3},
    {"points": 3 * [1]},
    {"lasso": [{"x": [0, 1], "y": [[1], 2]}]},
    {"points": [{"customdata": [], "x": [], "point_index": "1"}]},
    {"points": [{"customdata": ["x" * 10**5]}]},
    {
        "points": [{"customdata": [-1, 1e9], "point_index": 1e300, "y": 0.5, "x": -0.5}],
        "rows": ["a"],
    },
    {"lasso": [{"x": list(range(20_000)), "y": list(range(20_000))}]},
    {"box": [{"x": [0, 1e308], "y": [0, 1]}]},
    {
        "points": [
            {"pointIndex": n, "curveNumber": n, "x": float("nan"), "customdata": [n]}
            for n in (-1, 10**9)
        ]
    },
    {"box": {"x": ["a", None]}, "lasso": [[1]]},
    {"points": [{"customdata": ["p9999"], "label": "<b>x"}] * 999},
]


def hostile(kind: str, rng: random.Random) -> Any:
    """A value of the type that a widget of that kind sends, and of no use to it."""
    field = FIELDS[kind]
    if field == "double_array_value":
        return [rng.choice(NUMBERS) for _ in range(rng.choice((1, 1, 1, 2)))]
    if field == "double_value":
        return rng.choice(NUMBERS)
    if field == "string_array_value":
        return [rng.choice(TEXTS) for _ in range(rng.randrange(4))]
    if field == "json_value":
        return json.dumps(
            {rng.choice(("selection", "export", "numbers", "other")): rng.choice(POINTS)}
        )
    if kind == "dataframe":
        return json.dumps(
            {
                "selection": rng.choice(
                    [
                        {"rows": [-1, 10**9], "columns": [], "cells": []},
                        {"rows": ["x"]},
                        {"rows": [0.5], "columns": ["no"]},
                        {},
                    ]
                )
            }
        )
    return (
        rng.choice((True, False)) if field in ("bool_value", "trigger_value") else rng.choice(TEXTS)
    )


def state(name: str, field: str, value: Any) -> WidgetState:
    """A widget's state as a browser sends it."""
    found = WidgetState(id=name)
    if field.endswith("array_value"):
        getattr(found, field).data[:] = value
    else:
        setattr(found, field, value)
    return found


def widgets(visitor: Visitor) -> list[tuple[str, str]]:
    """Kinds and ids of a page's widgets."""
    found = []
    for each in visitor.seen.elements.values():
        kind = each.WhichOneof("type")
        said = getattr(each, kind) if kind in FIELDS else None
        if said is not None and said.id:
            options = kind == "slider" and said.type == said.SELECT_SLIDER
            found.append(("multiselect" if options else kind, said.id))
    return found


def case(visitor: Visitor, rng: random.Random) -> tuple[str, bool]:
    """Does one; returns what was done, and whether everything had its type."""
    there = widgets(visitor)
    if not there or rng.random() < 0.1:
        visitor.query = rng.choice(
            [
                "sample=p0031&" * 300,
                "model=../../x",
                "H.text=nan&T=inf",
                "a=%00&b=%ff",
                "=&&=",
                "t=" + "9" * 5000,
                "view=" + "x" * 10**5,
                "filter=error%3Enan",
                "pins=%7B%7D",
                "edits=and%0a",
                "data=/etc/passwd",
                "output=-1&background=%00",
            ]
        )
        visitor.run()
        return f"address {visitor.query[:40]!r}", True
    done, typed, gone = list[str](), rng.random() < 0.85, False
    for kind, name in rng.sample(there, min(len(there), rng.choice((1, 1, 2, 3)))):
        if kind == "bidi_component" and rng.random() < 0.6:
            event = [
                {
                    "event": rng.choice(("selection", "export", "numbers", "x")),
                    "value": rng.choice(POINTS),
                }
            ]
            name, field, value = (
                f"$$STREAMLIT_INTERNAL_KEY_{name}__events",
                "json_trigger_value",
                json.dumps(event),
            )
        elif typed:
            field, value = FIELDS[kind], hostile(kind, rng)
        else:
            other = rng.choice(sorted(FIELDS))
            field, value = FIELDS[other], hostile(other, rng)
        visitor.widget_states[name] = state(name, field, value)
        gone = gone or (
            field.startswith("double") and not all(map(math.isfinite, np.atleast_1d(value)))
        )
        done.append(f"{re.sub('.*-', '', name)[:30]} {kind} {str(value)[:60]}")
    try:
        visitor.run()
    except ConnectionClosed:
        if not gone:  # numbers that are none end a connection
            raise
        visitor.open(visitor.page)
    return "; ".join(done), typed


def raised(log: str) -> list[str]:
    """Of what a server has printed, for every traceback the last place in qfusion and what was raised."""
    found = []
    for each in re.sub(r"\x1b\[[0-9;]*m", "", log).split("Traceback")[1:]:
        places = re.findall(r"/(qfusion/[\w/]+\.py)\W+(?:line )?(\d+)", each)
        error = re.findall(
            r"^\W*(\w+(?:Error|Exception|Found|Input|Unavailable)\b:?.{0,160})", each, re.MULTILINE
        )
        found.append(
            f"{':'.join(places[-1]) if places else ''} {error[-1] if error else each[-300:]}"
        )
    return found


def main() -> int:
    """Runs the cases; returns how many kinds of findings there are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--pages", nargs="*")
    parser.add_argument("--log", type=Path, help="keep what the server printed there")
    asked = parser.parse_args()
    pages = [each for each in PAGES if not asked.pages or each[0] in asked.pages]
    folder, lock, done, kinds = (
        Path(tempfile.mkdtemp()),
        threading.Lock(),
        Counter[str](),
        Counter[str](),
    )
    own = serving.own_places(folder)
    with serving.serve(folder, own, limit=240) as server:
        quiet = Visitor(server.url)  # a reader beside all this
        for _ in range(2):
            truth = shown(quiet.open("samples", **JUMP))

        def note(what: str, how: str) -> None:
            with lock:
                kinds[what] += 1
                if kinds[what] <= 3:
                    print(f"{what}\n    after {how}", flush=True)

        def read(number: int) -> None:
            rng = random.Random(1000 * asked.seed + number)
            while done["all"] < asked.cases:
                page, query = rng.choice(pages)
                how = "opening"
                try:
                    with Visitor(server.url, SECONDS) as visitor:
                        visitor.open(page, **query)
                        visitor.whole()
                        for _ in range(rng.randrange(2, 8)):
                            before = server.log.stat().st_size
                            how, typed = case(visitor, rng)
                            with lock:
                                done["all"] += 1
                                done["typed"] += typed
                            for each in (
                                visitor.seen.exceptions if typed and asked.readers > 1 else ()
                            ):
                                note(f"{page or 'overview'}: {each[:300]}", how)
                            if typed and asked.readers == 1:
                                for words in raised(
                                    server.log.read_bytes()[before:].decode(errors="replace")
                                ):
                                    note(words, how)
                            if not typed:
                                break
                except Exception as error:
                    note(f"{page or 'overview'}: {type(error).__name__} {str(error)[:80]}", how)
                if done["all"] % 50 < 8:
                    for place in differences(truth, shown(quiet.run()) if number == 0 else truth):
                        note(f"another reader sees something else: {place}", how)

        threads = [threading.Thread(target=read, args=(number,)) for number in range(asked.readers)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        if not serving.answers(server.url):
            note("the server is gone", "")
        log = server.log.read_text(errors="replace")
        for what, times in Counter(raised(log)).most_common():
            print(f"{times} times in the server's log: {what[:300]}")
        print(
            f"{log.count('Traceback')} tracebacks in the server's log; "
            f"{serving.resident(server.pid) / 1e6:,.0f} MB"
        )
        if asked.log:
            asked.log.write_text(log)
    print(
        f"{done['all']:,} cases, {done['typed']:,} of the widgets' types: {sum(kinds.values())} findings of "
        f"{len(kinds)} kinds"
    )
    return min(len(kinds), 100)


if __name__ == "__main__":
    sys.exit(main())
