"""Many samples at once: measures, findings, operators, faithfulness."""
