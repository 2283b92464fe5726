"""Route 53: the hosted zone that a stack finds, and records as strict as they are on AWS."""

from gaps import replace

ZONE = "example.com."


def install():
    from moto.route53.exceptions import Route53ClientError
    from moto.route53.models import Route53Backend, route53_backends

    from aws import ACCOUNT

    # moto accepts CREATE for a record that exists (it keeps both), refuses one for a record that existed if any other
    # comes after it, and compares a DELETE with the journal of all changes ever made instead of with what is there.
    @replace(Route53Backend)
    def change_resource_record_sets(original, self, zoneid, change_list):
        zone = self.get_hosted_zone(zoneid)
        for change in change_list:
            wanted = change["ResourceRecordSet"]
            name, kind = wanted["Name"].rstrip(".").lower() + ".", wanted["Type"]
            found = [r for r in zone.rrsets if r.name.lower() == name and r.type == kind]
            if change["Action"] == "CREATE" and found:
                raise Route53ClientError(
                    "InvalidChangeBatch",
                    f"[Tried to create resource record set [name='{name}', type='{kind}'] but it already exists]",
                )
            if change["Action"] == "DELETE":
                if not found:
                    raise Route53ClientError(
                        "InvalidChangeBatch",
                        f"[Tried to delete resource record set [name='{name}', type='{kind}'] but it was not found]",
                    )
                if not same(found[0], wanted):
                    raise Route53ClientError(
                        "InvalidChangeBatch",
                        f"[Tried to delete resource record set [name='{name}', type='{kind}'] but the values provided do not match the current values]",
                    )
        deletions = [c for c in change_list if c["Action"] == "DELETE"]
        for change in deletions:
            zone.delete_rrset(
                {**change["ResourceRecordSet"], "Name": change["ResourceRecordSet"]["Name"].rstrip(".") + "."}
            )
        zone.rr_changes.clear()
        return original(self, zoneid, [c for c in change_list if c["Action"] != "DELETE"])

    route53_backends[ACCOUNT]["aws"].create_hosted_zone(name=ZONE, private_zone=False, comment="seeded")


def same(record, wanted):
    if target := wanted.get("AliasTarget"):
        have = record.alias_target or {}
        return (have.get("DNSName") or "").rstrip(".") == (target.get("DNSName") or "").rstrip(".") and have.get(
            "HostedZoneId"
        ) == target.get("HostedZoneId")
    values = sorted(r["Value"] for r in wanted.get("ResourceRecords", []))
    return sorted(map(str, record.records)) == values and str(record.ttl) == str(wanted.get("TTL"))
