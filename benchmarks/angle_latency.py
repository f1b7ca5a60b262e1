"""Seconds from the release of a truth table's slider on the Circuit page to the completed redraw, in Chromium.

    python -m benchmarks.angle_latency [--moves 15] [--model qcnn-digits] [--url http://127.0.0.1:8501]

Each move redraws class probabilities, contributions, truth tables and test accuracy. Measured as in `slider_latency`.
"""

from __future__ import annotations

from benchmarks.slider_latency import report

if __name__ == "__main__":
    report("angle to redrawn page", "/circuit?model={model}&part=Fusion%20rules&outcome=001", ".st-key-panel-tables .js-plotly-plot",
           "st-key-_phi-0-0-1", "qcnn-digits")
