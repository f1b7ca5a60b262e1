"""The command line: output, files and error messages."""

from __future__ import annotations

import base64
import http.server
import itertools
import json
import math
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.io
import pytest
from PIL import Image

import qfusion
from qfusion import _user_folders, commands
from qfusion._memory_cache import CACHE
from qfusion.figures import style
from qfusion.figures.files import recipe
from qfusion.study import open_sample
from qfusion.training import checkpoint, checkpoint_cards
from scripts.serving import free_port
from tests.support.command_line import assert_refused, run

__all__ = ["run"]  # a fixture

ROOT = Path(__file__).resolve().parent.parent
MODEL = "qj-planted"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without printing a line a request."""

    def log_message(self, *_: Any) -> None:
        """Prints nothing."""


@pytest.fixture(scope="module")
def sample(planted: Any) -> str:
    """The id of a test sample."""
    return str(planted.ids[planted.rows("test")[0]])


def test_command_starts_and_separates_results_from_messages() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "qfusion", "data", "list", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert {source["name"] for source in json.loads(done.stdout)} >= {"planted", "mosi"}


def test_version_is_printed(run: Any) -> None:
    result = run("--version")
    assert result.code == 0
    assert result.out.startswith(f"qfusion {qfusion.__version__}, Python ")


def test_no_command_shows_the_help(run: Any) -> None:
    result = run()
    assert result.code == 2
    assert "evaluate" in result.out
    assert result.err == ""


@pytest.mark.parametrize(
    "command",
    ["models", "data list", "data get", "data check", "train", "evaluate", "explain", "track"],
)
def test_help_shows_an_example(run: Any, command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.code == 0
    assert f"python -m qfusion {command}" in " ".join(result.out.split("Example:")[1].split())


def test_models_lists_shipped_models(run: Any) -> None:
    cards = {card["name"]: card for card in run("models", "--json").json}
    assert set(cards) >= {"qj-planted", "qj-mosi"}
    assert len(cards[MODEL]["seeds"]) >= 5
    assert MODEL in run("models").out


def test_data_list_gives_download_commands(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QFUSION_DATA", str(tmp_path))
    result = run("data", "list")
    assert result.code == 0
    assert "data get mosi" in result.err


def test_data_check_prints_sizes_and_digest(run: Any, planted: Any) -> None:
    found = run("data", "check", "planted", "--json").json
    assert sum(found["samples"].values()) == len(planted)
    assert found["digest"] == planted.digest
    assert [m["name"] for m in found["modalities"]] == ["text", "audio", "vision"]
    assert planted.digest in run("data", "check", "planted").out


def test_evaluate_prints_the_metrics_of_the_card(run: Any, planted: Any) -> None:

    result = run(
        "evaluate", "--model", MODEL, "--data", "planted", "--split", "test", "--json"
    ).json
    assert set(result) == {
        "model",
        "data",
        "split",
        "n",
        "disturbance",
        "convention",
        "metrics",
        "method",
    }
    assert result["convention"] == "mosi"
    assert (result["model"], result["data"], result["split"]) == (MODEL, "planted", "test")
    assert result["n"] == len(planted.rows("test"))
    assert set(result["metrics"]) >= {"acc2_non0", "f1_non0", "acc7", "mae", "corr", "r2"}
    card = checkpoint.load(MODEL).card
    assert result["metrics"]["mae"] == pytest.approx(card["this_seed"]["test"]["mae"], abs=1e-4)
    assert result["method"] == "observables"
    said = run("evaluate", "--model", MODEL, "--data", "planted", "--split", "test")
    assert "evolved once for any number of samples" in said.err
    assert_refused(
        run("evaluate", "--model", "qcnn-digits", "--data", "digits", "--method", "states"),
        "which has no evolution in time",
    )


def test_explain_adds_up_to_the_score(run: Any, sample: str, planted: Any) -> None:
    result = run("explain", "--model", MODEL, "--sample", sample, "--json").json
    assert list(result) == [
        "sample",
        "output",
        "quantity",
        "truth",
        "prediction",
        "baseline",
        "coalitions",
        "dividends",
        "shapley",
        "interaction",
        "background",
        "background_size",
        "spread",
        "standard_error",
        "verdict",
        "disturbance",
    ]
    assert (result["background"], result["background_size"]) == (
        "product",
        len(planted.rows("train")),
    )
    assert list(result["interaction"]) == ["text+audio", "text+vision", "audio+vision"]
    whole = result["dividends"]["text+audio+vision"]
    assert result["interaction"]["text+audio"] == pytest.approx(
        result["dividends"]["text+audio"] + whole / 2, abs=1e-10
    )
    names = [
        "",
        "text",
        "audio",
        "vision",
        "text+audio",
        "text+vision",
        "audio+vision",
        "text+audio+vision",
    ]
    assert list(result["coalitions"]) == names
    assert list(result["dividends"]) == names
    assert list(result["shapley"]) == ["text", "audio", "vision"]
    assert result["sample"] == sample
    assert result["truth"] == pytest.approx(planted.y[planted.row(sample)])
    assert result["dividends"][""] == pytest.approx(result["baseline"], abs=1e-10)
    assert result["coalitions"]["text+audio+vision"] == pytest.approx(
        result["prediction"], abs=1e-10
    )
    assert sum(result["dividends"].values()) == pytest.approx(result["prediction"], abs=1e-10)
    assert result["baseline"] + sum(result["shapley"].values()) == pytest.approx(
        result["prediction"], abs=1e-10
    )


@pytest.mark.parametrize("background", ["joint", "mixed", "zero"])
def test_explain_against_another_background(run: Any, sample: str, background: str) -> None:
    joint = run("explain", "--model", MODEL, "--sample", sample, "--json").json
    other = run(
        "explain", "--model", MODEL, "--sample", sample, "--background", background, "--json"
    ).json
    assert other["prediction"] == pytest.approx(joint["prediction"], abs=1e-12)
    assert other["dividends"] != joint["dividends"]
    assert (other["background"], other["background_size"] > 0) == (
        background,
        background == "joint",
    )


def test_explain_against_one_other_sample(run: Any, sample: str, planted: Any) -> None:
    """Told nothing, the model says what it says of the other sample; the table on the terminal names it."""
    other = str(planted.ids[planted.rows("test")[5]])
    result = run(
        "explain", "--model", MODEL, "--sample", sample, "--contrast", other, "--json"
    ).json
    there = run("explain", "--model", MODEL, "--sample", other, "--json").json
    assert result["baseline"] == pytest.approx(there["prediction"], abs=1e-10)
    assert (result["background"], result["background_size"]) == (f"contrast sample {other}", 1)
    assert (
        f"against contrast sample {other}"
        in run("explain", "--model", MODEL, "--sample", sample, "--contrast", other).out
    )


def test_explain_prints_a_table(run: Any, sample: str) -> None:
    result = run("explain", "--model", MODEL, "--sample", sample)
    assert result.code == 0
    assert sample in result.out
    assert "text + audio" in result.out


def test_explain_prints_path_attribution(run: Any, sample: str) -> None:
    said = run("explain", "--model", MODEL, "--sample", sample, "--physics", "--json").json
    assert set(said["physics"]) == set(said["dividends"])
    assert (
        {"H[text+audio]", "D[text+audio]"}
        <= set(said["physics"]["text"])
        == set(said["physics_terms"])
    )
    for name, dividend in said["dividends"].items():
        assert said["physics_start"][name] + sum(said["physics"][name].values()) == pytest.approx(
            dividend, abs=1e-8
        )
        assert said["physics_end"][name] == pytest.approx(dividend, abs=1e-10)
    assert 0 <= said["physics_error"] < 1e-8
    told = run(
        "explain", "--model", MODEL, "--sample", sample, "--physics", "--missing", "text", "--json"
    ).json
    assert set(told["physics"]["text+audio"].values()) == {0.0}
    assert told["physics"]["audio"] == said["physics"]["audio"]
    shown = run("explain", "--model", MODEL, "--sample", sample, "--physics").out
    assert "dissipation: " in shown
    assert "11 others" in shown


def test_explain_prints_mean_path_attribution(run: Any, planted: Any, tmp_path: Path) -> None:
    words = ("explain", "--model", MODEL, "--split", "test", "--physics", "--json")
    out = tmp_path / "contributions.csv"
    said = run(*words, "--out", out).json
    assert said["physics_samples"] == said["n"] == len(planted.rows("test"))
    ends = pd.read_csv(out)["dividend[text+vision]"].mean()
    assert said["physics_end"]["text+vision"] == pytest.approx(ends, abs=1e-10)
    assert all(
        abs(part) <= said["physics_sizes"][name][key] + 1e-12
        for name, row in said["physics"].items()
        for key, part in row.items()
    )
    assert "mean over" in run(*words[:-1]).out


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_explain_writes_one_row_per_sample(
    run: Any, planted: Any, tmp_path: Path, ending: str, sample: str
) -> None:
    out = tmp_path / f"contributions{ending}"
    said = run("explain", "--model", MODEL, "--split", "test", "--out", out, "--json").json
    assert list(said) == [
        "model",
        "data",
        "split",
        "n",
        "background",
        "background_size",
        "output",
        "seconds",
        "disturbance",
        "out",
    ]
    assert (said["n"], said["background_size"]) == (
        len(planted.rows("test")),
        len(planted.rows("train")),
    )
    assert 0 < said["seconds"] < 60
    frame = pd.read_csv(out) if ending == ".csv" else pd.read_parquet(out)
    assert len(frame) == len(planted.rows("test"))
    assert np.allclose(
        frame.filter(like="dividend[").sum(axis=1) + frame["baseline"], frame["prediction"]
    )
    assert np.allclose(
        frame.filter(like="shapley[").sum(axis=1) + frame["baseline"], frame["prediction"]
    )
    assert np.allclose(
        frame["interaction[text+audio]"],
        frame["dividend[text+audio]"] + frame["dividend[text+audio+vision]"] / 2,
    )
    single = run("explain", "--model", MODEL, "--sample", sample, "--json").json
    row = frame[(frame == sample).any(axis=1)].iloc[0]
    assert row["prediction"] == pytest.approx(single["prediction"], abs=1e-9)
    assert (row["relation"], row["leader"]) == (
        single["verdict"]["relation"],
        single["verdict"]["leader"],
    )


def test_track_writes_one_row_per_time(run: Any, sample: str, tmp_path: Path) -> None:
    out = tmp_path / "dynamics.csv"
    assert run("track", "--model", MODEL, "--sample", sample, "--times", 11, "--out", out).code == 0
    frame = pd.read_csv(out)
    assert len(frame) == 11
    assert list(frame.columns[:5]) == [
        "t",
        "entropy[text]",
        "entropy[audio]",
        "entropy[vision]",
        "entropy",
    ]
    assert {"negativity[text]", "negativity[audio]", "negativity[vision]"} <= set(frame.columns)
    assert frame["t"].is_monotonic_increasing
    assert frame["entropy"][0] == pytest.approx(0, abs=1e-8)
    assert frame["entropy"].iloc[-1] > 0.01
    assert np.isfinite(frame.to_numpy()).all()


def test_track_samples_trajectories(run: Any, sample: str, tmp_path: Path) -> None:
    words = [
        "track",
        "--model",
        MODEL,
        "--sample",
        sample,
        "--times",
        5,
        "--trajectories",
        3,
        "--seed",
        1,
        "--out",
    ]
    assert run(*words, tmp_path / "one.csv").code == 0
    assert run(*words, tmp_path / "two.csv").code == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    assert {"trajectories:entropy[text]", "trajectories:entropy[text]:error"} <= set(
        pd.read_csv(tmp_path / "one.csv")
    )


def numbers_in(found: Any) -> Iterator[float]:
    """Yields every number of a figure's traces, packed arrays included."""
    if isinstance(found, dict) and "bdata" in found:
        yield from (
            np.frombuffer(base64.b64decode(found["bdata"]), found["dtype"]).astype(float).tolist()
        )
    elif isinstance(found, (dict, list)):
        for inner in found.values() if isinstance(found, dict) else found:
            yield from numbers_in(inner)
    elif isinstance(found, (int, float)):
        yield float(found)


@pytest.mark.parametrize(
    ("model", "view"),
    [
        *itertools.product(("qj-planted", "qcnn-parity"), ("waterfall", "shapley")),
        ("qj-planted", "decision-over-time"),
        ("qcnn-parity", "decision-layers"),
    ],
)
def test_figure_equals_explain(run: Any, tmp_path: Path, model: str, view: str) -> None:
    from qfusion import data

    dataset = data.load(checkpoint.load(model).card["data"]["name"])
    sample, out = str(dataset.ids[dataset.rows("test")[3]]), tmp_path / "figure.json"
    told = run(
        "figure", "--model", model, "--sample", sample, "--view", view, "--out", out, "--json"
    ).json
    said = run("explain", "--model", model, "--sample", sample, "--json").json
    drawn = plotly.io.from_json(out.read_text())
    assert told["made_from"]["sample"] == sample
    assert f"{said['background_size']:,} training samples" in told["caption"]
    assert len(drawn.data)
    numbers = np.array(list(numbers_in(json.loads(out.read_text())["data"])))
    single = {name: value for name, value in said["dividends"].items() if name and "+" not in name}
    shown = {"waterfall": said["dividends"], "shapley": said["shapley"]}.get(view, single)
    assert all(np.abs(numbers - value).min() < 1e-6 for value in shown.values())
    page, again = tmp_path / "figure.html", tmp_path / "again.svg"
    assert (
        run(
            "figure",
            "--model",
            model,
            "--sample",
            sample,
            "--view",
            view,
            "--out",
            page,
            "--theme",
            "dark",
        ).code
        == 0
    )
    assert "plotly.js v" in page.read_text()
    assert (
        run(
            "figure",
            "--recipe",
            page,
            "--out",
            again,
            "--theme",
            "light",
            "--title",
            "--hide",
            "text",
        ).code
        == 0
    )
    assert sample in again.read_text()


@pytest.mark.parametrize(
    ("behind", "words"),
    [
        (["--background", "mixed"], "Compared with maximally mixed states"),
        (["--contrast", "p0031"], "Compared with sample p0031."),
    ],
)
def test_plotly_json_has_the_requested_style(
    run: Any, tmp_path: Path, sample: str, behind: list[str], words: str
) -> None:
    out = tmp_path / "figure.json"
    asked = [
        "--view",
        "decision-over-time",
        "--theme",
        "dark",
        "--hide",
        "text",
        "--out",
        out,
        "--json",
    ]
    about = run("figure", "--model", MODEL, "--sample", sample, *behind, *asked).json
    drawn = plotly.io.from_json(out.read_text())
    assert drawn.layout.paper_bgcolor == style.DARK[style.PAPER]
    names = {trace.name for trace in drawn.data}
    assert "audio" in names
    assert "text" not in names
    assert words in about["caption"]


def test_a_view_of_any_page_is_drawn_again_from_its_recipe(
    run: Any, tmp_path: Path, sample: str
) -> None:
    asked = ("--view", "populations", "--set", "t=0.5", "--tweak", "H.text-audio=0.5")
    out, again = tmp_path / "populations.svg", tmp_path / "again.svg"
    told = run("figure", "--model", MODEL, "--sample", sample, *asked, "--out", out, "--json").json
    assert told["page"] == "dynamics"
    assert "t = 0.50" in told["title"]
    expected = open_sample(MODEL, sample, tweak="H.text-audio=0.5").show("populations", t=0.5)
    assert told["numbers"] == recipe.table_digest(expected.numbers)
    repeated = run("figure", "--recipe", out, "--out", again, "--json").json
    assert repeated == told | {"out": str(again)}


def test_a_view_of_a_model_in_a_folder(
    run: Any, tmp_path: Path, sample: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_user_folders.OPENED, "")
    folder = tmp_path / "mine"
    folder.mkdir()
    shipped = Path(qfusion.__file__).parent / "assets" / "models"
    for suffix in (".json", ".safetensors"):
        (folder / f"model{suffix}").write_bytes((shipped / f"{MODEL}{suffix}").read_bytes())
    # the table of the waterfall also holds the spread over training seeds, which is no part of the folder
    about = ("--sample", sample, "--view", "shapley", "--out", tmp_path / "x.svg", "--json")
    told = run("figure", "--model", folder, *about).json
    assert told["made_from"]["model"]["name"] == "mine"
    assert told["numbers"] == run("figure", "--model", MODEL, *about).json["numbers"]


def test_recipes_of_figures_by_name_are_to_be_exported_again(run: Any, tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    address = {"model": [MODEL], "sample": ["p0031"]}
    old.write_text(recipe.Recipe("figures", "contributions", address).text())
    refused = run("figure", "--recipe", old, "--out", tmp_path / "x.svg")
    assert refused.code == 1
    assert "Export the figure again" in refused.err


def test_a_figure_of_a_link(run: Any, tmp_path: Path) -> None:
    link = "http://localhost:8501/dynamics?model=qj-planted&view=State&sample=p0031"
    names = run("figure", "--link", link, "--out", tmp_path / "x.png")
    assert names.code == 1
    assert "populations, matrix-modulus" in names.err
    assert (
        run(
            "figure",
            "--link",
            link,
            "--panel",
            "populations",
            "--out",
            tmp_path / "x.png",
            "--size",
            "double",
            "--dpi",
            600,
        ).code
        == 0
    )
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.size[0] == pytest.approx(183 / 25.4 * 600, abs=2)
    for wrong, said in (
        (f"{link}&T=moon", "moon"),
        ("http://here/nowhere", "nowhere"),
        ("http://[", "link"),
        ("x" * 100_000, "100,000"),
    ):
        found = run(
            "figure", "--link", wrong, "--panel", "populations", "--out", tmp_path / "y.png"
        )
        assert found.code == 1
        assert said in found.err
    assert not (tmp_path / "y.png").exists()


def test_train_makes_a_model_that_evaluates(run: Any, planted: Any, tmp_path: Path) -> None:
    out = tmp_path / "small"
    result = run(
        "train",
        "--data",
        "planted",
        "--model",
        "quantum-jump",
        "--out",
        out,
        "--seed",
        3,
        "--json",
        "--set",
        "dims=2",
        "--set",
        "epochs=1",
        "--set",
        "measurements=4",
    )
    assert result.code == 0, result.err
    again = run("evaluate", "--model", out, "--json").json
    assert result.json["metrics"]["test"]["mae"] == pytest.approx(again["metrics"]["mae"], abs=1e-4)
    card = out / "model.json"
    card.write_text(card.read_text().replace(planted.digest, "0" * 64))
    changed = run("evaluate", "--model", out, "--json")
    assert changed.json == again
    assert "warning" in changed.err
    assert planted.digest[:12] in changed.err
    weights = out / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    assert_refused(run("evaluate", "--model", out), "model.safetensors", "SHA-256")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["evaluate", "--model", "qj-plantd"], ["qj-plantd", "qj-planted"]),
        (["evaluate", "--model", MODEL, "--data", "plantd"], ["plantd", "'planted'"]),
        (["evaluate", "--model", MODEL, "--split", "tset"], ["tset", "'test'"]),
        (["evaluate", "--model", "no/such/folder"], ["no/such/folder"]),
        (["data", "check", "nope"], ["nope"]),
        (["data", "get", "nope"], ["nope"]),
        (["explain", "--model", MODEL, "--sample", "nobody"], ["nobody"]),
        (["explain", "--model", MODEL, "--sample", "x" * 5000], ["xxx"]),
        (["explain", "--model", MODEL], ["--sample"]),
        (["explain", "--model", MODEL, "--split", "test"], ["--out"]),
        (
            ["explain", "--model", MODEL, "--split", "test", "--out", "table.xlsx"],
            [".csv", "table.xlsx"],
        ),
        (
            ["explain", "--model", "qcnn-digits", "--sample", "digit-1600", "--physics"],
            ["entangled-qcnn", "quantum-jump"],
        ),
        (["explain", "--model", MODEL, "--sample", "SAMPLE", "--background", "moon"], ["moon"]),
        (["explain", "--model", MODEL, "--sample", "SAMPLE", "--background", "cohort"], ["cohort"]),
        (["explain", "--model", MODEL, "--sample", "SAMPLE", "--contrast", "nobody"], ["nobody"]),
        (
            [
                "explain",
                "--model",
                MODEL,
                "--sample",
                "SAMPLE",
                "--contrast",
                "SAMPLE",
                "--background",
                "zero",
            ],
            ["--contrast"],
        ),
        (["explain", "--model", MODEL, "--sample", "SAMPLE", "--output", "price"], ["price"]),
        (
            [
                "figure",
                "--model",
                "qcnn-digits",
                "--sample",
                "digit-1600",
                "--out",
                "x.svg",
                "--view",
                "built",
            ],
            ["no view 'built'", "qcnn-digits", "decision-layers"],
        ),
        (
            ["track", "--model", MODEL, "--sample", "SAMPLE", "--out", "no/such/folder/x.csv"],
            ["no/such/folder"],
        ),
        (["track", "--model", MODEL, "--sample", "nobody", "--out", "x.csv"], ["nobody"]),
        (["figure", "--model", MODEL, "--sample", "SAMPLE", "--out", "x.docx"], [".svg", "x.docx"]),
        (
            ["figure", "--model", MODEL, "--sample", "SAMPLE", "--out", "x.html", "--view", "nope"],
            ["nope", "Did you mean"],
        ),
        (["figure", "--model", MODEL, "--sample", "nobody", "--out", "x.html"], ["nobody"]),
        (
            ["figure", "--model", MODEL, "--sample", "SAMPLE", "--out", "x.html", "--set", "t=0.5"],
            ["Choice 't' does not exist"],
        ),
        (
            [
                "figure",
                "--model",
                MODEL,
                "--sample",
                "SAMPLE",
                "--out",
                "x.html",
                "--tweak",
                "T=1.5",
            ],
            ["'waterfall' does not exist", "waterfall-now"],
        ),
        (["figure", "--out", "x.svg"], ["--recipe", "--link", "--model"]),
        (["figure", "--recipe", "gone.json", "--out", "x.svg"], ["gone.json"]),
        (
            [
                "export",
                "--model",
                MODEL,
                "--format",
                "numpy",
                "--out",
                "x.npz",
                "--sample",
                "SAMPLE",
            ]
            + ["--precision", "single"],
            ["--precision", "numpy"],
        ),
        (
            [
                "figure",
                "--recipe",
                "gone.json",
                "--out",
                "x.svg",
                "--tweak",
                "T=1",
                "--view",
                "built",
            ],
            ["--tweak, --view would change nothing"],
        ),
        (
            ["figure", "--link", "http://x/y", "--out", "x.svg", "--sample", "SAMPLE"],
            ["--sample would change nothing"],
        ),
        (
            ["figure", "--model", MODEL, "--sample", "SAMPLE", "--out", "x.svg", "--panel", "bars"],
            ["--panel", "--link"],
        ),
        (
            ["figure", "--model", MODEL, "--sample", "SAMPLE", "--out", "x.svg", "--font", "1e9"],
            ["font", "pt"],
        ),
        (
            [
                "figure",
                "--model",
                MODEL,
                "--sample",
                "SAMPLE",
                "--out",
                "x.svg",
                "--tweak",
                "H.text=moon",
            ],
            ["moon"],
        ),
        (["train", "--data", "nope", "--model", "quantum-jump", "--out", "m"], ["nope"]),
        (["train", "--data", "planted", "--model", "nope", "--out", "m"], ["nope", "quantum-jump"]),
        (
            [
                "train",
                "--data",
                "planted",
                "--model",
                "quantum-jump",
                "--out",
                "m",
                "--set",
                "dimz=2",
            ],
            ["dimz", "dims"],
        ),
        (
            [
                "train",
                "--data",
                "planted",
                "--model",
                "quantum-jump",
                "--out",
                "m",
                "--set",
                "dims",
            ],
            ["dims", "key=value"],
        ),
        (
            [
                "train",
                "--data",
                "planted",
                "--model",
                "quantum-jump",
                "--out",
                "m",
                "--set",
                "dims=two",
            ],
            ["dims", "two"],
        ),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_invalid_input_prints_one_line_and_leaves_no_files(
    run: Any,
    sample: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    parts: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_refused(run(*(sample if word == "SAMPLE" else word for word in words)), *parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["nope"],
        ["evaluate"],
        ["evaluate", "--nope"],
        ["track", "--model", MODEL, "--times", "many"],
        ["track", "--model", MODEL, "--sample", "p0", "--out", "x.csv", "--times", "0"],
        ["track", "--model", MODEL, "--sample", "p0", "--out", "x.csv", "--times", "999999999"],
        ["track", "--model", MODEL, "--sample", "p0", "--out", "x.csv", "--trajectories", "-1"],
    ],
)
def test_a_wrong_call_exits_with_2(run: Any, words: list[str]) -> None:
    assert_refused(run(*words), code=2)


def test_missing_data_print_download_instructions(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from qfusion import data

    monkeypatch.setenv("QFUSION_DATA", str(tmp_path))
    monkeypatch.setenv("QFUSION_CACHE", str(tmp_path / "cache"))
    CACHE.clear(data.registry.load_manifest.__wrapped__)  # type: ignore[attr-defined]
    assert_refused(run("evaluate", "--model", "qj-mosi"), "mosi", "data get mosi")


def test_data_get_downloads_a_loadable_set(
    run: Any, real_data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QFUSION_DATA", str(tmp_path))
    with socketserver.ThreadingTCPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(real_data / "mosi"))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("QFUSION_MOSI_URL", f"http://127.0.0.1:{server.server_address[1]}")
        result = run("data", "get", "mosi", "--json")
        server.shutdown()
    assert result.json == {"data": "mosi", "folder": str(tmp_path / "mosi")}
    assert result.err == ""
    assert "mosi: " not in run("data", "list").err


def test_data_get_without_a_connection_prints_one_line(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QFUSION_DATA", str(tmp_path))
    monkeypatch.setenv("QFUSION_MOSI_URL", f"http://127.0.0.1:{free_port()}")
    assert_refused(run("data", "get", "mosi"), "OpinionLevelSentiment.csv", "connection")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_real_set_is_measured(run: Any, mosi: Any) -> None:
    result = run(
        "evaluate", "--model", "qj-mosi", "--data", "mosi", "--split", "test", "--json"
    ).json
    assert result["n"] == 752
    assert all(math.isfinite(value) for value in result["metrics"].values())


def test_an_id_may_start_with_a_dash(run: Any) -> None:
    assert_refused(run("explain", "--model", MODEL, "--sample", "-3g5y"), "'-3g5y'")


def test_incompatible_data_set_is_refused(run: Any, mosi: Any) -> None:
    assert_refused(run("evaluate", "--model", MODEL, "--data", "mosi"), "text")


def test_failed_start_of_the_app_prints_a_reason(run: Any) -> None:
    assert_refused(run("app", "--address", ""), "`--address` is empty")
    assert_refused(
        run("app", "--address", "300.1.1.1"),
        "cannot listen on address '300.1.1.1'",
        "`--address` of this machine",
    )
    assert_refused(run("app", "--port", "0"), "--port", code=2)
    assert_refused(run("app", "--model", "nowhere"), "`--model`", "nowhere holds no nowhere.json")
    assert_refused(
        run("app", "--model", checkpoint_cards.folders()[0] / "qj-planted.json"),
        "'qj-planted' is there already",
    )
    assert_refused(run("app", "here"), "takes options only", "'here'")
    assert_refused(run("app", "--themes.base", "dark"), "'--themes.base'", "`streamlit run --help`")
    with socketserver.TCPServer(("127.0.0.1", 0), Quiet) as taken:
        assert_refused(
            run("app", "--port", taken.server_address[1]),
            f"port {taken.server_address[1]}",
            "Give another `--port`",
        )


@pytest.mark.parametrize(("seeds", "words"), [([0], "MAE 0.500"), ([0, 1], "MAE 0.500 ± 0.000")])
def test_one_training_is_listed_without_a_deviation(seeds: list[int], words: str) -> None:
    card = {"seeds": seeds, "metrics": {"test": {"mae": {"mean": 0.5, "std": 0.0}}}}
    assert commands.evaluate.format_metrics(card) == words
