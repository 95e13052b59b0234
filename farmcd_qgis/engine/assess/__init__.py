"""How right a map is: comparison with a reference, the accuracy sample, the second opinion on doubtful candidates."""
