"""The page glossary."""
