"""A real Chromium, headless, for tests of the page; where there is none they are skipped, and say so."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
ONE_LOOP = pytest.mark.asyncio(loop_factories=["asyncio"])
"""A browser costs seconds: once is enough."""
VIEWS = ("overview", "stream", "modules", "tasks", "decisions", "locks", "state", "events", "waiting", "ask")

expect: Any = None
"""Playwright's, which waits until what is expected is so."""

try:
    from playwright import async_api
except ImportError:
    missing = "playwright is not installed: pip install 'companion-async[browser]'"
else:
    missing = "" if CHROMIUM else "there is no chromium on this machine: apt-get install chromium"
    expect = async_api.expect
    expect.set_options(timeout=10_000)

CONTRASTS = """() => {
  const probe = document.createElement("i");
  document.body.append(probe);
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const light = (token) => {
    probe.style.color = `var(--${token})`;
    const [r, g, b] = getComputedStyle(probe).color.match(/[\\d.]+/g).map((part) => linear(part / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const texts = ["ink", "muted", "accent", "good", "warn", "bad"];
  const pairs = texts.flatMap((text) => ["ground", "surface", "sunken"].map((under) => [text, under]));
  for (const text of ["good", "warn", "bad", "accent"]) pairs.push([text, `${text}-wash`]);
  pairs.push(["accent-ink", "accent"]);
  return pairs.map(([text, under]) => [text, under, ratio(text, under)]);
}"""
"""``[text, ground, ratio]`` of all pairs of colours that the page puts on each other."""

NAMELESS = """() => {
  const controls = "button, a[href], input, select, textarea, canvas[tabindex], summary";
  const name = (each) => each.getAttribute("aria-label") || each.textContent || (each.labels?.length ? "labelled" : "");
  return [...document.querySelectorAll(controls)]
    .filter((each) => each.checkVisibility() && !name(each).trim()).map((each) => each.outerHTML);
}"""
"""The controls that can be seen and have no accessible name."""

INTRUDE = """() => {
  const inline = document.createElement("script");
  inline.textContent = "window.hit = 1";
  const foreign = document.createElement("script");
  foreign.src = "http://127.0.0.2:9/x.js";
  document.body.append(inline, foreign);
  document.body.insertAdjacentHTML("beforeend", "<button id=evil onclick='window.hit=1'>x</button>");
  document.getElementById("evil").click();
}"""
"""What an attacker would do who could write markup into the page."""

PAINTED = """([token, wanted]) => {
  const probe = document.createElement("i");
  document.body.append(probe);
  probe.style.color = token;
  const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  probe.remove();
  const canvas = document.querySelector(".stream");
  if (!canvas.width) return false;
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let found = 0;
  for (let at = 0; at < data.length; at += 4) found += data[at] === r && data[at + 1] === g && data[at + 2] === b;
  return found >= wanted;
}"""
"""Whether so many pixels of the task stream have the colour of a token."""

TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"

needs_browser = pytest.mark.skipif(bool(missing), reason=missing)


@asynccontextmanager
async def a_browser() -> AsyncIterator[async_api.Browser]:
    """One browser for a test."""
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


class Watched:
    """A page with all that it complained of and all that it asked for."""

    def __init__(self, page: async_api.Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def _said(self, message: Any) -> None:
        # Tests read back what is drawn, and the browser has advice for whoever does that.
        if message.type in ("error", "warning") and "getImageData" not in message.text:
            self.complaints.append(message.text)


@asynccontextmanager
async def a_page(url: str, **options: Any) -> AsyncIterator[Watched]:
    """The page at ``url`` in a browser of its own."""
    async with a_browser() as browser:
        context = await browser.new_context(**options)
        watched = Watched(await context.new_page())
        await watched.page.goto(url)
        yield watched
