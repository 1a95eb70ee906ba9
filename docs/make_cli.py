"""Writes docs/cli.md: the help of `ganbench` and of each verb, as the program prints it.

Run it after a change of the command line: `make docs`. A test checks that the page is current.
"""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli import cli

PAGE = Path(__file__).with_name("cli.md")

HEAD = """# The command line

What `ganbench --help` and `ganbench VERB --help` print. Made by `make docs`; do not edit it by hand.

Exit codes: 0 done (diverged trials included), 1 a pack crashed for good, 2 bad usage or a bad study, 3 a
claim refuted under `--strict`, 4 inconclusive, untestable or incomplete under `--strict`, 130 interrupted and
resumable.
"""


def page() -> str:
    """The whole page."""
    blocks = [HEAD, _block("ganbench", cli, None)]
    for name in sorted(cli.commands):
        blocks.append(_block(f"ganbench {name}", cli.commands[name], name))
    return "\n".join(blocks)


def _block(title: str, command: click.Command, name: str | None) -> str:
    parent = None if name is None else click.Context(cli, info_name="ganbench")
    context = click.Context(
        command,
        parent=parent,
        info_name=name or "ganbench",
        terminal_width=100,
        help_option_names=cli.context_settings["help_option_names"],
    )
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"## {title}\n\n```text\n{text}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page())
