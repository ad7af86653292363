"""What mkdocs does beside rendering: it lists new pages, and writes the command line's reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from qsim.cli.app import app

SECTION = "Explanation"  # of pages that the navigation does not name


def on_config(config: Any) -> Any:
    """Put every page of docs/ that is in no section under `SECTION`."""
    listed = set(_leaves(config["nav"]))
    files = sorted(file.name for file in Path(config["docs_dir"]).glob("*.md"))
    (section,) = (entry[SECTION] for entry in config["nav"] if isinstance(entry, dict) and SECTION in entry)
    section += [name for name in files if name not in listed]
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill in the commands where the page asks for them."""
    return markdown.replace("<!-- commands -->", commands()) if "<!-- commands -->" in markdown else markdown


def commands() -> str:
    """Every command with its arguments and options, from the program itself."""
    parts = []
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        context = command.make_context(f"qsim {name}", [], resilient_parsing=True)
        usage = " ".join(command.collect_usage_pieces(context))
        parts.append(f"## qsim {name}\n\n{command.help}\n\n```text\nqsim {name} {usage}\n```\n")
        rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
        parts.append("| | default | |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(parameter: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if parameter.param_type_name == "argument":
        names = f"`{parameter.metavar or parameter.name.upper()}`"
    value = parameter.default
    default = "" if value in (None, [], ()) or callable(value) else value
    shown = ", ".join(map(str, default)) if isinstance(default, list | tuple) else str(default)
    text = (parameter.help or "").replace("|", "∣")
    return f"| {names} | {'required' if parameter.required else shown} | {text} |"


def _leaves(entry: Any) -> list[str]:
    """The pages of a navigation."""
    if isinstance(entry, dict):
        return [leaf for part in entry.values() for leaf in _leaves(part)]
    return [leaf for part in entry for leaf in _leaves(part)] if isinstance(entry, list) else [entry]
