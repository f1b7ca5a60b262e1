"""Large data sets encoded in a process of their own, while the pages show the first samples. Free of streamlit.

What encoders make of gigabytes of features takes a minute the first time, see `training.encoded`. Until it is kept,
`begin` has it worked out and `first` gives the model on some of the samples, against some of the background: exact for
these, and said to be so.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Hashable
from dataclasses import replace

import numpy as np
import torch

from qfusion import _progress
from qfusion import data as sources
from qfusion.analysis import subjects
from qfusion.analysis.memo import memo
from qfusion.analysis.sample import loaded
from qfusion.analysis.subject import Workspace
from qfusion.explain.backgrounds import GROUPS, Background, background_of
from qfusion.training import checkpoint, encoded

BEHIND, SHOWN = 512, 128  # training rows and test rows of the first samples
PATIENCE = 600.0  # seconds after which nobody waits any more who has not asked again


class Encoding:
    """One model on one data set on its way.

    Attributes:
        total, done: samples, and how many are encoded.
        problem: what went wrong, empty while nothing has.
        stopped: whether somebody has cancelled it. left: whether nobody waited for it any more.
    """

    def __init__(self, model: str, data: str):
        self.total, self.done, self.problem = len(sources.load(data)), 0, ""
        self.stopped = self.left = False
        self.seen, self._pace = time.monotonic(), _progress.Pace()
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import encode; encode()", model, data],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._follow, daemon=True).start()

    @property
    def under_way(self) -> bool:
        """Whether it goes on."""
        return self._process.poll() is None

    @property
    def seconds_left(self) -> float | None:
        """As the samples so far let expect; None before the first."""
        return self._pace.left(self.done, self.total)

    def stop(self) -> None:
        """Ends it; what was encoded so far is lost."""
        self.stopped = True
        self._process.kill()

    def _follow(self) -> None:
        assert self._process.stdout is not None and self._process.stderr is not None
        for line in self._process.stdout:
            self.done = int(line)
            if time.monotonic() - self.seen > PATIENCE:
                self.left = True
                self._process.kill()
        lines = self._process.stderr.read().strip().splitlines()
        if self._process.wait() and not (self.stopped or self.left):
            self.problem = (lines or ["the process was killed"])[-1][:200]


_jobs: dict[Hashable, Encoding] = {}
_guard = threading.Lock()


def _key(model: str, data: str) -> Hashable:
    return model, checkpoint.stamp(model), data, sources.load(data).digest


def is_ready(model: str, data: str) -> bool:
    """Returns whether all samples of a data set can be shown before a model at once."""
    return encoded.is_ready(loaded(model).model, sources.load(data))


def find(model: str, data: str) -> Encoding | None:
    """Returns the encoding of a data set before a model that was begun, however it ended."""
    with _guard:
        return _jobs.get(_key(model, data))


def begin(model: str, data: str, again: bool = False) -> Encoding:
    """Returns the encoding of a data set before a model, begun by this call or an earlier one.

    Args:
        again: whether one that has failed or was stopped is begun anew, as one is that nobody waited for any more.
    """
    key = _key(model, data)
    with _guard:
        job = _jobs.get(key)
        if job is None or job.left or (again and not job.under_way):
            job = _jobs[key] = Encoding(model, data)
        job.seen = time.monotonic()
        return job


@memo(4, says="Encoding the first samples …")
def _first(model: str, when: str, data: str, digest: str, sample: str) -> Workspace:
    dataset, found = sources.load(data), loaded(model)
    trained = dataset.rows(checkpoint.training_split(found.card))
    drawn = np.random.default_rng(0)
    some = [
        drawn.choice(rows, min(count, len(rows)), replace=False)
        for rows, count in (
            (trained, BEHIND),
            (dataset.rows("test"), SHOWN),
            (dataset.rows("valid"), 1),
        )
    ]
    asked = [dataset.row(sample)] if sample and dataset.known([sample]) else []
    rows = np.unique(np.concatenate([*some, asked])).astype(int)
    work = subjects.build(model, found.card, found.model, dataset.part(rows))
    behind = replace(work.background, total=len(trained))
    if isinstance(behind, Background):
        own = np.random.default_rng(0).permutation(
            work.dataset.rows(checkpoint.training_split(found.card))
        )
        groups = [
            background_of(work.model, work.dataset, own[group::GROUPS]) for group in range(GROUPS)
        ]
        behind = replace(
            behind,
            groups=torch.stack([each.sigma for each in groups if isinstance(each, Background)]),
        )
    return work.against(behind).applied()


def first(model: str, data: str, sample: str = "") -> Workspace:
    """Returns a model applied to the first samples of a data set.

    Args:
        model, data: names. sample: the id of one that is among them, if there is one of that name.
    """
    return _first(model, checkpoint.stamp(model), data, sources.load(data).digest, sample)


def encode() -> None:
    """Encodes a data set before a model, `MODEL DATA`, and prints how many samples are done."""
    torch.set_num_threads(1)
    model, data = sys.argv[1:]
    fused, dataset = loaded(model).model, sources.load(data)
    encoded.numbers(fused, dataset, lambda done, total: print(done, flush=True))
    if not encoded.place(fused, dataset).exists():
        sys.exit(1)  # it cannot be kept, as the last line says
