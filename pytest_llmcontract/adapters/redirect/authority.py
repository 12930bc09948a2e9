"""The authority that signs the certificates of simulated hosts, for this process alone: its key is nowhere else."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterable
from functools import cache
from typing import Any
from weakref import WeakSet

from pytest_llmcontract.core.errors import BadInput


class Authority:
    """Certificates for whatever host a client names, and the root that they lead to.

    Raises:
        BadInput: trustme is not installed.
    """

    def __init__(self) -> None:
        try:
            import trustme
        except ImportError:
            raise BadInput(
                "the redirect makes its certificates with trustme: pip install 'pytest-llmcontract[redirect]'"
            ) from None
        self._authority = trustme.CA(organization_name="pytest-llmcontract")
        self._root = self._authority.cert_pem.bytes()
        self._trusting: WeakSet[ssl.SSLContext] = WeakSet()
        self._certificate = cache(self._certificate_of)

    def context(self) -> ssl.SSLContext:
        """Of the server: it shows each client the certificate of the host that the client names."""
        context = self._certificate("localhost")
        context.sni_callback = self._show
        return context

    def trusted_by(self, context: ssl.SSLContext) -> None:
        """From now on *context* trusts the root too, whatever bundle it was made with."""
        if context not in self._trusting:
            self._trusting.add(context)
            context.load_verify_locations(cadata=self._root.decode("ascii"))

    def bundle(self, others: Iterable[str]) -> str:
        """The path of a new file with the root, and those of the files *others*: for clients that read one."""
        made, path = tempfile.mkstemp(prefix="llmcontract-", suffix=".pem")
        with os.fdopen(made, "wb") as file:
            file.write(self._root)
            for other in others:
                with open(other, "rb") as known:
                    file.write(b"\n" + known.read())
        return path

    def _certificate_of(self, host: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(host).configure_cert(context)
        return context

    def _show(self, connection: Any, host: str | None, _: ssl.SSLContext) -> None:
        if host:
            connection.llmcontract_asked = host
            connection.context = self._certificate(host)


def asked_host(connection: Any) -> str:
    """The host for whom a client of the server asked on *connection*; "": it named none."""
    return getattr(connection, "llmcontract_asked", "")
