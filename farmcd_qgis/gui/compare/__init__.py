"""Comparing two runs, and carrying verdicts over from one to the other."""
