"""What is asked of the clouds: checked against the clouds' own descriptions of their interfaces."""

import json
from pathlib import Path
from typing import Any

import botocore.session
import googleapiclient
import jsonschema
import pytest
from botocore.validate import ParamValidator
from cfnlint.api import lint_all

from tests.cluster.launcher.configs import AWS, GCP, ROOT, prepared, read

ACCOUNT = ROOT / "cluster" / "launcher" / "aws_account.yaml"


def machines(path: Path) -> dict[str, dict[str, Any]]:
    return {name: kind["node_config"] for name, kind in prepared(read(path))["available_node_types"].items()}


@pytest.fixture(scope="module")
def run_instances() -> Any:
    return botocore.session.get_session().get_service_model("ec2").operation_model("RunInstances").input_shape


def problems_on_aws(machine: dict[str, Any], shape: Any) -> str:
    return ParamValidator().validate({**machine, "MinCount": 1, "MaxCount": 1}, shape).generate_report()


def test_ec2_knows_every_setting(run_instances: Any) -> None:
    for name, machine in machines(AWS).items():
        assert problems_on_aws(machine, run_instances) == "", name


def test_a_mistyped_setting_of_ec2_is_found(run_instances: Any) -> None:
    machine = machines(AWS)["infer-spot"]
    machine["InstanceMarketOption"] = machine.pop("InstanceMarketOptions")
    assert "InstanceMarketOption" in problems_on_aws(machine, run_instances)
    machine = machines(AWS)["infer"]
    machine["BlockDeviceMappings"][1]["Ebs"]["Encrypt"] = True
    assert "Encrypt" in problems_on_aws(machine, run_instances)


def test_every_disk_on_aws_is_encrypted_and_goes_with_its_machine() -> None:
    for name, machine in machines(AWS).items():
        disks = [mapping["Ebs"] for mapping in machine["BlockDeviceMappings"]]
        assert len(disks) == 2, name
        assert all(disk["Encrypted"] and disk["DeleteOnTermination"] for disk in disks), name
        assert disks[1]["VolumeSize"] > disks[0]["VolumeSize"], f"{name}: the second is the large one"


def test_rights_on_aws_are_roles_and_credentials_stay_on_the_machine() -> None:
    for name, machine in machines(AWS).items():
        role = "emotalk-head" if name == "head" else "emotalk-worker"
        assert machine["IamInstanceProfile"] == {"Name": role}
        assert machine["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}


def closed(name: str, schemas: dict[str, Any]) -> dict[str, Any]:
    """-> JSON schema of Google's resource `name`, with the others beside it, in which no key may be unknown."""

    def close(schema: dict[str, Any]) -> dict[str, Any]:
        kept = {key: schema[key] for key in ("type", "enum") if key in schema}
        if "$ref" in schema:
            return {"$ref": f"#/$defs/{schema['$ref']}"}
        if kept.get("type") == "any":
            return {}
        if schema.get("format") in ("int64", "uint64"):  # texts on the wire, numbers for the client
            kept["type"] = ["string", "integer"]
        if "items" in schema:
            kept["items"] = close(schema["items"])
        if "properties" in schema:
            kept["properties"] = {key: close(value) for key, value in schema["properties"].items()}
            kept["additionalProperties"] = False
        elif "additionalProperties" in schema:
            kept["additionalProperties"] = close(schema["additionalProperties"])
        return kept

    return {"$ref": f"#/$defs/{name}", "$defs": {key: close(value) for key, value in schemas.items()}}


@pytest.fixture(scope="module")
def google() -> jsonschema.Draft202012Validator:
    described = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents" / "compute.v1.json"
    return jsonschema.Draft202012Validator(closed("Instance", json.loads(described.read_text())["schemas"]))


def test_compute_engine_knows_every_setting(google: jsonschema.Draft202012Validator) -> None:
    for machine in machines(GCP).values():
        google.validate(machine)


def test_a_mistyped_setting_of_compute_engine_is_found(google: jsonschema.Draft202012Validator) -> None:
    machine = machines(GCP)["infer-spot"]
    machine["scheduling"]["provisioningModels"] = machine["scheduling"].pop("provisioningModel")
    with pytest.raises(jsonschema.ValidationError, match="provisioningModels"):
        google.validate(machine)
    machine = machines(GCP)["head"]
    machine["disks"][0]["type"] = "PERSISTENTLY"
    with pytest.raises(jsonschema.ValidationError, match="PERSISTENTLY"):
        google.validate(machine)


def test_spot_machines_are_spot_and_their_substitutes_are_not() -> None:
    for name, machine in machines(AWS).items():
        assert ("InstanceMarketOptions" in machine) == name.endswith("-spot"), name
    for name, machine in machines(GCP).items():
        model = machine.get("scheduling", {}).get("provisioningModel")
        assert (model == "SPOT") == name.endswith("-spot"), name


def test_both_kinds_of_a_machine_differ_in_nothing_else() -> None:
    for path, spot in ((AWS, "InstanceMarketOptions"), (GCP, "scheduling")):
        kinds = machines(path)
        for name in ("train", "infer", "decode"):
            one, other = ({k: v for k, v in kinds[n].items() if k != spot} for n in (name, f"{name}-spot"))
            assert one == other, f"{path.name}: {name}"


def complaints(template: str) -> list[str]:
    return [str(match) for match in lint_all(template) if match.rule.severity != "informational"]


def test_the_accounts_template_is_valid() -> None:
    assert complaints(ACCOUNT.read_text()) == []


def test_a_mistake_in_the_accounts_template_is_found() -> None:
    wrong = ACCOUNT.read_text().replace("InstanceProfileName", "InstanceProfilesName")
    assert any("InstanceProfilesName" in complaint for complaint in complaints(wrong))


def test_template_and_cluster_name_the_same_things() -> None:
    template = ACCOUNT.read_text()
    for name in {machine["IamInstanceProfile"]["Name"] for machine in machines(AWS).values()}:
        assert f"InstanceProfileName: {name}\n" in template
    group = read(AWS)["provider"]["security_group"]["GroupName"]
    assert f"GroupName: {group}\n" in template
