import base64
import hashlib
import time

import pytest
import requests
from requests.auth import AuthBase, HTTPDigestAuth

from conftest import GROUP, Atlas

FLEX = {"name": "gsm-db", "providerSettings": {"backingProviderName": "AWS", "regionName": "EU_CENTRAL_1"}}
FREE = {
    "providerName": "TENANT",
    "backingProviderName": "AWS",
    "regionName": "EU_CENTRAL_1",
    "priority": 7,
    "electableSpecs": {"instanceSize": "M0"},
}
M10 = {
    "providerName": "AWS",
    "regionName": "EU_CENTRAL_1",
    "priority": 7,
    "electableSpecs": {"instanceSize": "M10", "nodeCount": 3},
}
FLEXES, CLUSTERS, USERS, ACCESS = (
    f"groups/{GROUP}/{kind}" for kind in ("flexClusters", "clusters", "databaseUsers", "accessList")
)


def cluster(name, region, **more):
    return {"name": name, "clusterType": "REPLICASET", "replicationSpecs": [{"regionConfigs": [region]}], **more}


def user(name="gsm-bot", **more):
    return {
        "databaseName": "admin", "groupId": GROUP, "username": name, "password": "correct-horse",
        "roles": [{"databaseName": "gsm", "roleName": "readWrite"}], **more,
    }  # fmt: skip


def wait_for(atlas, path, state, seconds=3):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = atlas("GET", path)
        if state == 404 == answer.status_code or answer.json().get("stateName") == state:
            return answer.json()
        time.sleep(0.02)
    raise AssertionError(f"{path} did not become {state}: {answer.text}")


# Authentication


def test_digest(atlas):
    answer = atlas("GET", "groups")
    assert answer.status_code == 200
    assert [project["name"] for project in answer.json()["results"]] == ["gsm", "other"]
    assert answer.headers["Content-Type"] == "application/vnd.atlas.2023-01-01+json;charset=utf-8"


def test_no_and_wrong_credentials(url):
    answer = requests.get(url + "/api/atlas/v2/groups")
    assert answer.status_code == 401
    assert 'realm="MMS Public API"' in answer.headers["WWW-Authenticate"]
    for wrong in (HTTPDigestAuth("test-public", "x"), HTTPDigestAuth("x", "test-private")):
        assert Atlas(url, wrong)("GET", "groups").status_code == 401


class FixedDigest(AuthBase):
    """Digest with every part in the test's hand."""

    def __init__(self, url, **fields):
        challenge = requests.get(url + "/api/atlas/v2/groups").headers["WWW-Authenticate"]
        nonce = challenge.partition('nonce="')[2].partition('"')[0]
        self.fields = {"nonce": nonce, "nc": "00000001", "uri": None, "cnonce": "abc"} | fields

    def __call__(self, request):
        def md5(text):
            return hashlib.md5(text.encode()).hexdigest()

        f = self.fields | {"uri": self.fields["uri"] or request.path_url}
        secret = md5("test-public:MMS Public API:test-private")
        response = md5(f"{secret}:{f['nonce']}:{f['nc']}:{f['cnonce']}:auth:{md5(request.method + ':' + f['uri'])}")
        request.headers["Authorization"] = (
            f'Digest username="test-public", realm="MMS Public API", nonce="{f["nonce"]}", uri="{f["uri"]}", qop=auth, '
            f'nc={f["nc"]}, cnonce="{f["cnonce"]}", response="{response}", algorithm=MD5'
        )
        return request


def test_digest_is_checked_in_earnest(url, control):
    digest = FixedDigest(url)
    assert Atlas(url, digest)("GET", "groups").status_code == 200
    replayed = Atlas(url, digest)("GET", "groups")
    assert replayed.status_code == 401 and "stale=false" in replayed.headers["WWW-Authenticate"]
    digest.fields["nc"] = "00000002"
    assert Atlas(url, digest)("GET", "groups").status_code == 200
    assert Atlas(url, FixedDigest(url, uri="/api/atlas/v2/groups/other"))("GET", "groups").status_code == 401
    assert "stale=true" in Atlas(url, FixedDigest(url, nonce="x"))("GET", "groups").headers["WWW-Authenticate"]
    digest = FixedDigest(url)
    control.put("atlas", {"expire_credentials": True})
    assert "stale=true" in Atlas(url, digest)("GET", "groups").headers["WWW-Authenticate"]


def test_service_account(url, control):
    def token(secret, grant="client_credentials"):
        basic = base64.b64encode(f"mdb_sa_id_test:{secret}".encode()).decode()
        return requests.post(
            url + "/api/oauth/token", data={"grant_type": grant}, headers={"Authorization": "Basic " + basic}
        )

    assert token("wrong").status_code == 401
    assert token("mdb_sa_sk_test", "password").status_code == 400
    granted = token("mdb_sa_sk_test").json()
    assert granted["token_type"] == "Bearer" and granted["expires_in"] == 3600

    def bearer(request):
        request.headers["Authorization"] = "Bearer " + granted["access_token"]
        return request

    assert Atlas(url, bearer)("GET", "groups").status_code == 200
    control.put("atlas", {"expire_credentials": True})
    assert Atlas(url, bearer)("GET", "groups").status_code == 401


# The contract


def test_versions_and_media_types(atlas):
    atlas.refused(406, "INVALID_VERSION_DATE", "GET", "groups", headers={"Accept": "application/json"})
    atlas.refused(406, "INVALID_VERSION_DATE", "GET", FLEXES, version="2023-01-01")
    assert "2024-11-13" in atlas("GET", FLEXES, version="2030-01-01").headers["Content-Type"]
    headers = {"Content-Type": "text/plain"}
    atlas.refused(415, "UNSUPPORTED_MEDIA_TYPE", "POST", FLEXES, FLEX, headers=headers)


def test_paths_and_methods(atlas):
    atlas.refused(404, "RESOURCE_NOT_FOUND", "GET", "nothing")
    atlas.refused(405, "METHOD_NOT_ALLOWED", "PUT", FLEXES)
    atlas.refused(404, "GROUP_NOT_FOUND", "GET", "groups/" + "1" * 24)
    atlas.refused(404, "INVALID_GROUP_ID", "GET", "groups/gsm")


@pytest.mark.parametrize(
    "code, body",
    [
        ("INVALID_ATTRIBUTE", FLEX | {"nmae": "x"}),
        ("INVALID_ATTRIBUTE", FLEX | {"providerSettings": FLEX["providerSettings"] | {"diskSizeGB": 5}}),
        ("MISSING_ATTRIBUTE", {"name": "x"}),
        ("INVALID_JSON_ATTRIBUTE", FLEX | {"terminationProtectionEnabled": "yes"}),
        ("INVALID_JSON_ATTRIBUTE", [FLEX]),
        ("INVALID_ENUM_VALUE", FLEX | {"providerSettings": FLEX["providerSettings"] | {"backingProviderName": "IBM"}}),
        ("INVALID_REGION", FLEX | {"providerSettings": FLEX["providerSettings"] | {"regionName": "EU_MIDDLE_9"}}),
        ("INVALID_REGION", FLEX | {"providerSettings": FLEX["providerSettings"] | {"regionName": "EU_CENTRAL_2"}}),
        ("CLUSTER_NAME_INVALID", FLEX | {"name": "gsm_db"}),
        ("CLUSTER_NAME_TOO_LONG", FLEX | {"name": "x" * 65}),
        ("CLUSTER_NAME_PREFIX_INVALID", FLEX | {"name": "x" * 22 + "-y"}),
        ("ATLAS_RESERVED_CLUSTER_NAME", FLEX | {"name": "atlas-abc123"}),
        ("VALIDATION_ERROR", FLEX | {"tags": [{"key": "provisioner:stack", "value": "gsm"}]}),
        ("VALIDATION_ERROR", FLEX | {"tags": [{"key": "url", "value": "a/b"}]}),
        ("VALIDATION_ERROR", FLEX | {"tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}),
    ],
)
def test_bad_cluster(atlas, code, body):
    atlas.refused(400, code, "POST", FLEXES, body)


def test_malformed_json(atlas):
    answer = requests.post(
        atlas.base + FLEXES, data="{", auth=atlas.auth,
        headers={"Accept": "application/vnd.atlas.2025-03-12+json", "Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.json()["errorCode"] == "MALFORMED_JSON"


# Clusters


def test_life_of_a_flex_cluster(atlas):
    made = atlas("POST", FLEXES, FLEX | {"tags": [{"key": "provisioner.stack", "value": "gsm"}]})
    assert made.status_code == 201
    assert made.json()["stateName"] == "CREATING"
    assert list(made.json()["connectionStrings"]) == ["standardSrv"]
    atlas.refused(400, "DUPLICATE_CLUSTER_NAME", "POST", FLEXES, FLEX)
    path = FLEXES + "/gsm-db"
    idle = wait_for(atlas, path, "IDLE")
    assert idle["connectionStrings"]["standardSrv"] == made.json()["connectionStrings"]["standardSrv"]
    assert idle["connectionStrings"]["standard"].startswith("mongodb://")
    assert idle["providerSettings"] == {
        "backingProviderName": "AWS",
        "diskSizeGB": 5.0,
        "providerName": "FLEX",
        "regionName": "EU_CENTRAL_1",
    }
    assert idle["tags"] == [{"key": "provisioner.stack", "value": "gsm"}]

    changed = atlas("PATCH", path, {"terminationProtectionEnabled": True, "tags": []}).json()
    assert changed["stateName"] == "UPDATING" and changed["tags"] == [] and changed["terminationProtectionEnabled"]
    atlas.refused(400, "INVALID_ATTRIBUTE", "PATCH", path, {"providerSettings": FLEX["providerSettings"]})
    atlas.refused(400, "CANNOT_TERMINATE_CLUSTER_WHEN_TERMINATION_PROTECTION_ENABLED", "DELETE", path)
    atlas.refused(400, "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API", "GET", CLUSTERS + "/gsm-db")
    atlas.refused(400, "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API", "DELETE", CLUSTERS + "/gsm-db")
    atlas("PATCH", path, {"terminationProtectionEnabled": False})

    assert atlas("DELETE", path).status_code == 204
    assert atlas("GET", path).json()["stateName"] == "DELETING"
    atlas.refused(400, "CLUSTER_ALREADY_REQUESTED_DELETION", "DELETE", path)
    assert wait_for(atlas, path, 404)["errorCode"] == "CLUSTER_NOT_FOUND"
    atlas.refused(404, "CLUSTER_NOT_FOUND", "DELETE", path)


def test_free_cluster(atlas):
    made = atlas("POST", CLUSTERS, cluster("free", FREE))
    assert (made.status_code, made.json()["stateName"]) == (201, "CREATING"), made.text
    wait_for(atlas, CLUSTERS + "/free", "UPDATING")
    wait_for(atlas, CLUSTERS + "/free", "IDLE")
    atlas.refused(400, "CANNOT_CREATE_FREE_CLUSTER_VIA_PUBLIC_API", "POST", CLUSTERS, cluster("second", FREE))
    atlas.refused(400, "TENANT_CLUSTER_UPDATE_UNSUPPORTED", "PATCH", CLUSTERS + "/free", {"tags": []})
    atlas.refused(400, "CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API", "GET", FLEXES + "/free")
    assert atlas("GET", "groups/" + GROUP).json()["clusterCount"] == 1
    deleted = atlas("DELETE", CLUSTERS + "/free")
    assert (deleted.status_code, deleted.json()) == (202, {})
    wait_for(atlas, CLUSTERS + "/free", 404)


def test_dedicated_cluster(atlas):
    made = atlas("POST", CLUSTERS, cluster("big", M10, terminationProtectionEnabled=True, backupEnabled=True))
    assert made.status_code == 201, made.text
    wait_for(atlas, CLUSTERS + "/big", "IDLE")
    bigger = M10 | {"electableSpecs": {"instanceSize": "M20", "nodeCount": 3}}
    changed = atlas(
        "PATCH",
        CLUSTERS + "/big",
        {"replicationSpecs": [{"regionConfigs": [bigger]}], "terminationProtectionEnabled": False},
    ).json()
    assert changed["stateName"] == "UPDATING" and changed["backupEnabled"]
    assert changed["replicationSpecs"][0]["regionConfigs"][0]["electableSpecs"]["instanceSize"] == "M20"
    assert [c["name"] for c in atlas("GET", CLUSTERS).json()["results"]] == ["big"]
    assert atlas("GET", FLEXES).json()["results"] == []
    assert atlas("DELETE", CLUSTERS + "/big").status_code == 202


@pytest.mark.parametrize(
    "code, region",
    [
        ("MISSING_ATTRIBUTE", {k: v for k, v in FREE.items() if k != "backingProviderName"}),
        ("INVALID_ENUM_VALUE", FREE | {"electableSpecs": {"instanceSize": "M10"}}),
        ("INVALID_ENUM_VALUE", FREE | {"electableSpecs": {"instanceSize": "M2"}}),
        ("INVALID_ENUM_VALUE", FREE | {"providerName": "FLEX"}),
        ("INVALID_ATTRIBUTE", M10 | {"backingProviderName": "AWS"}),
        ("CLUSTER_REPLICATION_FACTOR_INVALID", M10 | {"electableSpecs": {"instanceSize": "M10"}}),
        ("INVALID_REGION", FREE | {"regionName": "EU_CENTRAL_2"}),
    ],
)
def test_bad_region_configuration(atlas, code, region):
    atlas.refused(400, code, "POST", CLUSTERS, cluster("bad", region))


# Users


def test_database_user(atlas, control):
    made = atlas("POST", USERS, user(scopes=[{"name": "gsm-db", "type": "CLUSTER"}]))
    assert made.status_code == 201 and "password" not in made.text and "correct-horse" not in made.text
    atlas.refused(409, "USER_ALREADY_EXISTS", "POST", USERS, user())
    path = USERS + "/admin/gsm-bot"
    assert atlas("GET", path).json()["scopes"] == [{"name": "gsm-db", "type": "CLUSTER"}]
    assert atlas("PATCH", path, {"password": "battery-staple"}).json()["roles"] == user()["roles"]
    [entry] = control.get("atlas")["gsm"]["users"]
    salted = entry.get("password_salt", "") + "battery-staple"  # the simulator salts, the stand-in does not
    assert entry["password_sha256"] == hashlib.sha256(salted.encode()).hexdigest()
    atlas.refused(409, "DATABASE_USERNAME_CANNOT_BE_CHANGED", "PATCH", path, {"username": "x"})
    assert atlas("DELETE", path).status_code == 204
    atlas.refused(404, "USERNAME_NOT_FOUND", "GET", path)
    atlas.refused(404, "USERNAME_NOT_FOUND", "DELETE", path)


@pytest.mark.parametrize(
    "code, change",
    [
        ("VALIDATION_ERROR", {"password": "short"}),
        ("COMMON_PASSWORD", {"password": "password1"}),
        ("ATLAS_INVALID_ROLE", {"roles": [{"databaseName": "gsm", "roleName": "readwrite"}]}),
        ("ATLAS_INVALID_ROLE_DATABASE", {"roles": [{"databaseName": "gsm", "roleName": "atlasAdmin"}]}),
        ("VALIDATION_ERROR", {"roles": []}),
        ("GROUP_MISMATCH", {"groupId": "0" * 24}),
        ("INVALID_ATTRIBUTE", {"role": []}),
    ],
)
def test_bad_user(atlas, code, change):
    answer = atlas.refused(400, code, "POST", USERS, user() | change)
    assert "password" not in change or change["password"] not in str(answer)


def test_paging(atlas):
    for number in range(3):
        atlas("POST", USERS, user(f"user-{number}"))
    first = atlas("GET", USERS + "?itemsPerPage=2").json()
    assert [u["username"] for u in first["results"]] == ["user-0", "user-1"] and first["totalCount"] == 3
    assert [link["rel"] for link in first["links"]] == ["self", "next"]
    second = atlas("GET", USERS + "?itemsPerPage=2&pageNum=2&includeCount=false").json()
    assert [u["username"] for u in second["results"]] == ["user-2"] and "totalCount" not in second
    atlas.refused(400, "INVALID_QUERY_PARAMETER", "GET", USERS + "?itemsPerPage=501")
    atlas.refused(400, "INVALID_QUERY_PARAMETER", "GET", USERS + "?pagenum=1")


# Access list


def test_access_list(atlas):
    made = atlas("POST", ACCESS, [{"cidrBlock": "0.0.0.0/0", "comment": "all"}, {"ipAddress": "203.0.113.7"}])
    assert made.status_code == 201 and made.json()["totalCount"] == 2
    everything, one = made.json()["results"]
    assert everything == {"cidrBlock": "0.0.0.0/0", "comment": "all", "groupId": GROUP, "links": []}
    assert (one["cidrBlock"], one["ipAddress"]) == ("203.0.113.7/32", "203.0.113.7")
    again = atlas("POST", ACCESS, [{"cidrBlock": "0.0.0.0/0", "comment": "other"}]).json()["results"]
    assert [entry.get("comment") for entry in again] == ["other", None]
    atlas.refused(404, "RESOURCE_NOT_FOUND", "DELETE", ACCESS + "/0.0.0.0/0")
    assert atlas("GET", ACCESS + "/0.0.0.0%2F0").json()["comment"] == "other"
    assert atlas("DELETE", ACCESS + "/0.0.0.0%2F0").status_code == 204
    atlas.refused(404, "ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND", "DELETE", ACCESS + "/0.0.0.0%2F0")
    assert atlas("DELETE", ACCESS + "/203.0.113.7").status_code == 204
    assert atlas("GET", ACCESS).json()["results"] == []


@pytest.mark.parametrize(
    "code, body",
    [
        ("INVALID_JSON_ATTRIBUTE", {"cidrBlock": "0.0.0.0/0"}),
        ("VALIDATION_ERROR", []),
        ("VALIDATION_ERROR", [{"cidrBlock": "everywhere"}]),
        ("INVALID_IP_ADDRESS_OR_CIDR_NOTATION", [{"cidrBlock": "300.0.0.0/8"}]),
        ("MISSING_ONE_OF_THREE_ATTRIBUTES", [{"comment": "x"}]),
        (
            "MULTIPLE_VALUES_SPECIFIED_FOR_ONE_NETWORK_PERMISSION_ENTRY",
            [{"cidrBlock": "10.0.0.0/8", "ipAddress": "10.0.0.1"}],
        ),
        ("VALIDATION_ERROR", [{"cidrBlock": "10.0.0.0/8", "comment": "x" * 81}]),
    ],
)
def test_bad_access_list_entry(atlas, code, body):
    atlas.refused(400, code, "POST", ACCESS, body)
