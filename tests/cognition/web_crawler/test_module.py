from __future__ import annotations

import asyncio
import contextlib
import gzip
import shutil
import ssl

import anyio
import httpcore2
import pytest

from companion_async.cognition.web_crawler.module import MODULE
from companion_async.cognition.web_crawler.network import GuardedBackend
from companion_async.cognition.web_crawler.page import BlockedAddressError, FetchError, Page
from companion_async.errors import InvalidArgumentError
from tests.cognition.web_crawler.conftest import crawling
from tests.cognition.web_crawler.site import Site, page, serving

pytestmark = pytest.mark.feature("CB-44")


async def test_a_page_is_fetched_and_read(site, crawler):
    """Title, main text, what the page says of itself and where it leads are in the result."""
    site.pages["/tea"] = page("Tea", "/a", "b?x=1#part", "mailto:a@b.c", "javascript:void(0)")
    found = await crawler.fetch(f"{site.url}/tea")
    assert isinstance(found, Page)
    assert (found.title, found.author, found.description, found.language) == ("Tea", "Ada Lovelace", "About Tea", "en")
    assert found.text.startswith("# Tea")
    assert "seventy degrees" in found.text
    assert "Menu" not in found.text
    assert found.links == tuple(f"{site.url}/{path}" for path in ("menu", "a", "b?x=1"))
    assert (found.status, found.content_type, found.charset) == (200, "text/html", "utf-8")
    assert found.to_dict()["url"] == f"{site.url}/tea"


async def test_nothing_is_sent_that_could_name_a_person(site, crawler, monkeypatch):
    """No cookie that a page has set, no credential and no proxy of the environment: only what the crawler is."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    site.pages["/"] = (200, {"set-cookie": "id=1; Path=/"}, page("Home"))
    for _ in range(2):
        await crawler.fetch(site.url)
    assert set(site.asked[-1].headers) == {"host", "user-agent", "accept", "accept-encoding"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, {}, b""), "status"),
        ((500, {}, b""), "status"),
        ((204, {}, b""), "status"),
        ((200, {"content-type": "application/pdf"}, b"%PDF"), "content_type"),
        ((200, {"content-type": None}, b"?"), "content_type"),
        ((200, {"content-encoding": "br"}, b"?"), "encoding"),
        ((200, {"content-encoding": "gzip"}, b"not packed"), "encoding"),
        ((302, {"location": "file:///etc/passwd"}, b""), "redirects"),
        ((302, {"location": "http://user:pass@127.0.0.1/"}, b""), "redirects"),
        ((302, {}, b""), "redirects"),
        ((301, {"location": "/bad"}, b""), "redirects"),
    ],
)
async def test_each_way_not_to_get_a_page_has_a_name(site, crawler, answer, reason):
    """What a server can say instead of a page is told apart by its reason."""
    site.pages["/bad"] = answer
    assert await crawler.missed(f"{site.url}/bad") == reason


async def test_redirects_are_followed_to_a_number(site, crawler):
    """A page is found at the end of five redirects, with the way to it, and not at the end of six."""
    for hop in range(7):
        site.pages[f"/{hop}"] = (302, {"location": f"/{hop + 1}"}, b"")
    site.pages["/7"] = page("End")
    found = await crawler.fetch(f"{site.url}/2")
    assert (found.url, found.asked) == (f"{site.url}/7", f"{site.url}/2")
    assert found.redirects == tuple(f"{site.url}/{hop}" for hop in range(2, 7))
    assert await crawler.missed(f"{site.url}/1") == "redirects"


async def test_every_hop_is_checked_as_it_is_connected_to(site, crawler):
    """A redirect to an address that may not be connected to ends there, and the error names no address."""
    for target in (
        "http://169.254.169.254/",
        "http://[::1]:80/",
        "http://0x7f000002.example.invalid/",
        "http://10.0.0.1",
    ):
        site.pages["/in"] = (302, {"location": target}, b"")
        assert await crawler.missed(f"{site.url}/in") in ("address", "network")
    site.pages["/in"] = (302, {"location": "http://169.254.169.254/latest"}, b"")
    with pytest.raises(BlockedAddressError) as caught:
        await crawler.fetch(f"{site.url}/in")
    assert caught.value.url == "http://169.254.169.254/latest"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
async def test_loopback_is_out_of_reach_in_each_of_its_spellings(site, host):
    """Without being allowed, this machine is not connected to, whatever it is called."""
    async with crawling(allow_addresses=()) as crawler:
        reason = await crawler.missed(site.url.replace("127.0.0.1", host))
    assert reason == "address"
    assert not site.asked


INSIDE = (
    *(
        "127.0.0.2",
        "127.0.0.2.",
        "0x7f000002",
        "0x7f.0.0.2",
        "0177.0.0.2",
        "017700000002",
        "127.0.2",
        "127.00.0.2",
        "0",
    ),
    *(
        "127\u30020\u30020\u30022",
        "\u2460\u2461\u2466.0.0.2",
        "\uff11\uff12\uff17.0.0.2",
        "127.0.0.2%2f",
        "127.0.0.2\t",
    ),
    *("[::1]", "[::1%25lo]", "[::1%lo]", "[::ffff:7f00:2]", "[::127.0.0.2]", "[64:ff9b::7f00:2]", "[2002:7f00:2::]"),
    *("a@127.0.0.2", "127.0.0.2#@a.invalid", "a.invalid\\@127.0.0.2", "[fe80::1%25eth0]", "[::", "169.254.169.254"),
)


async def test_links_inside_lead_nowhere_however_they_are_written(site, monkeypatch):
    """None of them is connected to, and the crawl goes on: what cannot be had is missed, page by page."""
    connect, connected = httpcore2.AnyIOBackend.connect_tcp, set()

    async def connecting(self, host, *args):
        connected.add(host)
        return await connect(self, host, *args)

    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connecting)
    port = site.url.rpartition(":")[2]
    site.pages["/"] = page("Home", *(f"http://{host}:{port}/" for host in INSIDE), "/last")
    site.pages["/last"] = page("Last")
    async with crawling(allow_addresses=("127.0.0.1",)) as crawler:
        found = await crawler.crawl(site.url, scope="any")
    assert {each.title for each in found if isinstance(each, Page)} == {"Home", "Last"}
    assert {each.reason for each in found if not isinstance(each, Page)} <= {"address", "network", "status"}
    assert connected == {"127.0.0.1"}


async def test_a_name_is_looked_up_once_and_what_was_checked_is_what_is_connected_to(site, monkeypatch):
    """A name that means something else the second time is not asked a second time; one of two bad ones is enough, and
    the error tells neither.
    """
    looked_up = []

    async def look_up(self, host, port):
        looked_up.append(host)
        return ["93.184.216.34", "127.0.0.1"] if host == "two.example" else ["127.0.0.1"]

    monkeypatch.setattr(GuardedBackend, "_look_up", look_up)
    port = site.url.rpartition(":")[2]
    site.pages["/"] = page("Home")
    async with crawling(allow_addresses=("127.0.0.1",)) as crawler:
        await crawler.fetch(f"http://rebinding.example:{port}/")
        assert looked_up == ["rebinding.example"]
        assert site.asked[-1].headers["host"] == f"rebinding.example:{port}"
    async with crawling(allow_addresses=()) as crawler:
        with pytest.raises(BlockedAddressError) as caught:
            await crawler.fetch(f"http://two.example:{port}/")
        assert "127.0.0.1" not in str(caught.value)
        assert "93.184.216.34" not in str(caught.value)
    assert len(site.asked) == 1


async def test_what_fails_in_connecting_is_told_by_its_kind_alone(site, monkeypatch):
    """The text of such an error can tell what a name stands for; of several addresses each is tried."""

    async def look_up(self, host, port):
        return ["127.0.0.3", "127.0.0.1"] if host == "second.example" else ["127.0.0.3"]

    monkeypatch.setattr(GuardedBackend, "_look_up", look_up)
    port = site.url.rpartition(":")[2]
    site.pages["/"] = page("Home")
    async with crawling() as crawler:
        with pytest.raises(FetchError) as caught:
            await crawler.fetch(f"http://inner.example:{port}/")
        assert (caught.value.reason, caught.value.detail) == ("network", "ConnectError")
        assert caught.value.__cause__ is None
        assert (await crawler.fetch(f"http://second.example:{port}/")).title == "Home"


@pytest.mark.asyncio(loop_factories=["uvloop"])  # asyncio's server reports a client that breaks off as an error
async def test_certificates_are_checked(crawler, tmp_path):
    """A server whose certificate nobody but itself has signed is not talked to."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is needed to sign a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    name = ["-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", str(key), "-out", str(certificate)]
    await anyio.run_process(["openssl", "req", "-x509", *made, *name])
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    async with serving(Site(), tls) as site:
        site.pages["/"] = page("Home")
        assert await crawler.missed(site.url) == "network"
        assert not site.asked


async def test_a_bomb_and_a_page_without_end_are_given_up(site):
    """Neither what unpacks to a thousand times its size nor what never ends is taken beyond the limit."""
    sent = 0

    async def endless(asked, writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    site.pages["/bomb"] = (200, {"content-encoding": "gzip"}, gzip.compress(bytes(200_000_000)))
    site.pages["/endless"] = endless
    async with crawling(page_bytes=1_000_000) as crawler:
        assert await crawler.missed(f"{site.url}/bomb") == "too_large"
        assert await crawler.missed(f"{site.url}/endless") == "too_large"
    assert sent < 20_000_000


async def test_a_page_that_comes_too_slowly_is_given_up(site):
    """A server that says nothing, or begins and does not go on, is not waited for beyond the limit."""

    async def silent(asked, writer):
        await asyncio.Event().wait()

    async def half(asked, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\nx")
        await asyncio.Event().wait()

    async def dripping(asked, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0)

    site.pages |= {"/silent": silent, "/half": half, "/dripping": dripping, "/": page("Home")}
    async with crawling(timeout=0.3, give_up=100) as crawler:
        assert await crawler.missed(f"{site.url}/silent") == "timeout"
        assert await crawler.missed(f"{site.url}/half") == "timeout"
        assert await crawler.missed(f"{site.url}/dripping") == "timeout"
        for _ in range(10):  # on a busy machine a good page may be late as well
            with contextlib.suppress(FetchError):
                assert (await crawler.fetch(site.url)).title == "Home"
                break
        else:
            pytest.fail("it has given up the good page, too")


async def test_the_cache_keeps_to_the_rules_of_http(site, tmp_path):
    """A fresh page is not asked for again, an old one is asked about, one that may not be kept is fetched."""
    tagged = (200, {"etag": '"1"', "cache-control": "no-cache"}, page("Tagged"))
    site.pages["/fresh"] = (200, {"cache-control": "private, max-age=3600"}, page("Fresh"))
    site.pages["/never"] = (200, {"cache-control": "no-store"}, page("Never"))
    site.pages["/tagged"] = lambda asked, writer: (304, {}, b"") if "if-none-match" in asked.headers else tagged
    cache = str(tmp_path / "cache.db")
    for _ in range(2):
        async with crawling(cache=cache) as crawler:
            titles = [(await crawler.fetch(f"{site.url}/{path}")).title for path in ("fresh", "never", "tagged")]
        assert titles == ["Fresh", "Never", "Tagged"]
    assert sorted(site.targets) == ["/fresh", "/never", "/never", "/tagged", "/tagged"]
    assert site.asked[-1].headers["if-none-match"] == '"1"'


async def test_cancelling_ends_the_request(site, crawler):
    """A fetch that nobody waits for any more lets go of its connection."""
    asked, left = asyncio.Event(), asyncio.Event()

    async def endless(request, writer):
        asked.set()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0)
        left.set()

    site.pages |= {"/endless": endless, "/": page("Home")}
    task = crawler.brain.submit(MODULE, "fetch", f"{site.url}/endless")
    await asked.wait()
    task.cancel("not wanted")
    await asyncio.wait_for(left.wait(), 10)
    assert (await crawler.fetch(site.url)).title == "Home"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "", None, "http://a:b@c.d/", "ftp://a.b/"])
async def test_what_is_no_page_is_refused(crawler, url):
    """Other schemes and credentials are refused before anything is sent."""
    with pytest.raises(InvalidArgumentError):
        await crawler.fetch(url)
