"""One operator's page in Chromium, as a person at the desk reads it, and everything it must not do behind his back."""

from dataclasses import dataclass, field
from typing import Any, Self

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

PATIENCE_MS = 30_000
"""For whatever should be there soon; a busy machine is not what is tested."""
expect.set_options(timeout=PATIENCE_MS)
SIZE = {"width": 1440, "height": 900}

_WATCH = """
window.__seen = {};
window.__violations = [];
document.addEventListener('securitypolicyviolation', event => {
  window.__violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
new MutationObserver(() => {
  for (const card of document.querySelectorAll('article.call[data-call-id]')) {
    window.__seen[`${card.dataset.callId} ${card.dataset.state}`] ??= Date.now();
  }
}).observe(document, {subtree: true, childList: true, attributes: true});
"""
"""Notes when each state of each card was first in the document, and every breach of the content security policy."""

_BUT_TO_DO = """
() => {
  const page = document.documentElement.cloneNode(true);
  for (const list of page.querySelectorAll('section.work')) list.remove();
  return `${document.title} ${page.outerHTML}`;
}
"""
_EXPECTED = ("status of 401", "status of 429", "status of 503", "net::ERR_", "WebSocket connection to")
"""What Chromium itself writes when nobody is signed in, a sign-in is refused, or the bridge is away."""


@dataclass(slots=True)
class DeskPage:
    """The page of one operator; `complaints` has every console error, uncaught exception and dialog.

    `asked_to_stay` counts how often the browser asked whether the page may be left; the answer is always yes.
    """

    page: Page
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    asked_to_stay: int = 0

    @classmethod
    async def opened(cls, browser: Browser, url: str, **options: Any) -> Self:
        """Open the page in a browser profile of its own; `init_scripts` run in each of its tabs before the page."""
        scripts = (_WATCH, *options.pop("init_scripts", ()))
        options = {"viewport": SIZE, "locale": "ru-RU"} | options
        context = await browser.new_context(**options)
        for script in scripts:
            await context.add_init_script(script)
        context.set_default_timeout(PATIENCE_MS)
        desk = cls(await context.new_page(), context)
        desk.page.on("console", lambda message: desk._hear(message))
        desk.page.on("pageerror", lambda error: desk.complaints.append(f"uncaught: {error}"))
        desk.page.on("dialog", lambda dialog: desk._dialog(dialog))
        await desk.page.goto(url)
        return desk

    async def sign_in(self, login: str, password: str) -> None:
        """Fill in the form and send it."""
        await self.page.locator("#login").fill(login)
        await self.page.locator("#password").fill(password)
        await self.page.locator("#sign-in button[type=submit]").click()

    async def is_at_desk(self) -> None:
        """Wait until the page is signed in and its line is alive."""
        await expect(self.page.locator("#desk[data-connection=live]")).to_be_visible(timeout=PATIENCE_MS)

    @property
    def card(self) -> Locator:
        """The card in the middle, of whatever call."""
        return self.page.locator("article.call[data-call-id]")

    def card_of(self, call_id: str, state: str = "") -> Locator:
        """The card of this call, in this state if one is given."""
        condition = f"[data-state={state}]" if state else ""
        return self.page.locator(f'article.call[data-call-id="{call_id}"]{condition}')

    def value(self, name: str) -> Locator:
        """A named piece of the card."""
        return self.page.locator(f'.now [data-field="{name}"]')

    async def text(self) -> str:
        """All that can be read anywhere on the page, the window's title and hidden text included."""
        words: str = await self.page.evaluate("document.title + '\\n' + document.documentElement.outerHTML")
        return words

    async def first_seen(self, call_id: str, state: str) -> float:
        """When the card was first in the document in this state, in seconds since 1970."""
        milliseconds: float = await self.page.evaluate("key => window.__seen[key]", f"{call_id} {state}")
        return milliseconds / 1000

    async def shows_nothing_of(self, *words: str, but_to_do: bool = False) -> None:
        """Assert that none of these words is anywhere in the document, the list of what is to be done left out if so.

        Whoever called in vain is on that list a moment later, for those whose phones rang.
        """
        text = await self.page.evaluate(_BUT_TO_DO) if but_to_do else await self.text()
        assert not [word for word in words if word.lower() in text.lower()]

    async def behaved(self) -> None:
        """Assert that nothing was executed, blocked or complained about that should not have been."""
        assert await self.page.evaluate("window.__violations") == []
        assert self.complaints == []

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(words in message.text for words in _EXPECTED):
            self.complaints.append(f"{message.type}: {message.text} ({message.location['url']})")

    async def _dialog(self, dialog: Any) -> None:
        if dialog.type == "beforeunload":
            self.asked_to_stay += 1
            await dialog.accept()
            return
        self.complaints.append(f"dialog: {dialog.message}")
        await dialog.dismiss()
