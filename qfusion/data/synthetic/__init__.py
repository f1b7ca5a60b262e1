"""The planted opinions: their score, their latents, and the sentences, voices and faces made from these."""
