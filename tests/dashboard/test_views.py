"""Every view in a real browser, at both widths and in both schemes."""

from __future__ import annotations

import threading

import pytest

from companion_async.brain.brain import Brain
from companion_async.locks.mode import AccessMode, ResourceType
from tests.dashboard.browser import (
    CONTRASTS,
    INTRUDE,
    NAMELESS,
    ONE_LOOP,
    VIEWS,
    Watched,
    a_page,
    expect,
    needs_browser,
)
from tests.http.servers import GUARDED, READONLY, TOKEN, a_brain, on_loopback

pytestmark = [needs_browser, ONE_LOOP, pytest.mark.feature("X-12")]

EVIL = '<img src=nowhere onerror="window.hit=1"><script>window.hit=1</script>\'"&\x1b[31m'


async def show(watched: Watched, url: str, view: str) -> None:
    await watched.page.goto(f"{url}/#/{view}")
    await expect(watched.page.locator("h1")).to_be_visible()
    await expect(watched.page.locator(".views a[aria-current]")).to_have_attribute("data-view", view.split("/")[0])


async def fill(brain: Brain, text: str = EVIL) -> str:
    """Some of everything, with a text that would be markup wherever a user can give one. The id of a failed task."""

    def fails() -> None:
        raise ValueError(text)

    await brain.register("failing", fails)
    task = brain.submit("failing")
    with pytest.raises(ValueError, match="img"):
        await task
    brain.pause("failing", text)
    await brain.register("m" * 64, fails)
    brain.pause("m" * 64)
    brain.submit("m" * 64)
    brain.resources.register_resource("memory", {}, ResourceType.EPISODIC_MEMORY)
    brain.state.propose("planner", "notes", {text: [text]})
    brain.state.create_snapshot(text)
    return task.id


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1440, "light"),
        (1000, "light"),
        (390, "dark"),
        pytest.param(1440, "dark", marks=pytest.mark.slow),
        pytest.param(390, "light", marks=pytest.mark.slow),
    ],
)
async def test_each_view_fits_its_width_names_its_controls_and_runs_no_markup(width, scheme):
    """No console error, nothing wider than the screen, an accessible name on every control, and whatever users call
    things, or errors say, is text.
    """
    async with a_brain(expose_errors=True) as brain, on_loopback("fastapi", brain) as url:
        task_id = await fill(brain)
        viewport = {"width": width, "height": 900}
        async with (
            brain.resources.acquire_context("memory", AccessMode.WRITE, holder=EVIL),
            a_page(f"{url}/", viewport=viewport, color_scheme=scheme) as watched,
        ):
            page = watched.page
            for view in (*VIEWS, f"tasks/{task_id}", "modules/failing"):
                await show(watched, url, view)
                if view in ("decisions", "locks", "state", "modules/failing", f"tasks/{task_id}"):
                    await expect(page.locator("main")).to_contain_text("<img src=nowhere")
                assert await page.evaluate("document.documentElement.scrollWidth") <= width, view
                assert await page.evaluate(NAMELESS) == [], view
                assert await page.evaluate("document.querySelectorAll('main img, main script').length") == 0
            assert await page.evaluate("window.hit") is None
            assert watched.complaints == []


@pytest.mark.slow
async def test_text_can_be_read_in_both_schemes():
    """Every pair of text and ground has a contrast of 4.5 or more, and the schemes differ."""
    async with a_brain() as brain, on_loopback("serve", brain) as url, a_page(f"{url}/") as watched:
        grounds = set()
        for theme in ("light", "dark"):
            await watched.page.emulate_media(color_scheme=theme)
            weak = [pair for pair in await watched.page.evaluate(CONTRASTS) if pair[2] < 4.5]
            assert weak == [], theme
            grounds.add(await watched.page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert len(grounds) == 2
        await watched.page.get_by_role("button", name="Theme: auto").click()
        await watched.page.get_by_role("button", name="Theme: light").click()
        await expect(watched.page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_an_operator_pauses_with_a_reason_and_a_reader_cannot():
    """The reason stands in the decision log; a reader is shown no controls, and the server would refuse them."""
    async with a_brain(**GUARDED) as brain, on_loopback("aiohttp", brain) as url, a_page(f"{url}/") as watched:
        page = watched.page
        await page.get_by_label("Token").fill(TOKEN)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("#who")).to_have_text("operator")
        await page.keyboard.press("3")
        row = page.locator("tr", has_text="echo")
        await row.get_by_role("button", name="pause echo").click()
        await page.get_by_label("Reason").fill("the disk is being replaced")
        await page.get_by_role("dialog").get_by_role("button", name="Pause").click()
        await expect(row.locator(".badge")).to_have_text("paused")
        assert brain.module_status("echo").state == "paused"
        await page.keyboard.press("5")
        await expect(page.locator("main")).to_contain_text("the disk is being replaced")
        await page.keyboard.press("3")
        await row.get_by_role("button", name="resume echo").click()
        await page.keyboard.press("Escape")
        assert brain.module_status("echo").state == "paused"
        await row.get_by_role("button", name="resume echo").click()
        await page.get_by_role("dialog").get_by_role("button", name="Resume").click()
        await expect(row.locator(".badge")).to_have_text("running")
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_label("Token").fill(READONLY)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("#who")).to_have_text("read only")
        await page.goto(f"{url}/#/modules")
        await expect(page.locator("tr", has_text="echo")).to_be_visible()
        await expect(page.get_by_role("button", name="pause echo")).to_be_hidden()
        refused = "fetch('api/modules/echo/pause', {method: 'POST'}).then((answer) => answer.status)"
        assert await page.evaluate(refused) == 403
        await page.goto(f"{url}/#/ask")
        await expect(page.locator("main")).to_contain_text("for operators")


@pytest.mark.slow
async def test_the_page_may_run_nothing_but_its_own_files():
    """An inline script, a handler in markup and a script of another host do not run."""
    async with a_brain() as brain, on_loopback("serve", brain) as url, a_page(f"{url}/") as watched:
        page = watched.page
        await expect(page.locator("#pulse")).to_have_text("Live")
        await page.evaluate(INTRUDE)
        assert await page.evaluate("window.hit") is None
        assert sum("Content Security Policy" in said for said in watched.complaints) >= 3
        assert any("127.0.0.2" in said for said in watched.complaints)


@pytest.mark.slow
async def test_events_come_as_they_happen_and_can_be_filtered():
    """The tail shows what is published from now on, holds still when paused, and shows what fits the filter."""
    async with a_brain() as brain, on_loopback("serve", brain) as url, a_page(f"{url}/#/events") as watched:
        page = watched.page
        await expect(page.get_by_role("status").last).to_contain_text("Open")
        await brain.submit("echo", "run", 1)
        await expect(page.locator(".events")).to_contain_text("task.completed")
        await page.get_by_label("Filter by text").fill("task.queued")
        await expect(page.locator(".events")).not_to_contain_text("task.completed")
        await expect(page.locator(".events")).to_contain_text("task.queued")
        await page.get_by_role("button", name="Pause").click()
        shown = await page.locator(".events li").count()
        await brain.submit("echo", "run", 2)
        await page.get_by_role("button", name="Go on").click()
        await expect(page.locator(".events li")).to_have_count(shown + 1)
        assert watched.complaints == []


@pytest.mark.slow
async def test_locks_show_holders_waiters_and_their_graph():
    """A wait is drawn from the one who waits, through the resource, to its holder."""
    async with a_brain() as brain, on_loopback("serve", brain) as url:
        brain.resources.register_resource("memory", {}, ResourceType.EPISODIC_MEMORY)

        def reads() -> None:
            with brain.resources.acquire_context("memory", AccessMode.READ, holder="reader"):
                pass

        async with (
            brain.resources.acquire_context("memory", AccessMode.WRITE, holder="planner"),
            a_page(f"{url}/#/locks") as watched,
        ):
            waiting = brain.submit("echo", reads)
            await expect(watched.page.locator("article", has_text="memory")).to_contain_text("planner holds write")
            graph = watched.page.locator(".graph svg")
            await expect(graph).to_have_attribute("aria-label", "memory is held by planner; reader waits for memory")
            await expect(graph.locator("text")).to_have_count(3)
        await waiting


@pytest.mark.slow
async def test_where_a_thread_waits_is_shown_by_its_stack():
    """The innermost call of a busy thread, for an operator who may see it."""
    held = threading.Event()

    def stands_here() -> None:
        held.wait(20)

    async with a_brain(expose_errors=True) as brain, on_loopback("serve", brain) as url:
        await brain.register("stuck", stands_here)
        task = brain.submit("stuck")
        async with a_page(f"{url}/#/waiting") as watched:
            panel = watched.page.locator("article", has_text="stuck")
            await expect(panel.locator("summary")).to_contain_text("threading.py")
            await panel.locator("summary").click()
            await expect(panel.locator("pre")).to_contain_text("stands_here")
            held.set()
            await task
            await expect(watched.page.locator("main")).to_contain_text("No thread is at work")


async def test_the_state_shows_snapshots_and_the_history_of_a_path():
    """What stood in a snapshot, with what has changed since, and of a path that is chosen its changes alone."""
    async with a_brain() as brain, on_loopback("serve", brain) as url:
        brain.state.propose("planner", "mood", {"happy": 1, "calm": 2})
        brain.state.create_snapshot(EVIL)
        brain.state.propose("perception", "mood.happy", 5)
        brain.state.propose("perception", "scene", EVIL)
        async with a_page(f"{url}/#/state") as watched:
            page = watched.page
            values, changes = page.get_by_label("Values"), page.get_by_label("Changes")
            await expect(values).to_contain_text("happy 5")
            await expect(changes.locator("tbody tr")).to_have_count(3)
            await page.get_by_role("button", name="happy", exact=True).click()
            await expect(page.get_by_role("heading", name="Changes of mood.happy")).to_be_visible()
            await expect(changes.locator("tbody tr")).to_have_count(2)
            await expect(changes.locator("tbody tr").first).to_contain_text("1 → 5")
            await page.get_by_label("As of").select_option(EVIL)
            await expect(values).to_contain_text("happy 1 now 5")
            await expect(values).to_contain_text("scene not there then now")
            await expect(values).not_to_contain_text("calm 2 now")
            await page.get_by_role("button", name="Show all").click()
            await expect(changes.locator("tbody tr")).to_have_count(3)
            assert await page.evaluate("window.hit") is None
            assert watched.complaints == []
