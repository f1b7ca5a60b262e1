"""The page faithfulness."""
