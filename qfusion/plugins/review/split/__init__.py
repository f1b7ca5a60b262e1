"""What test rows share with training rows: copies, near copies, and labels that are known in advance."""
