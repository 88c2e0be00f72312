"""The folder of the migrations, for Alembic and for the health check.

Invariant: this file imports neither.
"""

from __future__ import annotations

from pathlib import Path

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
