"""Who may call the Atlas stand-in: HTTP Digest with an API key, or a service account's bearer token."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import threading
import time

REALM = "MMS Public API"
PUBLIC_KEY, PRIVATE_KEY = "test-public", "test-private"
CLIENT_ID, CLIENT_SECRET = "mdb_sa_id_test", "mdb_sa_sk_test"
PAIR = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


class Refused(Exception):
    def __init__(self, challenge):
        super().__init__(challenge)
        self.challenge = challenge


class Authenticator:
    def __init__(self, nonce_seconds=300.0, token_seconds=3600):
        self.nonce_seconds = nonce_seconds
        self.token_seconds = token_seconds
        self._lock = threading.Lock()
        self._nonces = {}  # nonce -> (issued at, counts seen)
        self._tokens = {}  # token -> expires at

    def check(self, method, target, authorization):
        """Returns who called; raises Refused with the challenge to answer 401 with. `target` is the raw request target."""
        scheme, _, rest = (authorization or "").partition(" ")
        if scheme.lower() == "bearer":
            return self._check_bearer(rest.strip())
        if scheme.lower() == "digest":
            return self._check_digest(method, target, rest)
        raise Refused(self._challenge())

    def issue_token(self, authorization):
        """The answer of the token endpoint, or None when the client is not known."""
        scheme, _, rest = (authorization or "").partition(" ")
        try:
            given = base64.b64decode(rest, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        if scheme.lower() != "basic" or not hmac.compare_digest(given, f"{CLIENT_ID}:{CLIENT_SECRET}"):
            return None
        token = "eyJ." + secrets.token_urlsafe(48)
        with self._lock:
            self._tokens[token] = time.monotonic() + self.token_seconds
        return {"access_token": token, "expires_in": int(self.token_seconds), "token_type": "Bearer"}

    def expire(self):
        """Makes every nonce stale and every token invalid, as time would."""
        with self._lock:
            self._tokens.clear()
            self._nonces = {nonce: (float("-inf"), seen) for nonce, (_, seen) in self._nonces.items()}

    def _check_bearer(self, token):
        with self._lock:
            if self._tokens.get(token, 0) > time.monotonic():
                return "service-account"
        raise Refused('Bearer error="invalid_token"')

    def _check_digest(self, method, target, header):
        fields = {name: quoted or bare for name, quoted, bare in PAIR.findall(header)}
        required = ("username", "realm", "nonce", "uri", "response", "qop", "nc", "cnonce")
        if any(not fields.get(name) for name in required):
            raise Refused(self._challenge())
        if fields["realm"] != REALM or fields["qop"] != "auth" or fields.get("algorithm", "MD5").upper() != "MD5":
            raise Refused(self._challenge())
        # A digest made for another resource must not open this one.
        if fields["uri"] != target or not re.fullmatch(r"[0-9a-fA-F]{8}", fields["nc"]):
            raise Refused(self._challenge())
        secret = PRIVATE_KEY if fields["username"] == PUBLIC_KEY else secrets.token_hex()
        ha1 = md5(f"{fields['username']}:{REALM}:{secret}")
        ha2 = md5(f"{method}:{target}")
        expected = md5(":".join([ha1, fields["nonce"], fields["nc"], fields["cnonce"], "auth", ha2]))
        if not hmac.compare_digest(expected, fields["response"]):
            raise Refused(self._challenge())
        with self._lock:
            issued, seen = self._nonces.get(fields["nonce"], (float("-inf"), set()))
            if time.monotonic() - issued > self.nonce_seconds:
                # The digest is right, only the nonce is old: the client may try again without asking anybody.
                stale = True
            elif fields["nc"].lower() in seen:
                stale = False
            else:
                seen.add(fields["nc"].lower())
                return fields["username"]
        raise Refused(self._challenge(stale))

    def _challenge(self, stale=False):
        nonce = secrets.token_urlsafe(24)
        with self._lock:
            self._nonces[nonce] = (time.monotonic(), set())
        flag = "true" if stale else "false"
        return f'Digest realm="{REALM}", domain="", nonce="{nonce}", algorithm=MD5, qop="auth", stale={flag}'


def md5(text):
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
