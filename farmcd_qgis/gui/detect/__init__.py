"""The panel in which a run is started."""
