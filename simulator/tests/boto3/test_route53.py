"""Hosted zones and records, as strict as Route 53."""

import time

import pytest


@pytest.fixture(scope="module")
def route53(cloud):
    return cloud.client("route53")


@pytest.fixture(scope="module")
def zone(route53):
    return zone_of(route53)


def zone_of(route53):
    [zone] = route53.list_hosted_zones_by_name(DNSName="example.com")["HostedZones"]
    return zone["Id"].removeprefix("/hostedzone/")


def values(name, kind, *values, ttl=60):
    return {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": [{"Value": value} for value in values]}


def alias(name, to, zone="Z215JYRZR1TBD5"):
    target = {"HostedZoneId": zone, "DNSName": to, "EvaluateTargetHealth": False}
    return {"Name": name, "Type": "A", "AliasTarget": target}


def change(route53, zone, *changes):
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record} for action, record in changes]}
    return route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)["ChangeInfo"]


def records(route53, zone, **start):
    found = route53.list_resource_record_sets(HostedZoneId=zone, **start)["ResourceRecordSets"]
    return [(it["Name"], it["Type"]) for it in found if it["Type"] not in ("NS", "SOA")]


def test_the_zone(route53, zone, refused):
    [found] = route53.list_hosted_zones()["HostedZones"]
    assert found["Name"] == "example.com." and not found["Config"]["PrivateZone"]
    described = route53.get_hosted_zone(Id=zone)
    assert described["HostedZone"]["ResourceRecordSetCount"] == 2
    assert len(described["DelegationSet"]["NameServers"]) == 4
    with refused("NoSuchHostedZone") as it:
        route53.get_hosted_zone(Id="Z1")
    assert it.status == 404
    with refused("NoSuchHostedZone"):
        records(route53, "Z1")


def test_a_zone_from_nothing_to_nothing(route53, refused):
    made = route53.create_hosted_zone(Name="example.org", CallerReference="one")
    zone = made["HostedZone"]["Id"].removeprefix("/hostedzone/")
    with refused("HostedZoneAlreadyExists"):
        route53.create_hosted_zone(Name="example.org", CallerReference="one")
    with refused("InvalidDomainName"):
        route53.create_hosted_zone(Name="under score.org", CallerReference="two")
    twin = route53.create_hosted_zone(Name="example.org", CallerReference="twin")["HostedZone"]["Id"]
    by_name = route53.list_hosted_zones_by_name(DNSName="example.org")["HostedZones"]
    assert [it["Name"] for it in by_name] == ["example.org.", "example.org."]
    page = route53.list_hosted_zones(MaxItems="1")
    assert page["IsTruncated"] and len(page["HostedZones"]) == 1
    everything = route53.get_paginator("list_hosted_zones").paginate(PaginationConfig={"PageSize": 1})
    assert len([zone for page in everything for zone in page["HostedZones"]]) == 3

    record = values("a.example.org", "A", "192.0.2.1")
    change(route53, zone, ("CREATE", record))
    with refused("HostedZoneNotEmpty"):
        route53.delete_hosted_zone(Id=zone)
    change(route53, zone, ("DELETE", record))
    route53.delete_hosted_zone(Id=zone)
    route53.delete_hosted_zone(Id=twin)
    assert [it["Name"] for it in route53.list_hosted_zones()["HostedZones"]] == ["example.com."]


def test_a_record_from_nothing_to_nothing(route53, zone, refused, cloud):
    record = values("Bot.example.com", "A", "192.0.2.1", "192.0.2.2")
    change(route53, zone, ("CREATE", record))
    assert cloud.census()["records"] == [{"Name": "bot.example.com.", "Type": "A"}]
    with refused("InvalidChangeBatch") as it:
        change(route53, zone, ("CREATE", record))
    assert it.message == (
        "[Tried to create resource record set [name='bot.example.com.', type='A'] but it already exists]"
    )
    changed = values("bot.example.com.", "A", "192.0.2.2", "192.0.2.1", ttl=300)
    change(route53, zone, ("UPSERT", changed))
    with refused("InvalidChangeBatch") as it:
        change(route53, zone, ("DELETE", record))
    assert "but the values provided do not match the current values" in it.message
    [found] = route53.list_resource_record_sets(
        HostedZoneId=zone, StartRecordName="bot.example.com", StartRecordType="A", MaxItems="1"
    )["ResourceRecordSets"]
    assert found == values("bot.example.com.", "A", "192.0.2.2", "192.0.2.1", ttl=300)
    # Another order of the values is the same record.
    change(route53, zone, ("DELETE", values("bot.example.com", "A", "192.0.2.1", "192.0.2.2", ttl=300)))
    with refused("InvalidChangeBatch") as it:
        change(route53, zone, ("DELETE", record))
    assert "but it was not found" in it.message
    assert records(route53, zone) == []


def test_aliases(route53, zone, refused):
    name = "gsm-1.eu-central-1.elb.amazonaws.com"
    change(route53, zone, ("CREATE", alias("*.example.com", name)))
    [found] = route53.list_resource_record_sets(
        HostedZoneId=zone, StartRecordName="*.example.com", StartRecordType="A", MaxItems="1"
    )["ResourceRecordSets"]
    assert found["Name"] == "\\052.example.com." and found["AliasTarget"]["DNSName"] == name + "."
    change(route53, zone, ("DELETE", alias("*.example.com", name)))
    with refused("InvalidChangeBatch") as it:
        change(route53, zone, ("CREATE", alias("b.example.com", "gsm-1.us-east-1.elb.amazonaws.com")))
    assert "the alias target name does not lie within the target zone" in it.message
    with refused("InvalidChangeBatch") as it:
        change(route53, zone, ("CREATE", alias("b.example.com", "none.example.com", zone)))
    assert "but that target was not found" in it.message


def test_a_batch_happens_as_a_whole_or_not_at_all(route53, zone, refused):
    with refused("InvalidChangeBatch") as it:
        change(
            route53,
            zone,
            ("CREATE", values("a.example.com", "A", "192.0.2.1")),
            ("DELETE", values("b.example.com", "A", "192.0.2.1")),
            ("CREATE", values("c.example.org", "A", "192.0.2.1")),
        )
    assert it.message.count("but it was not found") == 1 and "is not permitted in zone example.com." in it.message
    assert records(route53, zone) == []
    # Within a batch one change sees those before it.
    record = values("a.example.com", "A", "192.0.2.1")
    change(route53, zone, ("CREATE", record), ("DELETE", record), ("CREATE", record))
    change(route53, zone, ("DELETE", record))


@pytest.mark.parametrize(
    "record",
    [
        values("a.example.com", "A", "192.0.2.256"),
        values("a.example.com", "AAAA", "192.0.2.1"),
        values("a.example.com", "TXT", "unquoted"),
        values("a.example.com", "CNAME", "a.example.net", "b.example.net"),
        values("example.com", "CNAME", "a.example.net"),
        values("a.example.com", "A", "192.0.2.1", "192.0.2.1"),
        values("a b.example.com", "A", "192.0.2.1"),
    ],
)
def test_values_that_are_not_valid(route53, zone, refused, record):
    with refused("InvalidChangeBatch"):
        change(route53, zone, ("CREATE", record))


def test_a_cname_stands_alone(route53, zone, refused):
    cname, address = values("a.example.com", "CNAME", "b.example.net."), values("a.example.com", "A", "192.0.2.1")
    change(route53, zone, ("CREATE", cname))
    with refused("InvalidChangeBatch") as it:
        change(route53, zone, ("CREATE", address))
    assert "a conflicting RRSet of type CNAME with the same DNS name already exists" in it.message
    change(route53, zone, ("DELETE", cname), ("CREATE", address))
    with refused("InvalidChangeBatch") as it:
        change(route53, zone, ("CREATE", cname))
    assert "it conflicts with other records with the same DNS name" in it.message
    change(route53, zone, ("DELETE", address))


def test_requests_that_are_not_valid(route53, zone, refused):
    with refused("InvalidInput"):
        change(route53, zone, ("CREATE", {"Name": "a.example.com", "Type": "A"}))
    with refused("InvalidInput"):
        records(route53, zone, StartRecordType="A")
    with refused("InvalidChangeBatch"):
        servers = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"][0]
        change(route53, zone, ("DELETE", servers))


def test_pages_in_the_order_of_dns(route53, zone):
    names = ["a", "bot", "sub.bot", "cot"]
    made = [values(f"{name}.example.com", "A", "192.0.2.1") for name in names]
    made.append(values("bot.example.com", "AAAA", "2001:db8::1"))
    change(route53, zone, *[("CREATE", record) for record in reversed(made)])
    expected = [("a", "A"), ("bot", "A"), ("bot", "AAAA"), ("sub.bot", "A"), ("cot", "A")]
    expected = [(f"{name}.example.com.", kind) for name, kind in expected]
    assert records(route53, zone) == expected
    assert records(route53, zone, StartRecordName="bot.example.com", StartRecordType="AAAA") == expected[2:]
    pages = route53.get_paginator("list_resource_record_sets").paginate(
        HostedZoneId=zone, PaginationConfig={"PageSize": 2}
    )
    found = [(it["Name"], it["Type"]) for page in pages for it in page["ResourceRecordSets"]]
    assert found[2:] == expected
    change(route53, zone, *[("DELETE", record) for record in made])


def test_changes_spread(new_cloud, refused):
    route53 = new_cloud(times="fast").client("route53")
    made = change(route53, zone_of(route53), ("CREATE", values("a.example.com", "A", "192.0.2.1")))
    assert made["Status"] == "PENDING"
    assert route53.get_change(Id=made["Id"])["ChangeInfo"]["Status"] == "PENDING"
    time.sleep(0.4)
    assert route53.get_change(Id=made["Id"])["ChangeInfo"]["Status"] == "INSYNC"
    with refused("NoSuchChange"):
        route53.get_change(Id="C1")
