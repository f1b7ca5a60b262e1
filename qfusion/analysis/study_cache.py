"""Values that a study computes once: per model, shared by its copies with other backgrounds, or per data set."""

from functools import cached_property
from threading import RLock
from typing import Any, TypeVar

import numpy as np
import torch

T = TypeVar("T")


class per_model_cache(cached_property[T]):
    """A value of a study, or of its space, that does not depend on the background.

    It is computed once for all copies of a study with other backgrounds, also when several threads ask for it. Where a
    visitor's samples follow those of the data set, values of both are joined if they have one entry per sample.
    """

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        study = getattr(instance, "study", instance)
        name = str(self.attrname)
        if name not in study._shared:
            with study._shared.setdefault(f"lock of {name}", RLock()):
                if name not in study._shared:
                    is_joined = study._set is not None
                    study._shared[name] = (
                        self._join(instance, study) if is_joined else self.func(instance)
                    )
        return study._shared[name]

    def _join(self, instance: Any, study: Any) -> Any:
        """Return the value of the data set, followed by that of a visitor's samples where it has entries of samples."""
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


class dataset_cache(cached_property[T]):
    """Value computed from the samples of the data set alone, without those that a visitor added.

    Threads that read the same value of the same study compute it once. In Python 3.11, `cached_property` has one lock
    for all instances, so that a page would wait while a background job computes the value of another study.
    """

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        study, name = instance.base_study, str(self.attrname)
        values = vars(study)
        if name not in values:
            with values.setdefault(f"lock of {name}", RLock()):
                if name not in values:
                    values[name] = self.func(study)
        return values[name]
