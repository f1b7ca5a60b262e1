"""Quantum-inspired multimodal fusion models whose decisions can be explored.

The parts are imported by name (`from qfusion import explain`); this module stays light, so that `import qfusion` loads
none of the engines.
"""

__version__ = "0.1.0"
