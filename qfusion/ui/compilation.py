"""UMAP compiled ahead: by a process of low priority, once a reader opens a page on which it can be chosen."""

from functools import lru_cache
from importlib.util import find_spec

from qfusion.analysis import jobs, sample_projection
from qfusion.ui import first_paint


def compile_umap_ahead() -> None:
    """Begin to compile UMAP in a separate process, once for this server."""
    has_server = bool(first_paint.shown_models)
    if has_server and find_spec("umap") is not None:
        _begin_compiling()


@lru_cache(maxsize=1)
def _begin_compiling() -> jobs.Job:
    return jobs.begin_job("compile umap", _compile, 1, aside=True, lasting=True)


def _compile() -> None:
    jobs.run_in_process(sample_projection.compile_umap, (), 1, "Compiling UMAP")
