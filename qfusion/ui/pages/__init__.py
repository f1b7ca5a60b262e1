"""What every page shows, a room each."""
