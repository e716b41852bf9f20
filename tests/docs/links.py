#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""links.py [DIRECTORY]: checks that local links in all Markdown files lead to a file of the tree, and their anchors to a heading.

With DIRECTORY, the same for the pages of a site that scripts/website.py made. Links to other hosts are not followed.
"""

import re
import sys
from html import unescape
from os.path import dirname, normpath, join
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import website  # noqa: E402 pylint: disable=wrong-import-position


def prose(text):
    """Returns the text without code blocks and code spans, which may look like links"""
    text = re.sub(r"^(```.*?^```|    .*?$)", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", lambda match: "x" * len(match[0]), text)


def markdown(path):
    """Returns (links, anchors) of a Markdown file"""
    text = path.read_text(encoding="utf-8")
    taken = {}
    fenced = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ +(.*)$", fenced, re.MULTILINE)
    anchors = {website.slug(re.sub(r"[*`]|\]\([^)]*\)", "", heading), taken) for heading in headings}
    return re.findall(r"\]\(([^)\s]+)\)", prose(text)), anchors


def page(path):
    """Returns (links, anchors) of a web page"""
    text = path.read_text(encoding="utf-8")
    return [unescape(link) for link in re.findall(r'(?:href|src)="([^"]*)"', text)], set(re.findall(r'id="([^"]*)"', text))


def check(top, names, read):
    """Prints the links of these files that lead nowhere; returns how many links there are, and how many are broken."""
    contents = {name: read(top / name) for name in names}
    links = broken = 0
    for name, (found, _) in contents.items():
        for link in found:
            if re.match(r"[a-z]+:", link):
                continue
            links += 1
            path, _, anchor = link.partition("#")
            there = normpath(join(dirname(name), path)) if path else name
            if not (top / there).exists():
                why = "no such file"
            elif anchor and there in contents and anchor not in contents[there][1]:
                why = "no such heading"
            else:
                continue
            print(f"{name}: {link}: {why}")
            broken += 1
    return links, broken


def main():
    if len(sys.argv) > 1:
        top = Path(sys.argv[1])
        links, broken = check(top, sorted(str(path.relative_to(top)) for path in top.rglob("*.html")), page)
    else:
        links, broken = check(website.TOP, website.documents(), markdown)
    print(f"{links} links, {broken} broken")
    # No link at all means that this program did not understand its input.
    return broken > 0 or not links


if __name__ == "__main__":
    sys.exit(main())
