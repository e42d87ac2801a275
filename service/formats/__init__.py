"""Untrusted files and bodies <-> plain dataclasses; no database, no web."""
