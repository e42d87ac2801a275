"""What the service does, one verb per file; no HTTP, no SQL."""
