from __future__ import annotations

import copy
import io
import math
import pickle
from typing import Any

import msgspec
import pytest
from rich.console import Console

from companion_async.autonomy.settings import AutonomySettings
from companion_async.brain.config import CATEGORY_LIMITS, BrainConfig
from companion_async.errors import InvalidArgumentError
from companion_async.health.settings import HealthSettings
from companion_async.scheduling.policies import SchedulingPolicy

pytestmark = pytest.mark.feature("CB-02")

WRONG_NUMBERS = [0, -1, True, math.nan, math.inf, "8", None, [1]]


def refused(**given):
    with pytest.raises(InvalidArgumentError) as caught:
        BrainConfig(**given)
    return str(caught.value)


def refused_from(env, text=None, tmp_path=None):
    path = None
    if text is not None:
        path = tmp_path / "companion.toml"
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidArgumentError) as caught:
        BrainConfig.load(path, env=env)
    return str(caught.value)


def test_documented_defaults():
    """Every key of the contract has the default that the contract gives it."""
    keys = msgspec.to_builtins(BrainConfig())
    apart = ("allowed_hosts", "autonomy", "health", "keep_place", "plugins", "processes", "security", "stream_buffer")
    for key in (*apart, "tracing"):
        del keys[key]
    assert keys == {
        "categories": dict(CATEGORY_LIMITS),
        "max_threads": 50,
        "auto_scaling": True,
        "scaling": "adaptive",
        "queue_capacity": 1000,
        "max_pending_tasks": 1_000_000,
        "on_full": "reject",
        "policy": "weighted_priority",
        "ageing_span": 10.0,
        "default_timeout": 30.0,
        "cancel_grace": 5.0,
        "abandoned_budget": None,
        "health_interval": 5.0,
        "decision_interval": 10.0,
        "scale_down_after": 60.0,
        "failure_threshold": 5,
        "history_size": 10_000,
        "history_seconds": 3600,
        "max_concurrent_locks": 10_000,
        "lock_timeout": 30.0,
        "enable_deadlock_detection": True,
        "sync_policy": "immediate",
        "batch_size": 10,
        "sync_interval": 1.0,
        "max_snapshots": 50,
        "token": None,
        "readonly_token": None,
        "expose_errors": False,
    }


def test_documented_category_limits():
    """The nine categories stand with the limits of the documents."""
    assert BrainConfig().categories == {
        "core": 10,
        "phase1": 5,
        "phase2": 5,
        "phase3": 8,
        "phase4": 6,
        "phase5": 4,
        "advanced": 8,
        "agi": 6,
        "monitoring": 3,
    }


def test_given_categories_are_laid_over_the_nine():
    """A given category sets a limit or is added; the ones not named stay."""
    categories = BrainConfig(categories={"core": 2, "media": 4}).categories
    assert categories["core"] == 2
    assert categories["media"] == 4
    assert categories["agi"] == 6
    assert len(categories) == 10


def test_a_category_may_have_more_slots_than_the_house():
    """A category's limit above max_threads is no mistake: both bounds hold at run time."""
    assert BrainConfig(categories={"core": 80}, max_threads=4).categories["core"] == 80


def test_the_categories_are_frozen_as_the_config_is():
    """A category that came or went behind a running brain's back would be one that it has no threads for."""
    config = BrainConfig(categories={"media": 4})
    for change in (
        lambda: config.categories.update(late=2),
        lambda: config.categories.pop("core"),
        lambda: config.categories.__setitem__("core", 99),
    ):
        with pytest.raises(TypeError, match="dict"):
            change()
    again = pickle.loads(pickle.dumps(msgspec.structs.replace(config, max_threads=4)))
    assert again.categories == config.categories == msgspec.json.decode(msgspec.json.encode(config))["categories"]


def test_given_mapping_is_not_kept():
    """Changing the mapping that was handed in changes no config."""
    given = {"core": 2}
    config = BrainConfig(categories=given)
    given["core"] = 99
    assert config.categories["core"] == 2


@pytest.mark.parametrize("value", WRONG_NUMBERS)
@pytest.mark.parametrize(
    "key",
    [
        "max_threads",
        "queue_capacity",
        "max_pending_tasks",
        "failure_threshold",
        "history_size",
        "max_concurrent_locks",
        "batch_size",
        "max_snapshots",
        "stream_buffer",
    ],
)
def test_counts_are_whole_numbers_from_one_on(key, value):
    """A count that is no whole number from 1 on is refused, with its key and what would be right."""
    assert refused(**{key: value}).startswith(f"{key} must be a whole number from 1 on")


@pytest.mark.parametrize("value", WRONG_NUMBERS)
@pytest.mark.parametrize(
    "key",
    [
        "ageing_span",
        "health_interval",
        "decision_interval",
        "scale_down_after",
        "history_seconds",
        "lock_timeout",
        "sync_interval",
    ],
)
def test_durations_are_finite_and_positive(key, value):
    """A duration that is no finite number above 0 is refused, with its key and what would be right."""
    assert refused(**{key: value}).startswith(f"{key} must be a finite number of seconds, more than 0")


def test_spans_that_may_be_none_or_zero():
    """No default timeout, no grace and no budget of abandoned threads can be asked for."""
    config = BrainConfig(default_timeout=None, cancel_grace=0, abandoned_budget=0)
    assert (config.default_timeout, config.cancel_grace, config.abandoned_budget) == (None, 0.0, 0)
    assert "default_timeout" in refused(default_timeout=0)
    assert "cancel_grace" in refused(cancel_grace=-0.1)
    assert "abandoned_budget" in refused(abandoned_budget=-1)


@pytest.mark.parametrize("key", ["auto_scaling", "enable_deadlock_detection", "expose_errors"])
@pytest.mark.parametrize("value", [1, "true", None])
def test_flags_are_booleans(key, value):
    """A flag is true or false, and nothing that merely counts as one."""
    assert refused(**{key: value}).startswith(f"{key} must be true or false")


@pytest.mark.parametrize("key", ["scaling", "on_full", "policy", "sync_policy"])
@pytest.mark.parametrize("value", ["fifo", "", None, 1, ["adaptive"]])
def test_choices_are_listed_when_refused(key, value):
    """A choice that does not exist is refused with the list of those that do."""
    assert refused(**{key: value}).startswith(f"{key} must be one of ")


@pytest.mark.feature("PS-03")
@pytest.mark.parametrize("policy", list(SchedulingPolicy))
def test_every_policy_is_reachable_by_name_and_by_member(policy):
    """Each of the six policies can be configured by its value and by its enum member."""
    for given in (policy, policy.value):
        config = BrainConfig(policy=given)
        assert isinstance(config.policy, SchedulingPolicy)
        assert config.policy == policy


@pytest.mark.parametrize("categories", [[("core", 1)], None, {"a b": 1}, {"": 1}, {1: 1}, {"core": 0}, {"core": True}])
def test_categories_are_names_with_limits(categories):
    """Categories are a mapping of names to whole numbers; anything else is refused."""
    refused(categories=categories)


@pytest.mark.parametrize("token", ["", "two words", "tab\t", "schlüssel", 7])
def test_tokens_fit_a_header_and_stay_out_of_the_message(token):
    """A token that no header could carry is refused without being repeated."""
    message = refused(token=token)
    assert message.startswith("token must be")
    assert not token or str(token) not in message


def test_the_two_tokens_differ():
    """One token for both roles is refused, for it would make every reader an operator."""
    assert "differ" in refused(token="one", readonly_token="one")


def test_tokens_are_never_shown():
    """Neither repr nor rich print a token."""
    config = BrainConfig(token="hunter2", readonly_token="hunter3")
    page = io.StringIO()
    Console(file=page).print(config)
    for text in (repr(config), str(config), f"{config}", page.getvalue()):
        assert "hunter" not in text
        assert "readonly_token='***'" in text
    assert "token=None" in repr(BrainConfig())


def test_a_config_is_a_value():
    """Equal settings are equal configs; a config survives pickling and refuses to be changed."""
    config = BrainConfig(max_threads=8, token="hunter2")
    assert pickle.loads(pickle.dumps(config)) == config == BrainConfig(max_threads=8, token="hunter2")
    with pytest.raises(AttributeError):
        config.max_threads = 9  # type: ignore[misc]


def test_code_reads_no_environment(monkeypatch):
    """A config made in code is what its arguments say, whatever the environment holds."""
    monkeypatch.setenv("COMPANION_MAX_THREADS", "8")
    assert BrainConfig().max_threads == 50
    assert BrainConfig.load().max_threads == 8


def test_environment_wins_over_file_over_default(tmp_path):
    """The environment is laid over the file and the file over the defaults, key by key and inside categories too."""
    path = tmp_path / "companion.toml"
    path.write_text("max_threads = 7\nhistory_seconds = 5\n[categories]\ncore = 3\nagi = 2\n", encoding="utf-8")
    env = {"COMPANION_MAX_THREADS": "9", "COMPANION_CATEGORIES__CORE": "4", "COMPANION_CATEGORIES__MEDIA": "1"}
    config = BrainConfig.load(path, env=env)
    assert (config.max_threads, config.history_seconds, config.queue_capacity) == (9, 5.0, 1000)
    assert (config.categories["core"], config.categories["agi"], config.categories["media"]) == (4, 2, 1)


def test_environment_text_becomes_what_the_key_asks_for():
    """Numbers, flags, none, choices and tables are read from a variable's text; an empty one counts as unset."""
    config = BrainConfig.load(
        env={
            "COMPANION_AUTO_SCALING": "false",
            "COMPANION_AGEING_SPAN": "2.5",
            "COMPANION_DEFAULT_TIMEOUT": "none",
            "COMPANION_POLICY": "fair_share",
            "COMPANION_CATEGORIES": '{"core": 2}',
            "COMPANION_TOKEN": "hunter2",
            "COMPANION_MAX_THREADS": "",
            "COMPANION_LOG_LEVEL": "DEBUG",
            "PATH": "/bin",
        }
    )
    assert config == BrainConfig(
        auto_scaling=False,
        ageing_span=2.5,
        default_timeout=None,
        policy="fair_share",
        categories={"core": 2},
        token="hunter2",
    )


@pytest.mark.parametrize(
    ("variable", "text", "right"),
    [
        ("COMPANION_MAX_THREADS", "eight", "max_threads must be a whole number from 1 on"),
        ("COMPANION_MAX_THREADS", "0", "max_threads must be a whole number from 1 on"),
        ("COMPANION_LOCK_TIMEOUT", "nan", "lock_timeout must be a finite number"),
        ("COMPANION_AUTO_SCALING", "maybe", "auto_scaling must be true or false"),
        ("COMPANION_SCALING", "fast", "scaling must be one of adaptive, plain"),
        ("COMPANION_CATEGORIES__CORE", "x", "categories['core'] must be a whole number"),
        ("COMPANION_CATEGORIES__CORE__X", "1", "categories['core'] must be a whole number"),
        ("COMPANION_CATEGORIES", "[1]", "categories must map names to limits"),
        ("COMPANION_CATEGORIES", "{", "categories must map names to limits"),
    ],
)
def test_bad_variables_are_refused_with_what_would_be_right(variable, text, right):
    """A variable whose text does not fit its key is refused, and the message says what would."""
    assert right in refused_from({variable: text})


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ('max_threads = "8"', "max_threads must be a whole number"),
        ("categories = 7", "categories must map names"),
        ("categories = {core = 1.5}", "categories['core'] must be a whole number"),
        ("max_thredas = 8", "max_thredas is no setting. Did you mean max_threads?"),
        ("[categores]\ncore = 1", "Did you mean categories?"),
        ("[zzzz]\ncore = 1", "The keys are: abandoned_budget, "),
        ("max_threads = ", "is not TOML"),
    ],
)
def test_bad_files_are_refused_with_what_would_be_right(text, right, tmp_path):
    """A file with an unknown key, a wrong type or a slip in its form is refused with the way to mend it."""
    assert right in refused_from({}, text, tmp_path)


def test_a_missing_file_is_refused(tmp_path):
    """A path where no file is gives an error of the family, not a bare OSError."""
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        BrainConfig.load(tmp_path / "nowhere.toml", env={})


def test_unknown_variables_are_refused_with_the_nearest_name():
    """A misspelt variable is refused with the right name, and what it held is not repeated."""
    message = refused_from({"COMPANION_TOKN": "hunter2"})
    assert message == "COMPANION_TOKN is no setting. Did you mean COMPANION_TOKEN?"


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("max_thread", "max_thread is no setting. Did you mean max_threads?"),
        ("zzzz", "zzzz is no setting. The keys are: abandoned_budget, "),
        ("logs", "logs is no setting. The keys are: abandoned_budget, "),  # not plugins, which has half of its letters
    ],
)
def test_unknown_keywords_are_refused_with_the_nearest_name(key, right):
    """In code as in a file: an error of the family, which does not repeat the value and can be pickled."""
    settings: dict[str, Any] = {key: "hunter2"}
    with pytest.raises(InvalidArgumentError) as caught:
        BrainConfig(**settings)
    assert caught.value.message.startswith(right)
    assert "hunter2" not in caught.value.message
    assert pickle.loads(pickle.dumps(caught.value)).message == caught.value.message


def test_a_config_is_a_struct_like_any_other():
    """It can be decoded, replaced in part and copied as msgspec and copy do it."""
    config = msgspec.json.decode(b'{"max_threads": 8}', type=BrainConfig)
    assert config == copy.copy(config) == msgspec.structs.replace(BrainConfig(), max_threads=8)
    with pytest.raises(msgspec.ValidationError, match="max_thread"):
        msgspec.convert({"max_thread": 8}, BrainConfig)


def test_thresholds_of_a_room_can_be_set():
    """What a room alone needs is a table in the file, an inner name in the environment and a struct in code."""
    from_env = BrainConfig.load(env={"COMPANION_AUTONOMY__LAG_VETO": "0.2"})
    assert from_env.autonomy.lag_veto == 0.2
    assert from_env == BrainConfig(autonomy=AutonomySettings(lag_veto=0.2))


@pytest.mark.parametrize(
    ("autonomy", "right"),
    [
        (AutonomySettings(lag_veto=math.nan), "autonomy.lag_veto must be a finite number"),
        (AutonomySettings(plain_step=-2), "autonomy.plain_step must be a finite number, 0 or more"),
        (AutonomySettings(plain_step="two"), "autonomy.plain_step is not right"),  # type: ignore[arg-type]
        (AutonomySettings(interval=3.0), "autonomy.interval follows decision_interval; set decision_interval instead"),
        ({"lag_veto": 1}, "autonomy must be AutonomySettings"),
        (None, "autonomy must be AutonomySettings"),
    ],
)
def test_thresholds_of_a_room_are_checked_too(autonomy, right):
    """A room's settings are checked as strictly as the brain's own, and nothing can be said in two places."""
    assert right in refused(autonomy=autonomy)


def test_health_is_such_a_room():
    """The thresholds of the health checks are set in the same way, and their interval in one place only."""
    assert BrainConfig.load(env={"COMPANION_HEALTH__MEMORY_LIMIT": "1000"}).health.memory_limit == 1000
    assert "set health_interval instead" in refused(health=HealthSettings(interval=1.0))


def test_unknown_keys_of_a_room_are_refused():
    """A misspelt key inside a table is refused with the nearest one, where it stands."""
    assert refused_from({"COMPANION_AUTONOMY__LAG_VETTO": "1"}).endswith("Did you mean COMPANION_AUTONOMY__LAG_VETO?")
    assert "COMPANION_AUTONOMY__LAG_VETO" in refused_from({"COMPANION_AUTONOMY__LAG_VETO": "slow"})


def test_two_variables_for_one_key_are_refused():
    """A variable for a key and one for something inside of it contradict each other."""
    both = {"COMPANION_CATEGORIES": '{"core": 1}', "COMPANION_CATEGORIES__CORE": "2"}
    assert "the same key" in refused_from(both)


@pytest.mark.parametrize("given", ["brain.example.org", ("a:80",), ("http://a",), ("a/b",), ("",), (1,), ("*",), None])
def test_allowed_hosts_are_names_alone(given):
    """A list of names without scheme, port or path, or nothing is taken; they are compared in lower case."""
    assert "allowed_hosts" in refused(allowed_hosts=given)
    assert BrainConfig(allowed_hosts=("Brain.Example.org",)).allowed_hosts == ("brain.example.org",)
