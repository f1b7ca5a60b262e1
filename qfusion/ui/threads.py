"""One thread for small matrices."""

from __future__ import annotations

from functools import lru_cache

import threadpoolctl
import torch


@lru_cache(maxsize=1)
def _limit_blas() -> threadpoolctl.threadpool_limits:
    return threadpoolctl.threadpool_limits(limits=1, user_api="blas")


def one_thread() -> None:
    """Makes torch, NumPy and SciPy work on one thread: call it at the start of every run.

    Small kernels on several threads wait for each other whenever anything else wants the cores, and the reader's browser
    does: a slider then takes half as long again. Streamlit runs scripts in new threads, and OpenMP counts per thread, so
    once per process is not enough for torch; BLAS is set once for all.
    """
    _limit_blas()
    torch.set_num_threads(1)
