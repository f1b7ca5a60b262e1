"""Inside one modality: which words, frames, pixels or features."""
