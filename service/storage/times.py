"""The clock. Times are for people to read; what came first is told by numbers."""

from datetime import UTC, datetime


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)
