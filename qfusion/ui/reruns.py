"""Preparation of a run of the script: one thread for small matrices, and a collector that looks only at new objects."""

import gc
import sys

import streamlit as st
import threadpoolctl
import torch

from qfusion._memory_cache import memo, waiting
from qfusion.analysis import opening
from qfusion.ui import skeletons, streamlit_internals
from qfusion.views.words.training import describe_task

OWN = "_own"  # in a session, the samples that its visitor has made
frozen_modules = 0  # modules that were loaded when the collector last set everything aside


@memo(1)
def _limit_blas() -> threadpoolctl.threadpool_limits:
    return threadpoolctl.threadpool_limits(limits=1, user_api="blas")


def prepare_process() -> None:
    """Do what the first run of a page would wait for."""
    _limit_blas()
    streamlit_internals.prepare_first_element()


def begin_run() -> None:
    """Prepare a run. Call this first in every run of a page and of a fragment: it makes torch, NumPy and SciPy use one
    thread, and excludes the objects left by imports from garbage collection.

    Small kernels on several threads wait for each other whenever anything else wants the cores, and the reader's
    browser does: a slider then takes half as long again. Streamlit runs scripts in new threads, and OpenMP counts per
    thread, so once per process is not enough for torch; BLAS is set once for all.

    Until a collection of garbage has looked at everything, nothing else happens in the process, not even sending what
    was drawn. The modules of torch, QuTiP and PennyLane are hundreds of thousands of objects that are never garbage:
    0.2 to 0.3 s each time. Set aside, they cost nothing.
    """
    global frozen_modules
    _limit_blas()
    torch.set_num_threads(1)
    if len(sys.modules) != frozen_modules:
        frozen_modules = len(sys.modules)
        gc.freeze()
    waiting.set(lambda task: skeletons.computing(describe_task(task)))
    opening.at_hand.set(tuple(st.session_state.get(OWN) or ()))
