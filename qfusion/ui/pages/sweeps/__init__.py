"""The page sweeps."""
