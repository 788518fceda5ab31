#!/usr/bin/env python3
"""Draws docs/zenith-db.svg from the real output of the command.

usage: picture.py [PROGRAM] > docs/zenith-db.svg

PROGRAM is the path of zenith-db; target/release/zenith-db by default. `make picture` runs this script.
"""

import html
import os
import re
import subprocess
import sys
import tempfile

COMMANDS = [["create", "--admin-user", "ada"], ["status"], ["health-check"]]
COLUMNS, LINE, CHARACTER, MARGIN = 104, 17, 7.83, 14
COLOURS = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341"}
PROMPT = "\x1b[32m$\x1b[0m zenith-db "


def output_of(program):
    """Returns the prompts and the output of the commands, run in an empty directory."""
    lines = []
    with tempfile.TemporaryDirectory() as directory:
        environment = {"PATH": "/usr/bin:/bin", "ZENITH_ADMIN_PASSWORD": "correct horse battery"}
        for command in COMMANDS:
            lines.append(PROMPT + " ".join(command))
            run = subprocess.run(
                [program, "--color", "always", *command],
                cwd=directory, env=environment, capture_output=True, text=True, check=True,
            )
            lines += run.stdout.replace(directory, ".").splitlines()
            lines.append("")
    return lines[:-1]


def spans(line):
    """Returns the pieces of a line, each with its style, cut to the width of the picture."""
    style, room, pieces = "", COLUMNS, []
    for text, codes in re.findall(r"([^\x1b]*)(?:\x1b\[([0-9;]*)m)?", line):
        piece = text if len(text) <= room else text[: room - 1] + "…"
        if piece and room > 0:
            pieces.append(f"<tspan{style}>{html.escape(piece)}</tspan>")
        room -= len(piece)
        if codes:
            parts = codes.split(";")
            fill = next((f' fill="{COLOURS[part]}"' for part in parts if part in COLOURS), "")
            bold = ' font-weight="bold"' if "1" in parts else ""
            style = "" if parts == ["0"] else (fill or style if "1" in parts else fill) + bold
    return "".join(pieces)


def picture(lines):
    """Returns the picture of a terminal with these lines."""
    width, height = COLUMNS * CHARACTER + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    rows = "\n".join(
        f'<text x="{MARGIN}" y="{MARGIN + LINE * number + 13}" xml:space="preserve">{spans(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">\n'
        "<title>zenith-db create, status and health-check in a terminal</title>\n"
        '<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n'
        '<g font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="13" '
        f'fill="#c9d1d9">\n{rows}\n</g>\n</svg>\n'
    )


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit("usage: picture.py [PROGRAM]")
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    program = os.path.join(root, "target", "release", "zenith-db")
    # Absolute, because the commands run in another directory.
    program = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else program)
    sys.stdout.write(picture(output_of(program)))
