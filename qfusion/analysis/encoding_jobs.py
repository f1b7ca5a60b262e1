"""Encode large data sets in the background, while pages show the first samples.

Encoding gigabytes of features takes a minute the first time, see `training.encodings`. Until the encodings are stored,
`begin_encoding` computes them and `first_samples` returns the model on some of the samples, against a part of the
background: exact for these samples, and labelled as such.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from qfusion import data as sources
from qfusion._memory_cache import memo
from qfusion.analysis.jobs import Job, begin_job, find_job
from qfusion.analysis.opening import file_stamps, load_checkpoint
from qfusion.analysis.study import Study
from qfusion.analysis.study_building import build_study
from qfusion.analysis.tasks import Task
from qfusion.explain import backgrounds
from qfusion.training import checkpoint_cards, encodings

BEHIND, SHOWN = 512, 128  # training rows and test rows of the first samples


def is_encoded(model: str, data: str) -> bool:
    """Return whether all samples of a data set can be shown before a model at once."""
    return encodings.is_ready(load_checkpoint(model).model, sources.load(data))


def find_encoding(model: str, data: str) -> Job | None:
    """Return the job that encodes a data set with a model if one was begun, even if it failed."""
    return find_job(("encoding", model, data, file_stamps(model, data)))


def begin_encoding(model: str, data: str, again: bool = False) -> Job:
    """Return the job that encodes a data set with a model, begun by this call or an earlier one.

    Args:
        again: whether one that has failed or was cancelled is begun anew, as one is that nobody waited for any more.
    """
    key = ("encoding", model, data, file_stamps(model, data))
    total = len(sources.load(data))
    return begin_job(key, partial(encode, model, data), total, again=again)


@memo(4, task=Task.ENCODE_FIRST_SAMPLES, stamp=file_stamps)
def first_samples(model: str, data: str, sample: str = "") -> Study:
    """Return a model applied to the first samples of a data set.

    Args:
        model, data: names. sample: the id of one that is among them, if there is one of that name.
    """
    dataset = sources.load(data)
    result = load_checkpoint(model)
    split = checkpoint_cards.training_split(result.card)
    drawn = np.random.default_rng(0)
    some = []
    for part, count in ((split, BEHIND), ("test", SHOWN), ("valid", 1)):
        candidates = dataset.rows(part)
        size = min(count, len(candidates))
        some.append(drawn.choice(candidates, size, replace=False))
    own = [dataset.row(sample)] if sample and dataset.known_ids([sample]) else []
    rows = np.unique(np.concatenate([*some, own])).astype(int)
    study = build_study(model, result.card, result.model, dataset.subset(rows))
    rows = study.dataset.rows(split)
    total = len(dataset.rows(split))
    background = backgrounds.mark_as_drawn(
        study.model, study.dataset, rows, study.background, total
    )
    return study.with_background(background).precompute()


def encode(model: str, data: str) -> None:
    """Encode a data set before a model."""
    encodings.encoded_numbers(load_checkpoint(model).model, sources.load(data))
