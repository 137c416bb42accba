"""A talk with the companion in a real browser."""

from __future__ import annotations

import pytest

from companion_async.companion.companion import CompanionBrain
from companion_async.companion.config import CompanionConfig, KnowledgeSettings
from tests.dashboard.browser import ONE_LOOP, a_page, expect, needs_browser
from tests.http.servers import a_brain, on_loopback

pytestmark = [needs_browser, ONE_LOOP, pytest.mark.feature("X-12", "CB-56"), pytest.mark.slow]


async def test_an_answer_comes_with_its_sources_and_the_talk_outlives_the_view(tmp_path):
    """The answer as text, its sources below it, in one conversation; looking at another view loses nothing of it."""
    (tmp_path / "tea.md").write_text("# Tea\n\nGreen <b>tea</b> is brewed with water of 70 degrees.\n")
    knowledge = KnowledgeSettings(documents=(str(tmp_path),))
    async with (
        CompanionBrain(CompanionConfig(plugins=False, knowledge=knowledge)) as brain,
        on_loopback("fastapi", brain) as url,
    ):
        await brain.learn()
        async with a_page(f"{url}/#/ask") as watched:
            page = watched.page
            await page.get_by_label("Your question").fill("How hot is the water for green tea?")
            await page.keyboard.press("Enter")
            await expect(page.locator(".answer")).to_contain_text("70 degrees")
            await expect(page.locator(".sources summary").first).to_contain_text("tea.md")
            await page.locator(".sources summary").first.click()
            await expect(page.locator(".sources blockquote").first).to_contain_text("70 degrees")
            await page.goto(f"{url}/#/overview")
            await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
            await page.goto(f"{url}/#/ask")
            await expect(page.locator(".asked")).to_have_text("How hot is the water for green tea?")
            assert await page.locator(".answer b").count() == 0
            assert watched.complaints == []


async def test_where_nobody_can_be_asked_it_says_so():
    """A bare brain has no companion, and the view tells what would have one."""
    async with a_brain() as brain, on_loopback("serve", brain) as url, a_page(f"{url}/#/ask") as watched:
        await watched.page.get_by_label("Your question").fill("Anybody there?")
        await watched.page.get_by_role("button", name="Ask", exact=True).click()
        await expect(watched.page.locator(".answer")).to_contain_text("there is nobody to ask")
