"""``themecoder agreement``: human against human; the table to stdout."""

from pathlib import Path

import click

from models.codebook import BUILT_IN
from service.cli.guard import FILE, says_what_went_wrong, stopping_tidily

NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("source", metavar="CODED", type=FILE)
@click.option("--coders", help="Names of two or more coders, divided by commas; without it all of them.")
@click.option("--codebook", help=f"{', '.join(BUILT_IN)}, or a .json file: for names and levels of the tree.")
@click.option("--json", "json_file", type=NEW_FILE, help="A file for the figures at full precision.")
@click.option("--report", type=NEW_FILE, help="An .html file to read.")
@says_what_went_wrong
def agreement(
    source: Path, coders: str | None, codebook: str | None, json_file: Path | None, report: Path | None
) -> None:
    """Say how far the coders of CODED agree, a .jsonl file of coded segments: per code, per level and pooled."""
    from service.actions.compare_coders_of_file import compare_coders_of_file
    from service.actions.suggest_file import naming_file
    from service.formats.agreement_reports import agreement_lines, agreement_report
    from service.formats.codebook_files import read_codebook
    from service.formats.whole_files import keep_from_overwriting, write_json, write_text

    keep_from_overwriting([json_file, report], [source, Path(codebook) if codebook is not None else None])
    names = None if coders is None else [name.strip() for name in coders.split(",")]
    with naming_file("--codebook"):
        tree = None if codebook is None else read_codebook(codebook)
    with stopping_tidily():
        found = compare_coders_of_file(source, tree, coders=names)
        if json_file is not None:
            with naming_file("--json"):
                write_json(json_file, found)
        if report is not None:
            with naming_file("--report"):
                write_text(report, agreement_report(found))
    for line in [*found["warnings"], *found["notes"]]:
        click.echo(line, err=True)
    for line in agreement_lines(found):
        click.echo(line)
