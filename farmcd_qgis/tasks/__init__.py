"""QgsTask wrappers around jobs of the worker."""
