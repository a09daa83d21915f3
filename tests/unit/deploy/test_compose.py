"""docker-compose.yml runs the same parts as ``up``, isolated as far as possible, and sets no default password."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from console.parts import Nodes, celery_parts, inward_environment
from console.redis_server import PERMISSIONS, USER
from shared.config import Settings
from shared.network import faults
from shared.web_config import WebSettings, read_web_settings
from tests.compose import FILE, TOP, Missing, environment, services, variables
from tests.unit.deploy.trial import ALL, OURS, PASSWORDS, TRIAL

ONE_SHOT = {"migrations", "entrakeep"}


def schema_errors(file: Path) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).with_name("check-jsonschema")
    argv = [program, "--builtin-schema", "vendor.compose-spec", file]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_the_file_is_valid_for_compose() -> None:
    assert schema_errors(FILE).returncode == 0, schema_errors(FILE).stdout


def test_an_unknown_compose_key_is_noticed(tmp_path: Path) -> None:
    copy = tmp_path / "docker-compose.yml"
    copy.write_text(FILE.read_text().replace("    cpus: 1\n", "    cpus: 1\n    cpu_limit: 1\n", 1))
    assert schema_errors(copy).returncode != 0


def part(name: str) -> tuple[list[str], dict[str, str]]:
    """Return a part of ``up`` as a container would run it: its command line and its own environment variables."""
    nodes = Nodes({}, ())
    argv, alone = next(
        (list(part.argv), dict(part.environment)) for part in celery_parts({}, nodes, 5555) if part.name == name
    )
    nodes.close()
    return ["python" if word == sys.executable else word for word in argv], alone


@pytest.mark.parametrize(
    ("service", "name", "differences"),
    [
        ("beat", "beat", {}),
        ("workers", "worker", {"worker_soft_shutdown_timeout=4": "worker_soft_shutdown_timeout=20"}),
        ("flower", "flower", {"--address=127.0.0.1": "--address=0.0.0.0"}),
    ],
)
def test_a_container_runs_the_same_command_line_as_up(service: str, name: str, differences: dict[str, str]) -> None:
    argv, alone = part(name)
    assert differences.keys() <= set(argv)
    expected = [differences.get(word, word).replace(f"@{socket.gethostname()}", "@%h") for word in argv]
    assert ALL[service]["command"] == expected
    values = environment(ALL[service], TRIAL)
    assert {key: values[key] for key in alone} == alone


def test_the_soft_shutdown_of_a_worker_ends_within_its_grace_period() -> None:
    (limit,) = (word for word in ALL["workers"]["command"] if word.startswith("worker_soft_shutdown_timeout="))
    assert ALL["workers"]["stop_grace_period"] == "30s"
    assert int(limit.partition("=")[2]) + 5 <= 30


def test_the_settings_decide_the_number_and_size_of_workers() -> None:
    sized = {"WORKERS": "5", "WORKER_CONCURRENCY": "7", "WORKER_MEMORY": "4g", "WORKER_CPUS": "3"}
    workers = services(TRIAL | sized)["workers"]
    assert (workers["scale"], workers["mem_limit"], workers["cpus"]) == ("5", "4g", "3")
    assert workers["command"][workers["command"].index("--concurrency") + 1] == "7"


@pytest.mark.parametrize("name", [*PASSWORDS, "ENTRAKEEP_PROVIDER_KEY_ARN", "ENTRAKEEP_STORE_URL"])
@pytest.mark.parametrize("value", [None, ""])
def test_without_a_password_a_key_or_a_store_nothing_starts_and_the_error_says_why(
    name: str, value: str | None
) -> None:
    rest = {key: default for key, default in TRIAL.items() if key != name}
    with pytest.raises(Missing, match=r"Set it in \.env"):
        services(rest if value is None else rest | {name: value})


def test_no_variable_has_a_secret_as_its_default() -> None:
    defaults = {name: default for name, default in variables(FILE.read_text()).items() if default}
    assert defaults == {
        "WORKERS": "1",
        "WORKER_CONCURRENCY": "2",
        "WORKER_MEMORY": "2g",
        "WORKER_CPUS": "2",
        "FLOWER_LISTEN": "127.0.0.1:5555",
        "METRICS_LISTEN": "127.0.0.1:9464",
        "CONSOLE_LISTEN": "127.0.0.1:8088",
        "ENTRAKEEP_WEB_URL": "http://localhost:8088",
        "ENTRAKEEP_WEB_PROXIES": "172.16.0.0/12,192.168.0.0/16",
    }


def test_a_password_is_only_in_the_environment_of_its_users_and_in_no_command_line() -> None:
    users = {
        name: {service for service in ALL if TRIAL[name] in repr(environment(ALL[service], TRIAL))}
        for name in PASSWORDS
    }
    everybody = {"beat", "workers", "flower", "entrakeep"}
    assert users == {
        "POSTGRES_PASSWORD": {"postgres"},
        "POSTGRES_OWNER_PASSWORD": {"postgres", "migrations"},
        "POSTGRES_USER_PASSWORD": {"postgres", "metrics", *everybody},
        "POSTGRES_CONSOLE_PASSWORD": {"postgres", "console"},
        "REDIS_PASSWORD": {"redis", *everybody},
        "FLOWER_PASSWORD": {"flower"},
    }
    for service in ALL.values():
        printed = repr([service.get(key) for key in ("command", "entrypoint", "healthcheck")])
        assert "secret-" not in printed


def test_redis_allows_its_one_user_the_same_commands_as_under_up() -> None:
    assert ALL["redis"]["environment"]["PERMISSIONS"] == PERMISSIONS
    script = ALL["redis"]["command"][-1]
    assert f"user default off\nuser {USER} on >$REDISCLI_AUTH $PERMISSIONS\n" in script
    assert script.startswith("umask 077\n")
    assert f"--user {USER} " in ALL["redis"]["healthcheck"]["test"][1]
    for name in ("beat", "workers", "flower", "entrakeep"):
        url = environment(ALL[name], TRIAL)["ENTRAKEEP_BROKER_URL"]
        assert url == f"redis://{USER}:{TRIAL['REDIS_PASSWORD']}@redis:6379/0"


def test_beat_and_flower_get_the_same_settings_as_under_up_and_no_credentials() -> None:
    settings = {f"ENTRAKEEP_{field.upper()}" for field in Settings.model_fields}
    credentials = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"}
    region = {"AWS_REGION", "AWS_DEFAULT_REGION"}
    under_up = set(inward_environment(dict.fromkeys(settings | credentials | region, "x")))
    for name in ("beat", "flower"):
        own_settings = {each for each in ALL[name]["environment"] if not each.startswith("FLOWER_")}
        assert own_settings == under_up - {"ENTRAKEEP_HOME", "AWS_DEFAULT_REGION"}


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_container_is_isolated(name: str) -> None:
    service = ALL[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]
    assert service["user"] not in ("root", "0", "0:0")
    assert service["mem_limit"]
    assert float(service["cpus"]) > 0
    assert service["pids_limit"] > 0
    assert service["init"] is True
    assert service["logging"]["driver"] == "json-file"
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert not {"privileged", "cap_add", "network_mode", "pid"} & service.keys()


@pytest.mark.parametrize("name", sorted(set(ALL) - ONE_SHOT))
def test_every_long_running_service_has_a_health_check_and_is_restarted(name: str) -> None:
    assert ALL[name]["restart"] == "unless-stopped"
    assert ALL[name]["healthcheck"].keys() >= {"test", "interval", "timeout", "retries", "start_period"}


def test_every_service_waits_until_the_migrations_succeeded() -> None:
    for name in ("beat", "workers", "flower", "entrakeep"):
        waits = ALL[name]["depends_on"]
        assert waits["migrations"] == {"condition": "service_completed_successfully"}
        assert waits["redis"] == waits["postgres"] == {"condition": "service_healthy"}
    assert ALL["migrations"]["restart"] == ALL["entrakeep"]["restart"] == "no"
    assert ALL["entrakeep"]["profiles"] == ["commands"]
    assert ALL["entrakeep"]["entrypoint"] == ["entrakeep"]
    grants = ["--grant", "entrakeep", "--grant-console", "entrakeep_console"]
    assert ALL["migrations"]["command"] == ["entrakeep", "catalog", "migrate", *grants]


@pytest.mark.parametrize("name", ["workers", "entrakeep"])
def test_services_that_call_aws_and_graph_have_every_setting_and_wait_for_the_simulators(name: str) -> None:
    variables = ALL[name]["environment"]
    assert {f"ENTRAKEEP_{field.upper()}" for field in Settings.model_fields} - {"ENTRAKEEP_HOME"} <= variables.keys()
    credentials = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    endpoints = {f"AWS_ENDPOINT_URL_{service}" for service in ("KMS", "S3", "STS")}
    assert {"AWS_REGION", "AWS_CA_BUNDLE", *credentials, *endpoints} <= variables.keys()
    for simulator in ("aws", "graph"):
        assert ALL[name]["depends_on"][simulator] == {"condition": "service_healthy", "required": False}


@pytest.mark.parametrize("name", ["workers", "entrakeep"])
def test_a_proxy_setting_reaches_the_services_that_call_aws_and_graph(name: str) -> None:
    proxy = {"OUTWARD_HTTPS_PROXY": "http://proxy:3128", "OUTWARD_NO_PROXY": "169.254.169.254"}
    reached = services(TRIAL | proxy)[name]["environment"]
    assert (reached["HTTPS_PROXY"], reached["NO_PROXY"]) == tuple(proxy.values())
    assert faults({each: ALL[name]["environment"][each] for each in ("HTTPS_PROXY", "NO_PROXY")}) == []


def test_redis_and_postgresql_are_unreachable_from_outside_and_pages_only_from_this_machine() -> None:
    assert yaml.safe_load(FILE.read_text())["networks"]["inside"] == {"internal": True}
    for name in ("redis", "postgres", "migrations", "beat"):
        assert ALL[name]["networks"] == ["inside"]
    for name in ("workers", "flower", "metrics", "console", "entrakeep"):
        assert ALL[name]["networks"] == ["inside", "outside"]
    assert {name: service["ports"] for name, service in ALL.items() if "ports" in service} == {
        "flower": ["127.0.0.1:5555:5555"],
        "metrics": ["127.0.0.1:9464:9464"],
        "console": ["127.0.0.1:8088:8088"],
    }
    assert "FLOWER_URL_PREFIX" in ALL["flower"]["environment"]


def test_data_of_redis_and_postgresql_are_in_volumes_that_outlive_the_containers() -> None:
    assert ALL["redis"]["volumes"] == ["redis:/data"]
    volume, script = ALL["postgres"]["volumes"]
    assert volume == "postgres:/var/lib/postgresql"
    assert script == "./deploy/postgres:/docker-entrypoint-initdb.d:ro"
    assert [file.name for file in (TOP / "deploy" / "postgres").iterdir()] == ["roles.sql"]
    assert yaml.safe_load(FILE.read_text())["volumes"].keys() == {"redis", "postgres", "home"}


def test_postgresql_requires_a_password_from_every_client_and_has_time_to_shut_down() -> None:
    assert ALL["postgres"]["environment"]["POSTGRES_INITDB_ARGS"] == "--auth=scram-sha-256"
    assert ALL["postgres"]["stop_grace_period"] == "60s"
    assert "/var/run/postgresql" in ALL["postgres"]["tmpfs"]


def test_third_party_images_are_pinned_to_a_major_version() -> None:
    assert {ALL[name]["image"] for name in ALL if name not in OURS} == {"redis:7-bookworm", "postgres:18-bookworm"}


def test_each_of_our_images_is_built_once_and_never_pulled() -> None:
    """Services that build one image at the same time would conflict."""
    built = {name: ALL[name]["build"]["target"] for name in OURS if "build" in ALL[name]}
    assert built == {"migrations": "product", "aws": "trial"}
    for name in OURS:
        trial = ALL[name].get("profiles") == ["trial"]
        assert ALL[name]["image"] == ("entrakeep-trial" if trial else "entrakeep")
        assert ALL[name]["pull_policy"] == ("missing" if name in built else "never")


def test_every_product_setting_named_in_the_files_exists() -> None:
    known = {f"ENTRAKEEP_{name.upper()}" for name in (*Settings.model_fields, *WebSettings.model_fields)}
    for file in (FILE, TOP / "Dockerfile", *(TOP / "deploy").glob("*.env")):
        assert set(re.findall(r"ENTRAKEEP_[A-Z_]+", file.read_text())) <= known, file


def test_the_trial_needs_only_passwords_and_its_simulators_run_in_no_other_profile() -> None:
    assert {name for name, service in ALL.items() if service.get("profiles") == ["trial"]} == {"aws", "graph"}
    settings = {name: value for name, value in TRIAL.items() if name.startswith("ENTRAKEEP_")}
    values = {name.removeprefix("ENTRAKEEP_").lower(): value for name, value in settings.items()}
    Settings.model_validate({**values, "ca_bundle": None})
    for name in ("aws", "graph"):
        assert ALL[name]["command"][3:6] == [name, "--host", "0.0.0.0"]
        assert ALL[name]["networks"] == ["outside"]
    assert ALL["graph"]["command"][6:8] == ["--name", "graph"]
    bucket = ALL["aws"]["command"][ALL["aws"]["command"].index("--bucket") + 1]
    assert TRIAL["ENTRAKEEP_STORE_URL"].startswith(f"s3://{bucket}/")
    certificate = ALL["graph"]["command"][ALL["graph"]["command"].index("--ca-file") + 1]
    assert certificate == TRIAL["ENTRAKEEP_CA_BUNDLE"]
    for name in ("graph", "workers", "entrakeep"):
        assert ALL[name]["volumes"] == ["home:/var/lib/entrakeep"]


def test_the_console_gets_its_settings_alone_and_starts_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    console = ALL["console"]
    own = {f"ENTRAKEEP_{name.upper()}" for name in WebSettings.model_fields}
    files = {"ENTRAKEEP_WEB_CERTIFICATE", "ENTRAKEEP_WEB_KEY", "ENTRAKEEP_CA_BUNDLE", "ENTRAKEEP_HOME"}
    assert set(console["environment"]) == own - files | {"HTTPS_PROXY", "NO_PROXY"}
    assert console["command"] == ["entrakeep", "web"]
    assert "volumes" not in console
    for name, value in environment(console, TRIAL).items():
        monkeypatch.setenv(name, value)
    settings = read_web_settings()
    assert (settings.web_url, settings.web_address) == ("http://localhost:8088", ("0.0.0.0", 8088))
    (port,) = console["ports"]
    assert port.endswith(f":{settings.web_address[1]}")
    assert f":{settings.web_address[1]}/healthz" in console["healthcheck"]["test"][-1]
