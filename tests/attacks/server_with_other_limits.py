"""Runs the service on the hashing encoder with some limits changed, and says on stdout which port it got.

Called by the tests as a program of its own: ``python server_with_other_limits.py '{"REQUEST_SECONDS": 1}'``.
"""

import json
import socket
import sys

from service import limits

for name, value in json.loads(sys.argv[1]).items():
    setattr(limits, name, value)

# Imported after that, because schemas and routes take the limits over.
from service.app import create_app  # noqa: E402
from service.http_server import allow_many_connections, build_server  # noqa: E402
from service.logging import log_to_stderr  # noqa: E402
from service.settings import HASHING_MODEL, Settings  # noqa: E402

if __name__ == "__main__":
    settings = Settings(model=HASHING_MODEL)
    log_to_stderr()
    allow_many_connections()
    listener = socket.create_server((settings.host, 0))
    print(listener.getsockname()[1], flush=True)
    build_server(create_app(settings), settings).run(sockets=[listener])
