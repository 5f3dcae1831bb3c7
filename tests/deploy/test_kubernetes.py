"""The rendered manifests: valid, restricted, and in agreement with the services they start."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from pydantic_settings import BaseSettings

import engine_service.settings
import store_service.settings
from tapedeck_rpc.server import GRACE_SECONDS

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("base", "overlays/production")
OLDEST_AND_NEWEST = ("1.31", "1.36")

SETTINGS: Mapping[str, type[BaseSettings]] = {
    "engine": engine_service.settings.Settings,
    "store": store_service.settings.Settings,
    "store-migrate": store_service.settings.Settings,
    "store-backup": store_service.settings.Settings,
    "store-verify-backup": store_service.settings.Settings,
}

BACKUPS = {"store-backup": "backup", "store-verify-backup": "verify-backup"}
"""CronJobs of the overlays that have the component `backup`, and the commands they run."""

Manifest = dict[str, Any]

pytestmark = pytest.mark.parametrize("overlay", OVERLAYS)


@functools.cache
def rendered(overlay: str) -> tuple[Manifest, ...]:
    kubectl = Path(sys.executable).with_name("kubectl")
    text = subprocess.run([kubectl, "kustomize", KUBERNETES / overlay], check=True, capture_output=True, text=True).stdout
    return tuple(yaml.safe_load_all(text))


def of_kind(overlay: str, *kinds: str) -> list[Manifest]:
    return [manifest for manifest in rendered(overlay) if manifest["kind"] in kinds]


def named(overlay: str, kind: str, name: str) -> Manifest:
    return next(manifest for manifest in of_kind(overlay, kind) if manifest["metadata"]["name"] == name)


def backups(overlay: str) -> set[str]:
    """Names of the CronJobs that the overlay has to have."""
    return set() if overlay == "base" else set(BACKUPS)


def pods(overlay: str) -> dict[str, Manifest]:
    """Pod templates by the name of what makes them."""
    found = {workload["metadata"]["name"]: workload["spec"]["template"] for workload in of_kind(overlay, "Deployment", "Job")}
    return found | {job["metadata"]["name"]: job["spec"]["jobTemplate"]["spec"]["template"] for job in of_kind(overlay, "CronJob")}


def containers(overlay: str) -> Iterator[tuple[str, Manifest]]:
    """Every container with the name of its workload, init containers included."""
    for name, pod in pods(overlay).items():
        for container in [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]:
            yield name, container


def servers(overlay: str) -> Iterator[tuple[str, Manifest]]:
    """The containers that keep running, with the name of their Deployment."""
    for deployment in of_kind(overlay, "Deployment"):
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            yield deployment["metadata"]["name"], container


def variables(overlay: str, container: Manifest) -> dict[str, str | None]:
    """The container's environment: literal values, None for those taken from a Secret."""
    found: dict[str, str | None] = {}
    for source in container.get("envFrom", ()):
        found |= named(overlay, "ConfigMap", source["configMapRef"]["name"])["data"]
    return found | {entry["name"]: entry.get("value") for entry in container.get("env", ())}


def default_port(service: str, setting: str) -> int:
    return int(str(SETTINGS[service].model_fields[setting].default).rpartition(":")[2])


def pods_selected(overlay: str, selector: Manifest) -> set[str]:
    """Names of the workloads whose pods a label selector takes."""

    def takes(labels: Mapping[str, str]) -> bool:
        wanted = selector.get("matchLabels", {})
        among = selector.get("matchExpressions", [])
        assert all(expression["operator"] == "In" for expression in among)
        return wanted.items() <= labels.items() and all(labels.get(each["key"]) in each["values"] for each in among)

    return {name for name, pod in pods(overlay).items() if takes(pod["metadata"]["labels"])}


@pytest.mark.parametrize("version", OLDEST_AND_NEWEST)
def test_every_manifest_is_valid_for_the_oldest_and_the_newest_kubernetes(overlay: str, version: str) -> None:
    for manifest in rendered(overlay):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_pods_meet_the_restricted_standard_and_more(overlay: str) -> None:
    for name, pod in pods(overlay).items():
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"], name
        assert security["runAsUser"] == 65532, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["spec"]["automountServiceAccountToken"] is False, name
        assert not pod["spec"].keys() & {"hostNetwork", "hostPID", "hostIPC"}, name
        assert not any("hostPath" in volume for volume in pod["spec"].get("volumes", ())), name
    for name, container in containers(overlay):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
    assert named(overlay, "Namespace", "tapedeck")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_service_accounts_carry_no_token(overlay: str) -> None:
    accounts = {account["metadata"]["name"]: account["automountServiceAccountToken"] for account in of_kind(overlay, "ServiceAccount")}
    assert accounts == {"engine": False, "store": False}
    assert {pod["spec"]["serviceAccountName"] for pod in pods(overlay).values()} == accounts.keys()


def test_every_container_says_what_it_needs_and_what_it_may_use(overlay: str) -> None:
    for name, container in containers(overlay):
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
        assert container["resources"]["limits"].keys() == {"cpu", "memory"}, name


@pytest.mark.parametrize(("service", "setting"), [("engine", "engine_health_address"), ("store", "store_health_address")])
def test_probes_ask_the_health_server_for_what_they_mean(overlay: str, service: str, setting: str) -> None:
    (container,) = [container for name, container in servers(overlay) if name == service]
    port = default_port(service, setting)
    assert container["livenessProbe"]["grpc"] == {"port": port, "service": "liveness"}
    assert container["startupProbe"]["grpc"] == {"port": port, "service": "liveness"}
    assert container["readinessProbe"]["grpc"] == {"port": port, "service": "readiness"}


def test_containers_open_the_ports_that_the_services_listen_on_by_default(overlay: str) -> None:
    opened = {name: {port["containerPort"] for port in container["ports"]} for name, container in servers(overlay)}
    assert opened == {
        "engine": {default_port("engine", name) for name in ("engine_address", "engine_health_address")},
        "store": {default_port("store", name) for name in ("store_address", "record_address", "store_health_address")},
    }


def test_services_are_headless_and_lead_to_a_port_of_their_pods(overlay: str) -> None:
    opened = {name: {port["name"]: port["containerPort"] for port in container["ports"]} for name, container in servers(overlay)}
    for service in of_kind(overlay, "Service"):
        assert service["spec"]["clusterIP"] == "None"
        (pod,) = pods_selected(overlay, {"matchLabels": service["spec"]["selector"]})
        for port in service["spec"]["ports"]:
            # Behind a headless Service clients dial the pod's own port.
            assert opened[pod][port["targetPort"]] == port["port"]


@pytest.mark.parametrize(
    ("service", "target", "port_setting"),
    [
        ("engine", "TAPEDECK_STORE_TARGET", ("store", "store_address")),
        ("engine", "TAPEDECK_RECORD_TARGET", ("store", "record_address")),
        ("store", "TAPEDECK_ENGINE_TARGET", ("engine", "engine_address")),
    ],
)
def test_targets_name_a_service_and_its_port(overlay: str, service: str, target: str, port_setting: tuple[str, str]) -> None:
    (container,) = [container for name, container in servers(overlay) if name == service]
    scheme, host, port = re.fullmatch(r"(dns:///)([a-z-]+):(\d+)", variables(overlay, container)[target] or "").groups()  # type: ignore[union-attr]
    assert int(port) == default_port(*port_setting)
    assert int(port) in {entry["port"] for entry in named(overlay, "Service", host)["spec"]["ports"]}
    assert scheme == "dns:///", "balancing over replicas needs every address"


def test_every_variable_is_a_setting_of_the_service(overlay: str) -> None:
    for name, container in containers(overlay):
        settings = {f"TAPEDECK_{field.upper()}" for field in SETTINGS[name].model_fields}
        assert variables(overlay, container).keys() <= settings, name


def test_the_settings_of_the_manifests_are_accepted(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, container in servers(overlay):
        with monkeypatch.context() as environment:
            for variable, value in variables(overlay, container).items():
                environment.setenv(variable, "postgresql://user@host/database" if value is None else value)
            SETTINGS[name]()


def test_secrets_are_referred_to_and_never_written_down(overlay: str) -> None:
    assert of_kind(overlay, "Secret") == []
    for name in ("store", "store-migrate", *backups(overlay)):
        (url,) = [entry for container in pods(overlay)[name]["spec"]["containers"] for entry in container["env"]]
        assert url == {
            "name": "TAPEDECK_DATABASE_URL",
            "valueFrom": {"secretKeyRef": {"name": "tapedeck-database", "key": "url"}},
        }
    assert not re.search(r"://[^/\s]*:[^/\s]*@", yaml.safe_dump_all(rendered(overlay))), "a URL with a password"


def test_the_engine_gets_no_access_to_the_database(overlay: str) -> None:
    assert all("env" not in container for name, container in containers(overlay) if name == "engine")
    reaching = [policy["spec"] for policy in of_kind(overlay, "NetworkPolicy") if 5432 in allowed_ports(policy, "egress")]
    assert set().union(*(pods_selected(overlay, spec["podSelector"]) for spec in reaching)) == {"store", "store-migrate"} | backups(overlay)


def allowed_ports(policy: Manifest, direction: str) -> set[int]:
    return {port["port"] for rule in policy["spec"].get(direction, ()) for port in rule["ports"]}


def test_only_engines_reach_the_port_that_records(overlay: str) -> None:
    record = default_port("store", "record_address")
    rules = [rule for policy in of_kind(overlay, "NetworkPolicy") for rule in policy["spec"].get("ingress", ())]
    recording = [rule for rule in rules if record in {port["port"] for port in rule["ports"]}]
    assert recording == [
        {
            "from": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "engine"}}}],
            "ports": [{"protocol": "TCP", "port": record}],
        }
    ]


def test_what_no_policy_allows_is_denied(overlay: str) -> None:
    assert named(overlay, "NetworkPolicy", "deny-all")["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_every_selector_selects_pods(overlay: str) -> None:
    for workload in of_kind(overlay, "Deployment"):
        assert pods_selected(overlay, workload["spec"]["selector"]) == {workload["metadata"]["name"]}
    for policy in of_kind(overlay, "NetworkPolicy", "PodDisruptionBudget"):
        selector = policy["spec"].get("podSelector", policy["spec"].get("selector"))
        assert pods_selected(overlay, selector), policy["metadata"]["name"]
    for pod in pods(overlay).values():
        for constraint in pod["spec"].get("topologySpreadConstraints", ()):
            assert pods_selected(overlay, constraint["labelSelector"])


def test_pods_have_time_to_end_what_is_in_flight(overlay: str) -> None:
    for name, container in servers(overlay):
        waits = container["lifecycle"]["preStop"]["sleep"]["seconds"] + GRACE_SECONDS
        assert pods(overlay)[name]["spec"]["terminationGracePeriodSeconds"] > waits


def test_the_workers_of_an_engine_fit_into_its_limits(overlay: str) -> None:
    (engine,) = [container for name, container in servers(overlay) if name == "engine"]
    settings = variables(overlay, engine)
    workers, megabytes = int(settings["TAPEDECK_WORKERS"] or 0), int(settings["TAPEDECK_WORKER_MEMORY_MB"] or 0)
    limit_megabytes = int(engine["resources"]["limits"]["memory"].removesuffix("Gi")) * 1024
    # What is left is for the server, the fork server and the datasets' pages.
    assert workers * megabytes <= limit_megabytes - 1024
    assert workers == int(engine["resources"]["limits"]["cpu"])


def test_images_have_the_version_of_the_project(overlay: str) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {name: container["image"] for name, container in containers(overlay)} == {
        "engine": f"tapedeck-engine:{version}",
        "store": f"tapedeck-store:{version}",
        "store-migrate": f"tapedeck-store:{version}",
    } | dict.fromkeys(backups(overlay), f"tapedeck-backup:{version}")


def test_the_migration_is_tried_again_and_leaves_its_log_for_a_day(overlay: str) -> None:
    job = named(overlay, "Job", "store-migrate")["spec"]
    assert job["backoffLimit"] > 0
    assert job["ttlSecondsAfterFinished"] == 24 * 60 * 60
    assert job["template"]["spec"]["containers"][0]["args"] == ["migrate"]


def test_backups_are_taken_every_day_verified_every_week_and_kept_on_a_volume(overlay: str) -> None:
    jobs = {job["metadata"]["name"]: job["spec"] for job in of_kind(overlay, "CronJob")}
    assert jobs.keys() == backups(overlay)
    for name, job in jobs.items():
        pod = pods(overlay)[name]["spec"]
        (container,) = pod["containers"]
        assert container["args"] == [BACKUPS[name]]
        assert (job["concurrencyPolicy"], job["jobTemplate"]["spec"]["backoffLimit"]) == ("Forbid", 2)
        _minute, _hour, day, month, weekday = job["schedule"].split()
        assert (day, month, weekday) == ("*", "*", "*" if name == "store-backup" else "0")
        mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounted["backups"] == variables(overlay, container)["TAPEDECK_BACKUP_DIR"]
        (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "backups"]
        named(overlay, "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"])
        assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"], "it may write to its volume"


def test_replicas_of_production_are_never_all_away(overlay: str) -> None:
    replicas = {deployment["metadata"]["name"]: deployment["spec"]["replicas"] for deployment in of_kind(overlay, "Deployment")}
    budgets = {budget["metadata"]["name"]: budget["spec"]["maxUnavailable"] for budget in of_kind(overlay, "PodDisruptionBudget")}
    if overlay == "base":
        assert budgets == {}, "a budget for a single replica only blocks the draining of its node"
    else:
        assert budgets.keys() == replicas.keys()
        assert all(budgets[name] < count for name, count in replicas.items())
