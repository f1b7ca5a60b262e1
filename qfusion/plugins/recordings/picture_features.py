"""Features of pictures, a step a picture."""

import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from qfusion.data.parsing import numbered_features
from qfusion.data.sample_content import Film
from qfusion.models.weight_files import load_state
from qfusion.plugins.recordings.extractor_types import Begun, Chosen
from qfusion.plugins.recordings.weights import (
    list_weights,
    load_transformer,
    translate_weight_errors,
)

_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # of ImageNet's colours, in 0..1
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
# The expressions that MediaPipe's face landmarker measures, in its order.
_SIDED = (
    "browDown browOuterUp cheekSquint eyeBlink eyeLookDown eyeLookIn eyeLookOut eyeLookUp eyeSquint eyeWide "
    "mouthDimple mouthFrown mouthLowerDown mouthPress mouthSmile mouthStretch mouthUpperUp noseSneer"
)
_WHOLE = (
    "browInnerUp cheekPuff jawForward jawLeft jawOpen jawRight mouthClose mouthFunnel mouthLeft mouthPucker "
    "mouthRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper"
)
_EXPRESSIONS = (
    "neutral",  # the others by the alphabet
    *sorted(
        [f"{name}{side}" for name in _SIDED.split() for side in ("Left", "Right")] + _WHOLE.split()
    ),
)


def gradients(chosen: Chosen) -> Begun:
    """Histograms of oriented gradients (Dalal and Triggs 2005), colours and how much changes, by scikit-image."""
    from skimage.feature import hog

    side, grid = chosen["side"], chosen["grid"]
    cells, half = range(1, grid + 1), side // 2
    cut = {"orientations": 8, "pixels_per_cell": (side // grid,) * 2, "cells_per_block": (1, 1)}

    def make(given: Film) -> np.ndarray:
        pictures = scale_frames(given.frames, side).astype(np.float32) / 255
        greys = pictures.mean(-1)
        edges = [hog(grey, feature_vector=False, **cut)[:grid, :grid].ravel() for grey in greys]
        quarters = pictures[:, : 2 * half, : 2 * half].reshape(-1, 2, half, 2, half, 3).mean((2, 4))
        colours = quarters.transpose(0, 3, 1, 2).reshape(-1, 12)
        change = np.abs(np.diff(greys, axis=0, prepend=greys[:1])).mean((1, 2))
        saturation = (pictures.max(-1) - pictures.min(-1)).mean((1, 2))
        return np.column_stack([edges, colours, greys.std((1, 2)), saturation, change])

    names = [f"edges {r},{c} at {22.5 * o:g}°" for r in cells for c in cells for o in range(8)]
    for hue in ("red", "green", "blue"):
        names += [f"{hue} {r},{c}" for r in (1, 2) for c in (1, 2)]
    names += ["contrast", "saturation", "change"]
    return tuple(names), make


def expressions(chosen: Chosen) -> Begun:
    """The 52 expressions (blendshapes) of a face, by MediaPipe's face landmarker; zeros where it sees none."""
    lib: Any = importlib.import_module("mediapipe")
    with translate_weight_errors(chosen["model"]):
        options = lib.tasks.vision.FaceLandmarkerOptions(
            base_options=lib.tasks.BaseOptions(
                model_asset_buffer=Path(chosen["model"]).read_bytes()
            ),
            output_face_blendshapes=True,
        )
        landmarker = lib.tasks.vision.FaceLandmarker.create_from_options(options)

    def describe(pixels: np.ndarray) -> list[float]:
        image = lib.Image(image_format=lib.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))
        faces = landmarker.detect(image).face_blendshapes
        return [1, *(shape.score for shape in faces[0])] if faces else [0] * 53

    return ("a face is describe", *_EXPRESSIONS), lambda given: np.array(
        [*map(describe, given.frames)]
    )


def network(chosen: Chosen) -> Begun:
    """The last hidden features of a network of torchvision, from a file of weights in a folder."""
    import torch
    from safetensors.torch import load_file

    lib: Any = importlib.import_module("torchvision.models")
    with translate_weight_errors(chosen["folder"]):
        path = next(
            p for p in list_weights(chosen["folder"]) if p.suffix in (".safetensors", ".pth")
        )
        net = lib.get_model(chosen["model"], weights=None).eval()
        state = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
        load_state(net, state, f"Weights {path.name}")
    # what decides is called so in one or the other of its networks
    for name in {"fc", "classifier", "heads", "head"} & {name for name, _ in net.named_children()}:
        setattr(net, name, torch.nn.Identity())

    @torch.inference_mode()
    def describe(pixels: np.ndarray) -> np.ndarray:
        values = (scale_frames(pixels[None], chosen["side"]) / np.float32(255) - _MEAN) / _DEVIATION
        return np.asarray(net(torch.tensor(values.transpose(0, 3, 1, 2))).flatten())

    return _apply_to_pictures(describe)


def picture_transformer(chosen: Chosen) -> Begun:
    """The last hidden states of a vision model of transformers, averaged over a picture; from a folder."""
    prepare, states = load_transformer(chosen["folder"], "AutoImageProcessor")

    def describe(pixels: np.ndarray) -> np.ndarray:
        # (1, tokens, F), or (1, F, h, w) of convolutions
        values = states(**prepare(pixels, return_tensors="pt"))
        return (values.mean(1) if values.ndim == 3 else values.mean((2, 3)))[0]

    return _apply_to_pictures(describe)


def _apply_to_pictures(describe: Callable[[np.ndarray], np.ndarray]) -> Begun:
    """Return an extractor that applies a function to each picture (h, w, 3), with result (F,)."""
    units = numbered_features("unit", len(describe(np.zeros((64, 64, 3), np.uint8))))
    return units, lambda given: np.stack([*map(describe, given.frames)])


def scale_frames(frames: np.ndarray, side: int) -> np.ndarray:
    """Return pictures (T, h, w, 3) as squares (T, side, side, 3), uint8."""
    from PIL import Image as Picture

    pictures = (Picture.fromarray(np.asarray(one, np.uint8)) for one in frames)
    return np.stack([np.asarray(one.resize((side, side))) for one in pictures])
