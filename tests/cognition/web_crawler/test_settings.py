from __future__ import annotations

import pickle

import pytest

from companion_async.cognition.web_crawler.page import BlockedAddressError, FetchError
from companion_async.cognition.web_crawler.settings import CrawlerSettings
from companion_async.companion.config import CompanionConfig
from companion_async.errors import InvalidArgumentError, SecurityError

pytestmark = pytest.mark.feature("CB-44")


@pytest.mark.parametrize(
    "given",
    [
        {"user_agent": ""},
        {"user_agent": "a\r\nb"},
        {"user_agent": "bücher"},
        {"timeout": 0},
        {"timeout": float("inf")},
        {"delay": -1},
        {"page_bytes": 0},
        {"redirects": -1},
        {"max_pages": 0},
        {"allow_addresses": "127.0.0.1"},
        {"allow_addresses": ("localhost",)},
        {"allow_addresses": (None,)},
        {"cache": ""},
    ],
)
def test_settings_that_could_not_be_meant_are_refused(given):
    """Each is checked where it is given, and the message names it."""
    with pytest.raises(InvalidArgumentError, match=next(iter(given))):
        CrawlerSettings(**given)


def test_they_are_read_from_the_environment():
    """The crawler's settings stand in the companion's configuration like everybody's."""
    config = CompanionConfig.load(
        env={"COMPANION_CRAWLER__DELAY": "3", "COMPANION_CRAWLER__ALLOW_ADDRESSES": '["10.0.0.0/8"]'}
    )
    assert config.crawler == CrawlerSettings(delay=3, allow_addresses=("10.0.0.0/8",))


def test_its_errors_can_be_pickled():
    """An error keeps its facts on the way through a pickle; one about an address is about security too."""
    for error in (FetchError("http://a.com/", "status", "HTTP 404", 404), BlockedAddressError("http://a.com/")):
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.url, again.reason, again.status) == (
            str(error),
            error.url,
            error.reason,
            error.status,
        )
    assert issubclass(BlockedAddressError, SecurityError)
