"""A provider of OpenID Connect on this machine: one user, who is let in at once. Authorization code flow with PKCE."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwk, jwt

CLIENT, SECRET = "qfusion", "a-secret-of-the-test"
USER = {"sub": "42", "name": "Ada <b>L</b>", "email": "ada@example.org"}


@dataclass
class Provider:
    """The provider: its address, and every secret that it has handed out."""

    url: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)
    key: Any = field(
        default_factory=lambda: jwk.RSAKey.generate_key(2048, {"kid": "one", "alg": "RS256"})
    )

    def described(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorise(self, asked: dict[str, str]) -> str:
        """The address to go back to, with a code that works once."""
        assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (
            CLIENT,
            "code",
            "S256",
        )
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        self.issued.append(code)
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def tokens(self, asked: dict[str, str], authorization: str) -> dict[str, Any]:
        """What a code is exchanged for, by the client alone."""
        assert (
            base64.b64decode(authorization.removeprefix("Basic ")).decode() == f"{CLIENT}:{SECRET}"
        )
        given = self.codes.pop(asked["code"])
        challenge = base64.urlsafe_b64encode(
            hashlib.sha256(asked["code_verifier"].encode()).digest()
        ).rstrip(b"=")
        assert challenge.decode() == given["code_challenge"]
        now = int(time.time())
        claims = {
            **USER,
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 600,
            "nonce": given["nonce"],
        }
        found = {
            "id_token": jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key),
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": 600,
        }
        self.issued += [found["id_token"], found["access_token"]]
        return found


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def _say(self, found: Any) -> None:
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Discovery, keys, and the way back."""
        asked = urlsplit(self.path)
        if asked.path == "/authorize":
            self.send_response(302)
            self.send_header("Location", self.provider.authorise(_plain(asked.query)))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif asked.path == "/jwks":
            self._say({"keys": [self.provider.key.as_dict(private=False)]})
        else:
            self._say(self.provider.described())

    def do_POST(self) -> None:
        """Tokens."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._say(self.provider.tokens(_plain(body), self.headers["Authorization"]))


def _plain(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    """Runs one while the block lasts."""
    found = Provider()
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": found})
    )
    found.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
