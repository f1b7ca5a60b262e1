"""`qfusion mcp` through the SDK's own client: numbers equal the library, invalid arguments are tool errors, and
nothing beside models and data is read."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import simulate
from qfusion.figures.files.export import read_recipe
from qfusion.plugins.agents import server, tools
from qfusion.study import open_sample
from qfusion.views.pages import catalogue, rendering
from scripts import serving

ROOT = Path(__file__).resolve().parents[3]
MODEL, SAMPLE, TWEAK = "qj-planted", "p2924", "H.text-audio=0.5"
ONE = {"model": MODEL, "sample": SAMPLE}
AT = {"page": "samples", "panel": "waterfall", "address": ONE}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "models": ("list_models", {"limit": 3}),
    "samples": (
        "list_samples",
        {"model": MODEL, "filter": "relation=conflict", "offset": 1, "limit": 2},
    ),
    "explain": ("explain", ONE),
    "verdict": ("verdict", ONE),
    "track": ("track", {**ONE, "times": 3}),
    "tweak": ("tweak", {**ONE, "tweak": TWEAK}),
    "pages": ("list_figures", {}),
    "figures": ("list_figures", {"page": "samples", "address": ONE}),
    "svg": ("figure", {**AT, "format": "svg"}),
    "png": ("figure", AT),
}
# what is wrong with a call, and what its error says
WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "a path as model": ("explain", {**ONE, "model": "{file}"}, "Model '"),
    "a path up": ("explain", {**ONE, "model": "../{file}"}, "Model '"),
    "a path as sample": ("explain", {**ONE, "sample": "{file}"}, "sample '"),
    "a path as data": ("list_samples", {"model": MODEL, "data": "{file}"}, "Data set '"),
    "a path in an address": ("figure", {**AT, "address": {**ONE, "model": "{file}"}}, "Model '"),
    "a figure by name": (
        "figure",
        {**AT, "page": "figures"},
        "Page 'figures' does not exist",
    ),
    "a million rows": ("list_samples", {"model": MODEL, "limit": 10**6}, "from 1 to 100, but is"),
    "a million times": ("track", {**ONE, "times": 10**6}, "from 2 to 101, but is 1000000"),
    "an unknown panel": ("figure", {**AT, "panel": "waterfal"}, "Did you mean 'waterfall'"),
    "another format": ("figure", {**AT, "format": "exe"}, "'png' or 'svg'"),
    "a large address": (
        "figure",
        {**AT, "address": {str(n): "" for n in range(101)}},
        "has 101 parameters, and at most 100",
    ),
    "no tweak": ("tweak", {**ONE, "tweak": "rm -rf /"}, "Tweak `rm -rf /` must look like"),
    "a tweak beyond": ("tweak", {**ONE, "tweak": "H.text=9"}, "must lie between 0 and 2, but is 9"),
    "control characters": (
        "explain",
        {**ONE, "model": "qj\x1b[31m\u202e\nplanted"},
        r"'qj\x1b[31m\u202e\nplanted' does not exist. Did you mean 'qj-planted'?",
    ),
    "a long name": ("explain", {**ONE, "model": "x" * 10**6}, "does not exist"),
    "a list as name": ("explain", {**ONE, "model": ["x"]}, "valid string"),
    "no sample": ("explain", {"model": MODEL}, "Field required"),
}


def filled(value: Any, secret: Path) -> Any:
    """Arguments with the path of a file that must not be read."""
    if isinstance(value, dict):
        return {key: filled(entry, secret) for key, entry in value.items()}
    return value.replace("{file}", str(secret)) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The server's answers to all calls, which one client asks one after the other; its tools and its instructions; and
    what it has written where it runs."""
    # here and not above: it takes half a second, and every process of the tests reads all their files
    from mcp import StdioServerParameters
    from mcp.client.client import Client
    from mcp.client.stdio import stdio_client

    folder = tmp_path_factory.mktemp("agent")
    secret = folder / "secret.json"
    secret.write_text('{"name": "SECRET", "data": "SECRET"}')
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        **serving.own_places(folder, "RUNS", "MODELS", "IMPORTED"),
    }
    program = StdioServerParameters(
        command=sys.executable, args=["-m", "qfusion", "mcp"], cwd=folder, env=environment
    )

    async def ask() -> dict[str, Any]:
        async with Client(stdio_client(program)) as client:
            known = {tool.name: tool for tool in (await client.list_tools()).tools}
            wrong = {key: call[:2] for key, call in WRONG.items()}
            return {"tools": known, "instructions": client.instructions} | {
                key: await client.call_tool(name, filled(words, secret))
                for key, (name, words) in (CALLS | wrong).items()
            }

    result = asyncio.run(ask())
    assert [path.name for path in folder.iterdir()] == [secret.name]  # nothing is written
    return result


def test_numbers_equal_the_library(answers: dict[str, Any]) -> None:
    told = {
        key: answers[key].structured_content for key in CALLS if answers[key].structured_content
    }
    for key in CALLS:
        assert not answers[key].is_error, answers[key]
    one, tweaked = open_sample(MODEL, SAMPLE), open_sample(MODEL, SAMPLE, tweak=TWEAK)

    def equal(numbers: dict[str, float], wanted: dict[str, float]) -> None:
        assert numbers == pytest.approx(wanted, rel=1e-9, abs=1e-12)

    assert one.seed_uncertainty is not None
    explained = told["explain"]
    equal(explained["dividends"], one.dividends)
    equal(explained["shapley"], one.shapley)
    equal(
        explained["spread"],
        dict(zip(one.study.coalitions, one.seed_uncertainty.spread[0], strict=True)),
    )
    assert explained["prediction"] == pytest.approx(sum(explained["dividends"].values()))
    assert told["verdict"]["verdict"]["relation"] == one.verdict.relation
    own = told["verdict"]["answers"]["Did the modalities conflict?"]
    assert f"audio ({one.dividends['audio']:+.2f})" in own
    assert f"text ({one.dividends['text']:+.2f})" in own

    followed = simulate.to_frame(simulate.track_sample(one, 3))
    assert list(told["track"]["measures"]) == list(followed)
    np.testing.assert_allclose(
        np.array(list(told["track"]["measures"].values())).T, followed.to_numpy(), atol=1e-6
    )
    equal(told["tweak"]["dividends"]["after"], tweaked.dividends)
    equal(told["tweak"]["dividends"]["before"], one.dividends)
    equal(told["tweak"]["metrics"]["after"], tweaked.metrics)
    assert told["tweak"]["says"].startswith("H: text + audio × 0.5: mutual information")

    frame = one.study.frame()
    conflicts = frame[(frame["relation"] == "conflict") & (frame["split"] == "test")]
    assert told["samples"]["total"] == len(conflicts)
    assert [row["id"] for row in told["samples"]["samples"]] == list(conflicts.index[1:3])
    assert [row["error"] for row in told["samples"]["samples"]] == pytest.approx(
        conflicts["error"].iloc[1:3].tolist()
    )
    assert told["models"]["left_out"] == []
    assert told["models"]["total"] > len(told["models"]["models"]) == 3
    assert told["pages"]["pages"] == {name: catalogue.QUESTIONS[name] for name in catalogue.PAGES}
    assert "waterfall" in told["figures"]["figures"]


def test_figures_equal_the_files_of_the_command(answers: dict[str, Any]) -> None:
    for kind, mime in (("svg", "image/svg+xml"), ("png", "image/png")):
        image, words = answers[kind].content
        content, about = base64.b64decode(image.data), json.loads(words.text)
        assert (image.type, image.mime_type) == ("image", mime)
        recipe = json.loads(read_recipe(content))
        assert (recipe["page"], recipe["panel"]) == ("samples", "waterfall")
        assert recipe["numbers"] == about["numbers"]
        assert "This explains the model" in about["caption"]
        if kind == "svg":
            taken = rendering.render_panel(
                "samples", "waterfall", {key: [word] for key, word in ONE.items()}
            )
            assert content == rendering.save_panel(taken, taken.recipe)


@pytest.mark.parametrize("what", WRONG)
def test_invalid_arguments_are_tool_errors(answers: dict[str, Any], what: str) -> None:
    result = answers[what]
    [words] = result.content
    assert result.is_error
    assert WRONG[what][2] in words.text
    assert len(words.text) < 3000
    assert "SECRET" not in words.text
    assert not {letter for letter in words.text if ord(letter) < 32} - {"\n"}


def test_tools_declare_arguments_and_read_only_access(answers: dict[str, Any]) -> None:
    assert list(answers["tools"]) == [tool.__name__ for tool in tools.TOOLS]
    assert "never by paths" in answers["instructions"]
    for tool in answers["tools"].values():
        assert tool.annotations.read_only_hint is True
        for argument in tool.input_schema.get("properties", {}):
            assert f"{argument}:" in tool.description, (tool.name, argument)


UNKNOWN = [
    ("list_samples", {"model": MODEL, "where": "error>1"}, "where", "filter"),
    ("explain", {**ONE, "sampel": SAMPLE}, "sampel", "sample"),
    ("list_figures", {"page": "samples", "adress": ONE}, "adress", "address"),
    ("list_models", {"Limit": 2}, "Limit", "limit"),
    ("track", {**ONE, "": 3}, "", "times"),
]
OTHER_KINDS = [
    ("list_samples", {"model": MODEL, "limit": "many"}, "`limit` must be a whole number"),
    ("list_samples", {"model": [MODEL]}, "`model` must be a string"),
    ("explain", {"model": MODEL}, "`sample` of tool explain is missing"),
    ("explain", {"model": MODEL, "sample": True}, "`sample` must be a string, but is True"),
    ("figure", {**AT, "address": [1]}, "`address` must be an object"),
    ("figure", {**AT, "format": "exe"}, "`format` must be 'png' or 'svg', but is 'exe'"),
]


def asked(name: str, arguments: dict[str, Any]) -> Any:
    """The answer of a server within this process."""
    from mcp.client import Client

    async def ask() -> Any:
        async with Client(server.build_server()) as client:
            return await client.call_tool(name, arguments)

    return asyncio.run(ask())


@pytest.mark.parametrize(("tool", "arguments", "wrong", "right"), UNKNOWN)
def test_unknown_argument_error_lists_the_known_ones(
    tool: str, arguments: dict[str, Any], wrong: str, right: str
) -> None:
    answer = asked(tool, arguments)
    assert answer.is_error
    (said,) = answer.content
    assert f"`{wrong}` does not exist" in said.text
    assert right in said.text.split(" takes ")[1]


@pytest.mark.parametrize(("tool", "arguments", "says"), OTHER_KINDS)
def test_an_argument_of_another_kind_is_an_error_in_one_line(
    tool: str, arguments: dict[str, Any], says: str
) -> None:
    answer = asked(tool, arguments)
    assert answer.is_error
    (said,) = answer.content
    assert says in said.text
    assert "pydantic" not in said.text
    assert len(said.text.splitlines()) == 1


@pytest.mark.parametrize("number", [7, 2924, 0.5, -1])
def test_numbers_are_accepted_as_ids(number: float) -> None:
    (said,) = asked("explain", {"model": MODEL, "sample": number}).content
    assert f"sample '{number}' does not exist" in said.text


def test_schemas_have_no_additional_properties() -> None:
    listed = asyncio.run(server.build_server().list_tools())
    assert len(listed) == len(tools.TOOLS)
    assert all(tool.input_schema["additionalProperties"] is False for tool in listed)
