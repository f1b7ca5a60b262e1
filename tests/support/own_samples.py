"""Samples that a visitor makes."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from qfusion import data
from qfusion.data.own_samples import OwnInput


def picture(pixels: np.ndarray, times: int = 10) -> OwnInput:
    """Pixels as the canvas sends them, each `times` as large."""
    file = io.BytesIO()
    Image.fromarray(np.kron(pixels, np.ones((times, times), np.uint8)).astype(np.uint8)).save(
        file, "PNG"
    )
    return OwnInput("drawing", file.getvalue())


def stroke(side: int = 280, width: int = 22) -> OwnInput:
    """A drawn 1: not in the middle, not of MNIST's size."""
    pixels = np.zeros((side, side), np.uint8)
    pixels[40:201, 63 : 63 + width] = 255
    pixels[41, 60] = 9
    return picture(pixels, 1)


def parity() -> data.DataSet:
    """Pairs of digits, which can be drawn."""
    return data.load("parity")


def pixels_of(given: OwnInput) -> np.ndarray:
    """What a canvas sent, as pixels."""
    return np.asarray(Image.open(io.BytesIO(given.data)).convert("RGB"))
