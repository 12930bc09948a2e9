"""Where a secret may stand in an exchange: each place makes a request or a reply that holds one."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from urllib.parse import quote

import cramjam

from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers, StreamEvent

URL = "https://api.groq.com/openai/v1/chat/completions"
JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=xyz"}
SSE = {"content-type": "text/event-stream"}
Message = ApiRequest | ApiReply
Place = Callable[[str], Message]


def chat(text="hi", **more):
    return {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": text}], **more}


def sent(body=None, url=URL, **headers):
    fields = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(chat() if body is None else body).encode()
    return ApiRequest("POST", url, Headers(fields), content)


def form(head, data):
    part = b'--xyz\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-large-v3\r\n'
    return ApiRequest("POST", URL, Headers(FORM), part + b"--xyz\r\n" + head + b"\r\n\r\n" + data + b"\r\n--xyz--\r\n")


def file(data, more=b""):
    return form(b'Content-Disposition: form-data; name="file"; filename="a.txt"' + more, data)


def got(body, status=200, **headers):
    fields = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
    return ApiReply(status, fields, body if isinstance(body, bytes) else json.dumps(body).encode())


def streamed(*pieces):
    return ApiReply(200, SSE, events=tuple(StreamEvent(piece.encode()) for piece in pieces))


def delta(text, index=0):
    choice = {"index": index, "delta": {"content": text}}
    return f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n"


def tool(**more):
    return chat(tools=[{"type": "mcp", "server_label": "x", "server_url": "https://m.example/", **more}])


NAMES = ("api_key", "apiKey", "x-api-key", "client_secret", "authToken", "access_token", "refreshToken", "password",
         "db_passwd", "signature", "session_cookie", "AWS_SECRET_ACCESS_KEY", "secretValue", "sas_token",
         "auth")  # fmt: skip
HEADERS = ("authorization", "proxy-authorization", "x-api-key", "api-key", "x-auth-token", "helicone-auth", "cookie",
           "x-portkey-api-key", "x-together-api-key", "x-goog-api-key", "x-amz-security-token", "x-secret-value",
           "x-hub-signature", "x-csrf-token", "x-own-key-2")  # fmt: skip

BY_NAME: dict[str, Place] = {
    **{f"header {name}": lambda s, n=name: sent(**{n: s}) for name in HEADERS},
    **{f"header {name}, Bearer": lambda s, n=name: sent(**{n: f"Bearer {s}"}) for name in HEADERS[:6]},
    **{f"query {name}": lambda s, n=name: sent(url=f"{URL}?a=1&{n}={s}&b=2") for name in NAMES},
    **{f"JSON {name}": lambda s, n=name: sent(chat(metadata={n: s})) for name in NAMES},
    **{f"form field {name}": lambda s, n=name: form(
        f'Content-Disposition: form-data; name="{n}"'.encode(), s.encode()) for name in NAMES[:4]},
    **{f"reply {name}": lambda s, n=name: got({"choices": [], n: s}) for name in NAMES[:4]},
    "authorization with more behind": lambda s: sent(authorization=f"{s} and more"),
    "first of two cookies": lambda s: sent(cookie=f"session={s}; theme=dark"),
    "last of two cookies": lambda s: sent(cookie=f"theme=dark; session={s}"),
    "set-cookie": lambda s: got({}, set_cookie=f"sid={s}; path=/"),
    "user and password in the address": lambda s: sent(url=URL.replace("//", f"//user:{s}@")),
    "user of the address": lambda s: sent(url=URL.replace("//", f"//{s}@")),
    "connection string": lambda s: sent(chat(f"use postgres://app:{s}@db.example/x")),
    "connection string with semicolons": lambda s: sent(chat(f"Server=db;User Id=app;Password={s};Database=x")),
    "connection string in a form": lambda s: ApiRequest(
        "POST", URL, Headers({"content-type": "application/x-www-form-urlencoded"}),
        b"prompt=" + quote(f"redis://:{s}@cache:6379", safe="").encode()),
    "environment in a prompt": lambda s: sent(chat(f"AWS_SECRET_ACCESS_KEY={s}\nREGION=x")),
    "curl in a prompt": lambda s: sent(chat(f"curl -H 'X-Auth-Token: {s}' https://x.example")),
    "command line in a prompt": lambda s: sent(chat(f"tool --api-key {s} --verbose")),
    "cookie line in a prompt": lambda s: sent(chat(f"Cookie: a=1; sid={s}; b=2\nHost: x")),
    "python in a prompt": lambda s: sent(chat(f"os.environ['API_KEY'] = '{s}'")),
    "bearer in a prompt": lambda s: sent(chat(f"say Bearer {s} to it")),
    "JSON in a prompt": lambda s: sent(chat(json.dumps({"api_key": s}))),
    "JSON in JSON in a prompt": lambda s: sent(chat(json.dumps({"a": json.dumps({"password": s})}))),
    "arguments of a tool call": lambda s: sent(
        chat(tool_calls=[{"function": {"name": "f", "arguments": json.dumps({"auth_token": s})}}])),
    "MCP authorization": lambda s: sent(tool(authorization=s)),
    "MCP headers": lambda s: sent(tool(headers={"Authorization": f"Bearer {s}"})),
    "MCP headers of one's own": lambda s: sent(tool(headers={"X-Own": s})),
    "MCP headers in a list": lambda s: sent(tool(headers=[{"name": "X-Own", "value": s}])),
    "name and value": lambda s: sent(chat(metadata=[{"name": "api_key", "value": s}])),
    "list under a name": lambda s: sent(chat(metadata={"api_keys": [s]})),
    "object under a name": lambda s: sent(chat(metadata={"credentials": {"inner": s}})),
    "private key": lambda s: sent(chat(f"-----BEGIN PRIVATE KEY-----\n{s}\n-----END PRIVATE KEY-----")),
    "encrypted private key": lambda s: sent(
        chat(f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{s}\n-----END RSA PRIVATE KEY-----")),
    "PGP key without its end": lambda s: sent(chat(f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{s}\n-----END")),
}  # fmt: skip
"""Places that make any text a secret."""

BY_SHAPE: dict[str, Place] = {
    "prompt": lambda s: sent(chat(f"my key is {s}.")),
    "behind a curly quote, escaped": lambda s: sent(chat(f"“{s}”")),
    "behind an emoji, escaped": lambda s: sent(chat(f"🔑{s}")),
    "behind an escaped bracket": lambda s: sent(json.dumps(chat("<" + s)).replace("<", "\\u003c").encode()),
    "behind a line break": lambda s: sent(chat(f"a\n{s}\nb")),
    "its own letters escaped": lambda s: sent(
        json.dumps(chat(s)).replace(s, "".join(f"\\u{ord(c):04x}" for c in s[:6]) + s[6:]).encode()),
    "query, behind a space": lambda s: sent(url=f"{URL}?x=Bearer%20{s}"),
    "query, escaped twice": lambda s: sent(url=f"{URL}?x=%2520{s}"),
    "query, letters escaped": lambda s: sent(url=f"{URL}?x={''.join(f'%{ord(c):02X}' for c in s[:8])}{s[8:]}"),
    "path": lambda s: sent(url=f"https://api.groq.com/openai/v1/files/{s}/content"),
    "form, urlencoded": lambda s: ApiRequest(
        "POST", URL, Headers({"content-type": "application/x-www-form-urlencoded"}), f"prompt=key%3A{s}".encode()),
    "user agent": lambda s: sent(user_agent=f"app/{s}"),
    "header of one's own": lambda s: sent(x_own=s),
    "packed with gzip": lambda s: sent(gzip.compress(json.dumps(chat(s)).encode()), content_encoding="gzip"),
    "packed with gzip, untold": lambda s: sent(gzip.compress(json.dumps(chat(s)).encode())),
    "packed with deflate": lambda s: sent(zlib.compress(json.dumps(chat(s)).encode()), content_encoding="deflate"),
    "packed with brotli": lambda s: sent(
        bytes(cramjam.brotli.compress(json.dumps(chat(s)).encode())), content_encoding="br"),
    "packed with zstd": lambda s: sent(
        bytes(cramjam.zstd.compress(json.dumps(chat(s)).encode())), content_encoding="zstd"),
    "packed twice": lambda s: sent(
        gzip.compress(zlib.compress(json.dumps(chat(s)).encode())), content_encoding="deflate, gzip"),
    "file": lambda s: file(f"x {s} y".encode()),
    "file, packed": lambda s: file(gzip.compress(f"x {s} y".encode())),
    "file, packed and told": lambda s: file(zlib.compress(f"x {s} y".encode()), b"\r\nContent-Encoding: deflate"),
    "name of a file": lambda s: form(
        f'Content-Disposition: form-data; name="file"; filename="{s}.txt"'.encode(), b"x"),
    "error text": lambda s: got({"error": {"message": f"Incorrect API key provided: {s}."}}, 401),
    "answer": lambda s: got({"choices": [{"message": {"content": f"it is {s}"}}]}),
    "header of a reply": lambda s: got({}, x_told=s),
    "stream, one piece": lambda s: streamed(delta(s), "data: [DONE]\n\n"),
    "stream, cut by the network": lambda s: streamed((whole := delta(s))[:60], whole[60:], "data: [DONE]\n\n"),
    "stream, a letter a piece": lambda s: streamed(*delta(s)),
    "stream, a token an event": lambda s: streamed(*(delta(s[at:at + 5]) for at in range(0, len(s), 5))),
    "stream, two choices in turn": lambda s: streamed(
        *(delta(text, index) for at in range(0, len(s), 5) for index, text in ((0, s[at:at + 5]), (1, "and so on ")))),
}  # fmt: skip
"""Places that do not: there its own shape says that it is one."""
