"""The cache of encodings of large data sets: complete files or none, unchanged numbers, several processes."""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import PackedSequence

from qfusion import _disk_cache, _progress, explain
from qfusion._memory_cache import CACHE
from qfusion._settings import choices
from qfusion._user_folders import cache_root
from qfusion.data import DataSet
from qfusion.explain import disturbances, faithfulness
from qfusion.explain.backgrounds import make_background
from qfusion.explain.disturbances import Disturbance
from qfusion.models import build, names
from qfusion.models.encoders import Dropout, Encoder, EncoderSettings
from qfusion.models.inputs import InputSpec, Pooling, last_states
from qfusion.study import jobs, opening
from qfusion.training import batches, checkpoint_cards, encodings, metrics, train
from qfusion.views.words.decisions import describe_background
from tests.support.encoded_models import dataset, model_of, sequences

__all__ = ["dataset"]  # a fixture


def files() -> list[Path]:
    return sorted(cache_root().glob("encodings-*.npz"))


def place_of(model: Any, dataset: DataSet) -> Path:
    return _disk_cache.array_path(encodings.CACHE_KIND, encodings.encoding_key(model, dataset))


@pytest.mark.parametrize("pooling", choices(EncoderSettings.model_fields["pooling"]))
def test_padding_has_no_influence(pooling: str) -> None:
    torch.manual_seed(0)
    encoder = Encoder(InputSpec(5, True), 3, pooling=pooling).double().eval()
    values, lengths = torch.randn(20, 9, 5, dtype=torch.float64), torch.randint(1, 10, (20,))
    mask = torch.arange(9) < lengths[:, None]
    together = encoder((values, mask))
    for row, length in enumerate(lengths.tolist()):
        alone = encoder((values[row : row + 1, :length], mask[row : row + 1, :length]))
        torch.testing.assert_close(together[row : row + 1], alone, rtol=0, atol=1e-13)


def test_convolution_over_time_by_hand() -> None:
    """Three weights on neighbours, nothing beyond the ends, the largest response that is above zero."""
    pooling = Pooling(1, 2, "conv").double()
    with torch.no_grad():
        pooling.convolve.weight.copy_(torch.tensor([[[1.0, 10, 100]], [[-1.0, -1, -1]]]))
        pooling.convolve.bias.copy_(torch.tensor([0.5, 0.0]))
    values = torch.tensor([[1.0, 2, 3, 9], [4, 9, 9, 9]], dtype=torch.float64)[..., None]
    mask = torch.tensor([[True, True, True, False], [True, False, False, False]])
    # 0 1 2: 210, 1 2 3: 321, 2 3 0: 32; 0 4 0: 40
    wanted = torch.tensor([[321.5, 0], [40.5, 0]], dtype=torch.float64)
    torch.testing.assert_close(pooling(values, mask), wanted, rtol=0, atol=0)


def test_step_dropout_has_its_probability() -> None:
    torch.manual_seed(0)
    for p in (0.1, 0.3, 0.5, 0.9):
        drop, values = Dropout(p).train(), torch.ones(500, 401)
        kept = drop.mask(values)
        assert kept is not None
        assert float(kept.float().mean()) == pytest.approx(
            1 - p, abs=5 * np.sqrt(p * (1 - p) / values.numel())
        )
    assert drop.eval().mask(values) is None


@pytest.mark.parametrize("kind", names())
def test_cached_encodings_equal_computed_ones(
    kind: str, dataset: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, rows = model_of(kind, dataset), dataset.rows("test")[:4]
    kept, others = encodings.is_kept(model, dataset), dataset.rows("train")[:6]
    assert kept == (kind != "mult")
    behind = make_background(model, dataset, others, "joint")
    found = explain.explain(model, encodings.encoded_inputs(model, dataset, rows), behind)
    scores = metrics.predict(model, dataset, rows, final=True)
    disturbed = [
        Disturbance(noise={"text": 0.5}),
        Disturbance(swapped=("audio",)),
        Disturbance(mean=("vision",)),
    ]
    asked = [disturbances.scores(model, dataset, rows, each) for each in disturbed]
    one, many = (encodings.encoded_inputs(model, dataset, part) for part in (rows[:1], others))
    game = faithfulness.Game(model, one, many, 0)  # row by row, the sample beside each
    both = game.value(frozenset({0}))
    assert len(files()) == kept
    monkeypatch.setattr(encodings, "HEAVY", 2**60)
    plain = explain.explain(
        model,
        dataset.inputs(rows, torch.float64),
        make_background(model, dataset, others, "joint"),
    )
    np.testing.assert_allclose(found.dividends, plain.dividends, atol=encodings.SAME)
    one, many = (dataset.inputs(part, torch.float64) for part in (rows[:1], others))
    game = faithfulness.Game(model, one, many, 0)
    np.testing.assert_allclose(both, game.value(frozenset({0})), atol=encodings.SAME)
    np.testing.assert_allclose(scores, metrics.predict(model, dataset, rows), atol=encodings.SAME)
    for ours, each in zip(asked, disturbed, strict=True):
        np.testing.assert_allclose(
            ours, disturbances.scores(model, dataset, rows, each), atol=encodings.SAME
        )


def told_numbers(model: Any, dataset: DataSet, tell: _progress.Tell) -> dict[str, np.ndarray]:
    with _progress.progress_to(lambda _: contextlib.nullcontext(tell)):
        return encodings.encoded_numbers(model, dataset)


def test_cache_key_is_weights_and_data_and_damaged_files_are_rebuilt(dataset: DataSet) -> None:
    model, told = model_of("quantum-jump", dataset), []
    tell = lambda done, total: told.append((done, total))  # noqa: E731
    first = told_numbers(model, dataset, tell)
    assert told[-1] == (90, 90)
    told_numbers(model, dataset, tell)
    CACHE.clear(encodings.CACHE_KIND)
    assert all(
        np.array_equal(first[name], each)
        for name, each in told_numbers(model, dataset, tell).items()
    )
    assert len(told) == 1
    (path,) = files()
    for damage in (b"", path.read_bytes()[:-40], path.read_bytes().replace(b"text", b"tixt")):
        path.write_bytes(damage)
        CACHE.clear(encodings.CACHE_KIND)
        again = told_numbers(model, dataset, tell)
        assert all(np.array_equal(first[name], again[name]) for name in first)
        assert _disk_cache.read_arrays(path) is not None
    assert len(told) == 4
    with torch.no_grad():  # the generator is not what encoders make
        next(iter(model.A)).mul_(2)
    assert encodings.is_ready(model, dataset)
    with torch.no_grad():
        next(model.encoders.parameters()).add_(1e-3)
    assert not encodings.is_ready(model, dataset)


def test_invalid_cache_files_are_rebuilt_with_a_message(
    dataset: DataSet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A file under the name of other weights, data or another version holds what is whole and not ours."""
    model = model_of("quantum-jump", dataset)
    right = encodings.encoded_numbers(model, dataset)
    (path,) = files()
    other = replace(
        dataset, modalities=tuple(replace(m, values=2 * m.values) for m in dataset.modalities)
    )
    with torch.no_grad():
        changed = model_of("quantum-jump", dataset)
        next(changed.encoders.parameters()).add_(1e-3)
    for of, data in ((changed, dataset), (model, other)):
        encodings.encoded_numbers(of, data)
        assert place_of(of, data) != path
        path.write_bytes(place_of(of, data).read_bytes())
        _made_again(model, dataset, right, caplog)
    with monkeypatch.context() as patch:
        patch.setattr(encodings, "FORMAT", "0")
        assert not encodings.is_ready(model, dataset)
        encodings.encoded_numbers(model, dataset)
        old = place_of(model, dataset)
    path.write_bytes(old.read_bytes())
    _made_again(model, dataset, right, caplog)
    _disk_cache.write_arrays(
        path, {name: values[:10] for name, values in right.items()}
    )  # of a version that names no key
    _made_again(model, dataset, right, caplog)
    path.write_bytes(path.read_bytes()[:-40])
    _made_again(model, dataset, right, caplog)
    for junk in (b"", b"PK\x03\x04" + bytes(100), os.urandom(3000)):
        path.write_bytes(junk)
        _made_again(model, dataset, right, caplog)


def _made_again(
    model: Any, dataset: DataSet, right: dict[str, np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    CACHE.clear(encodings.CACHE_KIND)
    caplog.clear()
    assert not encodings.is_ready(model, dataset)
    again = encodings.encoded_numbers(model, dataset)
    assert all(np.array_equal(right[name], values) for name, values in again.items())
    assert [record.message.partition(" in ")[0] for record in caplog.records] == [
        "The cached numbers"
    ]
    assert "are damaged or of another model or data set and are computed again" in caplog.text
    CACHE.clear(encodings.CACHE_KIND)
    assert encodings.is_ready(model, dataset)


def test_unwritable_cache_does_not_change_results(
    dataset: DataSet,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shapes = dict.fromkeys(("text", "audio", "vision"), (90, 4))
    (tmp_path / "file").write_text("")
    with monkeypatch.context() as patch:
        patch.setenv("QFUSION_CACHE", str(tmp_path / "file" / "below"))
        numbers = encodings.encoded_numbers(model_of("quantum-jump", dataset), dataset)
    assert {name: values.shape for name, values in numbers.items()} == shapes
    assert "cannot be stored and will be computed again next time" in caplog.text
    caplog.clear()

    def full(file: Any, **arrays: np.ndarray) -> None:
        file.write(b"half of it")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        CACHE.clear(encodings.CACHE_KIND)
        numbers = encodings.encoded_numbers(model_of("quantum-jump", dataset), dataset)
    assert {name: values.shape for name, values in numbers.items()} == shapes
    assert "No space left on device" in caplog.text
    assert [path.name for path in cache_root().iterdir()] == ["file"], "nothing half-written"
    CACHE.clear(encodings.CACHE_KIND)
    assert not encodings.is_ready(model_of("quantum-jump", dataset), dataset)


def _killed(folder: str, queue: Any) -> None:
    os.environ["QFUSION_CACHE"] = folder
    encodings.HEAVY = 0
    dataset = sequences()

    def tell(done: int, total: int) -> None:
        queue.put(os.getpid())
        time.sleep(60)

    told_numbers(model_of("quantum-jump", dataset), dataset, tell)


def test_killed_encoder_is_replaced_by_the_waiting_process(
    dataset: DataSet, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("fork")  # it loads nothing anew
    queue, shown = context.Queue(), []
    process = context.Process(target=_killed, args=(str(tmp_path), queue))
    process.start()
    queue.get(timeout=120)
    threading.Timer(1.0, process.kill).start()

    @contextlib.contextmanager
    def show(task: str) -> Iterator[Any]:
        shown.append(task)
        yield lambda done, total: None

    with _progress.progress_to(show):
        numbers = encodings.encoded_numbers(model_of("quantum-jump", dataset), dataset)
    process.join()
    assert len(numbers["text"]) == 90
    assert shown == ["Waiting for the process that computes the same", "Encoding"]
    assert len(files()) == 1


def test_abandoned_encoding_restarts_and_cancelled_one_does_not(
    dataset: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "file_stamps", lambda model, data: (model, data))
    monkeypatch.setattr(jobs, "JOBS", type(jobs.JOBS)())
    monkeypatch.setattr(opening.sources, "load", lambda name: dataset)

    def slowly(*_: str) -> None:
        with _progress.progress_shown("Encoding") as tell:
            for done in range(600):
                tell(done, 600)
                time.sleep(0.05)

    monkeypatch.setattr(opening, "encode", slowly)
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "PATIENCE", 0.2)
        first = opening.begin_encoding("m", "d")
        while first.is_active:
            time.sleep(0.02)
    assert first.state == jobs.State.STOPPED, "nobody waited"
    second = opening.begin_encoding("m", "d")  # the next reader's visit
    assert second is not first
    assert second.is_active
    assert opening.begin_encoding("m", "d") is second
    second.stop()
    assert not second.is_active
    assert opening.begin_encoding("m", "d") is second, "it was cancelled"
    third = opening.begin_encoding("m", "d", again=True)
    assert third is not second
    third.stop()
    until = time.monotonic() + 10
    while jobs.RUNNING and time.monotonic() < until:
        time.sleep(0.01)
    assert not jobs.RUNNING, "none goes on"
    assert {job.problem for job in (first, second, third)} == {""}


def test_failed_encoding_reports_a_reason(
    dataset: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "file_stamps", lambda model, data: (model, data))
    monkeypatch.setattr(jobs, "JOBS", type(jobs.JOBS)())
    monkeypatch.setattr(opening.sources, "load", lambda name: dataset)

    def fails(*_: str) -> None:
        with _progress.progress_shown("Encoding") as tell:
            tell(45, 90)
        raise OSError("the disk is full")

    monkeypatch.setattr(opening, "encode", fails)
    job = opening.begin_encoding("m", "d")
    while job.is_active:
        time.sleep(0.02)
    assert (job.done, job.total, job.problem) == (45, 90, "the disk is full")
    assert opening.begin_encoding("m", "d") is job


def test_oldest_files_are_evicted_first(dataset: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    models = []
    for seed in range(4):
        torch.manual_seed(seed)
        models.append(build("quantum-jump", dataset.input_specs, ("score",), {"dims": 2}))
        encodings.encoded_numbers(models[-1], dataset)
        os.utime(place_of(models[-1], dataset), (1000 + seed, 1000 + seed))
    size = files()[0].stat().st_size
    monkeypatch.setattr("qfusion._limits.MIB", 1.5 * size)
    monkeypatch.setenv("QFUSION_KEPT_MB", "2")
    encodings.encoded_numbers(model_of("concatenation", dataset), dataset)
    assert place_of(models[3], dataset) in files()
    assert place_of(models[0], dataset) not in files()


def test_encoders_use_double_precision_where_needed(
    dataset: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of("quantum-jump", dataset)
    assert {each.dtype for each in encodings.encoded_numbers(model, dataset).values()} == {
        np.dtype("f4")
    }
    monkeypatch.setattr(encodings, "SAME", 0.0)
    place_of(model, dataset).unlink()
    CACHE.clear(encodings.CACHE_KIND)
    assert {each.dtype for each in encodings.encoded_numbers(model, dataset).values()} == {
        np.dtype("f8")
    }


def test_prefetching_does_not_change_weights(
    dataset: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for held in (batches.HELD, 0):
        monkeypatch.setattr(batches, "HELD", held)
        found.append(
            train(
                "quantum-jump", dataset, {"dims": 2}, {"epochs": 2, "batch": 8}
            ).model.state_dict()
        )
    for name, values in found[0].items():
        torch.testing.assert_close(values, found[1][name], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", ["quantum-jump", "entangled-qcnn"])
def test_first_samples_are_exact_and_their_error_is_bounded(
    kind: str, dataset: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(kind, dataset)
    card = {
        "data": {"name": "drawn"},
        "inputs": dataset.input_specs,
        "outputs": ["score"],
        "weights_sha256": "0",
        "training": {},
    }
    monkeypatch.setattr(
        opening,
        "load_checkpoint",
        lambda name: type("Found", (), {"card": card, "model": model}),
    )
    monkeypatch.setattr(opening.sources, "load", lambda name: dataset)
    monkeypatch.setattr(checkpoint_cards, "stamp", lambda name: kind)
    monkeypatch.setattr(opening, "BEHIND", 24)
    monkeypatch.setattr(opening, "SHOWN", 6)
    asked = str(dataset.ids[dataset.rows("test")[-1]])
    study = opening.first_samples("drawn", "drawn", asked)
    assert asked in study.dataset.ids
    assert 7 <= len(study.dataset.rows("test")) + len(study.dataset.rows("valid")) <= 8
    assert (study.background.size, study.background.total) == (24, 45)
    assert "24 samples drawn at random from the 45 training samples" in describe_background(
        study.background
    )
    whole = opening.build_study("drawn", card, model, dataset)
    exact, drawn = whole.explained(dataset.row(asked)), study.explained(study.dataset.row(asked))
    np.testing.assert_allclose(drawn.prediction, exact.prediction, atol=encodings.SAME)
    assert drawn.errors is not None
    away = np.abs(drawn.dividends - exact.dividends)
    assert (away <= 6 * drawn.errors + 1e-6).all()
    assert float(drawn.errors.max()) > 0
    assert exact.errors is None


def test_recurrence_and_gradient_equal_torch() -> None:
    torch.manual_seed(0)
    gru = torch.nn.GRU(7, 5, batch_first=True).double()
    lengths = torch.tensor([9, 6, 6, 3, 1, 1])
    sizes = [int((lengths > t).sum()) for t in range(9)]
    steps = torch.randn(int(lengths.sum()), 7, dtype=torch.float64, requires_grad=True)
    ours, (_, theirs) = (
        last_states(gru, steps, sizes),
        gru(PackedSequence(steps, torch.tensor(sizes))),
    )
    torch.testing.assert_close(ours, theirs[0], rtol=0, atol=1e-14)
    weight = torch.randn_like(ours)
    for mine, other in zip(
        torch.autograd.grad((ours * weight).sum(), [steps, *gru.parameters()]),
        torch.autograd.grad((theirs[0] * weight).sum(), [steps, *gru.parameters()]),
        strict=True,
    ):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-13)
