"""UMAP compiled ahead: by a process of low priority, once a reader opens a page on which it can be chosen."""

from importlib.util import find_spec

from qfusion.analysis import jobs, sample_projection
from qfusion.ui import first_paint

KEY = "compile umap"


def compile_umap_ahead() -> None:
    """Begin to compile UMAP in a separate process, once for this server."""
    has_server = bool(first_paint.shown_models)
    if has_server and find_spec("umap") is not None:
        jobs.begin_job(
            KEY,
            lambda: jobs.run_in_process(sample_projection.compile_umap, (), 1, "Compiling UMAP"),
            1,
            aside=True,
            lasting=True,
        )
