"""One task's page in a real browser."""

from __future__ import annotations

import threading

import pytest

from companion_async import TaskTimeoutError
from tests.dashboard.browser import NAMELESS, ONE_LOOP, a_page, expect, needs_browser
from tests.dashboard.test_views import EVIL
from tests.http.servers import GUARDED, READONLY, a_brain, on_loopback

pytestmark = [needs_browser, ONE_LOOP, pytest.mark.feature("X-12")]


async def test_a_task_shows_its_way_its_arguments_its_error_and_its_relatives():
    """An operator sees what it was called with, the traceback, and links up and down, whatever they are called; the
    page of a running task goes on by itself.
    """
    gate = threading.Event()

    def waits(path, password):
        gate.wait(50)
        raise LookupError(path)

    async with a_brain(expose_errors=True) as brain, on_loopback("fastapi", brain) as url:
        await brain.register("waits", waits)
        first = brain.submit("waits", "run", EVIL, "hunter2")
        second = brain.submit("echo", after=first, on_upstream_failure="run")
        async with a_page(f"{url}/#/tasks/{first.id}") as watched:
            page, main = watched.page, watched.page.locator("main")
            await expect(page.locator(".badge").first).to_have_text("running")
            await expect(main).to_contain_text("<img src=nowhere")
            await expect(main).to_contain_text("***")
            await expect(main).to_contain_text("These come after it")
            gate.set()
            await expect(page.locator(".badge").first).to_have_text("failed")
            await expect(page.locator(".way li")).to_have_count(3)
            await expect(page.get_by_label("Traceback")).to_contain_text("raise LookupError(path)")
            assert "hunter2" not in (await main.text_content() or "")
            await page.get_by_role("link", name=second.id).click()
            await expect(page.locator(".badge").first).to_have_text("completed")
            await expect(main).to_contain_text("It comes after these. It runs however they end.")
            await expect(main).to_contain_text("What completed lets go of its arguments")
            await page.get_by_role("link", name=first.id).click()
            await expect(main).to_contain_text("LookupError")
            assert await page.evaluate(NAMELESS) == []
            assert await page.evaluate("window.hit") is None
            assert await page.evaluate("document.querySelectorAll('main img').length") == 0
            assert watched.complaints == []


async def test_an_error_that_says_itself_does_not_point_to_the_log():
    """A timeout has no traceback: its text, and what the run was called with, are all there is to see."""
    gate = threading.Event()
    async with a_brain(expose_errors=True) as brain, on_loopback("serve", brain) as url:
        await brain.register("waits", lambda path: gate.wait(50))
        task = brain.submit("waits", "run", "a.png", timeout=0.05)
        with pytest.raises(TaskTimeoutError):
            await task
        async with a_page(f"{url}/#/tasks/{task.id}") as watched:
            main = watched.page.locator("main")
            await expect(main).to_contain_text("passed its run limit")
            await expect(main).to_contain_text("'a.png'")
            await expect(main).not_to_contain_text("stands in the log")
            assert watched.complaints == []
        gate.set()


@pytest.mark.slow
async def test_a_reader_is_told_where_it_stands_and_sees_no_texts():
    """Neither arguments nor traceback nor a way to cancel; the page says for whom they are."""
    async with a_brain(expose_errors=True, **GUARDED) as brain, on_loopback("serve", brain) as url:
        task = brain.submit("bad", "run", "the secret text")
        with pytest.raises(ValueError, match="secret"):
            await task
        async with a_page(f"{url}/") as watched:
            page = watched.page
            await page.get_by_label("Token").fill(READONLY)
            await page.get_by_role("button", name="Sign in").click()
            await page.goto(f"{url}/#/tasks/{task.id}")
            await expect(page.locator("main")).to_contain_text("is for operators")
            await expect(page.locator("main")).to_contain_text("stands in the log under")
            assert "secret" not in (await page.locator("main").text_content() or "")
            await expect(page.get_by_role("button", name="Cancel the task")).to_be_hidden()


@pytest.mark.slow
async def test_a_running_task_is_cancelled_from_its_page():
    """The button is there while it runs, and ends it."""
    gate = threading.Event()
    async with a_brain() as brain, on_loopback("serve", brain) as url:
        task = brain.submit("echo", lambda: gate.wait(50))
        async with a_page(f"{url}/#/tasks/{task.id}") as watched:
            await watched.page.get_by_role("button", name="Cancel the task").click()
            await expect(watched.page.locator(".badge").first).to_have_text("cancelled")
            gate.set()
        assert task.cancelled()
