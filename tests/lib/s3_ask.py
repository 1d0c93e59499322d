"""s3_ask.py METHOD PATH[?QUERY] [-H "NAME: VALUE"]... [-d TEXT | -f FILE]: one signed request to an S3 server.

The endpoint and the keys come from S3_ENDPOINT, S3_ACCESS, S3_SECRET. Path and query are taken as they stand, encoded.
The answer's body goes to standard output, with -i its status and headers before it; ends with 1 where the status is not 2xx.
A signer of its own (AWS Signature Version 4), so that what holdfast did is not judged by holdfast's.
"""
import base64
import datetime
import hashlib
import hmac
import http.client
import os
import sys
import urllib.parse


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sign(method, path, query, headers, body):
    now = datetime.datetime.utcnow().strftime("%Y%m%dT%H%M%SZ")
    headers["x-amz-date"] = now
    headers["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
    names = sorted(headers)
    pairs = sorted("=".join(urllib.parse.quote(urllib.parse.unquote(x), safe="-_.~") for x in (p.partition("=")[::2]))
                   for p in query.split("&") if p)
    canonical = "\n".join([method, path, "&".join(pairs), *(f"{n}:{headers[n]}" for n in names), "", ";".join(names),
                           headers["x-amz-content-sha256"]])
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + os.environ["S3_SECRET"]).encode()
    for part in (now[:8], "us-east-1", "s3", "aws4_request"):
        key = digest(key, part)
    headers["authorization"] = (f"AWS4-HMAC-SHA256 Credential={os.environ['S3_ACCESS']}/{scope}, "
                                f"SignedHeaders={';'.join(names)}, Signature={digest(key, text).hex()}")


def main(argv):
    method, target = argv[:2]
    headers, body, show = {}, b"", False
    rest = iter(argv[2:])
    for option in rest:
        if option == "-H":
            name, value = next(rest).split(":", 1)
            headers[name.strip().lower()] = value.strip()
        elif option == "-d":
            body = next(rest).encode()
        elif option == "-f":
            with open(next(rest), "rb") as f:
                body = f.read()
        elif option == "-i":
            show = True
    path, _, query = target.partition("?")
    endpoint = urllib.parse.urlsplit(os.environ["S3_ENDPOINT"])
    headers["host"] = endpoint.netloc
    if body:
        headers["content-md5"] = base64.b64encode(hashlib.md5(body).digest()).decode()
    sign(method, path, query, headers, body)
    connection = http.client.HTTPConnection(endpoint.hostname, endpoint.port, timeout=30)
    connection.request(method, target, body, headers)
    answer = connection.getresponse()
    if show:
        print(answer.status, *(f"{n.lower()}: {v}" for n, v in answer.getheaders()), "", sep="\n", flush=True)
    sys.stdout.buffer.write(answer.read())
    return 0 if answer.status // 100 == 2 else 1


sys.exit(main(sys.argv[1:]))
