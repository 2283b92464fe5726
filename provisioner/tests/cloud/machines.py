"""A proxy that answers for every machine there could be, as a Jenkins that has started does: by HTTP at port 8080, and by
HTTPS at port 8443, with a certificate for whatever name it is asked by.

Prints one line, `listening on http://127.0.0.1:PORT, trusted by FILE`, when it is ready, and ends with its standard input.
"""

import datetime
import socketserver
import ssl
import sys
import tempfile
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Issues certificates, which last as long as the longest of tests."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.lock = threading.Lock()
        self.contexts = {}
        self.file = self.folder / "authority.pem"
        certificate = self.issue("machines", self.key, x509.BasicConstraints(ca=True, path_length=0))
        self.file.write_bytes(certificate)

    def issue(self, text, key, extension):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder(issuer_name=name("machines"), subject_name=name(text))
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        certificate = builder.add_extension(extension, critical=False).sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)

    def context(self, host):
        """How a server of this name speaks TLS."""
        with self.lock:
            if host not in self.contexts:
                key = ec.generate_private_key(ec.SECP256R1())
                certificate = self.issue(host, key, x509.SubjectAlternativeName([x509.DNSName(host)]))
                plain = serialization.NoEncryption()
                form = serialization.PrivateFormat.PKCS8
                file = self.folder / f"{len(self.contexts)}.pem"
                file.write_bytes(certificate + key.private_bytes(serialization.Encoding.PEM, form, plain))
                self.contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self.contexts[host].load_cert_chain(file)
            return self.contexts[host]


class Machine(socketserver.StreamRequestHandler):
    def handle(self):
        method, target, _ = self.rfile.readline().decode().split(" ")
        if method == "CONNECT" and target.endswith(":8443"):
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            context = self.server.authority.context(target.removesuffix(":8443"))
            with context.wrap_socket(self.connection, server_side=True) as secure:
                asked = secure.makefile("rb").readline()
                secure.sendall(answer(asked == b"GET /login HTTP/1.1\r\n"))
        else:
            self.wfile.write(answer(target.startswith("http://") and target.endswith(":8080/login")))


def answer(found):
    status = "200 OK" if found else "404 Not Found"
    head = f"HTTP/1.1 {status}\r\nX-Jenkins: 2.555\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    return head.encode()


class Machines(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Whoever hangs up, or speaks no HTTP, has no answer."""


def main():
    with tempfile.TemporaryDirectory() as folder, Machines(("127.0.0.1", 0), Machine) as server:
        server.authority = Authority(folder)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        print(f"listening on {address}, trusted by {server.authority.file}", flush=True)
        sys.stdin.read()
        server.shutdown()


if __name__ == "__main__":
    main()
