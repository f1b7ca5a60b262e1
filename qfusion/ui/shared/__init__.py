"""Views that several pages show."""
