"""The output of the demo: with colours and a spinner on a terminal, as plain lines in a file."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.box import ROUNDED, SIMPLE_HEAD
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 100
"""The width, in columns, of output that is not a terminal."""


class Screen:
    """Standard output, line by line."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
        self._mark = "ok" if self._console.options.ascii_only else "✓"
        self._chapters = 0

    def title(self, text: str) -> None:
        """Print the title of the demo."""
        self._line(Text(text, style="bold"))

    def chapter(self, title: str) -> None:
        """Print the heading of the next chapter."""
        self._chapters += 1
        self._line(Text(f"\n{self._chapters}. {title}", style="bold cyan"))

    def say(self, text: str) -> None:
        """Print a sentence."""
        self._line(Text(text))

    def command(self, typed: str) -> None:
        """Print a command as a user would type it."""
        self._line(Text.assemble(("$ ", "dim"), (typed, "bold")))

    def done(self, text: str) -> None:
        """Print a success."""
        self._line(Text.assemble((f"{self._mark} ", "green"), text))

    def refusal(self, text: str) -> None:
        """Print the message of a refused command."""
        self._line(Text(text, style="yellow"))

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Print the reason for a wait. On a terminal, show it with a spinner until the block ends."""
        if not self._console.is_terminal:
            self.say(f"{text} ...")
            yield
            return
        with self._console.status(text):
            yield

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print rows under headings, with text in the first column and numbers in the others."""
        drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
        for n, column in enumerate(columns):
            drawn.add_column(column, justify="right" if n else "left", no_wrap=n == 0)
        for row in rows:
            drawn.add_row(*row)
        self._console.print(drawn)

    def summary(self, title: str, proved: Sequence[str]) -> None:
        """Print a frame with the proved facts."""
        lines = Table.grid(padding=(0, 2, 0, 0))  # a wrapped sentence is indented below its first word
        for sentence in proved:
            lines.add_row(Text(self._mark, style="green"), sentence)
        self._console.print()
        self._console.print(Panel(lines, title=title, box=ROUNDED, expand=False, padding=(1, 2)))

    def places(self, places: Sequence[tuple[str, str]]) -> None:
        """Print things to look at with their addresses, never wrapped, so that they can be clicked and copied."""
        width = max(len(name) for name, _ in places)
        for name, place in places:
            self._line(Text.assemble((f"{name:<{width}}  ", "bold"), place))

    def close(self) -> None:
        """Restore the terminal's cursor, which a spinner hides."""
        self._console.show_cursor()

    def _line(self, text: Text) -> None:
        """Print one line; a terminal wraps it."""
        self._console.print(text, soft_wrap=True)
