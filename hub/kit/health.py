"""Whether the hub lives, and whether it can answer: `/healthz` and `/readyz`.

Owns: both routes. Not here: what they are asked for (containers, `stinercut up`, `stinercut doctor`).
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
    """Answers as long as the hub lives, and says that it is one."""
    return HEALTHY


@router.get("/readyz", summary="Whether the hub can answer")
async def readyz(catalog: CatalogPart) -> dict[str, str]:
    """That it can answer, not only that it lives: the catalog is read."""
    await read(catalog, lambda session: session.execute(select(Jump.jump_key).limit(1)).first())
    return {"status": "ready"}
