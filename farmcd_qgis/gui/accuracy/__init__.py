"""The panel in which a person judges the accuracy sample."""
