"""Long work: runs in chunks, and the processes that do it."""
