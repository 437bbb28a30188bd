"""Dagster's storage on PostgreSQL, at the address that the settings name.

Owns: `SettingsPostgresStorage`, named in deploy/dagster.yaml. Not here: SQLite (`schedule_storage`), the settings.

Dagster's own class reads the address from an environment variable, so the password would have to be in one, where
`docker inspect` shows it. Our settings can read it from a file.
"""

from __future__ import annotations

from typing import Any

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage

from stinercut.errors import HostNotReady
from stinercut.settings import Settings


class SettingsPostgresStorage(DagsterPostgresStorage):
    """Dagster's tables and queries, with the address from our settings. Takes no configuration."""

    @classmethod
    def config_type(cls) -> Any:
        """No fields: dagster.yaml configures nothing here."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> SettingsPostgresStorage:
        """The storage of the settings' server. Raises HostNotReady if no setting names one."""
        address = Settings().dagster_database_url
        if not address:
            raise HostNotReady(
                "no setting says where Dagster's PostgreSQL is",
                advice="Set STINERCUT_DAGSTER_DATABASE_URL, or start with `stinercut up`, which then uses SQLite.",
            )
        return cls(address, inst_data=inst_data)
