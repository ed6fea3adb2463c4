"""The admin in a real browser, under its own Content-Security-Policy and with no other host in reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from devices.models import Device, EnrollmentCode, Event, User
from inventory.models import CountEntry, Job, Product
from tests import factories

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium: the browser journey needs one"),
    pytest.mark.django_db(transaction=True),
]
Journey = Callable[[Page], None]


@pytest.fixture
def browse(live_server: Any) -> Iterator[Callable[[Journey], list[str]]]:
    """Runs a journey in a browser; returns its complaints: console errors, failed and outside requests.

    In a thread of its own: playwright runs an event loop there, and Django refuses the database beside one.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        yield lambda journey: thread.submit(_browse, live_server.url, journey).result(timeout=120)


def _browse(home: str, journey: Journey) -> list[str]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        context = browser.new_context(base_url=home, viewport={"width": 1400, "height": 900})
        complaints = _listen(context, home)
        page = context.new_page()
        page.set_default_timeout(20_000)
        journey(page)
        browser.close()
    return complaints


def _listen(context: BrowserContext, home: str) -> list[str]:
    found: list[str] = []
    context.on("console", lambda said: found.append(said.text) if said.type in ("error", "warning") else None)
    context.on("weberror", lambda error: found.append(str(error.error)))
    context.on(
        "request",
        lambda asked: found.append(f"outside: {asked.url}") if not asked.url.startswith((home, "data:")) else None,
    )
    context.on("response", lambda got: found.append(f"{got.status}: {got.url}") if got.status >= 400 else None)
    return found


def _sign_in(page: Page) -> None:
    page.goto("/admin/")
    page.fill("#id_username", "boss")
    page.fill("#id_password", "correct horse")
    page.click("button[type=submit]")
    expect(page.locator("#dashboard")).to_be_visible()


def _choose(page: Page, field: str, text: str) -> None:
    """Pick from an autocomplete by its text."""
    page.click(f"#id_{field} + .select2 .select2-selection")
    page.fill(".select2-search__field", text)
    page.click(f".select2-results__option:has-text('{text}')")


def test_staff_work_in_the_admin(browse: Any, staff: User) -> None:
    device = factories.make_device(name="Till 1")
    foreign = factories.make_device(name="Till 2")
    factories.make_category(device, name="Drinks")
    factories.make_category(foreign, name="Secrets")

    def journey(page: Page) -> None:
        _sign_in(page)
        expect(page.locator("#dashboard canvas")).to_be_visible()
        page.goto("/admin/inventory/product/add/")
        _choose(page, "device", "Till 1")
        page.fill("#id_name", "Earl Grey")
        page.click("#id_category + .select2 .select2-selection")
        expect(page.locator(".select2-results__option")).to_have_text(["Drinks"])  # its own device's alone
        page.click(".select2-results__option:has-text('Drinks')")
        page.click("[name=_save]")
        expect(page.locator("#result_list")).to_contain_text("Earl Grey")

        page.click("#result_list >> text=Earl Grey")
        page.click("text=Delete product")
        page.click("form button[type=submit]:has-text('Delete')")
        expect(page.locator("#content")).not_to_contain_text("Earl Grey 1")
        page.goto("/admin/inventory/product/?deleted=only")
        page.click("#result_list >> text=Earl Grey")
        page.click("a:has-text('Restore')")
        page.click("form button[type=submit]:has-text('Restore')")
        page.goto("/admin/inventory/product/")
        expect(page.locator("#result_list")).to_contain_text("Earl Grey")

        page.wait_for_load_state("networkidle")  # the shortcut is a script's
        page.keyboard.press("Control+k")
        expect(page.locator("#search-input-command")).to_be_focused()
        page.keyboard.type("earl", delay=50)
        expect(page.locator("#command-results")).to_contain_text("Earl Grey")

    assert browse(journey) == []
    product = Product.objects.get(name="Earl Grey")
    assert (product.device, str(product.category)) == (Device.objects.get(name="Till 1"), "Drinks")
    history = [event.action for event in Event.objects.about(product)]
    assert history == ["restored", "deleted", "created"]


def test_an_enrollment_code_is_shown_with_its_qr(browse: Any, staff: User) -> None:
    seen: dict[str, str] = {}

    def journey(page: Page) -> None:
        _sign_in(page)
        page.click("#nav-sidebar >> text=Enrollment codes")
        page.goto("/admin/devices/enrollmentcode/add/")
        page.fill("#id_label", "Tills")
        page.click("[name=_save]")
        expect(page.locator("#enrollment-qr svg")).to_be_visible()
        seen["code"] = page.inner_text("#enrollment-code-text")
        page.click("a:has-text('Done')")
        expect(page.locator("#result_list")).to_contain_text(seen["code"][-4:])
        expect(page.locator("#result_list")).not_to_contain_text(seen["code"])

    assert browse(journey) == []
    assert EnrollmentCode.objects.get().hint == seen["code"][-4:]


def test_the_page_of_a_job_follows_it_to_its_end(browse: Any, staff: User) -> None:
    job = factories.make_job(factories.make_device(name="Till 1"))
    silent = {"status": Job.Status.RUNNING, "leased_until": timezone.now() - timedelta(seconds=1), "finished_at": None}
    Job.objects.filter(pk=job.pk).update(done=25, total=200, message="rows", **silent)  # a cancel ends it at once

    def journey(page: Page) -> None:
        _sign_in(page)
        page.goto(f"/admin/inventory/job/{job.pk}/change/")
        expect(page.locator("[data-job=status]")).to_have_text("Running")
        expect(page.locator("[data-job=progress]")).to_have_text("25 of 200 (12 %)")
        other = page.context.new_page()
        other.goto(f"/admin/inventory/job/{job.pk}/do/cancel/")
        other.click("form button[type=submit]:has-text('Cancel')")
        expect(page.locator("[data-job=status]")).to_have_text("Cancelled")  # nobody touched this page
        expect(page.locator("a:has-text('Retry')")).to_be_visible()

    assert browse(journey) == []


def test_a_scan_that_nobody_could_read_is_counted_from_its_page(browse: Any, staff: User) -> None:
    scan = factories.make_scan_event(factories.make_device(name="Till 1"), code="4006381333931")
    factories.make_barcode(scan.device, value="4006381333931")

    def journey(page: Page) -> None:
        _sign_in(page)
        page.goto(f"/admin/inventory/scanevent/{scan.pk}/do/count/")
        page.click("form button[type=submit]:has-text('Count it')")
        page.wait_for_url(f"**/scanevent/{scan.pk}/change/")

    assert browse(journey) == []
    assert CountEntry.objects.get().scan == scan


def test_the_policy_lets_the_admin_alone_use_eval(client: Any, staff: User) -> None:
    assert "'unsafe-eval'" in client.get("/admin/login/").headers["Content-Security-Policy"]
    for path in ("/docs", "/v1/nowhere", "/"):
        assert "unsafe-eval" not in client.get(path).headers["Content-Security-Policy"]
    assert settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["default-src"] == ["'self'"]
