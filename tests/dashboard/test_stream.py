"""The task stream in a real browser: what is drawn is what ran."""

from __future__ import annotations

import asyncio
import re
import threading

import pytest

from companion_async.clock import SystemClock
from companion_async.errors import TaskTimeoutError
from companion_async.http import runs as keeping
from companion_async.testing.clock import until
from tests.dashboard.browser import ONE_LOOP, PAINTED, TWO_FRAMES, a_page, expect, needs_browser
from tests.http.servers import a_brain, on_loopback

pytestmark = [needs_browser, ONE_LOOP, pytest.mark.feature("X-12")]


async def painted(page, token: str, wanted: int = 20) -> None:
    """Wait until that colour is on the canvas."""
    await page.wait_for_function(PAINTED, arg=[token, wanted], timeout=10_000)


async def test_runs_are_drawn_in_their_thread_by_module_and_end():
    """A module's colour for what ran, red for what failed, and a click on a run tells its task."""
    async with a_brain() as brain, on_loopback("serve", brain) as url, a_page(f"{url}/#/stream") as watched:
        page = watched.page
        await expect(page.locator("main")).to_contain_text("No thread has worked yet")
        await brain.register("painter", lambda event: event.wait(0.4), category="advanced")
        task = brain.submit("painter", "run", threading.Event())
        await task
        with pytest.raises(ValueError, match="secret"):
            await brain.submit("bad")
        await painted(page, "var(--c2)")
        await painted(page, "var(--failed)")
        await expect(page.get_by_label("By module, in view")).to_contain_text("painter")
        row = page.locator("tr", has_text=task.id)
        await expect(row).to_contain_text("companion-advanced-1")
        await page.keyboard.press(" ")
        await expect(page.get_by_role("button", name="Go on")).to_be_visible()
        before = await page.locator(".stream").screenshot()
        await page.evaluate(TWO_FRAMES)
        assert await page.locator(".stream").screenshot() == before
        box = await page.locator(".stream").bounding_box()
        assert box is not None
        for x in range(int(box["width"]) - 4, 140, -6):
            await page.mouse.move(box["x"] + x, box["y"] + 58)
            if await page.locator(".tip").is_visible():
                break
        await expect(page.locator(".tip")).to_contain_text(task.id)
        await page.mouse.down()
        await page.mouse.up()
        await expect(page.get_by_label("The chosen run")).to_contain_text(task.id)
        await page.keyboard.press("+")
        await expect(page.get_by_role("button", name="10 s")).to_have_attribute("aria-pressed", "true")
        assert watched.complaints == []


@pytest.mark.slow
async def test_what_timed_out_is_hatched_and_its_thread_goes_on_in_grey():
    """A run past its limit ends hatched; its thread, still in it, is drawn until it leaves."""
    held = threading.Event()
    async with a_brain(cancel_grace=0.05) as brain, on_loopback("serve", brain) as url:
        await brain.register("sleeper", lambda: held.wait(20), category="advanced")
        async with a_page(f"{url}/#/stream") as watched:
            page = watched.page
            await expect(page.locator("#pulse")).to_have_text("Live")
            with pytest.raises(TaskTimeoutError):
                await brain.submit("sleeper", timeout=0.6)
            await painted(page, "var(--c2)", 40)
            await painted(page, "var(--muted)", 60)
            await expect(page.locator("main")).to_contain_text("timed out")
            held.set()


@pytest.mark.slow
async def test_what_is_left_out_is_said():
    """Of more runs than an answer carries the page says how many it does not draw."""
    async with a_brain() as brain, on_loopback("serve", brain) as url, a_page(f"{url}/#/stream") as watched:
        page = watched.page
        await expect(page.locator("main")).to_contain_text("No thread has worked yet")
        await page.route(
            "**/api/threads/runs?after=*", lambda route: route.continue_(url=f"{route.request.url}&limit=10")
        )
        for _ in range(30):
            brain.submit("echo")
        await expect(page.locator("main")).to_contain_text("are not drawn")
        await expect(page.locator("main")).to_contain_text("30 runs in view")


@pytest.mark.slow
async def test_what_ran_while_nobody_looked_is_shown_as_not_known(monkeypatch):
    """After a gap the view says from when on it knows, and does not draw the gap as idle time."""
    monkeypatch.setattr(keeping, "LINGER", 1.5)
    known = re.compile(r"What was before (\S+) is not known here")
    async with a_brain() as brain, on_loopback("serve", brain) as url:
        topic = brain.events.topic("task.completed")
        await brain.submit("echo")
        async with a_page(f"{url}/#/stream") as watched:
            status = watched.page.locator("main").get_by_role("status").first
            await expect(status).to_contain_text(known)
            first = known.search(await status.text_content() or "")
            await watched.page.goto(f"{url}/#/modules")
            await expect(watched.page.locator("h1")).to_have_text("Modules")
            await until(lambda: topic.listeners == 0)
            await watched.page.goto(f"{url}/#/stream")
            await expect(status).to_contain_text(known)
            await expect(status).not_to_contain_text(first[1] if first else "")


SMOOTH = """() => new Promise((done) => {
  const spans = [];
  let last = performance.now();
  const frame = (now) => {
    spans.push(now - last);
    last = now;
    if (spans.length < 120) requestAnimationFrame(frame);
    else done(spans.sort((a, b) => a - b)[60]);
  };
  requestAnimationFrame(frame);
})"""
"""The median time between two frames, in milliseconds."""


@pytest.mark.slow
async def test_it_is_smooth_at_a_thousand_tasks_a_second():
    """With a thousand runs a second every one of them is drawn, and half of the frames come within a thirtieth."""
    async with a_brain() as brain, on_loopback("serve", brain) as url, a_page(f"{url}/#/stream") as watched:
        clock = SystemClock()

        async def flood() -> None:
            began, count = clock.monotonic(), 0
            while True:
                while count < (clock.monotonic() - began) * 1000:
                    brain.submit("echo")
                    count += 1
                await clock.sleep(0.01)

        flooding = asyncio.create_task(flood())
        status = watched.page.locator("main").get_by_role("status").first
        await expect(status).to_contain_text(re.compile(r"\d,\d{3} runs in view, [\d,]{3,} a second"))
        assert await watched.page.evaluate(SMOOTH) < 34
        await expect(status).to_contain_text("Every one of them is drawn")
        flooding.cancel()
