"""What people who are a model make of modalities, from their votes."""
