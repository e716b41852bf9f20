#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""website.py [DIRECTORY]: makes web pages of all Markdown files of this tree, static and without scripts -> build/html

lowdown makes the HTML. This program adds what is common to all pages: a frame with navigation, the anchors that GitHub gives to
headings, links between pages, and files that pages link to.
"""

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
NAVIGATION = [
    ("Start", "README.md"),
    ("Recipes", "doc/recipes.md"),
    ("Troubleshooting", "doc/troubleshooting.md"),
    ("button_irq(4)", "doc/man/button_irq.4.md"),
    ("button-irq(1)", "doc/man/button-irq.1.md"),
    ("button-irq-mqtt(1)", "doc/man/button-irq-mqtt.1.md"),
    ("Python", "userspace/python/README.md"),
    ("How it works", "doc/how-it-works.md"),
    ("Benchmarks", "doc/benchmarks.md"),
    ("Tested", "doc/tested.md"),
    ("Contributing", "CONTRIBUTING.md"),
]
STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1f2328; --dim: #59636e; --line: #d1d9e0; --code: #f3f5f7; --link: #0757b0 }
@media (prefers-color-scheme: dark) {
	:root { --paper: #0d1117; --ink: #e6edf3; --dim: #9aa4af; --line: #30363d; --code: #161b22; --link: #6cb0ff }
	img.plot { filter: invert(1) hue-rotate(180deg) }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; overflow-wrap: break-word }
nav { border-bottom: 1px solid var(--line); padding: .6rem 1rem; display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .9rem }
nav a { text-decoration: none } nav a[aria-current] { color: var(--ink); font-weight: 600 }
main { max-width: 54rem; margin: 0 auto; padding: 1rem }
a { color: var(--link) }
h1, h2, h3 { line-height: 1.25; margin: 1.8em 0 .6em } h1 { font-size: 1.7rem } h2 { font-size: 1.3rem } h3 { font-size: 1.1rem }
h1:first-child { margin-top: .4em }
pre, code { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; background: var(--code); border-radius: 4px }
code { font-size: .88em; padding: .1em .3em } pre { padding: .8rem; overflow-x: auto; line-height: 1.4 } pre code { padding: 0 }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .92rem }
td, th { border: 1px solid var(--line); padding: .35rem .6rem; vertical-align: top; text-align: left } th { background: var(--code) }
td[style*=right], th[style*=right] { text-align: right }
dt { margin-top: .7em } dd { margin-left: 1.5rem } dd p { margin: .3em 0 }
img { max-width: 100%; height: auto; border-radius: 6px }
footer { color: var(--dim); font-size: .85rem; border-top: 1px solid var(--line); padding: .8rem 1rem; text-align: center }
"""


def documents():
    """The paths of all Markdown files of the tree, from git or, in a release's archive, from the directories"""
    if (TOP / ".git").exists():
        command = ["git", "-c", f"safe.directory={TOP}", "-C", TOP, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
        names = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout.split("\0")
    else:
        names = [str(path.relative_to(TOP)) for path in TOP.rglob("*.md")]
    return sorted(name for name in names if name and (TOP / name).is_file() and not name.startswith("build/"))


def slug(heading, taken):
    """The anchor that GitHub gives to a heading; the second of two equal headings gets -1"""
    text = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
    number = taken.get(text, -1) + 1
    taken[text] = number
    return f"{text}-{number}" if number else text


def page_of(document):
    """The path of a document's page"""
    path = Path(document)
    return str(path.with_name("index.html") if path.name == "README.md" else path.with_suffix(".html"))


def plain(text):
    return html.unescape(re.sub(r"<[^>]*>", "", text))


def target(document, link, pages, files):
    """The target of a document's link on its page, or None if the site does not have the target, such as a directory"""
    if re.match(r"[a-z]+:", link):
        return link
    path, _, anchor = link.partition("#")
    anchor = "#" + anchor if anchor else ""
    if not path:
        return anchor
    name = os.path.normpath(os.path.join(os.path.dirname(document), path))
    if f"{name}/README.md" in pages:
        name = f"{name}/README.md"
    if name in pages:
        name = page_of(name)
    elif (TOP / name).is_file():
        files.add(name)
    else:
        return None
    return os.path.relpath(name, os.path.dirname(page_of(document)) or ".") + anchor


def body(document, pages, files):
    """The HTML of a document, with the links and anchors of the site"""
    text = subprocess.run(["lowdown", "-Thtml", "--parse-no-metadata", "--parse-no-intraemph", "--html-no-head-ids", "--out-no-smarty",
                           TOP / document], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    taken = {}
    text = re.sub(r"<(h[1-6])>(.*?)</\1>", lambda m: f'<{m[1]} id="{slug(plain(m[2]), taken)}">{m[2]}</{m[1]}>', text, flags=re.DOTALL)

    def link(match):
        where = target(document, html.unescape(match[1]), pages, files)
        return f'<a href="{html.escape(where)}">{match[2]}</a>' if where else match[2]

    def image(match):
        where = target(document, html.unescape(match[1]), pages, files)
        kind = "" if where.endswith("demo.svg") else ' class="plot"'
        return f'<img{kind} src="{html.escape(where)}"'

    text = re.sub(r'<a href="([^"]*)">(.*?)</a>', link, text, flags=re.DOTALL)
    text = re.sub(r'<img src="([^"]*)"', image, text)
    return text.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")


def frame(document, content, pages):
    """A whole page"""
    manual = re.match(r"doc/man/(.*)\.(\d)\.md", document)
    heading = re.search(r"<h1[^>]*>(.*?)</h1>", content, re.DOTALL)
    title = f"{manual[1]}({manual[2]})" if manual else plain(heading[1]) if heading else document
    here = os.path.dirname(page_of(document)) or "."
    entries = [f'<a href="{os.path.relpath(page_of(name), here)}"{" aria-current=page" if name == document else ""}>{label}</a>'
               for label, name in NAVIGATION if name in pages]
    return "\n".join([
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(title)}{'' if document == 'README.md' else ' – button_irq'}</title>",
        f'<link rel="stylesheet" href="{os.path.relpath("style.css", here)}">', "</head>", "<body>",
        "<nav>", *entries, "</nav>", "<main>", content, "</main>",
        f"<footer>button_irq, GPL-2.0. Made of {html.escape(document)}.</footer>", "</body>", "</html>", ""])


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else TOP / "build/html"
    if not shutil.which("lowdown"):
        sys.exit("website.py: lowdown is missing: sudo apt install lowdown")
    shutil.rmtree(out, ignore_errors=True)
    pages, files = set(documents()), set()
    for document in sorted(pages):
        path = out / page_of(document)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(frame(document, body(document, pages, files), pages), encoding="utf-8")
    (out / "style.css").write_text(STYLE.lstrip(), encoding="utf-8")
    for name in files:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(TOP / name, out / name)
    print(f"{len(pages)} pages: {out}/index.html")


if __name__ == "__main__":
    main()
