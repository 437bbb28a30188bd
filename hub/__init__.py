"""The backend between detectors on one side and browsers on the other.

Owns: the two WebSockets, the HTTP API, the board page. Not here: what is known (`stinercut.catalog`), when and
how films are made (Dagster, which is asked over GraphQL and never imported).
"""
