"""The page operators."""
