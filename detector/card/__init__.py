"""One card: its events, the scan of its files, names on it."""
