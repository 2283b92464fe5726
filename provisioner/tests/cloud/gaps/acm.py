"""ACM: a certificate is issued when its validation record exists, and cannot be deleted while a listener uses it."""

from gaps import SETTINGS, replace


def install():
    from moto.acm.models import AWSCertificateManagerBackend, CertBundle
    from moto.core.exceptions import JsonRESTError
    from moto.core.utils import utcnow

    def users(certificate):
        from moto.elbv2.models import elbv2_backends

        _, _, _, region, account, _ = certificate.arn.split(":", 5)
        balancers = elbv2_backends[account][region].load_balancers.values()
        return [
            b.arn
            for b in balancers
            if any(certificate.arn in listener.certificates for listener in b.listeners.values())
        ]

    # moto issues every certificate after a while, whether it was validated or not.
    @replace(CertBundle)
    def check(original, self):
        if self.status == "PENDING_VALIDATION" and not all(map(record_exists, validation_records(self))):
            return
        original(self)

    # moto fills InUseBy once and never empties it.
    @replace(CertBundle)
    def describe(original, self):
        self.in_use_by = users(self)
        described = original(self)
        # moto knows the validation record at once.
        if (utcnow() - self.created_at).total_seconds() < SETTINGS["certificate_record_after"]:
            for option in described["Certificate"].get("DomainValidationOptions", []):
                option.pop("ResourceRecord", None)
        return described

    def validation_records(certificate):
        options = raw_describe(certificate)["Certificate"].get("DomainValidationOptions", [])
        return [option["ResourceRecord"] for option in options if "ResourceRecord" in option]

    raw_describe = describe.original

    # moto deletes a certificate that is in use.
    @replace(AWSCertificateManagerBackend)
    def delete_certificate(original, self, arn):
        if arn in self._certificates and users(self._certificates[arn]):
            raise JsonRESTError("ResourceInUseException", f"Certificate {arn} is in use.")
        return original(self, arn)


def record_exists(record):
    from moto.route53.models import route53_backends

    from aws import ACCOUNT

    wanted = (record["Name"].rstrip(".").lower(), record["Type"])
    return any(
        (rrset.name.rstrip(".").lower(), rrset.type) == wanted
        and [str(value).rstrip(".") for value in rrset.records] == [record["Value"].rstrip(".")]
        for zone in route53_backends[ACCOUNT]["aws"].zones.values()
        for rrset in zone.rrsets
    )
