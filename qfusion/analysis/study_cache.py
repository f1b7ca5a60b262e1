"""Values that a study computes once, in the cache in memory: per model, shared by its copies, or per data set.

They are kept by the object that all copies share which have the same value, not by digests as the results of `memo`:
the digests of a study are computed from some of them. One that had to make room is computed again.
"""

from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch

from qfusion._memory_cache import CACHE

T = TypeVar("T")
KEPT = 64  # studies whose values stay


class per_model_cache(cached_property[T]):
    """A value of a study, or of its space, that does not depend on the background.

    It is computed once for all copies of a study with other backgrounds, also when several threads ask for it. Where a
    visitor's samples follow those of the data set, values of both are joined if they have one entry per sample.
    """

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        study = getattr(instance, "study", instance)
        return _find_value(self, self._key(study), lambda: self._compute(instance, study))

    def _key(self, study: Any) -> Hashable:
        return study._shared

    def _compute(self, instance: Any, study: Any) -> Any:
        """Return the value. Of a set with a visitor's samples, it is the value of the set, followed by that of these
        samples where it has entries of samples.
        """
        if study._set is None:
            return self.func(instance)
        name = str(self.attrname)
        of_space = instance is not study
        whole = getattr(study._set.space if of_space else study._set, name)
        if not isinstance(whole, np.ndarray | torch.Tensor) or len(whole) != len(
            study._set.dataset
        ):
            return whole
        own = getattr(study._alone.space if of_space else study._alone, name)
        if isinstance(whole, np.ndarray):
            return np.append(whole, own, 0)
        return torch.cat([whole, own])


class state_cache(per_model_cache[T]):
    """A value of the samples' states, which copies of a study whose scores are others share, too."""

    def _key(self, study: Any) -> Hashable:
        return study._states


class dataset_cache(cached_property[T]):
    """Value of a study computed from the samples of the data set alone, without those that a visitor added."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        study = instance.base_study
        return _find_value(self, study._own, lambda: self.func(study))


def _find_value(descriptor: cached_property[Any], key: Hashable, compute: Callable[[], Any]) -> Any:
    return CACHE.get_or_compute(descriptor, key, compute, KEPT)
