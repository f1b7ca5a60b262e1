"""What the dynamics built, in a sentence."""

from __future__ import annotations

import numpy as np

from qfusion.explain.changes.building import Built

SMALL = 1e-9  # all that was built is nothing to speak of


def answer(found: Built) -> str:
    """Which terms of the dynamics did most of what was done to the joint contributions, as a title; to all, where there
    is one modality."""
    joint = np.array(["+" in name for name in found.dividends])
    which, what = (joint,
                   "joint contributions") if joint.any() else (np.array([bool(name) for name in found.dividends]),
                                                               "contribution")
    done = np.abs(found.parts[which]).sum(0)
    if done.sum() <= SMALL:
        return "Nothing evolves, so nothing is built" if not len(
            found.terms) else f"The dynamics built nothing of the {what}"
    shares = done / done.sum()
    first, *rest = np.argsort(-shares, kind="stable").tolist()
    said = f"{shares[first]:.0%} by the {found.terms[first].title}"
    if rest and shares[rest[0]] >= 0.01:
        said += f", {shares[rest[0]]:.0%} by the {found.terms[rest[0]].title}"
    before, after = (float(np.abs(values[which]).sum()) for values in (found.start, found.end))
    return f"The dynamics took the {what} from {before:.2f} to {after:.2f} in all; of what it did to them {said}"
