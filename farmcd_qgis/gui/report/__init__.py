"""The panel that writes the report."""
