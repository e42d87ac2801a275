"""``themecoder migrate``, ``doctor``, ``backup``, ``restore`` and ``demo``: what looks after the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.guard import FILE, read_settings, says_what_went_wrong, stopping_tidily

if TYPE_CHECKING:
    from service.storage.database import Database


@click.command()
@says_what_went_wrong
def migrate() -> None:
    """Bring the database to the newest schema, or make it."""
    from service.storage import schema

    with _database() as database:
        before, after = schema.migrate(database)
    if before == after:
        click.echo(f"The database has the newest schema already: {after}", err=True)
    else:
        click.echo(f"The database went from schema {before or 'none'} to {after}", err=True)


@click.command()
@says_what_went_wrong
def doctor() -> None:
    """Check that the database and the fitted models are whole; exit code 1 if they are not."""
    from service.actions.examine_fitted_models import fitted_model_problems
    from service.encoders import Encoders
    from service.storage.examination import examine

    with _database() as database:
        found = examine(database)
        # Without a digest, the rows that tell of them cannot be read.
        of_models = fitted_model_problems(database, Encoders(read_settings())) if found.digest is not None else ()
        problems = [*found.problems, *of_models]
    for problem in problems:
        click.echo(problem)
    if not problems:
        click.echo("no problems found")
    if found.digest is not None:
        click.echo(f"content digest {found.digest}")
    if problems:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@says_what_went_wrong
def backup(target: Path) -> None:
    """Write a copy of the database to TARGET, a new file, while the service may be running."""
    from service.storage.backup import back_up

    with stopping_tidily(), _database() as database:
        back_up(database, target)
    click.echo(f"Backup written to {target}", err=True)


@click.command()
@click.argument("source", type=FILE)
@click.option("--replace", is_flag=True, help="Keep the database that is there under another name.")
@says_what_went_wrong
def restore(source: Path, replace: bool) -> None:
    """Put SOURCE, a backup, in the place of the database; the service must not be running."""
    from service.storage import backup
    from service.storage.times import now

    with stopping_tidily(), _database(alone=True) as database:
        kept = backup.restore(source, database, now(), replace=replace)
    if kept is not None:
        click.echo(f"The database before is kept as {kept}", err=True)
    click.echo("Restored", err=True)


@click.command("copy-database")
@click.argument("source")
@click.argument("target")
@says_what_went_wrong
def copy_database(source: str, target: str) -> None:
    """Copy all of SOURCE into TARGET, an empty database; each is the URL of a database or a file of SQLite."""
    from service.storage import copying
    from service.storage.adaptations import kept_models
    from service.storage.data_folder import in_use
    from service.storage.database import Database

    ends = [Database(given if "://" in given else f"sqlite:///{Path(given).absolute()}") for given in (source, target)]
    try:
        with in_use(ends[0]), in_use(ends[1]):
            copied = copying.copy_database(*ends)
            with ends[1].read() as connection:
                fitted = len(kept_models(connection))
    finally:
        for end in ends:
            end.close()
    for table, count in copied.counts.items():
        click.echo(f"{table}: {count}")
    click.echo(f"content digest {copied.digest} on both sides")
    if fitted:
        click.echo(f"Fitted models, {fitted} of them, lie in the data folder, not in the database.", err=True)


@click.command()
@says_what_went_wrong
def demo() -> None:
    """Load the demo study, invented transcripts to try things with, unless it is there."""
    from service.actions.load_demo_study import load_demo_study
    from service.storage import schema

    with _database() as database:
        schema.migrate(database)
        project, is_new = load_demo_study(database)
    if is_new:
        click.echo(f"Loaded as project {project.id}: {project.name}", err=True)
    else:
        click.echo(f"The demo study is there already, as project {project.id}", err=True)


@contextmanager
def _database(*, alone: bool = False) -> Iterator["Database"]:
    """The configured database, held while it is used."""
    from service.storage.data_folder import in_use
    from service.storage.database import Database

    database = Database(read_settings().database_url)
    try:
        with in_use(database, alone=alone):
            yield database
    finally:
        database.close()
