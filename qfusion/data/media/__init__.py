"""Pictures, sounds and films of samples: read, shown and drawn."""
