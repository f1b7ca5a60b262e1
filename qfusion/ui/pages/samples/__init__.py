"""The page samples."""
