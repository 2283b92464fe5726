"""Certificates that are issued once their validation record is in Route 53."""

import time

import pytest
from test_route53 import change, values, zone_of


@pytest.fixture(scope="module")
def acm(cloud):
    return cloud.client("acm")


def request(acm, name, **more):
    return acm.request_certificate(DomainName=name, ValidationMethod="DNS", **more)["CertificateArn"]


def describe(acm, arn):
    return acm.describe_certificate(CertificateArn=arn)["Certificate"]


def validation(certificate):
    record = certificate["DomainValidationOptions"][0]["ResourceRecord"]
    return values(record["Name"], record["Type"], record["Value"], ttl=300)


def issued(cloud, name):
    acm, route53 = cloud.client("acm"), cloud.client("route53")
    arn = request(acm, name)
    change(route53, zone_of(route53), ("UPSERT", validation(describe(acm, arn))))
    assert describe(acm, arn)["Status"] == "ISSUED"
    return arn


def test_a_certificate_from_nothing_to_nothing(cloud, acm, refused):
    route53 = cloud.client("route53")
    arn = request(acm, "bot.example.com", Tags=[{"Key": "team", "Value": "a"}])
    pending = describe(acm, arn)
    assert pending["Status"] == "PENDING_VALIDATION" and pending["InUseBy"] == []
    assert "IssuedAt" not in pending
    record = validation(pending)
    # A record that says something else proves nothing.
    wrong = values(record["Name"], "CNAME", "example.net.")
    change(route53, zone_of(route53), ("CREATE", wrong))
    assert describe(acm, arn)["Status"] == "PENDING_VALIDATION"
    change(route53, zone_of(route53), ("UPSERT", record))
    found = describe(acm, arn)
    assert found["Status"] == "ISSUED" and found["NotAfter"] > found["NotBefore"]
    assert found["DomainValidationOptions"][0]["ValidationStatus"] == "SUCCESS"
    # It stays issued without the record, and another certificate for the name has the same one.
    change(route53, zone_of(route53), ("DELETE", record))
    assert describe(acm, arn)["Status"] == "ISSUED"
    other = request(acm, "bot.example.com")
    assert other != arn and validation(describe(acm, other)) == record
    assert describe(acm, other)["Status"] == "PENDING_VALIDATION"

    listed = acm.list_certificates(CertificateStatuses=["ISSUED"])["CertificateSummaryList"]
    assert [it["CertificateArn"] for it in listed] == [arn]
    pages = acm.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 1})
    assert {it["CertificateArn"] for page in pages for it in page["CertificateSummaryList"]} == {arn, other}
    for it in (arn, other):
        acm.delete_certificate(CertificateArn=it)
    for call in (acm.describe_certificate, acm.delete_certificate, acm.list_tags_for_certificate):
        with refused("ResourceNotFoundException"):
            call(CertificateArn=arn)
    assert "certificates" not in cloud.census()


def test_tags(acm, refused):
    arn = request(acm, "tags.example.com", Tags=[{"Key": "team", "Value": "a"}])

    def tags():
        return {it["Key"]: it["Value"] for it in acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]}

    acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "team", "Value": "b"}, {"Key": "x"}])
    assert tags() == {"team": "b", "x": ""}
    acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "team", "Value": "a"}, {"Key": "x"}])
    assert tags() == {"team": "b"}
    many = [{"Key": str(number), "Value": ""} for number in range(50)]
    with refused("TooManyTagsException"):
        acm.add_tags_to_certificate(CertificateArn=arn, Tags=many)
    with refused("InvalidTagException"):
        acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "aws:x", "Value": ""}])
    assert tags() == {"team": "b"}
    acm.delete_certificate(CertificateArn=arn)


def test_one_request_said_twice_is_one(acm):
    one = request(acm, "bot.example.com", IdempotencyToken="a1")
    assert request(acm, "bot.example.com", IdempotencyToken="a1") == one
    others = [request(acm, "bot.example.com", IdempotencyToken="a2"), request(acm, "bot.example.com")]
    others.append(request(acm, "other.example.com", IdempotencyToken="a1"))
    assert len({one, *others}) == 4
    for arn in (one, *others):
        acm.delete_certificate(CertificateArn=arn)


def test_requests_that_are_not_valid(acm, refused):
    for name in ("localhost", "a_b.example.com"):
        with refused("ValidationException"):
            request(acm, name)
    with refused("InvalidDomainValidationOptionsException"):
        request(acm, f"{'a' * 60}.example.com")
    with refused("ValidationException"):
        request(acm, "bot.example.com", IdempotencyToken="a-b")
    with refused("InvalidArnException"):
        acm.describe_certificate(CertificateArn="arn:aws:iam::1:server-certificate/x")
    # Only what the provisioner uses is modelled, and what is not is said.
    with refused("NotModelled"):
        acm.request_certificate(DomainName="bot.example.com")


def test_it_takes_its_time(new_cloud):
    cloud = new_cloud(times="fast")
    acm, route53 = cloud.client("acm"), cloud.client("route53")
    arn = request(acm, "bot.example.com")
    assert "ResourceRecord" not in describe(acm, arn)["DomainValidationOptions"][0]
    time.sleep(0.05)
    change(route53, zone_of(route53), ("CREATE", validation(describe(acm, arn))))
    assert describe(acm, arn)["Status"] == "PENDING_VALIDATION"
    time.sleep(0.7)
    assert describe(acm, arn)["Status"] == "ISSUED"
