"""The backend between detectors on one side and browsers on the other.

Lives here: the two WebSockets, the HTTP API, the board page. Doesn't: what is known (`stinercut.catalog`), when and
how films are made (Dagster, which is asked over GraphQL and never imported).
"""
