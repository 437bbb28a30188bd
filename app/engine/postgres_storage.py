"""Dagster's storage on PostgreSQL, at the address that the settings name.

Owns: `SettingsPostgresStorage`, named in deploy/dagster.yaml. Not here: SQLite (`schedule_storage`), the settings.

Dagster's own class reads its address from an environment variable, so the password would have to stand in one, where
`docker inspect` shows it. The settings may have it from a file.
"""

from __future__ import annotations

from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage

from stinercut.errors import HostNotReady
from stinercut.settings import Settings


class SettingsPostgresStorage(DagsterPostgresStorage):
    """The same tables and queries. Takes no configuration."""

    @classmethod
    def config_type(cls) -> Any:
        """Nothing in dagster.yaml."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> SettingsPostgresStorage:
        """Raises HostNotReady where no setting names a server."""
        address = Settings().dagster_database_url
        if not address:
            raise HostNotReady(
                "no setting says where Dagster's PostgreSQL is",
                advice="Set STINERCUT_DAGSTER_DATABASE_URL, or begin with `stinercut up`, which takes SQLite then.",
            )
        return cls(address, inst_data=inst_data)
