"""metadata_server.py DIR: plays the services that give AWS credentials: a container's endpoint, EC2's metadata (IMDSv2), and STS for
web identities.

Its port is written to DIR/port; each request is a line "METHOD PATH" in DIR/log. The keys that it gives are those in DIR/keys, read
anew for each request: access key, secret, session token (may be empty), seconds that they last, a line each.
"""
import http.server
import json
import os
import sys
import time
import urllib.parse

DIR = sys.argv[1]


def keys():
    with open(os.path.join(DIR, "keys"), encoding="ascii") as f:
        lines = f.read().split("\n")
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + float(lines[3])))
    return {"AccessKeyId": lines[0], "SecretAccessKey": lines[1], "Token": lines[2], "Expiration": until}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        with open(os.path.join(DIR, "log"), "a", encoding="utf-8") as f:
            f.write(f"{self.command} {self.path}\n")

    def answer(self, status, body):
        body = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):  # noqa: N802
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/latest/api/token" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds"):
            return self.answer(200, "session-of-imds")
        return self.answer(404, "")

    def do_GET(self):  # noqa: N802
        place = "/latest/meta-data/iam/security-credentials/"
        if self.path.startswith(place):
            if self.headers.get("X-aws-ec2-metadata-token") != "session-of-imds":
                return self.answer(401, "")
            return self.answer(200, "backup-role" if self.path == place else json.dumps(keys()))
        if self.path == "/container":
            if self.headers.get("Authorization") != "pass of the container":
                return self.answer(401, "")
            return self.answer(200, json.dumps(keys()))
        return self.answer(404, "")

    def do_POST(self):  # noqa: N802
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        wanted = {"Action": ["AssumeRoleWithWebIdentity"], "WebIdentityToken": ["jwt.of/the+pod=="],
                  "RoleArn": ["arn:aws:iam::1:role/backup"], "Version": ["2011-06-15"]}
        if any(form.get(k) != v for k, v in wanted.items()):
            return self.answer(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no such token</Message></Error></ErrorResponse>")
        k = keys()
        return self.answer(200, "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                           "<AssumeRoleWithWebIdentityResult><Credentials>"
                           f"<AccessKeyId>{k['AccessKeyId']}</AccessKeyId><SecretAccessKey>{k['SecretAccessKey']}</SecretAccessKey>"
                           f"<SessionToken>{k['Token']}</SessionToken><Expiration>{k['Expiration']}</Expiration>"
                           "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(os.path.join(DIR, "port.new"), "w", encoding="ascii") as port:
    port.write(str(server.server_address[1]))
os.rename(os.path.join(DIR, "port.new"), os.path.join(DIR, "port"))
server.serve_forever()
