"""The clock. Times are for people to read; what came first is told by numbers."""

from datetime import UTC, datetime


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def in_utc(at: datetime) -> datetime:
    """A time as a database gives it back: SQLite forgets the zone, PostgreSQL gives it in the zone of the server."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
