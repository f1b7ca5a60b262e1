"""Template variables of all reports on a model: the trust in its explanations, software, functions of templates."""

import math
from collections.abc import Callable
from typing import Any

from qfusion import __version__
from qfusion._extras import installed_versions
from qfusion._sentences import listed
from qfusion.analysis import trust
from qfusion.analysis.sample import Sample
from qfusion.errors import IntegrityError, InvalidInput, NotFound
from qfusion.explain import stability
from qfusion.figures import notebook, numbers
from qfusion.training import checkpoint_cards, metrics
from qfusion.wording.backgrounds import describe_background, describe_standard_error
from qfusion.wording.building import describe_building
from qfusion.wording.conflicts import describe_conflict
from qfusion.wording.deletion import describe_beaten_orders
from qfusion.wording.evidence import INERT
from qfusion.wording.generator_figures import CAPTIONS
from qfusion.wording.model_notes import describe_notes
from qfusion.wording.reliability import TrustWarning, describe_finding
from qfusion.wording.verdicts import describe_decision


def model_context(sample: Sample) -> dict[str, Any]:
    """Return the template variables of all reports on a model."""
    # the same study as on the Faithfulness page, so that both have the same numbers
    study = sample.study.with_reference(None).with_default_background()
    seeds, why = _read_stability(sample)
    warnings = [describe_finding(finding) for finding in trust.reliability_findings(study)]
    if not seeds and study.reads_features:
        warnings.append(TrustWarning(why, "unknown"))

    def list_dimensions(form: str) -> str:
        dims = zip(sample.modalities, sample.model.dims, strict=True)
        return listed([form.format(d, name) for name, d in dims])

    return {
        "sample": sample,
        "own": sample.row in sample.dataset.rows("test"),  # whose terms over seeds are known
        "count": len(trust.explained_test_rows(study)),
        "curves": trust.modality_curves(study),
        "planted": trust.compare_with_truth(study),
        "seeds": seeds,
        "warnings": warnings,
        "made_with": _software(),
        "trust_background": study.explanation_background,
        "describe_beaten_orders": describe_beaten_orders,
        "trained_on": checkpoint_cards.training_split(sample.study.card).replace("+", " and "),
        "dims": list_dimensions,
        "prod": math.prod,
        "labels": metrics.labels,
        "notes": describe_notes,
        "describe_building": describe_building,
        "describe_background": describe_background,
        "describe_standard_error": describe_standard_error,
        "describe_decision": describe_decision,
        "describe_conflict": describe_conflict,
        "notebook": notebook,
        "numbers": numbers,
        "CAPTIONS": CAPTIONS,
        "INERT": INERT,
    }


def _software() -> str:
    """Return the versions of qfusion and of the libraries that compute or draw parts of a report."""
    packages = ("torch", "numpy", "qutip", "pennylane", "typst", "matplotlib")
    versions = {"qfusion": __version__, **installed_versions(packages)}
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _read_stability(sample: Sample) -> tuple[stability.Stability | None, str]:
    """Return the measured stability over training seeds, or None and the reason why it does not apply."""
    if sample.tweak_text:
        return None, (
            "How other training seeds would explain this is measured for the model as trained, not as it is "
            "changed here."
        )
    try:
        return trust.load_stability(sample.study), ""
    except (NotFound, IntegrityError) as error:
        return None, str(error).replace("`", "")


def path_attribution_context(make: Callable[[], Any]) -> dict[str, Any]:
    """Return the path attribution, or the reason why its integral cannot be resolved: a too long evolution."""
    try:
        return {"built": make(), "unresolved": ""}
    except InvalidInput as error:
        return {"unresolved": str(error)}
