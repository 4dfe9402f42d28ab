"""The server that curl.sh talks to, HTTP and HTTPS on loopback. Arguments: certificate, key, file for the two ports."""

import gzip, hashlib, http.server, os, ssl, sys, threading


def content(size):
    return (b"".join(b"line %d of a file\n" % n for n in range(size // 14 + 1)))[:size]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize, disable_nagle_algorithm = "HTTP/1.1", -1, True

    def do_GET(self):
        kind, _, argument = self.path[1:].partition("/")
        getattr(self, f"get_{kind}", self.get_nothing)(argument)

    def get_text(self, size):
        body = content(int(size))
        first, _, last = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        if first:
            self.answer(206, body[int(first):int(last) + 1], ("Content-Range", f"bytes {first}-{last}/{size}"))
        else:
            self.answer(200, body)

    def get_gzip(self, size):
        self.answer(200, gzip.compress(content(int(size)), mtime=0), ("Content-Encoding", "gzip"))

    def get_redirect(self, left):
        self.answer(302, b"", ("Location", f"/redirect/{int(left) - 1}" if int(left) else "/text/777"))

    def get_cookie(self, value):
        self.answer(200, self.headers.get("Cookie", "none").encode(), ("Set-Cookie", f"taste={value}; Path=/"))

    def get_chunks(self, count):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for n in range(int(count)):
            self.wfile.write(b"%x\r\n%s\r\n" % (n + 1, b"c" * (n + 1)))
        self.wfile.write(b"0\r\n\r\n")

    def get_nothing(self, _):
        self.answer(404, b"nothing here\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, f"{len(body)} {hashlib.sha1(body).hexdigest()}\n".encode())

    do_PUT = do_POST

    def answer(self, status, body, *headers):
        self.send_response(status)
        for header in ("Content-Length", str(len(body))), *headers:
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128

    def handle_error(self, request, client_address):
        """A client that hangs up is part of the test."""


certificate, key, ports = sys.argv[1:]
plain, secure = Server(("127.0.0.1", 0), Handler), Server(("127.0.0.1", 0), Handler)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=secure.serve_forever, daemon=True).start()
with open(ports + ".part", "w") as out:
    print(plain.server_port, secure.server_port, file=out)
os.rename(ports + ".part", ports)
plain.serve_forever()
