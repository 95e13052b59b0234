"""The run folder: journal, record, identity, writing that survives a kill."""
