"""A browser (Debian's Chromium) in front of a real server with a live fleet."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page

    from tests.pages.live_fleet import LiveFleet
    from tests.support.cast import Cast

CHROMIUM = os.environ.get("HI_CHROMIUM") or "/usr/bin/chromium"
ROOT = Path(__file__).resolve().parent.parent.parent
AXE = Path(os.environ.get("HI_AXE") or ROOT / "node_modules" / "axe-core" / "axe.min.js")
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
_WATCH = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.__violations.push(
    event.violatedDirective + " " + event.blockedURI + " " + event.sourceFile + ":" + event.lineNumber));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, started once a module: its loop runs in this thread, which other tests must not see.

    Without it the tests are skipped, and say how to get it.
    """
    if not shutil.which(CHROMIUM):
        pytest.skip(
            f"NO BROWSER TESTS: {CHROMIUM} is missing. Debian: apt-get install -y --no-install-recommends"
            " chromium libatomic1 fonts-dejavu-core (or name one in HI_CHROMIUM)"
        )
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's loop runs in this thread; these tests use the database beside it on purpose.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def live(browser: Browser, transactional_db: None, cast: Cast) -> LiveFleet:
    """A hundred machines on the first site, sixty on the second."""
    from tests.pages.live_fleet import fill

    fill(cast.other_site, [cast.customer_a, cast.host], 60, number=2)
    return fill(cast.site, [cast.host, cast.customer_a, cast.customer_b], 100)


@pytest.fixture
def address(live: LiveFleet, settings: Any) -> Iterator[str]:
    """Where the server listens. Static files come straight from the source folders."""
    settings.WHITENOISE_USE_FINDERS = True
    settings.WHITENOISE_AUTOREFRESH = True
    from tests.pages.serve import serving

    with serving() as port:
        yield f"http://localhost:{port}"


@dataclass
class Visit:
    """An open page and what went wrong on it."""

    page: Page
    address: str
    wrong: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a path of the application."""
        self.page.goto(self.address + path)

    def sign_in(self, email: str) -> None:
        """By the form, as people do."""
        from tests.support.cast import PASSWORD

        self.go("/accounts/login/")
        self.page.get_by_label("Email").fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(self.address + "/")

    def troubles(self) -> list[str]:
        """Errors in the console, exceptions, dialogs and breaches of the policy, so far."""
        return self.wrong + list(self.page.evaluate("window.__violations || []"))


def _listen(page: Page, wrong: list[str]) -> None:
    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(f"console: {message.text}")

    def on_dialog(dialog: Dialog) -> None:
        wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("console", on_console)
    page.on("pageerror", lambda error: wrong.append(f"exception: {error}"))
    page.on("dialog", on_dialog)


@pytest.fixture
def visit(browser: Browser, address: str) -> Callable[..., Any]:
    """``with visit("phone", "dark") as v``: a visitor with an own browser profile."""

    @contextmanager
    def open_page(
        size: str = "desktop", scheme: str = "light", *, bypass_csp: bool = False
    ) -> Iterator[Visit]:
        context = browser.new_context(
            color_scheme=scheme,  # type: ignore[arg-type]
            bypass_csp=bypass_csp,
            reduced_motion="reduce",
            **SIZES[size],
        )
        context.set_default_timeout(10_000)
        page = context.new_page()
        one = Visit(page, address)
        page.add_init_script(_WATCH)
        _listen(page, one.wrong)
        try:
            yield one
        finally:
            context.close()

    return open_page
