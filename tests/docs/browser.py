#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""browser.py DIRECTORY: checks every page of a site that scripts/website.py made, in headless Chromium. Prints TAP.

Chromium is controlled over the pipe of its debugging protocol: each message is a JSON object, ended by a zero byte.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

NARROW = 360

# Elements that are wider than the screen, except those that scroll by themselves
OVERFLOW = """(() => {
	const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
	if (wide <= 0)
		return "";
	const culprits = [...document.querySelectorAll("main *, nav *")].filter((element) =>
		element.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && !element.closest("pre, .wide"));
	return wide + " px too wide: " + culprits.map((element) => element.outerHTML.slice(0, 80)).slice(0, 3).join(" ");
})()"""

# Luminance of the page, and the worst contrast of text and links against the page, by the formulas of WCAG 2
CONTRAST = """(() => {
	const rgb = (text) => text.match(/[0-9.]+/g).slice(0, 3).map(Number);
	const light = (color) => rgb(color).map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
		.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const paper = light(getComputedStyle(document.body).backgroundColor);
	const ratio = (element) => { const ink = light(getComputedStyle(element).color);
		return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05); };
	return { paper, worst: Math.min(...[document.body, ...document.querySelectorAll("main a, nav a, footer")].map(ratio)) };
})()"""

IMAGES = """[...document.images].filter((image) => !image.complete || !image.naturalWidth).map((image) => image.src).join(" ")"""


class Browser:
    def __init__(self, profile):
        to_browser, self.to = os.pipe()
        self.come, from_browser = os.pipe()
        # The debugging protocol uses descriptors 3 and 4. Root needs --no-sandbox, which is safe with this project's pages.
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec 3<&{to_browser} 4>&{from_browser}; exec "$@"', "sh", "chromium", "--headless", "--no-sandbox", "--disable-gpu",
             "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.number, self.session, self.buffer, self.events = 0, None, b"", []
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        self.call("Page.enable")

    def receive(self):
        while b"\0" not in self.buffer:
            data = os.read(self.come, 65536)
            if not data:
                raise SystemExit("Bail out! Chromium has ended")
            self.buffer += data
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"Bail out! {method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer.get("method"))

    def open(self, page):
        self.events = []
        self.call("Page.navigate", url=page.as_uri())
        while "Page.loadEventFired" not in self.events:
            self.events.append(self.receive().get("method"))

    def screen(self, width, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"Bail out! {result['exceptionDetails']}")
        return result["result"].get("value")

    def close(self):
        self.call("Browser.close")
        self.process.wait(20)


def problems(browser, page):
    """Returns the page's problems, one line each"""
    browser.screen(NARROW, "light")
    browser.open(page)
    found = [browser.value(OVERFLOW)]
    missing = browser.value(IMAGES)
    found.append(f"images that do not load: {missing}" if missing else "")
    for width, scheme, dark in ((NARROW, "light", False), (1200, "dark", True)):
        browser.screen(width, scheme)
        contrast = browser.value(CONTRAST)
        if (contrast["paper"] < 0.2) != dark:
            found.append(f"{scheme}: the background's luminance is {contrast['paper']:.2f}")
        if contrast["worst"] < 4.5:
            found.append(f"{scheme}: the contrast of some text is {contrast['worst']:.1f}, less than 4.5")
    found.append(browser.value(OVERFLOW))
    return [problem for problem in found if problem]


def main():
    site = Path(sys.argv[1]).resolve()
    pages = sorted(site.rglob("*.html"))
    failed = 0
    print(f"TAP version 13\n1..{len(pages)}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        for number, page in enumerate(pages, 1):
            found = problems(browser, page)
            for problem in found:
                print(f"# {problem}")
            failed += bool(found)
            print(f"{'not ok' if found else 'ok'} {number} {page.relative_to(site)} at {NARROW} px and in the dark", flush=True)
        browser.close()
    return failed > 0 or not pages


if __name__ == "__main__":
    sys.exit(main())
