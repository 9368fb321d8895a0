"""Every manifest against what will read it: KubeRay's definitions, Kubernetes' schemas, Serve's and our settings."""

import copy
import functools
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pydantic
import pytest
import yaml
from ray.serve.schema import ServeDeploySchema

from emotalk import command_line
from jobs.build_corpus import Options
from jobs.dub_config import DubConfig
from jobs.train import TrainConfig
from serve_app.config import ServeConfig
from tests.cluster.kuberay.crds import load_definition, validator_of
from tests.cluster.kuberay.manifests import JOBS, SITES, built, everything, of_kind, pods

KUBERNETES = "1.34"
CUSTOM = {"RayCluster": "rayclusters", "RayJob": "rayjobs", "RayService": "rayservices"}
UNDESCRIBED = {"PodMonitor"}  # of the Prometheus operator, see test_pod_monitors_keep_to_what_is_known

in_sites = pytest.mark.parametrize("site", SITES)


@pytest.fixture(scope="module")
def validator(shared_data: Path) -> Callable[[str], Any]:
    """The validator of one of KubeRay's kinds."""
    folder = shared_data / "kuberay"
    if not folder.is_dir():
        pytest.skip(f"KubeRay's custom resource definitions are not at {folder}")

    @functools.cache
    def of(kind: str) -> Any:
        return validator_of(load_definition(folder / f"ray.io_{CUSTOM[kind]}.yaml"), "v1")

    return of


@in_sites
@pytest.mark.parametrize(
    ("part", "kind"), [("cluster", "RayCluster"), *((job, "RayJob") for job in JOBS), ("service", "RayService")]
)
def test_kuberay_knows_every_key(validator: Callable[[str], Any], site: str, part: str, kind: str) -> None:
    (resource,) = of_kind(site, part, kind)
    assert resource["apiVersion"] == "ray.io/v1"
    validator(kind).validate(resource)


@pytest.mark.parametrize(
    ("part", "kind", "place"),
    [
        ("cluster", "RayCluster", "spec/autoscalerOptions/idleTimeoutSeconds"),
        ("cluster", "RayCluster", "spec/authOptions/mode"),
        ("cluster", "RayCluster", "spec/workerGroupSpecs/0/minReplicas"),
        ("cluster", "RayCluster", "spec/workerGroupSpecs/0/rayStartParams"),
        ("cluster", "RayCluster", "spec/headGroupSpec/template/spec/containers/0/envFrom"),
        ("cluster", "RayCluster", "spec/headGroupSpec/template/spec/containers/0/resources/limits"),
        ("train", "RayJob", "spec/shutdownAfterJobFinishes"),
        ("train", "RayJob", "spec/rayClusterSpec/workerGroupSpecs/0/template/spec/volumes/0/ephemeral"),
        ("service", "RayService", "spec/serveConfigV2"),
        ("service", "RayService", "spec/upgradeStrategy/type"),
        ("service", "RayService", "spec/rayClusterConfig/gcsFaultToleranceOptions/redisPassword/valueFrom"),
        ("service", "RayService", "metadata/namespace"),
    ],
)
def test_a_mistyped_key_is_found(validator: Callable[[str], Any], part: str, kind: str, place: str) -> None:
    resource = copy.deepcopy(of_kind("cloud", part, kind)[0])
    *way, key = place.split("/")
    holder: Any = resource
    for step in way:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    holder[key + "s"] = holder.pop(key)
    with pytest.raises(jsonschema.ValidationError, match=f"'{key}s' was unexpected|'{key}' is a required"):
        validator(kind).validate(resource)


def test_a_port_that_stands_twice_and_a_wrong_type_are_found(validator: Callable[[str], Any]) -> None:
    (cluster,) = of_kind("cloud", "cluster", "RayCluster")
    twice = copy.deepcopy(cluster)
    ports = twice["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["ports"]
    ports.append(ports[0] | {"name": "again"})
    with pytest.raises(jsonschema.ValidationError, match="same containerPort"):
        validator("RayCluster").validate(twice)
    number = copy.deepcopy(cluster)
    number["spec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] = 0  # YAML's number where a text is meant
    with pytest.raises(jsonschema.ValidationError, match="not of type 'string'"):
        validator("RayCluster").validate(number)


@in_sites
def test_kubernetes_knows_every_key_of_its_own_kinds(site: str) -> None:
    kinds = set()
    for resource in everything(site):
        if resource["kind"] not in {*CUSTOM, *UNDESCRIBED}:
            kubernetes_validate.validate(resource, KUBERNETES, strict=True)
            kinds.add(resource["kind"])
    assert {"Namespace", "NetworkPolicy", "PodDisruptionBudget", "ServiceAccount", "StatefulSet", "Ingress"} <= kinds


@in_sites
def test_pod_templates_are_pods(site: str) -> None:
    different = {str(template): (where, template) for where, template in pods(site)}  # many are the same
    for where, template in different.values():
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"} | template["metadata"]}
        try:
            kubernetes_validate.validate(pod | {"spec": template["spec"]}, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            pytest.fail(f"{where}: {error}")


def test_a_mistyped_key_of_kubernetes_is_found() -> None:
    policy = copy.deepcopy(of_kind("cloud", "platform", "NetworkPolicy")[0])
    policy["spec"]["policyType"] = policy["spec"].pop("policyTypes")
    with pytest.raises(kubernetes_validate.ValidationError, match="policyType"):
        kubernetes_validate.validate(policy, KUBERNETES, strict=True)


def test_pod_monitors_keep_to_what_is_known() -> None:
    """The Prometheus operator's own definition is not at hand: the keys that its documentation names."""
    for monitor in of_kind("cloud", "platform", "PodMonitor"):
        assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
        assert set(monitor["spec"]) == {"jobLabel", "selector", "podMetricsEndpoints"}
        assert set(monitor["spec"]["selector"]) <= {"matchLabels", "matchExpressions"}
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            assert set(endpoint) == {"port", "relabelings"}
            for rule in endpoint["relabelings"]:
                assert set(rule) == {"action", "sourceLabels", "targetLabel"}


def serve_config(site: str) -> dict[str, Any]:
    (service,) = of_kind(site, "service", "RayService")
    return yaml.safe_load(service["spec"]["serveConfigV2"])


@in_sites
def test_serve_and_the_application_know_every_setting(site: str) -> None:
    config = ServeDeploySchema.model_validate(serve_config(site))
    (application,) = config.applications
    settings = ServeConfig.from_dict(application.args)
    assert (config.proxy_location, settings.min_replicas >= 2) == ("EveryNode", True)


def test_a_mistyped_setting_of_serve_is_found() -> None:
    config = serve_config("cloud")
    config["applications"][0]["import_paths"] = config["applications"][0].pop("import_path")
    with pytest.raises(pydantic.ValidationError, match="import_path"):
        ServeDeploySchema.model_validate(config)


@in_sites
@pytest.mark.parametrize(
    ("job", "module", "options"),
    [
        ("build-corpus", "jobs.build_corpus", Options),
        ("train", "jobs.train", TrainConfig),
        ("dub", "jobs.dub", DubConfig),
    ],
)
def test_jobs_understand_their_commands(site: str, job: str, module: str, options: Any) -> None:
    (resource,) = of_kind(site, job, "RayJob")
    python, flag, name, *arguments = shlex.split(resource["spec"]["entrypoint"])
    assert (python, flag, name) == ("python", "-m", module)
    config = command_line.parse(options, prog=module, args=arguments)
    assert config.output.startswith("$EMOTALK_STORE/")


def test_the_clusters_are_one_ray() -> None:
    lock = (Path(__file__).parents[3] / "constraints.txt").read_text().splitlines()
    for resource in built("cloud", "cluster"):
        assert f"ray=={resource['spec']['rayVersion']}" in lock
