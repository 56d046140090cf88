"""Configuration: what is accepted, who wins, and how it is said when something is wrong."""

import json
import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.runtime.overflow import OverflowPolicy
from server.addresses import is_loopback
from server.config import BusConfig, Config, HistoryConfig, TopicConfig
from server.config_keys import environment_name
from server.config_shown import describe
from server.config_sources import ConfigError, LoadedConfig, Problem, load_config
from server.settings import SECTIONS, SETTINGS, TOPIC_SETTINGS

DEV: dict[str, object] = {"server.dev": True}
JWT: dict[str, object] = {"auth.mode": "jwt", "auth.secret": "s" * 32}


def load_toml(tmp_path: Path, text: str, flags: dict[str, object] | None = None) -> LoadedConfig:
    file = tmp_path / "fanwire.toml"
    file.write_text(text)
    return load_config(DEV if flags is None else flags, {}, file)


def refused(flags: dict[str, object], environ: dict[str, str] | None = None, file: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(flags, environ or {}, file)
    return str(caught.value)


def refused_toml(tmp_path: Path, text: str) -> str:
    file = tmp_path / "fanwire.toml"
    file.write_text(text)
    return refused(DEV, file=file).replace(str(file), "fanwire.toml")


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    file = tmp_path / "fanwire.toml"
    file.write_text('[server]\nport = 1\nworkers = 1\nhost = "127.0.0.2"\n')
    environ = {"FANWIRE_SERVER__PORT": "2", "FANWIRE_SERVER__HOST": "127.0.0.3", "PATH": "/bin"}
    loaded = load_config(DEV | {"server.port": 3}, environ, file)
    assert (loaded.config.server.port, loaded.sources["server.port"]) == (3, "flag --port")
    assert loaded.config.server.host == "127.0.0.3"
    assert loaded.sources["server.host"] == "environment FANWIRE_SERVER__HOST"
    assert loaded.sources["server.workers"] == f"file {file}"
    assert loaded.sources["log.level"] == "default"


def test_a_flag_that_is_none_was_not_given() -> None:
    loaded = load_config(DEV | {"server.port": None, "bus.url": "memory://"}, {}, None)
    assert (loaded.config.server.port, loaded.sources["server.port"]) == (8080, "default")
    assert loaded.sources["bus.url"] == "flag --bus"


def test_flag_text_is_read_as_the_type_of_its_setting() -> None:
    assert load_config(DEV | {"statsd.port": "9125"}, {}, None).config.statsd.port == 9125


def test_the_environment_spells_integers_numbers_and_lists() -> None:
    environ = {
        "FANWIRE_SERVER__PORT": "0",
        "FANWIRE_HEARTBEAT__INTERVAL_S": "2.5",
        "FANWIRE_SERVER__TRUSTED_PROXIES": "10.0.0.0/8, ::1",
        "FANWIRE_SERVER__ALLOWED_ORIGINS": "",
        "FANWIRE_TOPICS__THREAD__FINAL": "run_finished,run_failed",
    }
    config = load_config(DEV, environ, None).config
    assert config.server.port == 0
    assert config.heartbeat.interval_s == 2.5
    assert config.server.trusted_proxies == ("10.0.0.0/8", "::1")
    assert config.server.allowed_origins == ()
    assert config.topic("thread").final == ("run_finished", "run_failed")


def test_an_integer_is_a_good_number_of_seconds(tmp_path: Path) -> None:
    drain_s = load_toml(tmp_path, "[server]\ndrain_s = 3").config.server.drain_s
    assert (drain_s, type(drain_s)) == (3.0, float)


def test_every_problem_of_every_source_is_reported_at_once(tmp_path: Path) -> None:
    file = tmp_path / "fanwire.toml"
    file.write_text('[server]\nprot = 1\nmax_frame_bytes = "big"\n[mailboxes]\n[limits]\nconnections = true\n')
    lines = refused({"server.port": 70000}, {"FANWIRE_LOG__LEVL": "info"}, file).splitlines()
    assert lines == [
        f"server.prot (file {file}): unknown key; did you mean server.port?",
        f"server.max_frame_bytes (file {file}): must be an integer, not text",
        f"mailboxes (file {file}): unknown section; did you mean mailbox?",
        f"limits.connections (file {file}): must be an integer, not a boolean",
        "log.levl (environment FANWIRE_LOG__LEVL): unknown variable; did you mean FANWIRE_LOG__LEVEL?",
        "server.port (flag --port): must be between 0 and 65535, not 70000",
        "auth.mode (default): is not set, and who may connect has no default; "
        'start with --dev to try things out, or set auth.mode = "jwt" and auth.secret',
    ]


def test_a_rule_about_a_key_that_is_wrong_by_itself_is_not_judged_by_its_default() -> None:
    environ = {"FANWIRE_HEARTBEAT__INTERVAL_S": "soon", "FANWIRE_HEARTBEAT__TIMEOUT_S": "5"}
    assert refused(DEV, environ).splitlines() == [
        "heartbeat.interval_s (environment FANWIRE_HEARTBEAT__INTERVAL_S): must be a number, not text"
    ]


def test_a_problem_carries_its_parts() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(DEV, {"FANWIRE_SERVER__PROT": "1"}, None)
    problem = Problem("server.prot", "unknown variable", "environment FANWIRE_SERVER__PROT", "FANWIRE_SERVER__PORT")
    assert caught.value.problems == [problem]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("port = 80", "port (file fanwire.toml): unknown section; did you mean server.port?"),
        ("server = 5", "server (file fanwire.toml): must be a table: [server]"),
        ("[topics]\nthread = 5", "topics.thread (file fanwire.toml): must be a table: [topics.thread]"),
        (
            "[topics.t]\nfinl = []",
            "topics.t.finl (file fanwire.toml): unknown key; did you mean topics.t.final?",
        ),
        ('[topics.t]\n"x.final" = []', "topics.t.x.final (file fanwire.toml): unknown key"),
        (
            "[server]\ndev = true",
            "server.dev (file fanwire.toml): is not a setting; start with the flag --dev",
        ),
        ('[server]\nport = "80"', "server.port (file fanwire.toml): must be an integer, not text"),
        ("[server]\nport = 80.0", "server.port (file fanwire.toml): must be an integer, not a float"),
        ("[server]\nport = 0x" + "f" * 9999, "server.port (file fanwire.toml): must be between 0 and 65535"),
        ("[server]\ndrain_s = nan", "server.drain_s (file fanwire.toml): must be between 0.001 and 31536000"),
        ("[server]\ndrain_s = inf", "server.drain_s (file fanwire.toml): must be between 0.001 and 31536000"),
        (
            "[server]\ndrain_s = 0",
            "server.drain_s (file fanwire.toml): must be between 0.001 and 31536000, not 0",
        ),
        (
            "[server]\nmax_frame_bytes = 1023",
            "server.max_frame_bytes (file fanwire.toml): must be between 1024",
        ),
        ('[server]\nhost = ""', "server.host (file fanwire.toml): must be a non-empty text"),
        (
            "[server]\nhost = 1979-05-27",
            "must be a non-empty text without control characters, not a date or time",
        ),
        ('[auth]\nalgorithms = "HS256"', "auth.algorithms (file fanwire.toml): must be a list"),
        ("[auth]\nalgorithms = [1]", "auth.algorithms (file fanwire.toml): must be a list"),
        ("[auth]\nalgorithms = []", "auth.algorithms (file fanwire.toml): must name one or more of HS256"),
        (
            '[auth]\nalgorithms = ["none"]',
            "auth.algorithms (file fanwire.toml): must name one or more of HS256",
        ),
        (
            '[log]\nlevel = "loud"',
            "log.level (file fanwire.toml): must be one of debug, info, warning, error",
        ),
        ("[log]\nlevel = []", "log.level (file fanwire.toml): must be one of debug, info, warning, error"),
        (
            "[mailbox]\nbytes = 65535",
            "mailbox.bytes (file fanwire.toml): must be at least server.max_frame_bytes",
        ),
        ("[heartbeat]\ntimeout_s = 30", "heartbeat.timeout_s (file fanwire.toml): must be greater than"),
        ('[statsd]\nprefix = "a..b"', "statsd.prefix (file fanwire.toml): must be words"),
        (f'[statsd]\nprefix = "{"a" * 101}"', "statsd.prefix (file fanwire.toml): must be words"),
        ('[statsd]\nhost = "a b"', "statsd.host (file fanwire.toml): must be a host name"),
        ('[statsd]\nhost = "[::1]"', "statsd.host (file fanwire.toml): must be a host name"),
        ("[statsd]\ninterval_s = 0.01", "statsd.interval_s (file fanwire.toml): must be"),
        ("[topics.system]", "topics.system (file fanwire.toml): is not a namespace"),
        ('[topics."a b"]', "topics.a b (file fanwire.toml): is not a namespace"),
        ('[topics.t]\nfinal = ["Run!"]', "topics.t.final (file fanwire.toml): must list message types"),
        ('[bus]\nurl = "kafka://h"', "bus.url (file fanwire.toml): must be memory://"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key_and_the_rule(tmp_path: Path, text: str, line: str) -> None:
    answer = refused_toml(tmp_path, text)
    assert line in answer
    assert answer.count("\n") == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"[server\nport = 1",
            "is not TOML: Expected ']' at the end of a table declaration (at line 1, column 8)",
        ),
        (b"[server]\nhost = '\xff'", "is not UTF-8 at byte 17; save it as UTF-8"),
        (b"x = " + b"[" * 5000, "is not TOML"),
        (b"x = " + b"9" * 5000, "is not TOML"),
    ],
)
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "fanwire.toml"
    file.write_bytes(content)
    assert refused(DEV, file=file).startswith(f"file {file}: {said}")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "no such file; give --config the path of one" in refused(DEV, file=tmp_path / "none.toml")
    assert "cannot be read: Is a directory" in refused(DEV, file=tmp_path)


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        (
            "FANWIRE_SERVER__PORT",
            "x",
            "server.port (environment FANWIRE_SERVER__PORT): must be an integer, not text",
        ),
        ("FANWIRE_SERVER__PORT", "9" * 5000, "must be an integer, not text"),
        ("FANWIRE_PORT", "1", "unknown variable; did you mean FANWIRE_SERVER__PORT?"),
        ("FANWIRE_server__port", "1", "unknown variable; did you mean FANWIRE_SERVER__PORT?"),
        ("FANWIRE_SERVER__DEV", "true", "start with the flag --dev"),
        ("FANWIRE_", "", "unknown variable"),
        ("FANWIRE_TOPICS____FINAL", "a", "is not a namespace"),
        ("FANWIRE_SERVER__HOST", "a\nb", "must be a non-empty text without control characters"),
        ("FANWIRE_SERVER__HOST", "a\udcff", "must be a non-empty text without control characters"),
        ("FANWIRE_SERVER__TRUSTED_PROXIES", "::1,,", "each entry a non-empty text"),
        ("FANWIRE_LOG\n", "a", r"log\n (environment FANWIRE_LOG\n): unknown variable"),
    ],
)
def test_a_wrong_variable_is_refused_in_one_line(variable: str, value: str, line: str) -> None:
    answer = refused(DEV, {variable: value})
    assert line in answer
    assert answer.count("\n") == 0


def test_a_secret_is_never_repeated_in_an_error_or_a_repr() -> None:
    assert "hunter" not in refused(DEV, {"FANWIRE_AUTH__SECRET": "hunter\n2"})
    assert "hunter2" not in repr(load_config({"auth.mode": "jwt", "auth.secret": "hunter2"}, {}, None))
    assert "hunter2" not in repr(load_config(DEV | {"bus.url": "memory://u:hunter2@h"}, {}, None))


def test_dev_disables_auth_and_says_so() -> None:
    loaded = load_config(DEV, {}, None)
    assert (loaded.config.auth.mode, loaded.sources["auth.mode"]) == ("disabled", "flag --dev")
    assert loaded.config.server.dev


def test_dev_keeps_a_mode_that_was_given() -> None:
    assert load_config(DEV | JWT, {}, None).config.auth.mode == "jwt"


def test_a_dev_switch_that_is_off_is_not_given() -> None:
    assert "auth.mode (default): is not set" in refused({"server.dev": False})
    assert load_config(JWT | {"server.dev": False}, {}, None).sources["server.dev"] == "default"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "gateway.example"])
def test_an_open_gateway_listens_on_loopback_only(host: str) -> None:
    assert "with --dev" in refused(DEV | {"server.host": host})
    assert "with --dev" in refused(DEV | JWT | {"server.host": host})
    assert 'while auth.mode is "disabled"' in refused({"auth.mode": "disabled", "server.host": host})
    assert load_config(JWT | {"server.host": host}, {}, None).config.server.host == host


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]"])
def test_loopback_has_many_names(host: str) -> None:
    assert is_loopback(host)
    assert load_config(DEV | {"server.host": host}, {}, None).config.server.host == host


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"auth.secret": "s", "auth.secret_file": "f"},
        {"auth.jwks_file": "f", "auth.jwks_url": "https://h/k"},
    ],
)
def test_jwt_needs_exactly_one_place_for_its_keys(keys: dict[str, object]) -> None:
    assert "needs exactly one of auth.secret" in refused({"auth.mode": "jwt"} | keys)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://id.example/keys", True),
        ("http://127.0.0.1:9/keys", True),
        ("http://[::1]/keys", True),
        ("http://id.example/keys", False),
        ("https://", False),
        ("https://[", False),
        ("file:///keys", False),
    ],
)
def test_keys_come_over_https_unless_from_loopback(url: str, good: bool) -> None:
    flags: dict[str, object] = {"auth.mode": "jwt", "auth.jwks_url": url}
    if good:
        assert load_config(flags, {}, None).config.auth.jwks_url == url
    else:
        assert "must be an https:// URL" in refused(flags)


@pytest.mark.parametrize(
    ("origin", "good"),
    [
        ("https://app.example", True),
        ("http://localhost:5173", True),
        ("http://[::1]:80", True),
        ("https://app.example/", False),
        ("https://App.example", False),
        ("https://u@app.example", False),
        ("app.example", False),
        ("*", False),
        ("https://app.example\n", False),
    ],
)
def test_an_allowed_origin_is_what_a_browser_sends(origin: str, good: bool) -> None:
    flags = DEV | {"server.allowed_origins": [origin]}
    if good:
        assert load_config(flags, {}, None).config.server.allowed_origins == (origin,)
    else:
        assert "server.allowed_origins (flag --allowed-origins): must" in refused(flags)


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33"])
def test_a_trusted_proxy_is_an_address_or_a_network(entry: str) -> None:
    assert "must list IP addresses or networks" in refused(DEV | {"server.trusted_proxies": [entry]})


@pytest.mark.parametrize("policy", TOPIC_SETTINGS["overflow"].choices)
def test_every_overflow_policy_can_be_configured(tmp_path: Path, policy: str) -> None:
    loaded = load_toml(tmp_path, f'[topics.thread]\noverflow = "{policy}"')
    assert loaded.config.topic("thread").overflow == OverflowPolicy(policy)


def test_the_catalogue_knows_the_policies_that_are_built_and_no_other() -> None:
    assert set(TOPIC_SETTINGS["overflow"].choices) == {policy.value for policy in OverflowPolicy}


@pytest.mark.parametrize("url", ["nats://user:hunter2@host", "tls://token@host:4222,other:4222"])
def test_a_bus_on_nats_is_called_so_and_its_place_has_no_password(url: str) -> None:
    bus = BusConfig(url)
    assert bus.kind == "nats"
    assert bus.place == url.replace("user:hunter2@", "").replace("token@", "")


def test_no_namespace_goes_beyond_the_largest_history(tmp_path: Path) -> None:
    topics = "[topics.a]\nhistory_messages = 9\n[topics.b]\nhistory_ttl_s = 9\n"
    config = load_toml(tmp_path, "[history]\nmessages = 7\nttl_s = 8\n" + topics).config
    assert config.largest_history == HistoryConfig(9, 9.0)


def test_the_memory_bus_never_serves_several_workers() -> None:
    answer = refused(DEV | {"server.workers": 2})
    assert "must be 1 with the memory bus" in answer
    shared = load_config(DEV | {"server.workers": 2, "bus.url": "redis://h"}, {}, None)
    assert shared.config.server.workers == 2


def test_a_namespace_has_its_own_settings_or_the_defaults(tmp_path: Path) -> None:
    history = "[history]\nmessages = 7\nttl_s = 8\n"
    topics = '[topics.thread]\nhistory_messages = 9\nfinal = ["done"]\n[topics."a.B"]\n'
    config = load_toml(tmp_path, history + topics).config
    assert config.topic("thread") == TopicConfig(final=("done",), history_messages=9)
    assert config.topic("other") == TopicConfig()
    assert config.history_for("thread") == HistoryConfig(messages=9, ttl_s=8.0)
    assert config.history_for("other") == HistoryConfig(messages=7, ttl_s=8.0)
    assert set(config.topics) == {"thread", "a.B"}


def test_a_configuration_cannot_be_changed() -> None:
    loaded = load_config(DEV, {}, None)
    with pytest.raises(FrozenInstanceError):
        loaded.config.server.port = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        loaded.config.topics["x"] = TopicConfig()  # type: ignore[index]


def test_describe_names_every_key_and_masks_what_is_secret() -> None:
    flags = JWT | {"bus.url": "memory://user:p/a@ss@host/0?password=hunter2&db=1"}
    environ = {"FANWIRE_TOPICS__THREAD__FINAL": "done"}
    loaded = load_config(flags, environ, None)
    rows = {key: (value, source) for key, value, source in describe(loaded)}
    assert set(rows) == {*SETTINGS, *(f"topics.thread.{name}" for name in TOPIC_SETTINGS)}
    assert rows["auth.secret"] == ("********", "flag --secret")
    assert rows["bus.url"] == ("memory://********@host/0?password=********&db=1", "flag --bus")
    assert rows["auth.algorithms"] == ('["HS256"]', "default")
    assert rows["auth.jwks_url"] == ("unset", "default")
    assert rows["topics.thread.final"] == ('["done"]', "environment FANWIRE_TOPICS__THREAD__FINAL")


DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()


def documented_rows() -> dict[str, tuple[str, str]]:
    rows: dict[str, tuple[str, str]] = {}
    section = ""
    for line in DOCUMENTATION.splitlines():
        if heading := re.fullmatch(r"## `\[(.+)\]`", line):
            section = heading[1]
        elif row := re.fullmatch(r"\| `(\w+)` \| [^|]+ \| ([^|]+) \| [^|]+ \| `([^`]+)` \|", line):
            rows[f"{section}.{row[1]}"] = (row[2].strip("`"), row[3])
    return rows


def test_the_documentation_names_every_setting_its_default_and_its_variable() -> None:
    catalogue = {key: setting for key, setting in SETTINGS.items() if key != "server.dev"}
    catalogue |= {f"topics.<namespace>.{name}": setting for name, setting in TOPIC_SETTINGS.items()}
    expected = {
        key: ("unset" if setting.default is None else json.dumps(setting.default), environment_name(key))
        for key, setting in catalogue.items()
    }
    assert documented_rows() == expected


def test_the_documentation_names_every_overflow_policy() -> None:
    (row,) = re.findall(r"^\| `overflow` .*$", DOCUMENTATION, re.MULTILINE)
    assert {policy.value for policy in OverflowPolicy} <= set(re.findall(r"`(\w+)`", row))


def test_the_documented_example_loads_without_a_flag(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.+?)```", DOCUMENTATION, re.DOTALL)
    loaded = load_toml(tmp_path, example, flags={})
    assert loaded.config.history_for("thread") == HistoryConfig(5000, 3600.0)


def test_the_catalogue_is_the_fields_of_the_dataclasses() -> None:
    names = {f"{name}.{entry.name}" for name, section in SECTIONS.items() for entry in fields(section)}
    assert set(SETTINGS) == names
    assert {*SECTIONS, "topics"} == {section.name for section in fields(Config)}


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def inline_table(entries: dict[str, str]) -> str:
    return "{" + ", ".join(f"{quoted(name)} = {value}" for name, value in entries.items()) + "}"


leaves = st.one_of(
    st.just("1979-05-27T07:32:00Z"),
    st.booleans().map(lambda flag: str(flag).lower()),
    st.integers().map(str),
    st.integers(0, 100_000).map(str),
    st.floats().map(str),
    st.text(st.characters(exclude_categories=["Cs", "Cc"])).map(quoted),
    st.sampled_from(["disconnect", "latest", "disabled", "jwt", "redis://[", "https://["]).map(quoted),
)
section_names = st.sampled_from([*SECTIONS, "topics"]) | st.text("abz._-é", max_size=4)
setting_names = st.sampled_from([key.rpartition(".")[2] for key in SETTINGS] + [*TOPIC_SETTINGS])
names = setting_names | section_names
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
        | st.dictionaries(names, inner, max_size=4).map(inline_table)
    ),
    max_leaves=12,
)
files = st.dictionaries(section_names, trees | st.dictionaries(names, trees, max_size=4).map(inline_table), max_size=4)


@pytest.mark.slow
@settings(deadline=None)
@given(tree=files, dev=st.booleans())
def test_any_toml_either_loads_or_is_refused_as_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, str], dev: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text("\n".join(f"{quoted(name)} = {value}" for name, value in tree.items()))
    try:
        loaded = load_config({"server.dev": dev}, {}, file)
    except ConfigError as error:
        assert error.problems
        assert len(str(error).splitlines()) == len(error.problems)
        assert "is not TOML" not in str(error)
    else:
        assert describe(loaded)
