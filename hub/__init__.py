"""The backend between detectors on one side and browsers on the other.

Owns: the two WebSockets, the HTTP API, the pages. Not here: what is known (`stinercut.catalog`), when and how films are
made (by Dagster, which the hub asks over GraphQL and never imports).
"""
