"""The tables of the catalog, one module for each domain; all of them are imported from here.

Owns: which tables there are. Not here: queries. A change of a table needs a migration.
"""

from stinercut.catalog.models.base import Base, UtcMoment
from stinercut.catalog.models.cards import (
    OPEN,
    Card,
    CardFile,
    CardFileAlias,
    EntryState,
    ImportedFile,
    Insertion,
    ManifestEntry,
)
from stinercut.catalog.models.codes import QrReading
from stinercut.catalog.models.delivery import HandOut, HandOutWay, Letter, LetterState, Share, ShareJump
from stinercut.catalog.models.films import Film
from stinercut.catalog.models.jumps import Booking, Jump, JumpCut, JumpFile, JumpState, Role
from stinercut.catalog.models.people import Account, ApiKey, AuditEntry, DetectorKey, LoginSession
from stinercut.catalog.models.review import Decision
from stinercut.catalog.models.runs import Event, Step, StepStatus

__all__ = [
    "OPEN",
    "Account",
    "ApiKey",
    "AuditEntry",
    "Base",
    "Booking",
    "Card",
    "CardFile",
    "CardFileAlias",
    "Decision",
    "DetectorKey",
    "EntryState",
    "Event",
    "Film",
    "HandOut",
    "HandOutWay",
    "ImportedFile",
    "Insertion",
    "Jump",
    "JumpCut",
    "JumpFile",
    "JumpState",
    "Letter",
    "LetterState",
    "LoginSession",
    "ManifestEntry",
    "QrReading",
    "Role",
    "Share",
    "ShareJump",
    "Step",
    "StepStatus",
    "UtcMoment",
]
