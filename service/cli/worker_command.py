"""``themecoder worker``."""

import os
from contextlib import suppress

import click

from service.cli.guard import read_settings, says_what_went_wrong, stopping_tidily


@click.command()
@says_what_went_wrong
def worker() -> None:
    """Work on runs beside the workers that the service starts; with PostgreSQL also on another machine."""
    from service.batch.supervisor import Supervisor
    from service.logging import log_to_stderr

    settings = read_settings()
    log_to_stderr()
    supervisor = Supervisor(settings.database_url, dict(os.environ))
    click.echo("themecoder works on runs (Ctrl+C stops it)", err=True)
    with stopping_tidily(), suppress(KeyboardInterrupt):
        supervisor.start()
        supervisor.join()
    supervisor.stop()
