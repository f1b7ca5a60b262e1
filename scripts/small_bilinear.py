"""The size of the small bilinear head on the leaderboard: the low-rank head (LMF) with 100 to 300 parameters.

The entangled network has about so many after its encoders. A classical head of that size on every board tells what the
number of parameters explains by itself.
"""

from __future__ import annotations

from qfusion._checks import check

NAME = "bilinear-small"
LEAST, MOST = 100, 300  # parameters after the encoders


def parameters(modalities: int, outputs: int, features: int, rank: int) -> int:
    """Returns the number of parameters of a low-rank head: its factors, the products' weights and the offsets.

    Args:
        modalities: number M of encoders. outputs: number C of scores.
        features: numbers n of each encoder. rank: number of products.
    """
    return rank * outputs * modalities * (features + 1) + rank + outputs


def size(modalities: int, outputs: int, features: int) -> dict[str, int]:
    """Returns `features` and `rank` of the largest low-rank head with at most MOST parameters.

    Features come first: the head has all numbers of the encoders and as many products as fit. Where not even one
    product fits, it has one product of fewer numbers. Such a head has LEAST parameters or more: a smaller one would
    have room for another product.

    Args:
        modalities, outputs: see `parameters`. features: numbers that the encoders give to the other heads.

    Raises:
        InvalidInput: when no head has at most MOST parameters.
    """
    fitting = [
        n for n in range(1, features + 1) if parameters(modalities, outputs, n, rank=1) <= MOST
    ]
    check(
        bool(fitting),
        f"Argument `outputs` is {outputs}: no low-rank head on {modalities} modalities has at most {MOST} parameters. "
        f"Leave `{NAME}` off that board.",
    )
    widest = fitting[-1]
    rank = 1
    while parameters(modalities, outputs, widest, rank + 1) <= MOST:
        rank += 1
    return {"features": widest, "rank": rank}
