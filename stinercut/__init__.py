"""The library under everything else: protocol, catalog, store, codes, recordings, video, films, templates.

Owns: everything that can be used and tested without Dagster, FastAPI or a command line.
Not here: when something runs (`sensors`), Dagster's assets (`stinercut_assets`), connections and pages (`hub`).
"""

__version__ = "0.1.0"
