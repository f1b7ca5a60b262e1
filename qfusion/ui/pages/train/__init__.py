"""The page train."""
