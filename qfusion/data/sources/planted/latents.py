"""Which latents the samples get: seven telling regimes, and a mixed rest.

Each sample is drawn for one regime, with "strong" meaning a size in [0.5, 1] and "weak" a size of at most 0.2:

    text decides    words strong; voice and face weak
    voice decides   voice strong; words and face weak
    face decides    face strong; words and voice weak
    agreement       all three strong, of one sign
    conflict        all three strong, not of one sign, and no praise in a bitter voice
    sarcasm         strong praise (t > 0) in a strongly negative voice (a < 0), any face
    synergy         anywhere in the cube outside sarcasm (t > 0.2 with a < -0.2) where, decomposed exactly against the
                    samples of the other regimes, what the modalities say jointly is at least 0.4 in size and at least
                    1.5 times what they say alone
    mixed           anywhere in the cube

The words' latent is what the sentence that was found for it says, so it may leave these bounds by a few hundredths.
"""

from __future__ import annotations

import numpy as np

from qfusion.data.sources.planted import score

SHARES = {
    "text decides": 0.09,
    "voice decides": 0.08,
    "face decides": 0.08,
    "agreement": 0.12,
    "conflict": 0.17,
    "sarcasm": 0.14,
    "mixed": 0.18,
    "synergy": 0.14,
}  # synergy last: it is defined against the others

# The sign patterns (t, a, v) of a conflict: not all equal, and no praise (+) in a bitter voice (-).
_CONFLICTS = np.array([(-1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, 1, -1)])


def _strong(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(0.5, 1, shape)


def _signs(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(0, 2, shape) * 2 - 1


def _deciding(rng: np.random.Generator, count: int, which: int) -> np.ndarray:
    latents = rng.uniform(-0.2, 0.2, (count, 3))
    latents[:, which] = _strong(rng, (count,)) * _signs(rng, (count,))
    return latents


def _synergy(rng: np.random.Generator, count: int, others: np.ndarray) -> np.ndarray:
    found = np.empty((0, 3))
    while len(found) < count:
        tried = rng.uniform(-1, 1, (20 * count, 3))
        parts = score.dividends(tried, others)
        alone = parts["text"] + parts["audio"] + parts["vision"]
        joint = score.score(tried) - alone - parts[""]
        sarcastic = (tried[:, 0] > 0.2) & (tried[:, 1] < -0.2)
        found = np.concatenate(
            [found, tried[(np.abs(joint) > np.maximum(1.5 * np.abs(alone), 0.4)) & ~sarcastic]]
        )
    return found[:count]


def draw_regime(
    rng: np.random.Generator, regime: str, count: int, others: np.ndarray
) -> np.ndarray:
    """Returns `count` latents (count, 3) of one regime, columns text, audio, vision.

    Args:
        rng: what to draw from.
        regime: one of SHARES.
        count: how many.
        others: (R, 3), latents of the other regimes, which synergy is defined against.
    """
    if regime == "agreement":
        return _strong(rng, (count, 3)) * _signs(rng, (count, 1))
    if regime == "conflict":
        return _strong(rng, (count, 3)) * _CONFLICTS[rng.integers(0, len(_CONFLICTS), count)]
    if regime == "sarcasm":
        return np.stack(
            [_strong(rng, (count,)), -_strong(rng, (count,)), rng.uniform(-1, 1, count)], axis=1
        )
    if regime == "synergy":
        return _synergy(rng, count, others)
    if regime == "mixed":
        return rng.uniform(-1, 1, (count, 3))
    return _deciding(rng, count, ("text decides", "voice decides", "face decides").index(regime))


def draw(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns latents (count, 3) and the regimes (count,) they were drawn for, shuffled."""
    sizes = [int(share * count) for share in SHARES.values()]
    sizes[0] += count - sum(sizes)
    latents = np.empty((0, 3))
    for regime, size in zip(SHARES, sizes, strict=True):
        latents = np.concatenate([latents, draw_regime(rng, regime, size, latents)])
    order = rng.permutation(count)
    # Rounded, so that the last bits of another machine's arithmetic cannot show in the data set's digest.
    return np.round(latents, 6)[order], np.repeat(list(SHARES), sizes)[order]
