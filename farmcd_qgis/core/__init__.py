"""What every process knows: requests and results, errors, progress, class tables, names in a run folder."""
