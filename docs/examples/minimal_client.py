"""A whole sync client in about sixty lines: standard library only, one dict of rows, one queue."""

import json
import secrets
import urllib.error
import urllib.request
from uuid import uuid4


class Client:
    """Works offline on `rows[table][id]`; sync() pushes the queue, then pulls what others did."""

    def __init__(self, url: str, name: str = "") -> None:
        self.url, self.name, self.token = url, name, ""
        self.secret = secrets.token_urlsafe(32)  # ours, so that a lost answer to enrol() can be asked again
        self.rows, self.queue, self.cursor, self.sequence = {}, [], "", 1

    def call(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def enrol(self) -> None:
        _, answer = self.call("POST", "/v1/devices/register", {"name": self.name, "secret": self.secret})
        self.token = answer["device_token"]

    def write(self, op: str, table: str, data: dict | None = None, id: str = "") -> str:
        """Change the local row at once and queue the operation; `base` lets edits of other fields merge.

        A row that was never pulled has none: what the server filled in is not known yet, and nobody else has edited it.
        """
        id = id or str(uuid4())
        row = self.rows.setdefault(table, {}).get(id, {})
        base = {"base": {name: row.get(name) for name in data}} if op == "update" and "revision" in row else {}
        body = {"data": data, **base} if data is not None else {}
        self.queue.append(
            {"op_id": str(uuid4()), "sequence": self.sequence, "op": op, "table": table, "id": id, **body}
        )
        self.sequence += 1
        if op == "delete":
            self.rows[table].pop(id, None)
        else:
            self.rows[table][id] = {**row, **data, "id": id}
        return id

    def sync(self) -> list[dict]:
        """Push, then pull to the end. Returns the verdicts that were not simply applied, for a person to look at."""
        odd = []
        while self.queue:
            batch = self.queue[:500]
            status, answer = self.call("POST", "/v1/sync/push", {"ops": batch})
            if status == 409 and "expected" in answer:  # the server was restored and knows fewer than we sent
                for number, op in enumerate(self.queue, answer["expected"]):
                    op["sequence"] = number
                self.sequence = answer["expected"] + len(self.queue)
                continue
            if status != 200:
                raise RuntimeError(answer["internal_code"])  # nothing was stored: try again later
            del self.queue[: len(batch)]  # only now: the server has a verdict on each
            trouble = ("conflict", "rejected")  # a duplicate says how it went when its answer was lost
            odd += [found for found in answer["results"] if found.get("verdict", found["status"]) in trouble]
        more = True
        while more:
            status, page = self.call("GET", f"/v1/sync/changes?limit=500&cursor={self.cursor}")
            if status == 410:  # too long away, or the server was restored: start again
                self.rows, self.cursor = {}, ""
                continue
            for change in page["changes"]:
                table = self.rows.setdefault(change["table"], {})
                table.pop(change["id"], None) if change["deleted"] else table.update({change["id"]: change["data"]})
            self.cursor, more = page["cursor"], page["has_more"]
        return odd
