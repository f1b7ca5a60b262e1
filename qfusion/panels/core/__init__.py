"""What a panel is, what an address says, and panels by page and address."""
