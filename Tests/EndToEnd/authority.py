"""An authority for tests: it signs certificates with the openssl command, and revokes them."""

import pathlib
import socket
import ssl
import subprocess

import serving


class Authority:
    """A folder with ca.crt and what it signed: NAME.crt and NAME.key."""

    def __init__(self, folder, name="authority"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        (self.folder / "index.txt").write_text("")
        (self.folder / "index.txt.attr").write_text("unique_subject = no\n")
        (self.folder / "serial").write_text("1000\n")
        (self.folder / "crlnumber").write_text("01\n")
        (self.folder / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=own\n[own]\ndatabase={self.folder}/index.txt\nnew_certs_dir={self.folder}\n"
            f"serial={self.folder}/serial\ncrlnumber={self.folder}/crlnumber\ncertificate={self.folder}/ca.crt\n"
            f"private_key={self.folder}/ca.key\ndefault_md=sha256\ndefault_days=30\ndefault_crl_days=30\n"
            "policy=any\ncopy_extensions=copy\n[any]\ncommonName=supplied\n")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                     "-subj", f"/CN={name}", "-keyout", self.path("ca.key"), "-out", self.path("ca.crt"))

    def path(self, name):
        return str(self.folder / name)

    def openssl(self, *arguments, check=True):
        return subprocess.run(["openssl", *arguments], check=check, capture_output=True, text=True)

    def sign(self, name, subject=None, kind="ec", alternatives=(), password=None, days=30):
        """Makes NAME.key and NAME.crt; gives the pair of paths."""
        kinds = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}
        arguments = ["req", "-new", "-newkey", *kinds[kind], "-subj", f"/CN={subject or name}",
                     "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.csr")]
        arguments += ["-passout", f"pass:{password}"] if password else ["-nodes"]
        if alternatives:
            arguments += ["-addext", "subjectAltName=" + ",".join(alternatives)]
        self.openssl(*arguments)
        self.openssl("ca", "-batch", "-config", self.path("ca.cnf"), "-days", str(days), "-notext",
                     "-in", self.path(f"{name}.csr"), "-out", self.path(f"{name}.crt"))
        # Workers read the keys that variables name.
        (self.folder / f"{name}.key").chmod(0o644)
        return self.path(f"{name}.crt"), self.path(f"{name}.key")

    def revoke(self, name, crl="ca.crl"):
        self.openssl("ca", "-config", self.path("ca.cnf"), "-revoke", self.path(f"{name}.crt"))
        return self.list(crl)

    def list(self, crl="ca.crl"):
        self.openssl("ca", "-config", self.path("ca.cnf"), "-gencrl", "-out", self.path(crl))
        return self.path(crl)

    def client(self, verify=False, certificate=None, version=None, protocols=None):
        """What a client of Python's needs; it trusts nobody but this authority, if it looks at all."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
        context.load_verify_locations(self.path("ca.crt"))
        if certificate:
            context.load_cert_chain(self.path(f"{certificate}.crt"), self.path(f"{certificate}.key"))
        if version:
            context.minimum_version = context.maximum_version = version
        if protocols:
            context.set_alpn_protocols(protocols)
        return context


class Secure(serving.Connection):
    """A connection with TLS; a preamble is what goes before it, in one packet with the greeting."""

    def __init__(self, port, context, name=None, session=None, preamble=None, **options):
        super().__init__(port, **options)
        if preamble:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            self.socket.sendall(preamble)
        self.socket = context.wrap_socket(self.socket, server_hostname=name, session=session)
        if preamble:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def ask(port, context, path="/", name="localhost", sni=None, **options):
    """One request over a TLS connection of its own."""
    with Secure(port, context, name=sni or name) as connection:
        return connection.ask(serving.request(path, host=name, **options))
