"""``themecoder serve``."""

import os
import socket
import sys
from contextlib import suppress
from importlib.metadata import packages_distributions

import click

from service.cli.guard import read_settings, says_what_went_wrong, stopping_tidily
from service.encoders import Encoders
from service.errors import CannotStart
from service.settings import Settings


@click.command()
@click.option("--host", help="Address to listen on (default: THEMECODER_HOST or 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port (default: THEMECODER_PORT or 8000).")
@says_what_went_wrong
def serve(host: str | None, port: int | None) -> None:
    """Run the service."""
    from service.app import create_app
    from service.batch.supervisor import Supervisor
    from service.http_server import allow_many_connections, build_server
    from service.logging import log_to_stderr
    from service.storage.data_folder import in_use
    from service.storage.database import Database

    environment = dict(os.environ)
    # Threads that compute together stay each on a processor of its own: moved onto the same one they wait for
    # each other by time slices. Not for other commands, because a process passes this on to those it starts.
    os.environ.setdefault("OMP_PROC_BIND", "true")
    given = {"host": host, "port": port}
    settings = read_settings(**{name: value for name, value in given.items() if value is not None})
    _check_installation()
    log_to_stderr()
    Encoders(settings).check_folders()
    allow_many_connections()
    with in_use(Database(settings.database_url)):
        server = build_server(create_app(settings), settings)
        supervisor = Supervisor(settings.database_url, environment)
        with _listening_socket(settings) as listening:
            click.echo(f"themecoder on {_address(listening)} (Ctrl+C stops it)", err=True)
            supervisor.start()
            # uvicorn finishes what it is doing, and then passes on what stopped it.
            with stopping_tidily(), suppress(KeyboardInterrupt):
                server.run(sockets=[listening])
            supervisor.stop()
    if not server.started:
        raise CannotStart("The service could not start; the lines above say why.")
    # Not by way of the interpreter's own end: a thread that is still loading a model would abort the process then.
    sys.stderr.flush()
    os._exit(0)


def _listening_socket(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        # What stands behind the reason in brackets only says the address again.
        reason = (error.strerror or "").partition(" (")[0]
        raise CannotStart(f"Cannot listen on {settings.host}, port {settings.port}: {reason}.") from error
    # Connections take it over. Without it an answer's body waits until its head is acknowledged, up to 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _check_installation() -> None:
    """Other packages called service or models would silently take the place of ours."""
    owners = packages_distributions()
    for package in ("service", "models"):
        if set(owners.get(package, [])) - {"themecoder"}:
            raise CannotStart(f"The package {package} of themecoder shares its name with another distribution's.")
