"""The panel in which a person settles the candidates."""
