"""The page leaderboard."""
