"""The planted score: a known function of three latents, its noise, and its exact contributions.

With t (words), a (voice) and v (face), each in [-1, 1], the score without noise is

    g = 0.75 t + 0.10 a + 0.25 v            what each modality says alone
      - 2.00 p(t) p(-a)                     a bitter voice turns the sign of praise: sarcasm
      + 0.80 t e(v)                         an expressive face, smiling or frowning, amplifies the words
      + 0.60 (p(a) p(v) - p(-a) p(-v))      warm voice and smile strengthen one another, so do cold voice and frown
      + 1.20 p(t) p(-a) v                   all three: a smile takes the edge off sarcasm, a frown sharpens it
      + 0.10

    p(x) = (x + sqrt(x^2 + 0.04)) / 2       a smooth positive part
    e(x) = (3 x^2 - 1) / 2                  expressiveness: 1 at either end, -1/2 for a blank face

Every term is a product of functions of one latent each. Averages over a background therefore factor, and the value of
every coalition, hence every Harsanyi dividend, is exact at the cost of a few means.

The latents of planted samples: seven regimes in which some modality or group decides, and a mixed rest.

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

import math

import numpy as np

from qfusion.data.coalition_terms import coalition_names

NAMES = ("text", "audio", "vision")
NOISE_SCALE = 0.15  # standard deviation of the normal before truncation
NOISE_CUT = 2.5  # truncated at this many of them, so that |g + noise| <= 3 needs no clipping

COEFFICIENTS = np.array([0.75, 0.10, 0.25, -2.00, 0.80, 0.60, -0.60, 1.20, 0.10])


def positive_part(x: np.ndarray) -> np.ndarray:
    """Return p(x) = (x + sqrt(x^2 + 0.04)) / 2, a smooth max(x, 0)."""
    return (x + np.sqrt(x * x + 0.04)) / 2


def expressiveness(x: np.ndarray) -> np.ndarray:
    """Return e(x) = (3 x^2 - 1) / 2, the second Legendre polynomial."""
    return (3 * x * x - 1) / 2


def factors(latents: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return per modality the factor it gives to each of the nine terms.

    Args:
        latents: (N, 3), columns text, audio, vision.

    Returns:
        Three arrays (N, 9); the score is sum_k COEFFICIENTS[k] * text[k] * audio[k] * vision[k].
    """
    t, a, v = latents.T
    one, p, e = np.ones_like(t), positive_part, expressiveness
    text = (t, one, one, p(t), t, one, one, p(t), one)
    audio = (one, a, one, p(-a), one, p(a), p(-a), p(-a), one)
    vision = (one, one, v, one, e(v), p(v), p(-v), v, one)
    return np.stack(text, 1), np.stack(audio, 1), np.stack(vision, 1)


def planted_score(latents: np.ndarray) -> np.ndarray:
    """Return the score without noise, (N,), of latents (N, 3)."""
    text, audio, vision = factors(latents)
    return (text * audio * vision) @ COEFFICIENTS


def coalition_values(latents: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return v(S) = mean over the background of g(z_S, z'_rest), exactly, for every subset S of modalities.

    The background is joint: the absent modalities are taken together from one background row.

    Args:
        latents: (N, 3), the samples.
        background: (R, 3), the rows to average over.

    Returns:
        Array (N, 8); the subset of column c holds modality m when bit m of c is set.
    """
    own, other = factors(latents), factors(background)
    values = np.empty((len(latents), 8))
    for mask in range(8):
        present = math.prod(
            (own[m] for m in range(3) if mask >> m & 1), start=np.ones((len(latents), 1))
        )
        absent = math.prod(
            (other[m] for m in range(3) if not mask >> m & 1), start=np.ones((len(background), 1))
        )
        values[:, mask] = (present * (COEFFICIENTS * absent.mean(axis=0))).sum(axis=1)
    return values


def dividends(latents: np.ndarray, background: np.ndarray) -> dict[str, np.ndarray]:
    """Return the Harsanyi dividends sum_{T in S} (-1)^(|S|-|T|) v(T), by coalition name, each (N,); they add up to g.

    Args:
        latents: (N, 3), the samples.
        background: (R, 3), the rows that `coalition_values` averages over.

    Source: Harsanyi (1963), "A simplified bargaining model for the n-person cooperative game".
    """
    terms = coalition_values(latents, background)
    for m in range(3):  # Moebius transform, in place: one modality after the other
        for mask in range(8):
            if mask >> m & 1:
                terms[:, mask] -= terms[:, mask ^ (1 << m)]
    column = {
        name: sum(1 << NAMES.index(part) for part in name.split("+") if part)
        for name in coalition_names(NAMES)
    }
    return {name: terms[:, mask] for name, mask in column.items()}


def noise_variance() -> float:
    """Return the exact variance of the truncated normal noise: scale^2 (1 - 2 c phi(c) / (2 Phi(c) - 1))."""
    density = math.exp(-(NOISE_CUT**2) / 2) / math.sqrt(2 * math.pi)
    return NOISE_SCALE**2 * (1 - 2 * NOISE_CUT * density / math.erf(NOISE_CUT / math.sqrt(2)))


def planted_noise(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return `count` draws of the noise, (count,), all within NOISE_CUT * NOISE_SCALE. Draws outside are repeated."""
    draws = rng.standard_normal(count)
    while (outside := np.abs(draws) > NOISE_CUT).any():
        draws[outside] = rng.standard_normal(int(outside.sum()))
    return draws * NOISE_SCALE


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
