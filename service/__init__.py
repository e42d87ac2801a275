"""The service side of themecoder: everything with a socket, a disk or a clock."""
