"""What every modality, and every combination of modalities, contributed."""
