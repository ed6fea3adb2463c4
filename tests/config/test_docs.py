"""What a problem's `type` points to is there."""

from __future__ import annotations

import pytest


@pytest.mark.django_db
def test_the_type_of_a_problem_leads_to_its_meaning(client):
    problem = client.get("/v1/products").json()
    path, _, code = problem["type"].partition("#")
    page = client.get(path)
    assert page.status_code == 200
    assert f'<tr id="{code}">' in page.content.decode()
