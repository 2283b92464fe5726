"""S3: whose a bucket is, and the name of an element."""

from gaps import replace

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
DENIED = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


def install():
    from moto.s3.responses import S3Response

    # moto calls the answer after the action.
    @replace(S3Response)
    def get_bucket_versioning(original, self):
        status = self.backend.get_bucket_versioning(self.bucket_name)
        inner = f"<Status>{status}</Status>" if status else ""
        return 200, {}, f'<VersioningConfiguration xmlns="{NAMESPACE}">{inner}</VersioningConfiguration>'

    # moto has one account only, and does not read whose the caller takes the bucket for.
    def check_owner(original, self):
        owner = self.headers.get("x-amz-expected-bucket-owner")
        if owner and owner != self.current_account:
            return 403, {}, DENIED
        return original(self)

    for name in ("get_object", "put_object", "head_bucket"):
        check_owner.__name__ = name
        replace(S3Response)(check_owner)
