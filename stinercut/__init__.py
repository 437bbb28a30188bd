"""The library under everything: protocol, catalog, store, identity, sessions, media, templates.

Owns: what can be used and tested without Dagster, FastAPI or a command line.
Not here: when something runs (`sensors`), what Dagster shows (`stinercut_assets`), who is connected (`hub`).
"""

__version__ = "0.1.0"
