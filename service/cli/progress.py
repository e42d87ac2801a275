"""How far long work has come: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

PLAIN_PROGRESS_SECONDS = 10


@contextmanager
def progress_of_steps() -> Iterator[Callable[[str, int, int], object]]:
    """A function to be told of the step, how much of it is done (at first 0), and how much there is to do."""
    if not sys.stderr.isatty():
        yield _plain_lines()
        return
    from tqdm import tqdm

    with tqdm(file=sys.stderr, leave=False, delay=1e-3) as bar:

        def show(step: str, done: int, total: int) -> None:
            if done == 0:
                bar.reset(total)
                bar.set_description(step)
            bar.update(done - bar.n)

        yield show


def _plain_lines() -> Callable[[str, int, int], object]:
    last = time.monotonic()

    def show(step: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == 0:
            last = now
        elif done < total and now - last >= PLAIN_PROGRESS_SECONDS:
            last = now
            click.echo(f"{step}: {done} of {total}", err=True)

    return show
