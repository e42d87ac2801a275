"""The language side of themecoder: texts and codes in, numbers out (no ORM tables live here)."""
