"""The command ``themecoder``: what was asked for to stdout or a file, all else to stderr; 0 done, 1 failed, 2 usage."""

import click

from service.cli.agreement_command import agreement
from service.cli.database_commands import backup, copy_database, demo, doctor, migrate, restore
from service.cli.evaluate_command import evaluate
from service.cli.serve_command import serve
from service.cli.suggest_command import suggest
from service.cli.worker_command import worker


@click.group()
@click.version_option(package_name="themecoder")
def main() -> None:
    """Suggest codes from a codebook for segments of interviews and focus groups, on this machine."""


for command in (serve, worker, suggest, evaluate, agreement, migrate, doctor, backup, restore, copy_database, demo):
    main.add_command(command)
