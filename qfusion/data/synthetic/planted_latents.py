"""The latents of planted samples: seven regimes in which some modality or group decides, and a mixed rest.

Each sample is drawn for one regime, with "strong" meaning a size in [0.5, 1] and "weak" a size of at most 0.2:

    text decides    words strong; voice and face weak
    voice decides   voice strong; words and face weak
    face decides    face strong; words and voice weak
    agreement       all three strong, of one sign
    conflict        all three strong, not of one sign, and no praise in a bitter voice
    sarcasm         strong praise (t > 0) in a strongly negative voice (a < 0), any face
    synergy         anywhere in the cube outside sarcasm (t > 0.2 with a < -0.2) where the joint contributions, computed
                    exactly against the samples of the other regimes, are at least 0.4 in size and at least 1.5 times
                    those of the single modalities
    mixed           anywhere in the cube

The latent of the words is the valence of the sentence that was found for it, so it may leave these bounds by a few
hundredths.
"""

import numpy as np

from qfusion.data.synthetic.planted_score import dividends, planted_score

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


def _synergy(rng: np.random.Generator, count: int, others: np.ndarray) -> np.ndarray:
    values = np.empty((0, 3))
    while len(values) < count:
        tried = rng.uniform(-1, 1, (20 * count, 3))
        parts = dividends(tried, others)
        alone = parts["text"] + parts["audio"] + parts["vision"]
        joint = planted_score(tried) - alone - parts[""]
        sarcastic = (tried[:, 0] > 0.2) & (tried[:, 1] < -0.2)
        values = np.concatenate(
            [values, tried[(np.abs(joint) > np.maximum(1.5 * np.abs(alone), 0.4)) & ~sarcastic]]
        )
    return values[:count]


def draw_regime(
    rng: np.random.Generator, regime: str, count: int, others: np.ndarray
) -> np.ndarray:
    """Return `count` latents (count, 3) of one regime, columns text, audio, vision.

    Args:
        rng: what to draw from.
        regime: one of SHARES.
        count: how many.
        others: (R, 3), latents of the other regimes, which synergy is defined against.
    """
    match regime:
        case "agreement":
            return _strong(rng, (count, 3)) * _signs(rng, (count, 1))
        case "conflict":
            return _strong(rng, (count, 3)) * _CONFLICTS[rng.integers(0, len(_CONFLICTS), count)]
        case "sarcasm":
            return np.stack(
                [_strong(rng, (count,)), -_strong(rng, (count,)), rng.uniform(-1, 1, count)], axis=1
            )
        case "synergy":
            return _synergy(rng, count, others)
        case "mixed":
            return rng.uniform(-1, 1, (count, 3))
    latents = rng.uniform(-0.2, 0.2, (count, 3))
    decides = ("text decides", "voice decides", "face decides").index(regime)
    latents[:, decides] = _strong(rng, (count,)) * _signs(rng, (count,))
    return latents


def draw_latents(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return latents (count, 3) and the regimes (count,) they were drawn for, shuffled."""
    sizes = [int(share * count) for share in SHARES.values()]
    sizes[0] += count - sum(sizes)
    latents = np.empty((0, 3))
    for regime, size in zip(SHARES, sizes, strict=True):
        latents = np.concatenate([latents, draw_regime(rng, regime, size, latents)])
    order = rng.permutation(count)
    # Rounded, so that the last bits of another machine's arithmetic cannot show in the data set's digest.
    return np.round(latents, 6)[order], np.repeat(list(SHARES), sizes)[order]
