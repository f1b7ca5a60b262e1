"""Calls whose results ship with the package, see `scripts/ship_results.py`."""

from collections.abc import Callable, Iterator
from typing import Any

from qfusion.explain import backgrounds
from qfusion.plugins.why import evidence, summary
from qfusion.plugins.why.fusion import fusion_tests
from qfusion.plugins.why.pieces import patching
from qfusion.study.study import Study

PRUNED = ("qj-mosi", "qj-parity", "qj-planted", "qj-scenes")  # pruned again in tests


def shipped_calls(study: Study) -> Iterator[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Yield functions, each with its arguments but the study."""
    if study.has_truth:
        yield fusion_tests.split_loss, ()
        for kind in backgrounds.ADDITIVE_PARTS:
            yield evidence.remove_joint_terms, (kind,)
    if summary.Part.TERMS in summary.summary_parts(study):
        yield patching.prune_terms, ()
    if study.reads_features and len(study.modalities) > 1:
        yield fusion_tests.sample_synergies, (fusion_tests.ROWS,)


def is_slow(study: Study, function: Callable[..., Any]) -> bool:
    """Return whether tests leave a call out."""
    return function == patching.prune_terms and study.name not in PRUNED
