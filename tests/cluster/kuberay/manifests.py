"""The manifests as `kubectl apply -k` would send them, built by kubectl's own kustomize."""

import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
OVERLAYS = ROOT / "cluster" / "kuberay" / "overlays"
SITES = ("cloud", "laptop")
PARTS = ("platform", "cluster", "build-corpus", "train", "dub", "service")
JOBS = ("build-corpus", "train", "dub")
KUBECTL = Path(sys.executable).parent / "kubectl"

Resource = dict[str, Any]


@functools.cache
def built(site: str, part: str) -> tuple[Resource, ...]:
    """The resources of a part; all tests share them, so a test that changes one changes a copy."""
    command = [str(KUBECTL), "kustomize", str(OVERLAYS / site / part)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.load_all(done.stdout, Loader=yaml.SafeLoader))


def of_kind(site: str, part: str, kind: str) -> list[Resource]:
    return [resource for resource in built(site, part) if resource["kind"] == kind]


def everything(site: str) -> list[Resource]:
    return [resource for part in PARTS for resource in built(site, part)]


def cluster_of(resource: Resource) -> Resource | None:
    """What a resource says of a Ray cluster, if it does."""
    spec = resource.get("spec", {})
    if resource["kind"] == "RayCluster":
        return spec
    return spec.get("rayClusterSpec") or spec.get("rayClusterConfig")


def templates(resource: Resource) -> Iterator[tuple[str, Resource]]:
    """(name, pod template) of every pod that a resource makes."""
    if cluster := cluster_of(resource):
        yield "head", cluster["headGroupSpec"]["template"]
        for group in cluster["workerGroupSpecs"]:
            yield group["groupName"], group["template"]
    if "submitterPodTemplate" in resource.get("spec", {}):
        yield "submitter", resource["spec"]["submitterPodTemplate"]
    if resource["kind"] == "StatefulSet":
        yield resource["metadata"]["name"], resource["spec"]["template"]


def pods(site: str) -> Iterator[tuple[str, Resource]]:
    """(where, pod template) of every pod of a site."""
    for part in PARTS:
        for resource in built(site, part):
            for name, template in templates(resource):
                yield f"{site}/{part}/{name}", template


def selects(selector: Resource, labels: dict[str, str]) -> bool:
    """As Kubernetes matches a label selector; of expressions `In` only."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In", expression
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return True
