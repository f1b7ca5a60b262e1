"""What is known of runs, sweeps and the leaderboard."""
