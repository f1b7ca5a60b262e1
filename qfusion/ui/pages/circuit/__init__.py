"""The page circuit."""
