"""The Dagster resource of this installation: its settings, catalog, store and templates.

Owns: handing these to ops, assets and sensors. Not here: reading the environment (`stinercut.settings`), and any use
of them.
"""

from functools import lru_cache

import dagster as dg

from stinercut.catalog import Catalog
from stinercut.errors import BadInput, BadTemplate
from stinercut.jumps import jumps
from stinercut.settings import Settings
from stinercut.storage.store import Store
from stinercut.templates import Template, folder


class Installation(dg.ConfigurableResource["Installation"]):
    """This installation. Every process reads it from the same environment variables (`STINERCUT_*`)."""

    @property
    def settings(self) -> Settings:
        """The settings."""
        return Settings()

    @property
    def catalog(self) -> Catalog:
        """The catalog; connections are shared within a process."""
        return _catalog(self.settings.catalog_url)

    @property
    def store(self) -> Store:
        """The store."""
        return Store(self.settings.store_dir)

    def template_of(self, jump_key: str) -> Template:
        """The template of a jump's film. Raises NotFound, and BadTemplate when the template can't be used."""
        with self.catalog.read() as session:
            chosen = jumps.require_jump(session, jump_key).template
        return self.template_named(chosen or self.settings.template)

    def template_named(self, name: str) -> Template:
        """This installation's template of that name, or the bundled one. Raises BadTemplate."""
        try:
            return folder.find(name, (self.settings.templates_dir,))
        except BadInput as refused:
            raise BadTemplate(refused.what_parts, file=refused.file, advice=refused.advice_parts) from refused

    def template_names(self) -> list[str]:
        """The names of all templates, including those that can't be used."""
        return folder.names((self.settings.templates_dir,))


@lru_cache(maxsize=4)
def _catalog(url: str) -> Catalog:
    return Catalog.open(url)
