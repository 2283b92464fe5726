"""Atlas, seen by another HTTP client: what the stand-in's own tests (provisioner/tests/cloud/test_atlas.py, which run
against this with CLOUD_URL) do not ask, and every answer held against the contract in atlas-openapi.yaml."""

import hashlib
import json
import sys
from pathlib import Path

import pytest
import requests
from requests.auth import HTTPDigestAuth

sys.path.append(str(Path(__file__).parents[3] / "provisioner" / "tests" / "cloud"))
import atlas_contract  # noqa: E402

GROUP = "5f00000000000000000000a1"
FLEX = {"name": "gsm-db", "providerSettings": {"backingProviderName": "AWS", "regionName": "EU_CENTRAL_1"}}
USER = {
    "databaseName": "admin", "groupId": GROUP, "username": "gsm-bot", "password": "correct-horse",
    "roles": [{"databaseName": "gsm", "roleName": "readWrite", "collectionName": "events"}],
    "scopes": [{"name": "gsm-db", "type": "CLUSTER"}], "description": "the bot",
}  # fmt: skip
FREE = {
    "providerName": "TENANT", "backingProviderName": "AWS", "regionName": "EU_CENTRAL_1", "priority": 7,
    "electableSpecs": {"instanceSize": "M0"},
}  # fmt: skip
M10 = {
    "providerName": "AWS", "regionName": "EU_CENTRAL_1", "priority": 7,
    "electableSpecs": {"instanceSize": "M10", "nodeCount": 3},
}  # fmt: skip


def cluster(name, region):
    return {"name": name, "clusterType": "REPLICASET", "replicationSpecs": [{"regionConfigs": [region]}]}


class Atlas:
    def __init__(self, cloud):
        self.cloud = cloud
        self.auth = HTTPDigestAuth("test-public", "test-private")

    def __call__(self, method, path, body=None, status=None, code=None):
        path = f"/api/atlas/v2/groups/{GROUP}/{path}".rstrip("/")
        accept = {"Accept": "application/vnd.atlas.2025-03-12+json"}
        answer = requests.request(method, self.cloud.url + path, json=body, headers=accept, auth=self.auth, timeout=30)
        assert status in (None, answer.status_code), answer.text
        found = answer.json() if answer.content else None
        operation, _, _ = atlas_contract.load().find(method, path.partition("?")[0])
        if answer.ok:
            operation.check_answer(answer.status_code, found)
            version = operation.resource_version(accept["Accept"])
            if answer.status_code != 202 and answer.status_code != 204:
                assert answer.headers["Content-Type"] == f"application/vnd.atlas.{version}+json;charset=utf-8"
        else:
            error = atlas_contract.load().document["components"]["schemas"]["ApiError"]
            atlas_contract.load().validator(error).validate(found)
            assert found["error"] == answer.status_code
            assert answer.headers["X-Error-Code"] == found["errorCode"]
            assert code in (None, found["errorCode"]), found
        return answer, found


@pytest.fixture
def atlas(new_cloud):
    return Atlas(new_cloud())


def state(atlas, path):
    return atlas("GET", path)[1].get("stateName")


def test_every_answer_keeps_the_contract(atlas):
    _, made = atlas("POST", "flexClusters", FLEX, 201)
    assert made["stateName"] == "CREATING" and "standard" not in made["connectionStrings"] and "tags" not in made
    atlas("POST", "clusters", cluster("free", FREE), 201)
    _, big = atlas("POST", "clusters", cluster("big", M10), 201)
    assert state(atlas, "flexClusters/gsm-db") == state(atlas, "clusters/free") == state(atlas, "clusters/big") == "IDLE"
    bigger = M10 | {"electableSpecs": {"instanceSize": "M20", "nodeCount": 3}}
    spec = big["replicationSpecs"][0]["id"]
    _, changed = atlas("PATCH", "clusters/big", {"replicationSpecs": [{"id": spec, "regionConfigs": [bigger]}]}, 200)
    assert changed["stateName"] == "UPDATING" and changed["replicationSpecs"][0]["id"] == spec
    atlas("PATCH", "flexClusters/gsm-db", {"tags": [{"key": "a", "value": "b"}]}, 200)
    assert [it["name"] for it in atlas("GET", "clusters")[1]["results"]] == ["big", "free"]
    assert [it["name"] for it in atlas("GET", "flexClusters")[1]["results"]] == ["gsm-db"]
    assert atlas("GET", "")[1]["clusterCount"] == 3
    atlas("POST", "databaseUsers", USER, 201)
    atlas("PATCH", "databaseUsers/admin/gsm-bot", {"scopes": []}, 200)
    assert atlas("GET", "databaseUsers/admin/gsm-bot")[1]["description"] == "the bot"
    atlas("POST", "accessList", [{"cidrBlock": "0.0.0.0/0"}, {"ipAddress": "2001:db8::1"}], 201)
    assert atlas("GET", "accessList/2001:db8::1")[1]["cidrBlock"] == "2001:db8::1/128"
    census = atlas.cloud.census()
    assert [len(census[f"atlas_{kind}"]) for kind in ("clusters", "users", "accessList")] == [3, 1, 2]
    for path in ("flexClusters/gsm-db", "clusters/free", "clusters/big", "databaseUsers/admin/gsm-bot"):
        atlas("DELETE", path)
        atlas("GET", path, status=404)
    atlas("DELETE", "accessList/0.0.0.0%2F0", status=204)
    atlas("DELETE", "accessList/2001:db8::1", status=204)
    assert not [kind for kind in atlas.cloud.census() if kind.startswith("atlas_")]


def test_a_refused_change_changes_nothing(atlas):
    atlas("POST", "clusters", cluster("big", M10), 201)
    bigger = M10 | {"electableSpecs": {"instanceSize": "M20", "nodeCount": 3}}
    twice = [{"key": "a", "value": "1"}] * 2
    change = {"replicationSpecs": [{"regionConfigs": [bigger]}], "tags": twice}
    atlas("PATCH", "clusters/big", change, 400, "VALIDATION_ERROR")
    found = atlas("GET", "clusters/big")[1]
    assert found["replicationSpecs"][0]["regionConfigs"][0]["electableSpecs"]["instanceSize"] == "M10"
    atlas("POST", "accessList", [{"cidrBlock": "10.0.0.0/8"}, {}], 400)
    assert atlas("GET", "accessList")[1]["results"] == []


def test_clusters_are_refused_through_the_other_api(atlas):
    atlas("POST", "flexClusters", FLEX, 201)
    atlas("POST", "clusters", cluster("free", FREE), 201)
    for method, body in (("GET", None), ("PATCH", {"tags": []}), ("DELETE", None)):
        atlas(method, "clusters/gsm-db", body, 400, "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API")
        atlas(method, "flexClusters/free", body, 400, "CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API")
    longer = FLEX["name"] + "x" * 20
    atlas("POST", "flexClusters", FLEX | {"name": longer + "1"}, 201)
    atlas("POST", "flexClusters", FLEX | {"name": longer + "2"}, 400, "DUPLICATE_CLUSTER_NAME_PREFIX")


def test_passwords_are_known_by_their_fingerprint_only(atlas):
    atlas("POST", "databaseUsers", USER, 201)
    text = json.dumps(atlas.cloud.control("GET", "atlas"))
    assert "correct-horse" not in text and hashlib.sha256(b"correct-horse").hexdigest() not in text
    [user] = atlas.cloud.control("GET", "atlas")["gsm"]["users"]
    salted = user["password_salt"] + "correct-horse"
    assert user["password_sha256"] == hashlib.sha256(salted.encode()).hexdigest()
    weak = atlas("PATCH", "databaseUsers/admin/gsm-bot", {"password": "short"}, 400, "VALIDATION_ERROR")
    assert weak[1]["badRequestDetail"]["fields"][0]["field"] == "password" and "short" not in weak[0].text


def test_rate_limit(atlas):
    atlas.cloud.control("PUT", "atlas", {"calls_per_minute": 2})
    for _ in range(2):
        atlas("GET", "accessList", status=200)
    answer, _ = atlas("GET", "accessList", status=429, code="RATE_LIMITED_TOKEN_BUCKET")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == ("2", "0")
    atlas.cloud.control("PUT", "atlas", {"calls_per_minute": None})
    atlas("GET", "accessList", status=200)


def test_what_is_not_modelled_is_said(atlas):
    entry = {"cidrBlock": "0.0.0.0/0", "deleteAfterDate": "2030-01-01T00:00:00Z"}
    path = f"{atlas.cloud.url}/api/atlas/v2/groups/{GROUP}/accessList"
    accept = {"Accept": "application/vnd.atlas.2025-03-12+json"}
    assert requests.post(path, json=[entry], headers=accept, auth=atlas.auth, timeout=30).status_code == 501
