"""Code that all routes share: errors, guards, limits, Dagster's client, the access log."""
