#!/usr/bin/env python3
"""config_man.py VERSION: prints agentkernel.toml(5), made from docs/configuration.md.

That page's keys are compared with the schema in src/config by a test, so the manual cannot say
something else. Only the Markdown that the page uses is understood; anything else ends it.
"""
import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
ESCAPES = {"\\": r"\e", "-": r"\-", "'": r"\(aq", '"': r"\(dq", "^": r"\(ha", "~": r"\(ti"}


def roff(text):
    """One line of text; `code` in bold, **strong** too, and links as their text."""
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)
    out = []
    for i, part in enumerate(re.split(r"`|\*\*", text)):
        plain = "".join(ESCAPES.get(c, c) for c in part)
        out.append(f"\\fB{plain}\\fR" if i % 2 else plain)
    line = "".join(out)
    return r"\&" + line if line.startswith((".", "'")) else line


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def table(lines):
    """A tagged paragraph for each row: the first cell, then the others under their heads."""
    head, rows = cells(lines[0]), [cells(line) for line in lines[2:]]
    for row in rows:
        if len(row) != len(head):
            sys.exit(f"{PAGE.name}: a row of {len(row)} cells below a head of {len(head)}: {row}")
        yield ".TP"
        yield roff(row[0] if row[0].startswith("`") else f"**{row[0]}**")
        if head == ["key", "type", "default", "file", "meaning"]:
            yield roff(row[4])
            yield roff(f"Type: {row[1]}. Default: {row[2]}. File: {row[3]}.")
        elif len(head) == 2:
            yield roff(row[1])
        else:
            yield roff("; ".join(f"{name}: {cell}" for name, cell in zip(head[1:], row[1:])) + ".")


def body(lines):
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("|"):
            end = at
            while end < len(lines) and lines[end].startswith("|"):
                end += 1
            yield from table(lines[at:end])
            at = end
            continue
        at += 1
        if line.startswith("<!--") or line.startswith("# "):
            continue
        if not line:
            if at < len(lines) and lines[at] and lines[at][0] not in "|#<-":
                yield ".PP"
        elif line.startswith("## "):
            yield f".SH {roff(line[3:].upper())}"
        elif line.startswith("### "):
            yield f".SS {roff(line[4:])}"
        elif line.startswith("- "):
            yield r".IP \(bu 2"
            yield roff(line[2:])
        elif line[0] in "#>*`" and not line.startswith("`"):
            sys.exit(f"{PAGE.name}: not understood: {line}")
        else:
            yield roff(line.strip())


def main():
    version = sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__)
    # Paragraphs between sections need no .PP of their own.
    text = [r".\" Made from docs/configuration.md.",
            f'.TH AGENTKERNEL.TOML 5 "" "agentkernel {version}" "agentkernel manual"',
            ".SH NAME", r"agentkernel.toml \- configuration of agentkernel", ".SH DESCRIPTION"]
    for line in body(PAGE.read_text().splitlines()):
        if line == ".PP" and text[-1].startswith((".SH", ".SS")):
            continue
        text.append(line)
    text += [".SH SEE ALSO", r".BR agentkernel (1),", r".BR agentkernel\-config\-show (1),",
             r".BR agentkernel\-trust (1)"]
    print("\n".join(text))


main()
