"""What an operator counts on: sizes, rights, who may speak to whom, what is watched, what survives."""

from typing import Any

import pytest

from tests.cluster.kuberay.manifests import (
    JOBS,
    SITES,
    built,
    cluster_of,
    everything,
    of_kind,
    pods,
    selects,
    templates,
)

in_sites = pytest.mark.parametrize("site", SITES)
GPU = "nvidia.com/gpu"
# What cluster/README.md makes by hand, because it is secret.
BY_HAND = {"emotalk-token", "emotalk-s3", "emotalk-keys", "emotalk-redis", "emotalk-tls"}


def ray_clusters(site: str) -> dict[str, dict[str, Any]]:
    """The Ray cluster of every part that has one."""
    return {
        part: cluster
        for part in ("cluster", *JOBS, "service")
        for resource in built(site, part)
        if (cluster := cluster_of(resource))
    }


def groups(cluster: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {group["groupName"]: group for group in cluster["workerGroupSpecs"]}


@in_sites
def test_every_part_has_exactly_one_cluster_and_heads_run_no_task(site: str) -> None:
    clusters = ray_clusters(site)
    assert set(clusters) == {"cluster", *JOBS, "service"}
    for cluster in clusters.values():
        assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
        limits = cluster["headGroupSpec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        assert GPU not in limits


@in_sites
def test_workers_come_when_work_asks_for_them(site: str) -> None:
    clusters = ray_clusters(site)
    for cluster in clusters.values():
        assert cluster["enableInTreeAutoscaling"] is True
        assert cluster["autoscalerOptions"]["version"] == "v2"
    assert {name: group["minReplicas"] for name, group in groups(clusters["cluster"]).items()} == {
        "train": 0,
        "infer": 0,
        "decode": 0,
    }
    own = {"build-corpus": "decode", "train": "train", "dub": "infer"}
    for job, kind in own.items():
        found = groups(clusters[job])
        assert {name for name, group in found.items() if group["minReplicas"]} == {kind}
        assert all(group["replicas"] == group["minReplicas"] <= group["maxReplicas"] for group in found.values())


def test_training_and_inference_have_gpus_of_their_own() -> None:
    sizes = {
        name: int(group["template"]["spec"]["containers"][0]["resources"]["limits"].get(GPU, 0))
        for name, group in groups(ray_clusters("cloud")["cluster"]).items()
    }
    assert sizes == {"train": 4, "infer": 1, "decode": 0}


@in_sites
def test_memory_and_cpus_that_are_asked_for_are_all_there_is(site: str) -> None:
    autoscalers = [cluster["autoscalerOptions"]["resources"] for cluster in ray_clusters(site).values()]
    containers = [(where, c["resources"]) for where, pod in pods(site) for c in pod["spec"]["containers"]]
    for where, resources in [*containers, *(("autoscaler", resources) for resources in autoscalers)]:
        assert resources["requests"] == resources["limits"], where
        assert {"cpu", "memory"} <= set(resources["limits"]), where


@in_sites
def test_pods_keep_to_the_restricted_profile(site: str) -> None:
    for where, pod in pods(site):
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, where
        assert security["runAsUser"] > 0, where
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, where
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False, where
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, where
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod["spec"]), where
        assert not [volume for volume in pod["spec"].get("volumes", []) if "hostPath" in volume], where


@in_sites
def test_workers_get_no_right_at_the_kubernetes_api(site: str) -> None:
    for where, pod in pods(site):
        head = where.endswith("/head")
        assert pod["spec"].get("automountServiceAccountToken", True) is head, where
        if "redis" not in where:
            assert pod["spec"]["serviceAccountName"] == f"emotalk-{'head' if head else 'worker'}", where


@in_sites
def test_images_are_named_exactly(site: str) -> None:
    for where, pod in pods(site):
        for container in pod["spec"]["containers"]:
            _, _, tag = container["image"].rpartition(":")
            assert tag not in ("", "latest"), where
            assert container["image"] not in ("emotalk-cpu", "emotalk-cuda"), f"{where}: no image of the site"
    images = {container["image"] for _, pod in pods("cloud") for container in pod["spec"]["containers"]}
    assert {image.rpartition("-")[2] for image in images if "emotalk" in image} == {"cpu", "cuda"}


@in_sites
def test_only_gpu_pods_have_the_large_image(site: str) -> None:
    for where, pod in pods("cloud"):
        (container,) = pod["spec"]["containers"]
        assert container["image"].endswith("-cuda") == (GPU in container["resources"]["limits"]), where


@in_sites
def test_every_cluster_needs_the_token(site: str) -> None:
    for cluster in ray_clusters(site).values():
        assert cluster["authOptions"] == {"mode": "token", "secretName": "emotalk-token"}


@in_sites
def test_what_pods_name_exists(site: str) -> None:
    made = {(r["kind"], r["metadata"]["name"]) for r in everything(site)}
    for where, pod in pods(site):
        account = pod["spec"].get("serviceAccountName")
        assert account is None or ("ServiceAccount", account) in made, where
        for container in pod["spec"]["containers"]:
            volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
            claims = {"data"} if "redis" in where else set()
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes | claims, where
            for source in container.get("envFrom", []):
                if "configMapRef" in source:
                    assert ("ConfigMap", source["configMapRef"]["name"]) in made, where
                else:
                    assert source["secretRef"]["name"] in BY_HAND, where
        for volume in pod["spec"].get("volumes", []):
            assert volume.get("secret", {"secretName": "emotalk-keys"})["secretName"] in BY_HAND, where


@in_sites
def test_spilled_objects_lie_on_the_large_disk(site: str) -> None:
    for cluster in ray_clusters(site).values():
        for name, group in groups(cluster).items():
            (mount,) = [
                mount
                for mount in group["template"]["spec"]["containers"][0]["volumeMounts"]
                if group["rayStartParams"]["object-spilling-directory"].startswith(mount["mountPath"])
            ]
            (volume,) = [v for v in group["template"]["spec"]["volumes"] if v["name"] == mount["name"]]
            assert "ephemeral" in volume, name


def policies(site: str) -> list[dict[str, Any]]:
    return [resource for resource in everything(site) if resource["kind"] == "NetworkPolicy"]


def openings(site: str, labels: dict[str, str], way: str) -> list[dict[str, Any]]:
    """The rules that let anything in (`ingress`) or out (`egress`) of a pod."""
    return [
        rule
        for policy in policies(site)
        if selects(policy["spec"]["podSelector"], labels)
        for rule in policy["spec"].get(way, [])
    ]


def ports(rule: dict[str, Any]) -> set[int] | None:
    """None for all."""
    return {port["port"] for port in rule["ports"]} if "ports" in rule else None


@in_sites
def test_every_pod_starts_closed(site: str) -> None:
    (closed,) = [policy for policy in policies(site) if policy["metadata"]["name"] == "nothing-else"]
    assert closed["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert all(
        "ports" in rule or "podSelector" in str(rule) for p in policies(site) for rule in p["spec"].get("ingress", [])
    )


@in_sites
def test_nobody_outside_reaches_more_than_this(site: str) -> None:
    """By namespace of who asks: the ports of each pod that are open to it."""
    seen: dict[str, dict[str, set[int]]] = {}
    for where, pod in pods(site):
        for rule in openings(site, pod["metadata"]["labels"], "ingress"):
            for source in rule["from"]:
                if "namespaceSelector" in source:
                    (namespace,) = source["namespaceSelector"]["matchLabels"].values()
                    part, kind = where.split("/")[1:]
                    opened = ports(rule)
                    assert opened, f"{where}: all ports are open to {namespace}"
                    seen.setdefault(namespace, {}).setdefault(f"{part}/{kind}", set()).update(opened)
    assert set(seen) == {"kuberay-system", "monitoring", "ingress-nginx"}
    assert all(kind.endswith("/head") and opened == {8265} for kind, opened in seen["kuberay-system"].items())
    assert seen["ingress-nginx"] == {"service/infer": {8000}}
    assert set().union(*seen["monitoring"].values()) == {8080, 44217, 44227}


@in_sites
def test_the_address_of_the_machines_credentials_is_out_of_reach(site: str) -> None:
    for where, pod in pods(site):
        for rule in openings(site, pod["metadata"]["labels"], "egress"):
            for target in rule["to"]:
                if "ipBlock" in target and ports(rule) != {53}:
                    assert target["ipBlock"]["except"] == ["169.254.0.0/16"], where
                    assert ports(rule) == {443, 6443}, where


@in_sites
def test_redis_is_the_services_heads_alone(site: str) -> None:
    labels = {where: pod["metadata"]["labels"] for where, pod in pods(site)}
    (redis,) = [found for where, found in labels.items() if where.endswith("/redis")]
    for where, found in labels.items():
        inside = any(
            selects(source["podSelector"], found)
            for rule in openings(site, redis, "ingress")
            for source in rule["from"]
        )
        assert inside == where.endswith("/head"), where


def test_every_node_of_ray_is_watched_once() -> None:
    monitors = of_kind("cloud", "platform", "PodMonitor")
    for where, pod in pods("cloud"):
        found = [m for m in monitors if selects(m["spec"]["selector"], pod["metadata"]["labels"])]
        watched = "/redis" not in where and "/submitter" not in where
        assert len(found) == watched, where
        for monitor in found:
            # KubeRay adds the port `metrics` to every Ray container itself.
            names = {port.get("name") for port in pod["spec"]["containers"][0].get("ports", [])} | {"metrics"}
            assert {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]} <= names, where


@in_sites
def test_a_drained_node_waits_for_jobs_and_leaves_the_service_a_worker(site: str) -> None:
    for part, kinds in {
        "build-corpus": {"head"},
        "train": {"head", "train"},
        "dub": {"head"},
        "service": {"infer"},
    }.items():
        budgets = of_kind(site, part, "PodDisruptionBudget")
        kept = {
            name
            for resource in built(site, part)
            for name, template in templates(resource)
            if any(selects(budget["spec"]["selector"], template["metadata"]["labels"]) for budget in budgets)
        }
        assert kept == kinds
        # Another kind of budget is not allowed for pods of an operator.
        assert all(set(budget["spec"]) == {"minAvailable", "selector"} for budget in budgets)


@in_sites
def test_the_service_survives_its_head_and_an_upgrade(site: str) -> None:
    (service,) = of_kind(site, "service", "RayService")
    spec = service["spec"]
    assert spec["upgradeStrategy"] == {"type": "NewCluster"}
    assert spec["excludeHeadPodFromServeSvc"] is True
    assert spec["rayClusterDeletionDelaySeconds"] >= 60
    store = spec["rayClusterConfig"]["gcsFaultToleranceOptions"]
    host, _, port = store["redisAddress"].partition(":")
    (redis,) = of_kind(site, "service", "Service")
    assert (redis["metadata"]["name"], redis["spec"]["ports"][0]["port"]) == (host, int(port))
    (group,) = spec["rayClusterConfig"]["workerGroupSpecs"]
    assert (group["groupName"], group["minReplicas"]) == ("infer", 2)


def test_replicas_of_the_service_are_on_different_machines() -> None:
    (service,) = of_kind("cloud", "service", "RayService")
    (group,) = service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    spread = group["template"]["spec"]["topologySpreadConstraints"]
    assert {c["topologyKey"]: c["whenUnsatisfiable"] for c in spread} == {
        "kubernetes.io/hostname": "DoNotSchedule",
        "topology.kubernetes.io/zone": "ScheduleAnyway",
    }
    assert all(selects(c["labelSelector"], group["template"]["metadata"]["labels"]) for c in spread)


@in_sites
def test_requests_reach_serve(site: str) -> None:
    (service,) = of_kind(site, "service", "RayService")
    (ingress,) = of_kind(site, "service", "Ingress")
    (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
    serve = service["spec"]["serveService"]
    assert path["backend"]["service"] == {"name": serve["metadata"]["name"], "port": {"name": "serve"}}
    assert serve["spec"]["ports"] == [{"name": "serve", "port": 8000, "targetPort": 8000}]
    assert ingress["spec"]["tls"][0]["hosts"] == [ingress["spec"]["rules"][0]["host"]]


@in_sites
def test_jobs_end_and_take_their_cluster_with_them(site: str) -> None:
    for job in JOBS:
        (resource,) = of_kind(site, job, "RayJob")
        assert resource["spec"]["shutdownAfterJobFinishes"] is True
        assert resource["spec"]["backoffLimit"] > 0
        assert resource["spec"]["activeDeadlineSeconds"] > 0


@in_sites
def test_no_secret_is_in_the_manifests(site: str) -> None:
    for resource in everything(site):
        assert resource["kind"] != "Secret"
        assert not [key for key in resource.get("data", {}) if "SECRET" in key or "KEY" in key]
