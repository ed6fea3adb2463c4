"""Is anybody there?"""


def test_who_am_i(api):
    assert api.get("/v1/devices/me").status_code == 200
