"""What every run of the script begins with: one thread for small matrices, a collector that looks at what is new."""

from __future__ import annotations

import gc
import logging
import sys
from functools import lru_cache

import threadpoolctl
import torch
from streamlit.runtime.scriptrunner import get_script_run_ctx

_seen = 0  # modules that were loaded when the collector last set everything aside


@lru_cache(maxsize=1)
def _limit_blas() -> threadpoolctl.threadpool_limits:
    return threadpoolctl.threadpool_limits(limits=1, user_api="blas")


def one_thread() -> None:
    """Makes torch, NumPy and SciPy work on one thread.

    Small kernels on several threads wait for each other whenever anything else wants the cores, and the reader's
    browser does: a slider then takes half as long again. Streamlit runs scripts in new threads, and OpenMP counts per
    thread, so once per process is not enough for torch; BLAS is set once for all.
    """
    _limit_blas()
    torch.set_num_threads(1)


def spare_modules() -> None:
    """Tells the collector to leave alone what imports have left, whenever there are new ones.

    Streamlit collects garbage after every run, and until it has looked at everything nothing else happens in the
    process, not even sending what was drawn. The modules of torch, QuTiP and PennyLane are hundreds of thousands of
    objects that are never garbage: 0.2 to 0.3 s after every move of a slider. Set aside, they cost nothing.
    """
    global _seen
    if len(sys.modules) != _seen:
        _seen = len(sys.modules)
        gc.freeze()


# It remarks, with a trace that looks like a crash, that a value set before a widget is drawn wins over the widget's
# default: that is meant.
logging.getLogger("streamlit.elements.lib.policies").disabled = True


def has_dialog() -> bool:
    """Whether this run has opened a dialog: Streamlit shows one at a time, and two clicks may come as one message."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and context.has_dialog_opened


def begin() -> None:
    """To be called first in every run of a page and of a fragment."""
    one_thread()
    spare_modules()
