"""The Processing provider and its algorithms, one thin algorithm a file."""
