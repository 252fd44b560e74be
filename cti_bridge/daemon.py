"""The daemon: builds every part, runs them side by side, and stops them in order within five seconds."""

import asyncio
import contextlib
import signal
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry

from cti_bridge import log as log_module
from cti_bridge.asterisk.agi.server import AgiServer
from cti_bridge.asterisk.ami.connection import AmiAddress, AmiConnection
from cti_bridge.asterisk.ari.entry import StasisCounts, StasisEntry
from cti_bridge.asterisk.ari.transport import AriAddress
from cti_bridge.asterisk.recording.masking import phones_of
from cti_bridge.asterisk.recording.recorder import Recorder
from cti_bridge.asterisk.recording.tap import Tap
from cti_bridge.asterisk.state import AsteriskState
from cti_bridge.backoff import delays
from cti_bridge.calls.call import Call
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_file import MissedCalls
from cti_bridge.calls.journal_retention import Keep, Retention
from cti_bridge.calls.record import CallRecord
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.lookup import CrmState, Lookup
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.delivery.dispatch import Dispatch
from cti_bridge.delivery.sink import Sink
from cti_bridge.delivery.webhook import WebhookSink
from cti_bridge.delivery.zammad import ZammadSink
from cti_bridge.domain.customer import SHIPPED_STAGES, StageList
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.number import CallerNumber, NumberKind
from cti_bridge.metrics import CallMetrics, DecisionMetrics, Readings
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.limiter import SignInLimiter
from cti_bridge.operators.protocol import CloseCode, Json
from cti_bridge.operators.tickets import Tickets
from cti_bridge.readiness import Readiness, Source, SourceState
from cti_bridge.reception.arrival import Reception
from cti_bridge.reception.beside import BesideTheCall
from cti_bridge.reception.card import Card
from cti_bridge.reception.crm_reports import CrmSink
from cti_bridge.reception.rule_file import NoUsableRules, RuleFile
from cti_bridge.reception.switchboard import Switchboard
from cti_bridge.routing.line_facts import line_of
from cti_bridge.settings import ReceiverKind, ReceiverSettings, Settings
from cti_bridge.web.app import public_app
from cti_bridge.web.private import private_app
from cti_bridge.web.server import CannotListen, Listener
from cti_bridge.web.site import PublicSite

log = structlog.get_logger(__name__)

SOURCES_ON_THE_PAGE = ("asterisk", "crm", "journal")
RESTORED_FOR_S = 12 * 3600.0
"""Calls that began longer ago than this are not taken up again after a restart."""
STAGES_EVERY_S = 30.0
_JOURNAL_CLOSE_S = 1.5
_DOORS_CLOSE_S = 1.5


class CannotStart(Exception):
    """The daemon cannot run as it is set up; each line of the message is for a person."""


@dataclass(slots=True)
class _Stages:
    """The stage list in force: from the settings, or as the CRM last said."""

    current: StageList
    fixed: bool

    async def follow(self, crm: EmbeddedCrm) -> None:
        """Ask the CRM for its list now and then."""
        while not self.fixed:
            with contextlib.suppress(CrmUnavailable):
                self.current = await crm.stages()
            await asyncio.sleep(STAGES_EVERY_S)


class Daemon:
    """All parts of one running bridge."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = CollectorRegistry()
        self._readiness = Readiness(["asterisk", "crm", "journal", "rules"])
        fixed_stages = settings.crm.stages
        self._stages = _Stages(fixed_stages or SHIPPED_STAGES, fixed=fixed_stages is not None)
        self._accounts = Accounts(settings.data_dir)
        self._hub = Hub(snapshot_for=self._snapshot_for, team_now=self._team, registry=self._registry)
        self._tickets = Tickets()
        self._crm = EmbeddedCrm(settings.crm.path, fixed_stages)
        sinks = [_sink(receiver) for receiver in settings.reports]
        if settings.report_to_crm:
            sinks.append(CrmSink(self._crm))
        self._dispatch = Dispatch(sinks, crm_user=self._crm_user)
        self._journal = Journal(
            settings.data_dir / "calls.sqlite", on_state=self._teller("journal"), companion=self._dispatch.writer
        )
        self._dispatch.connect(self._journal)
        self._missed = MissedCalls(settings.data_dir / "calls.sqlite")
        self._retention = Retention(
            self._journal, Keep(facts_s=settings.retention.facts_s, calls_s=settings.retention.calls_s)
        )
        self._rules = RuleFile(
            settings.rules, self._journal, stages=self._stages.current, on_state=self._teller("rules")
        )
        self._lookup = Lookup(self._crm, fresh_s=settings.crm.fresh_s)
        self._switchboard = Switchboard(
            settings.pbx.name,
            hub=self._hub,
            journal=self._journal,
            directory=lambda: self._accounts.directory,
            stages=lambda: self._stages.current,
            fetch=self._complete_card,
            new_card=lambda caller_id: self._reception.new_card(caller_id),
            observe=CallMetrics(self._registry).observe,
        )
        self._tap = Tap()
        ami, ari = settings.pbx.ami, settings.pbx.ari
        asterisk = AsteriskState(self._teller("asterisk"), with_ari=ari is not None)
        self._ami = AmiConnection(
            AmiAddress(ami.host, ami.port, ami.username, ami.secret, ami.tls),
            self._switchboard,
            asterisk.ami,
            tap=self._tap,
        )
        self._reception = Reception(
            region=settings.pbx.region,
            staff=settings.pbx.staff,
            rules=self._rules,
            lookup=self._lookup,
            stages=lambda: self._stages.current,
            directory=lambda: self._accounts.directory,
            switchboard=self._switchboard,
            feed=self._ami.feed,
            observe=DecisionMetrics(self._registry).observe,
        )
        self._beside = BesideTheCall(
            self._crm,
            self._journal,
            look_up_late=self._reception.look_up_late,
            directory=lambda: self._accounts.directory,
        )
        agi = settings.pbx.agi
        self._agi = AgiServer(
            self._reception.decide,
            host=agi.host,
            port=agi.port,
            allow=agi.allow,
            secret=agi.secret,
            tap=self._tap,
        )
        self._stasis_counts = StasisCounts()
        self._stasis: StasisEntry | None = None
        if ari is not None:
            address = AriAddress(ari.host, ari.port, ari.username, ari.secret, ari.app, ari.tls)
            self._stasis = StasisEntry(
                address, self._reception.decide, asterisk.ari, self._stasis_counts, tap=self._tap
            )
        self._public, self._private = self._listeners()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connect_the_parts()

    async def run(self) -> signal.Signals:
        """Run until SIGTERM or SIGINT and say which it was; SIGHUP loads the rules again. Raises CannotStart."""
        stop: asyncio.Future[signal.Signals] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _tell, stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        try:
            await self._start()
            received = await stop
            log.info("stopping", signal=received.name)
            return received
        finally:
            await self._stop()

    async def _start(self) -> None:
        try:
            self._settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CannotStart(f"data_dir: {error}") from error
        try:
            await self._accounts.open()
        except DatabaseUnusable as error:
            # Nobody can sign in and no phone has an owner until the file can be read; callers are decided about.
            self._accounts.unreadable(error)
        with contextlib.suppress(DatabaseUnusable):
            # Without it calls are decided all the same; their rows wait in memory until the file can be written.
            await self._journal.open()
        try:
            await self._rules.start()
        except NoUsableRules as error:
            raise CannotStart(str(error)) from error
        await self._restore()
        try:
            await self._agi.start()
        except OSError as error:
            agi = self._settings.pbx.agi
            reason = "already in use" if "in use" in str(error) else error.strerror or str(error)
            raise CannotStart(f"FastAGI: {agi.host}:{agi.port} {reason}") from error
        try:
            await self._private.start()
            await self._public.start()
        except CannotListen as error:
            raise CannotStart(f"web: {error}") from error
        self._supervise("ami", self._ami.run)
        if self._stasis is not None:
            self._supervise("ari", self._stasis.run)
        self._supervise("journal", self._journal.run)
        self._supervise("retention", self._retention.run)
        for courier in self._dispatch.couriers:
            self._supervise(f"reports to {courier.name}", courier.run)
        self._supervise("outbox", self._dispatch.watch)
        self._supervise("accounts", self._accounts.watch)
        self._supervise("hub", self._hub.run)
        self._supervise("crm", lambda: self._lookup.watch(self._crm_changed))
        self._supervise("stages", lambda: self._stages.follow(self._crm))
        log.info(
            "running",
            page=self._public.port,
            private=self._private.port,
            fastagi=self._agi.port,
            pbx=self._settings.pbx.name,
        )

    async def _stop(self) -> None:
        """Last in, first out: no new callers, decisions in flight finish, pages are told, the journal is written."""
        doors = [
            self._step("fastagi", self._agi.stop(within_s=_DOORS_CLOSE_S)),
            self._step("reports", self._dispatch.stop(within_s=_DOORS_CLOSE_S)),
        ]
        if self._stasis is not None:
            doors.append(self._step("stasis", self._stasis.stop(within_s=_DOORS_CLOSE_S)))
        await asyncio.gather(*doors)
        await self._step("pages", self._hub.close(CloseCode.RESTART, "restart", within_s=1.0))
        await self._step("public listener", self._public.stop())
        self._tap.close()
        await self._step("private listener", self._private.stop())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._step("switchboard", self._switchboard.close())
        await self._step("lookup", self._lookup.close())
        await self._step("crm", self._crm.close())
        await self._step("missed calls", self._missed.close())
        await self._step("journal", self._journal.close(within_s=_JOURNAL_CLOSE_S))
        await self._step("accounts", self._accounts.close())
        log.info("stopped")

    async def _step(self, name: str, closing: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(2.5):
                await closing
        except Exception as error:
            log.error("stop.failed", part=name, reason=str(error) or type(error).__name__)

    def _supervise(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._tasks.add(asyncio.create_task(self._keep_running(name, run), name=name))

    async def _keep_running(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """A part that fails is reported and started again; the others go on meanwhile."""
        for wait_s in delays():
            try:
                await run()
                return
            except Exception:
                log.exception("part.failed", part=name)
            await asyncio.sleep(wait_s)

    def _reload(self) -> None:
        task = asyncio.create_task(self._reload_rules(), name="reload")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reload_rules(self) -> None:
        await self._rules.reload()

    async def _restore(self) -> None:
        oldest = time.time() - RESTORED_FOR_S
        try:
            records = await self._journal.open_calls(since=oldest)
        except DatabaseUnusable as error:
            log.error("journal.not_restored", reason=str(error))
            return
        for record in reversed(records):  # the oldest first, as they came
            self._switchboard.restore(*_restored(record), record)
        if records:
            log.info("calls.restored", calls=len(records))
        try:
            await self._journal.close_older(than=oldest)
        except DatabaseUnusable as error:  # the next start closes them
            log.error("journal.not_restored", reason=str(error))

    async def _complete_card(self, call: Call, card: Card) -> Card:
        return await self._beside.complete(call, card)

    def _snapshot_for(self, operator: OperatorId) -> Json:
        return {
            "calls": self._switchboard.calls_of(operator),
            "state": None,
            "sources": [_source(s) for s in self._readiness.all() if s.name in SOURCES_ON_THE_PAGE],
            "stages": [
                {"id": stage.id, "name": stage.name, "order": stage.order, "final": stage.final}
                for stage in sorted(self._stages.current.stages, key=lambda stage: stage.order)
            ],
        }

    def _team(self) -> list[Json]:
        return self._switchboard.team()

    def _crm_user(self, operator: OperatorId) -> str:
        known = self._accounts.directory.get(operator)
        return known.crm_user if known else ""

    def _teller(self, source: str) -> Callable[[str, str], None]:
        return lambda state, reason: self._readiness.set(source, SourceState(state), reason)

    def _crm_changed(self, state: CrmState, reason: str) -> None:
        up = state is CrmState.UP
        self._readiness.set("crm", SourceState.UP if up else SourceState.DOWN, reason)
        if up:
            log.info("crm.up")
        else:
            log.warning("crm.down", reason=reason)

    def _source_changed(self, source: Source) -> None:
        if source.name in SOURCES_ON_THE_PAGE:
            self._hub.broadcast("source.state", source=_source(source))

    def _connect_the_parts(self) -> None:
        self._accounts.subscribe(self._hub.access_changed)
        self._accounts.subscribe(self._tickets.access_changed)
        self._readiness.subscribe(self._source_changed)
        self._registry.register(self._dispatch)
        self._registry.register(
            Readings(
                counters={
                    "cti_ami_events": ("Events received from AMI.", lambda: self._ami.events),
                    "cti_ami_sessions": ("AMI sessions that came up.", lambda: self._ami.sessions),
                    "cti_ami_overflows": ("Events lost to a full inbox.", lambda: self._ami.overflows),
                    "cti_agi_requests": ("Questions by the dialplan.", lambda: self._agi.requests),
                    "cti_agi_refused": ("FastAGI peers sent away.", lambda: self._agi.refused),
                    "cti_agi_broken": ("FastAGI conversations that broke.", lambda: self._agi.broken),
                    "cti_ari_requests": ("Questions through Stasis.", lambda: self._stasis_counts.requests),
                    "cti_ari_late": ("Callers gone before the answer.", lambda: self._stasis_counts.late),
                    "cti_ari_broken": ("Stasis conversations that broke.", lambda: self._stasis_counts.broken),
                    "cti_ari_sessions": ("ARI sessions that came up.", lambda: self._stasis_counts.sessions),
                    "cti_ari_overflows": ("Callers lost to a full inbox.", lambda: self._stasis_counts.overflows),
                    "cti_recording_lost": ("Messages missing in recordings.", lambda: self._tap.lost),
                    "cti_journal_written": ("Call states written.", lambda: self._journal.written),
                    "cti_journal_dropped": ("Call states lost.", lambda: self._journal.dropped),
                    "cti_calls_dropped": ("Live calls given up.", lambda: self._switchboard.book.dropped),
                    "cti_cards_dropped": ("Decided callers forgotten.", lambda: self._switchboard.cards_dropped),
                    "cti_channels_dropped": ("Channels forgotten.", lambda: self._switchboard.channels_dropped),
                    "cti_unowned_rings": ("Rings at nobody's phone.", lambda: self._switchboard.unowned_rings),
                    "cti_fetches_refused": ("Cards without history.", lambda: self._switchboard.fetches_refused),
                    "cti_expression_errors": ("CEL errors in rules.", lambda: self._reception.expression_errors),
                    "cti_web_turned_away": ("Connections closed at the door.", self._turned_away),
                    "cti_log_lines_lost": ("Log lines that nobody took.", lambda: log_module.DRAIN.lost),
                    "cti_rules_accepted": ("Rule files accepted.", lambda: self._rules.reloads),
                    "cti_rules_refused": ("Rule files refused.", lambda: self._rules.refused),
                },
                gauges={
                    "cti_live_calls": ("Calls going on.", lambda: len(self._switchboard.book)),
                    "cti_ami_waiting": ("Events not taken in yet.", lambda: self._ami.waiting),
                    "cti_journal_waiting": ("Call states not on disk.", lambda: self._journal.waiting),
                },
            )
        )

    def _turned_away(self) -> int:
        return self._public.turned_away + self._private.turned_away

    def _listeners(self) -> tuple[Listener, Listener]:
        web = self._settings.web
        tls: ssl.SSLContext | None = None
        if web.cert_file is not None:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            try:
                tls.load_cert_chain(web.cert_file, web.key_file)
            except (OSError, ssl.SSLError) as error:
                raise CannotStart(
                    f"web.public.tls: {web.cert_file}, {web.key_file}: {error.strerror or error}"
                ) from error
        site = PublicSite(
            accounts=self._accounts,
            hub=self._hub,
            tickets=self._tickets,
            limiter=SignInLimiter(),
            registry=self._registry,
            missed=self._missed,
            origins=web.origins,
        )
        public = Listener(public_app(site), web.public_host, web.public_port, tls=tls)
        recorder = Recorder(
            self._tap,
            self._ami,
            pbx=self._settings.pbx.name,
            region=lambda: self._settings.pbx.region or self._rules.current.region,
            phones=lambda: phones_of((operator.id, operator.phones) for operator in self._accounts.directory.all()),
        )
        private = Listener(private_app(self._readiness, self._registry, recorder), web.private_host, web.private_port)
        return public, private


def _tell(stop: asyncio.Future[signal.Signals], number: signal.Signals) -> None:
    if not stop.done():
        stop.set_result(number)


def _sink(receiver: ReceiverSettings) -> Sink:
    kind = WebhookSink if receiver.kind is ReceiverKind.WEBHOOK else ZammadSink
    return kind(
        receiver.name,
        receiver.url,
        receiver.secret,
        timeout_s=receiver.timeout_s,
        max_age_s=receiver.max_age_s,
    )


def _source(source: Source) -> Json:
    return {"name": source.name, "state": source.state.value, "since": source.since.isoformat()}


def _restored(record: CallRecord) -> tuple[Call, Card]:
    """A journalled call that had not ended, as the call book and the card had it; the customer is looked up again."""
    decision = record.decision
    call = Call(
        id=record.id,
        channel=record.channel,
        linkedid=record.linkedid,
        offered_at=record.offered_at,
        queue=record.queue,
        answered_at=record.answered_at,
    )
    kind = NumberKind(record.caller_kind)
    card = Card(
        caller=CallerNumber(kind, record.caller, e164=record.caller if kind is NumberKind.EXTERNAL else None),
        caller_name=record.caller_name,
        did=record.did,
        line=line_of(decision.facts) if decision else None,
        trunk=record.trunk,
        verified=record.verified,
        decision=decision.kind if decision else "fallback",
        rule=decision.rule if decision else "",
        class_name=decision.class_name if decision else "",
        crm_source=decision.crm if decision else "",
        crm_age_s=decision.crm_age_s if decision else None,
        to_look_up=True,
    )
    return call, card
