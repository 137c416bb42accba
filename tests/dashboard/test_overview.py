"""The overview in a real browser: what it shows is true, it changes, and it says when it is old."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.dashboard.browser import ONE_LOOP, a_browser, a_page, expect, needs_browser
from tests.http.servers import a_brain, on_loopback

CATEGORIES = {"core": 2, "pictures": 3}

pytestmark = [needs_browser, ONE_LOOP, pytest.mark.feature("X-12")]


@pytest.mark.parametrize(
    "kind", ["serve", pytest.param("fastapi", marks=pytest.mark.slow), pytest.param("aiohttp", marks=pytest.mark.slow)]
)
async def test_what_the_cards_show_is_what_the_brain_does(kind):
    """Busy, queued and idle follow the work, under any prefix and behind every framework, with no complaint."""
    held = threading.Event()
    async with a_brain(categories=CATEGORIES, auto_scaling=False) as brain, on_loopback(kind, brain) as url:
        await brain.register("painter", lambda: held.wait(50), category="pictures")
        async with a_page(f"{url}/") as watched:
            page = watched.page
            card = page.locator(".category", has_text="pictures")
            await expect(card).to_contain_text("0 of 3 busy")
            await expect(page.locator(".verdict")).to_contain_text("Nothing stands out")
            tasks = [brain.submit("painter") for _ in range(5)]
            await expect(card).to_contain_text("3 of 3 busy")
            await expect(card).to_contain_text("2 queued")
            await expect(page.locator(".verdict")).to_contain_text("Category pictures is full")
            held.set()
            for task in tasks:
                await task
            await expect(card).to_contain_text("0 of 3 busy")
            await expect(page.locator(".tile", has_text="Throughput")).to_contain_text("5 in all")
            await asyncio.gather(*(brain.submit("bad") for _ in range(4)), return_exceptions=True)
            await expect(page.locator(".verdict")).to_contain_text("4 of the last 9 tasks did not complete")
            assert watched.complaints == []
            assert {asked.split("/")[2] for asked in watched.asked} == {url.split("/")[2]}


@pytest.mark.slow
async def test_it_says_that_it_is_stale_and_comes_back_by_itself():
    """When the server is gone the page says so and dims what is old; when it is back, it is live again."""
    async with a_brain() as brain, on_loopback("serve", brain) as url, a_browser() as browser:
        page = await browser.new_page()
        await page.goto(f"{url}/")
        await expect(page.locator("#pulse")).to_have_text("Live")
        await page.route("**/api/**", lambda route: route.abort())
        await expect(page.locator("#pulse")).to_contain_text("Stale: the last answer is")
        await expect(page.locator("main")).to_have_attribute("data-stale", "")
        await page.unroute("**/api/**")
        await expect(page.locator("#pulse")).to_have_text("Live", timeout=12_000)
        assert await page.locator("main").get_attribute("data-stale") is None
