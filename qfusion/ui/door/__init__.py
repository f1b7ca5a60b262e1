"""Who comes in, what they may do, and in which turn long calculations are made for them."""
