"""The app behind a proxy, on a path of its own."""

from __future__ import annotations

import contextlib
import http.cookiejar
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from qfusion.ui import access
from scripts import contained, serving
from scripts.visitor import Visitor
from tests.support import oidc
from tests.support.proxy import PASSWORD, proxy


@dataclass
class Place:
    """Where everything is: the server, a proxy before it, the provider."""

    server: serving.Server
    proxied: str
    provider: oidc.Provider
    cookies: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def get(self, path: str) -> bytes:
        """Gets an address, with cookies and through every redirection."""
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        request = urllib.request.Request(self.proxied + path, headers={"Authorization": PASSWORD})
        with opener.open(request, timeout=20) as answer:
            return bytes(answer.read())

    def send(self, path: str, body: bytes | Iterator[bytes]) -> tuple[int, str]:
        """Puts something there as the page does, and returns the answer."""
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        token = next(str(each.value) for each in self.cookies if each.name == "_streamlit_xsrf")
        request = urllib.request.Request(
            self.proxied + path,
            body,
            method="PUT",
            headers={
                "Authorization": PASSWORD,
                "X-Xsrftoken": token,
                "Content-Type": "multipart/form-data; boundary=b",
            },
        )
        try:
            with opener.open(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def log_in(self) -> None:
        """Goes to the provider and back, so that later readers are logged in."""
        self.get("/lab/_stcore/health")  # the cookie against forged requests
        with self.visitor() as visitor:
            visitor.open("glossary")
            self.get(visitor.set("_login-", True).redirect)

    def visitor(self) -> Visitor:
        """A reader with the cookies so far, through the proxy."""
        found = {each.name: str(each.value) for each in self.cookies}
        headers = {
            "Authorization": PASSWORD,
            "Cookie": "; ".join(f"{k}={v}" for k, v in found.items()),
        }
        return Visitor(
            f"{self.proxied}/lab",
            headers={**headers, "Origin": self.proxied},
            token=found["_streamlit_xsrf"],
        )


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Place]:
    """The app as the container runs it, with login and quotas."""
    own = serving.free_port()
    (folder / "data").mkdir()
    with oidc.provider() as provider:
        (folder / "data" / "secrets.toml").write_text(
            f'[auth]\nredirect_uri = "http://127.0.0.1:{own}/lab/oauth2callback"\ncookie_secret = "{"c" * 40}"\n'
            f'client_id = "{oidc.CLIENT}"\nclient_secret = "{oidc.SECRET}"\n'
            f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
        )
        variables = {access.LOGIN: "yes", "QFUSION_SESSIONS": "2", "QFUSION_UPLOADS_MB": "1"}
        options = ("--server.baseUrlPath", "lab", "--secrets.files", "DATA/secrets.toml")
        with (
            contained.serve(folder, variables, options, "/lab") as (server, _),
            proxy(own, int(re.findall(r":(\d+)/", server.url)[0])) as proxied,
        ):
            yield Place(server, proxied, provider)


MARK = b"what-a-reader-uploads"


def file(size: int) -> bytes:
    """A form with one file."""
    return (
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="secret-name.json"\r\n\r\n'
        + (MARK * size)[:size]
        + b"\r\n--b--\r\n"
    )
