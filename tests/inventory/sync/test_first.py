from uuid import uuid4


def op(op, table, data=None, **kw):
    return {
        "op_id": str(uuid4()),
        "op": op,
        "table": table,
        "id": str(uuid4()),
        **({"data": data} if data is not None else {}),
        **kw,
    }


def test_push_and_pull(api, device):
    p = op("create", "products", {"name": "A", "sku": "X"}, sequence=1)
    q = op("create", "products", {"name": "B", "sku": "X"}, sequence=2)
    m = op("create", "stock_movements", {"product_id": p["id"], "kind": "issue", "quantity": "2"}, sequence=3)
    bad = op("create", "products", {"nam": "B"}, sequence=4)
    u = op("update", "products", {"name": "AA"}, sequence=5, id=p["id"], base={"name": "A"})
    d = op("delete", "tasks", sequence=6)
    r = api.post("/v1/sync/push", {"ops": [p, q, m, bad, u, d], "client_time": "2020-01-01T00:00:00Z"})
    assert r.status_code == 200, r.json()
    assert [x["status"] for x in r.json()["results"]] == [
        "applied",
        "applied",
        "applied",
        "rejected",
        "applied",
        "applied",
    ]
    r = api.post("/v1/sync/push", {"ops": [p, q, m, bad, u, d]})
    assert [x["status"] for x in r.json()["results"]] == ["duplicate"] * 6
    r = api.post("/v1/sync/push", {"ops": [op("delete", "tasks", sequence=9)]})
    assert r.status_code == 409
    assert r.json()["expected"] == 7
    r = api.get("/v1/sync/changes?limit=3")
    assert r.status_code == 200, r.json()
    seen = r.json()["changes"]
    while r.json()["has_more"]:
        r = api.get("/v1/sync/changes", {"limit": 3, "cursor": r.json()["cursor"]})
        seen += r.json()["changes"]
    assert [c["revision"] for c in seen] == sorted({c["revision"] for c in seen})
    assert r.json()["counts"]["products"] == 2
    r = api.get("/v1/sync/since")
    assert r.status_code == 200
