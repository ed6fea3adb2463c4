"""A receiver of webhooks in the standard library alone: verifies, answers fast, takes each event once.

WEBHOOK_SECRET=whsec_… python webhook_receiver.py 9000
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 5 * 60  # seconds: what is older is a replay by somebody in between
seen = set()  # webhook ids; a real receiver keeps them in its database, in the transaction of the effect


def verified(secret, headers, body):
    """The event, or None where it is not ours: no signature fits, or it is too old."""
    id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not at.isdigit() or abs(time.time() - int(at)) > TOLERANCE:
        return None
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.digest(key, f"{id}.{at}.".encode() + body, hashlib.sha256)).decode()
    given = headers.get("webhook-signature", "").split()  # two of them for a day after a rotation
    if not any(hmac.compare_digest(signature, f"v1,{expected}") for signature in given):
        return None
    return json.loads(body)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        event = verified(os.environ["WEBHOOK_SECRET"], self.headers, body)
        if event is None:
            return self.answer(400)
        if self.headers["webhook-id"] not in seen:
            sys.stdout.write(json.dumps(event) + "\n")  # your work goes here, or better: into a queue of your own
            sys.stdout.flush()
            seen.add(self.headers["webhook-id"])
        return self.answer(204)  # any 2xx: taken, never sent again

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
