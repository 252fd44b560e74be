"""The two addresses at which the daemon serves HTTP: the application behind each, and the parts it works with."""

import ssl
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry

from cti_bridge.asterisk.ami.connection import AmiConnection
from cti_bridge.asterisk.recording.masking import phones_of
from cti_bridge.asterisk.recording.recorder import Recorder
from cti_bridge.asterisk.recording.tap import Tap
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.command_list import CommandList
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.limiter import SignInLimiter
from cti_bridge.operators.tickets import Tickets
from cti_bridge.readiness import Readiness
from cti_bridge.routing.reloaded import Reloaded
from cti_bridge.settings import Settings, WebSettings
from cti_bridge.web.app import public_app
from cti_bridge.web.private import private_app
from cti_bridge.web.rule_reload import ReloadByHttp
from cti_bridge.web.security import Origins
from cti_bridge.web.server import CannotListen, Listener
from cti_bridge.web.site import MissedSource, PublicSite


def public_listener(
    web: WebSettings,
    *,
    accounts: Accounts,
    hub: Hub,
    tickets: Tickets,
    missed: MissedSource,
    commands: CommandList,
    registry: CollectorRegistry,
) -> Listener:
    """For operators' pages and CRMs. Raises CannotListen when the certificate of the settings cannot be used."""
    site = PublicSite(
        accounts=accounts,
        hub=hub,
        tickets=tickets,
        limiter=SignInLimiter(),
        registry=registry,
        missed=missed,
        commands=commands,
        origins=web.origins,
    )
    return Listener(public_app(site), web.public_host, web.public_port, tls=_tls(web))


def private_listener(
    settings: Settings,
    *,
    accounts: Accounts,
    readiness: Readiness,
    tap: Tap,
    ami: AmiConnection,
    region: Callable[[], str],
    reload: Callable[[], Awaitable[Reloaded]],
    registry: CollectorRegistry,
) -> Listener:
    """For who runs the bridge; `region` reads the national numbers that a recording masks, `reload` loads the rules."""
    recorder = Recorder(
        tap,
        ami,
        pbx=settings.pbx.name,
        region=region,
        phones=lambda: phones_of((operator.id, operator.phones) for operator in accounts.directory.all()),
    )
    by_http = ReloadByHttp(accounts, Origins.of(settings.web.origins), reload)
    probes = private_app(readiness, registry, recorder, by_http, mode=settings.mode)
    return Listener(probes, settings.web.private_host, settings.web.private_port)


def _tls(web: WebSettings) -> ssl.SSLContext | None:
    if web.cert_file is None:
        return None
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        tls.load_cert_chain(web.cert_file, web.key_file)
    except (OSError, ssl.SSLError) as error:
        files = f"{web.cert_file}, {web.key_file}"
        raise CannotListen(f"web.public.tls: {files}: {error.strerror or error}") from error
    return tls
