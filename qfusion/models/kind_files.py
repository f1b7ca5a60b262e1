"""Kinds of models that have files of their own in place of weights, and the endings of these files.

Lists of models need them without the models.
"""

IMPORTED = "imported"
IMPORTED_ENDINGS = {"torch": ".pt2", "onnx": ".onnx"}
LIVE = "live"
LIVE_CIRCUIT = "live-circuit"
LIVE_ENDING = ".live"
