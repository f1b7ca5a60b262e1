"""Views of the Circuit page."""

from __future__ import annotations

VIEWS = ("Walk", "Fusion rules", "Noise and shots", "Entropies", "Export")
