"""The health checks of the hub: `/healthz` tells whether it lives, `/readyz` whether it can answer.

Owns: both routes. Not here: who uses them (containers, `stinercut up`, `stinercut doctor`).
"""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select

from hub.kit.parts import CatalogPart, read
from hub.kit.version import HEALTHY
from stinercut.catalog.models import Jump

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Whether the hub lives")
async def healthz() -> dict[str, str]:
    """Answers as long as the hub lives, and tells that it is a hub of Stinercut."""
    return HEALTHY


@router.get("/readyz", summary="Whether the hub can answer")
async def readyz(catalog: CatalogPart) -> dict[str, str]:
    """Answers only if the hub can read its catalog."""
    await read(catalog, lambda session: session.execute(select(Jump.jump_key).limit(1)).first())
    return {"status": "ready"}
