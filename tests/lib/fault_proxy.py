"""fault_proxy.py HOST:PORT DIR: stands between a client and an HTTP server, passes on, and breaks what it is told to.

Its own port is written to DIR/port when it listens; each request is a line "METHOD PATH STATUS FAULT" in DIR/log. What to break
stands in DIR/rules, read anew for each request: lines "TIMES FAULT PATTERN", the first line that fits and has not been used up
counts. TIMES is a number or "always", PATTERN a regular expression for "METHOD PATH". The faults:

	503, 500, 429 ...     answer with this status instead of asking the server
	drop                  close the connection at once
	hang                  read the request and never answer (until the client goes)
	delay:SECONDS         wait before passing on
	cut-request:BYTES     pass on that much of the request's body, then close both connections
	lost-answer           let the server work, and close instead of answering
	cut-answer:BYTES      send that much of the answer's body, then close
	stall-answer:BYTES    send that much of the answer's body, then nothing more
	short-answer:BYTES    leave the last so many bytes of the body out, and say a matching Content-Length
	flip-request:BYTE, flip-answer:BYTE   flip a bit of this byte of the body
	error-200             answer 200 with an <Error> for a body
	date:SECONDS          shift the Date header of the answer
"""
import email.utils
import os
import re
import socket
import sys
import threading
import time

LOCK = threading.Lock()
USED = {}


def pick(directory, what):
    try:
        with open(os.path.join(directory, "rules"), encoding="utf-8") as f:
            lines = f.read().splitlines()
    except FileNotFoundError:
        return ""
    with LOCK:
        for number, line in enumerate(lines):
            times, fault, pattern = line.split(" ", 2)
            key = (number, line)
            if not re.search(pattern, what) or (times != "always" and USED.get(key, 0) >= int(times)):
                continue
            USED[key] = USED.get(key, 0) + 1
            return fault
    return ""


def read_head(stream):
    """The first line and the header lines; None at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline(65536)
        if not line:
            return None
        head += line
    return head


def header(head, name):
    m = re.search(rb"(?im)^" + name + rb":[ \t]*(.*?)\r$", head)
    return m.group(1) if m else None


def flip(data, at):
    data = bytearray(data)
    if data:
        data[min(at, len(data) - 1)] ^= 1
    return bytes(data)


class Gone(Exception):
    pass


def answer_self(client, status, body=b"", extra=b""):
    client.sendall(b"HTTP/1.1 %d Fault\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), extra) + body)


def ask_server(server, head, body, fault, number):
    if fault == "flip-request":
        body = flip(body, number)
    with socket.create_connection(server) as upstream:
        if fault == "cut-request":
            upstream.sendall(head + body[:number])
            raise Gone
        upstream.sendall(head + body)
        stream = upstream.makefile("rb")
        while True:
            answer = read_head(stream)
            if answer is None:
                raise Gone
            if not answer.startswith(b"HTTP/1.1 100"):
                break
        length = header(answer, b"Content-Length")
        if header(answer, b"Transfer-Encoding"):
            return answer, read_chunked(stream), True
        no_body = head.startswith(b"HEAD ") or answer.split(b" ")[1] in (b"204", b"304")
        return answer, b"" if no_body else stream.read(int(length or 0)), False


def read_chunked(stream):
    raw = b""
    while True:
        line = stream.readline()
        raw += line
        size = int(line.split(b";")[0], 16)
        raw += stream.read(size + 2)
        if size == 0:
            return raw


def reply(client, answer, body, fault, number):
    if fault == "lost-answer":
        raise Gone
    if fault == "flip-answer":
        body = flip(body, number)
    if fault == "short-answer":
        body = body[:max(0, len(body) - number)]
        answer = re.sub(rb"(?im)^Content-Length:.*?\r$", b"Content-Length: %d\r" % len(body), answer)
    if fault == "date":
        shifted = email.utils.formatdate(time.time() + number, usegmt=True).encode()
        answer = re.sub(rb"(?im)^Date:.*?\r$", b"Date: " + shifted + b"\r", answer)
    if fault in ("cut-answer", "stall-answer"):
        client.sendall(answer + body[:number])
        raise Gone
    client.sendall(answer + body)


def one_request(client, stream, server, directory):
    head = read_head(stream)
    if head is None:
        return False
    method, path = head.split(b" ", 2)[:2]
    what = f"{method.decode()} {path.decode()}"
    rule = pick(directory, what)
    fault, _, value = rule.partition(":")
    number = float(value) if fault == "delay" else int(value or 0)
    status = "-"
    try:
        if fault == "drop":
            raise Gone
        if header(head, b"Expect"):
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = stream.read(int(header(head, b"Content-Length") or 0))
        if fault == "hang":
            raise Gone
        if fault == "delay":
            time.sleep(number)
        if fault.isdigit():
            status = fault
            answer_self(client, int(fault), extra=b"Retry-After: %d\r\n" % number if value else b"")
        elif fault == "error-200":
            status = "200"
            answer_self(client, 200, b"<?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>late</Message></Error>")
        else:
            answer, answer_body, _ = ask_server(server, head, body, fault, number)
            status = answer.split(b" ")[1].decode()
            reply(client, answer, answer_body, fault, number)
        return True
    finally:
        with LOCK, open(os.path.join(directory, "log"), "a", encoding="utf-8") as log:
            log.write(f"{what} {status} {rule or 'none'}\n")
        if fault in ("hang", "stall-answer"):
            client.recv(1)  # it was logged before: the client may be done as soon as it has gone


def serve(client, server, directory):
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        with client, client.makefile("rb") as stream:
            while one_request(client, stream, server, directory):
                pass
    except (Gone, OSError):
        pass


def main(target, directory):
    host, port = target.rsplit(":", 1)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    with open(os.path.join(directory, "port.new"), "w", encoding="ascii") as f:
        f.write(str(listener.getsockname()[1]))
    os.rename(os.path.join(directory, "port.new"), os.path.join(directory, "port"))
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, (host, int(port)), directory), daemon=True).start()


main(sys.argv[1], sys.argv[2])
