"""OIDC providers, and roles in exchange for their tokens."""

import base64
import json

import boto3
import botocore
import pytest

ISSUER = "token.actions.githubusercontent.com"
ARN = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"


def test_life_of_a_provider(cloud, refused):
    iam = cloud.client("iam")
    made = iam.create_open_id_connect_provider(
        Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"], Tags=[{"Key": "a", "Value": "1"}]
    )
    assert made["OpenIDConnectProviderArn"] == ARN and made["Tags"] == [{"Key": "a", "Value": "1"}]
    with refused("EntityAlreadyExists") as it:
        iam.create_open_id_connect_provider(Url=f"https://{ISSUER}")
    assert it.message == f"Provider with url https://{ISSUER} already exists." and it.status == 409

    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=ARN)
    assert found["Url"] == ISSUER and found["ClientIDList"] == ["sts.amazonaws.com"]
    assert [len(it) for it in found["ThumbprintList"]] == [40]
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=ARN, ClientID="other")
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=ARN, Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=ARN, TagKeys=["a"])
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=ARN)
    assert found["ClientIDList"] == ["sts.amazonaws.com", "other"] and found["Tags"] == [{"Key": "b", "Value": "2"}]
    assert iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=ARN)["Tags"] == found["Tags"]
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": ARN}]
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=ARN, ClientID="other")
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=ARN)
    assert found["ClientIDList"] == ["sts.amazonaws.com"]

    for _ in range(2):
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=ARN)
    with refused("NoSuchEntity") as it:
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=ARN)
    assert it.message == f"OpenIDConnect Provider not found for arn {ARN}" and it.status == 404
    assert cloud.census() == {}


def test_what_is_wrong_with_providers(cloud, refused):
    iam = cloud.client("iam")
    for url in ("http://example.com", "example.com", "https://" + "x" * 250):
        with refused("ValidationError"):
            iam.create_open_id_connect_provider(Url=url)
    with refused("ValidationError"):
        iam.create_open_id_connect_provider(Url="https://example.com", ThumbprintList=["a" * 41])
    with refused("InvalidInput"):
        iam.create_open_id_connect_provider(Url="https://example.com", ThumbprintList=["a" * 40] * 6)
    with refused("LimitExceeded"):
        iam.create_open_id_connect_provider(Url="https://example.com", ClientIDList=[str(it) for it in range(101)])
    with refused("InvalidInput"):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn="arn:aws:iam::123456789012:role/a")
    assert cloud.census() == {}


def token(**claims):
    def part(it):
        return base64.urlsafe_b64encode(json.dumps(it).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256'})}.{part({'iss': f'https://{ISSUER}', **claims})}.c2lnbmF0dXJl"


def test_a_token_is_exchanged_for_a_role_that_trusts_it(cloud, refused):
    iam = cloud.client("iam")
    # Who asks has no credentials yet.
    unsigned = botocore.config.Config(signature_version=botocore.UNSIGNED, retries={"total_max_attempts": 1})
    sts = boto3.client("sts", region_name="eu-central-1", endpoint_url=cloud.url, config=unsigned)
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": ARN},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{ISSUER}:sub": "repo:a/b:ref:refs/heads/main", f"{ISSUER}:aud": "it"}},
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust)["Role"]

    def assume(web_identity_token, arn=role["Arn"]):
        return sts.assume_role_with_web_identity(
            RoleArn=arn, RoleSessionName="session", WebIdentityToken=web_identity_token, DurationSeconds=900
        )

    main = token(aud="it", sub="repo:a/b:ref:refs/heads/main")
    with refused("InvalidIdentityToken") as it:
        assume(main)
    assert it.message == f"No OpenIDConnect provider found in your account for https://{ISSUER}"
    iam.create_open_id_connect_provider(Url=f"https://{ISSUER}", ClientIDList=["it", "other"])
    answer = assume(main)
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/deploy/session"
    assert answer["AssumedRoleUser"]["AssumedRoleId"] == f"{role['RoleId']}:session"
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    assert (answer["Provider"], answer["Audience"]) == (ARN, "it")
    for wrong in (token(aud="it", sub="repo:a/b:pull_request"), token(aud="other", sub="repo:a/b:ref:refs/heads/main")):
        with refused("AccessDenied") as it:
            assume(wrong)
        assert it.message == "Not authorized to perform sts:AssumeRoleWithWebIdentity" and it.status == 403
    with refused("AccessDenied"):
        assume(main, role["Arn"] + "2")
    with refused("InvalidIdentityToken") as it:
        assume(token(aud="nobody", sub="repo:a/b:ref:refs/heads/main"))
    assert it.message == "Incorrect token audience"
    for nonsense in ("a.b.c.d", "not a token at all"):
        with refused("InvalidIdentityToken"):
            assume(nonsense)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=ARN)
    with refused("InvalidIdentityToken"):
        assume(main)
    iam.delete_role(RoleName="deploy")


@pytest.mark.parametrize("action", ["sts:GetSessionToken"])
def test_other_calls_of_sts_are_still_not_modelled(cloud, action, refused):
    with refused("NotModelled"):
        cloud.client("sts").get_session_token()
