"""Several processes that share the work do what one does: batches in training, chunks of rows in evaluate and
explain."""

from __future__ import annotations

import contextlib
import importlib
import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from qfusion import data, explain, runs
from qfusion.cli import main
from qfusion.data import registry
from qfusion.data.sources import Source
from qfusion.explain import backgrounds
from qfusion.models.encoders import Dropout, Shard, global_batch_random, shard_context
from qfusion.training import checkpoint, prepare
from qfusion.training.batches import Group, join_group
from scripts.serving import free_port
from tests.support.encoded_models import sequences

FORK = multiprocessing.get_context("fork")


def _member(rank: int, size: int, port: int, words: list[str], said: str) -> None:
    """One process of several, as torchrun would start it."""
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(size),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    with open(f"{said}.{rank}", "w") as out, contextlib.redirect_stdout(out):
        main(words)


def together(size: int, said: Path, *words: object) -> str:
    """Runs a command in so many processes at once and returns what the leading one printed; the others must print
    nothing."""
    importlib.import_module("torch._dynamo")  # optimisers load it: here once, not in every member
    port = free_port()
    members = [
        FORK.Process(
            target=_member, args=(rank, size, port, [str(word) for word in words], str(said))
        )
        for rank in range(size)
    ]
    for member in members:
        member.start()
    for member in members:
        member.join(120)
    assert [member.exitcode for member in members] == [0] * size
    assert [Path(f"{said}.{rank}").read_text() for rank in range(1, size)] == [""] * (size - 1)
    return Path(f"{said}.0").read_text()


def test_masks_and_noise_equal_those_of_the_whole_batch():
    whole = torch.arange(40.0).reshape(10, 4) + 1
    drop = Dropout(0.5).train()
    torch.manual_seed(0)
    at_once, noise = drop(whole), global_batch_random(torch.randn_like, whole)
    for rows in (torch.arange(0, 10, 3), torch.arange(1, 10, 3), torch.arange(2, 10, 3)):
        torch.manual_seed(0)
        with shard_context(Shard(rows, 10)):
            assert torch.equal(drop(whole[rows]), at_once[rows])
            assert torch.equal(global_batch_random(torch.randn_like, whole[rows]), noise[rows])


def test_gathered_results_keep_their_order(monkeypatch):
    rows = np.arange(11)
    parts = [Group(rank, 3).share(rows) * 10.0 for rank in range(3)]
    sent = [{rank: part} for rank, part in enumerate(parts)]
    monkeypatch.setattr(
        torch.distributed, "all_gather_object", lambda out, own: out.__setitem__(slice(None), sent)
    )
    assert np.array_equal(Group(1, 3).gathered(parts[1]), rows * 10.0)
    monkeypatch.setattr(backgrounds, "CHUNK", 4)
    taken = sorted(
        (place, part.tolist())
        for rank in range(2)
        for place, part in backgrounds.chunks(rows, Group(rank, 2))
    )
    assert taken == [(0, [0, 1, 2, 3]), (1, [4, 5, 6, 7]), (2, [8, 9, 10])]


def test_alone_without_torchrun(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with join_group("cpu") as (group, device):
        assert (group.size, group.leads, device.type) == (1, True, "cpu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="no CUDA device"), join_group("cuda"):
            pass


@pytest.mark.parametrize("kind", ["joint", "product"])
@pytest.mark.parametrize("name", ["qj-planted", "qcnn-digits"])
def test_chunked_background_equals_all_rows(name, kind, monkeypatch):
    found = checkpoint.load(name)
    dataset = data.load(found.card["data"]["name"])
    rows = dataset.rows("train")[:150]
    whole = explain.background(found.model, dataset.inputs(rows, torch.float64), kind)
    monkeypatch.setattr(backgrounds, "CHUNK", 40)
    parts = backgrounds.make_background(found.model, dataset, rows, kind)
    assert (parts.size, parts.kind) == (150, kind)
    assert torch.allclose(parts.numbers(), whole.numbers(), atol=1e-14)


@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn"])
def test_two_processes_reach_the_weights_of_one(kind, tmp_path, monkeypatch):
    """On a small set of sequences, in batches that are odd. In double precision: in single, AdamW blows rounding up
    where a gradient is nearly zero, and weights that hardly matter differ."""
    drawn = Source("drawn", "Drawn", sequences, made="is made here")
    monkeypatch.setattr(registry, "sources", lambda: {"drawn": drawn})
    settings = (
        ["dims=2", "dropout=0.3"] if kind == "quantum-jump" else ["elements=4", "dropout=0.3"]
    )
    words = [
        "--data",
        "drawn",
        "--model",
        kind,
        "--seed",
        1,
        *(
            word
            for setting in (
                *settings,
                "epochs=2",
                "patience=0",
                "batch=13",
                "noise=0.2",
                "coupling_decay=0.1",
                "precision=double",
            )
            for word in ("--set", setting)
        ),
    ]
    for size, name in ((1, "one"), (2, "two")):
        together(
            size,
            tmp_path / f"{name}.txt",
            "train",
            *words,
            "--out",
            tmp_path / name,
            "--device",
            "cpu",
        )
    one, two = (checkpoint.load(tmp_path / name / "model.json") for name in ("one", "two"))
    largest = max(
        float((a - b).abs().max())
        for a, b in zip(
            one.model.state_dict().values(), two.model.state_dict().values(), strict=True
        )
    )
    assert largest < 1e-7
    alone, shared = (
        [epoch["train_loss"] for epoch in runs.Run(tmp_path / name).record().history]
        for name in ("one", "two")
    )
    assert shared == pytest.approx(alone, rel=1e-9)  # no weight depends on what is said of the loss
    assert two.card["this_seed"]["test"]["mae"] == pytest.approx(
        one.card["this_seed"]["test"]["mae"], abs=1e-6
    )


def _torchrun(words: list[str], said: str) -> None:
    """What the program `torchrun` does with its words, in a process that has loaded torch."""
    run = importlib.import_module("torch.distributed.run")
    os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT), 1)  # also of the processes that it starts
    run.main(words)


def test_torchrun_starts_the_processes(tmp_path):
    words = ["evaluate", "--model", "qj-planted", "--json"]
    started = FORK.Process(
        target=_torchrun,
        args=(
            ["--nproc-per-node=2", "--standalone", "-m", "qfusion", *words],
            str(tmp_path / "two"),
        ),
    )
    started.start()
    started.join(240)
    assert started.exitcode == 0
    assert json.loads((tmp_path / "two").read_text()) == json.loads(
        together(1, tmp_path / "one", *words)
    )


def test_two_processes_explain_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(backgrounds, "CHUNK", 50)  # several chunks a process
    for size, out in ((1, "one.parquet"), (2, "two.parquet"), (2, "two.csv")):
        together(
            size,
            tmp_path / f"said-{out}",
            "explain",
            "--model",
            "qj-planted",
            "--split",
            "valid",
            "--out",
            tmp_path / out,
            "--noise",
            "audio=0.5",
            "--swap",
            "text",
        )
    one, two, text = (
        read(tmp_path / name)
        for read, name in (
            (pd.read_parquet, "one.parquet"),
            (pd.read_parquet, "two.parquet"),
            (pd.read_csv, "two.csv"),
        )
    )
    assert len(one) == len(data.load("planted").rows("valid"))
    pd.testing.assert_frame_equal(one, two, rtol=1e-12)
    empty = {"within_spread": one["within_spread"]}  # of noisy inputs no seeds were measured
    assert (one["within_spread"] == "").all()
    pd.testing.assert_frame_equal(one, text.assign(**empty), rtol=1e-9)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_last_batch_smaller_than_the_group_counts_once(monkeypatch):
    """Rank 2 of 3 has no row of a batch of two: it runs one that does not count."""
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda values: None)

    def loss(group: Group) -> float:
        fit = prepare("quantum-jump", data.load("planted"), dict(dims=2, dropout=0.0), None, 0)
        fit.group = group
        return fit.step(torch.tensor([4, 9]))[0]

    shares = [loss(Group(rank, 3)) for rank in range(3)]
    assert shares[2] == 0.0
    assert sum(shares) == pytest.approx(loss(Group()), rel=1e-5)
