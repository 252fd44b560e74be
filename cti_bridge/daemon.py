"""The daemon: builds every part, runs them side by side, and stops them in order within five seconds."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from prometheus_client import CollectorRegistry

from cti_bridge.asterisk.agi.server import AgiServer
from cti_bridge.asterisk.ami.connection import AmiAddress, AmiConnection
from cti_bridge.asterisk.ami.exclusions import Exclusions
from cti_bridge.asterisk.ami.queues import QueueWatch
from cti_bridge.asterisk.ari.entry import StasisCounts, StasisEntry
from cti_bridge.asterisk.ari.transport import AriAddress
from cti_bridge.asterisk.recording.tap import Tap
from cti_bridge.asterisk.records.reading import RecordFiles
from cti_bridge.asterisk.state import AsteriskState
from cti_bridge.backoff import delays
from cti_bridge.call_clock import CallClock
from cti_bridge.calls.call import Call
from cti_bridge.crm.condition import CrmState
from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.stages import WITHIN_AT_START_S, Stages
from cti_bridge.crm_account import account_of, put_aside_for_another
from cti_bridge.crm_opening import crm_of, links_path
from cti_bridge.crm_watch import CrmWatch
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.after.afterwards import Afterwards
from cti_bridge.desk.calls.call_desk import CallDesk
from cti_bridge.desk.customers.card_calls import CardCalls
from cti_bridge.desk.customers.customer_desk import CustomerDesk
from cti_bridge.desk.states.state_desk import StateDesk
from cti_bridge.domain.ids import OperatorId
from cti_bridge.listeners import private_listener, public_listener
from cti_bridge.metrics import CallMetrics, DecisionMetrics
from cti_bridge.operator_desk import OperatorDesk
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.command_list import CommandList
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.protocol import CloseCode, Json
from cti_bridge.operators.tickets import Tickets
from cti_bridge.readiness import Readiness, Source, SourceState
from cti_bridge.readings import readings
from cti_bridge.reception.arrival import Reception
from cti_bridge.reception.beside import BesideTheCall
from cti_bridge.reception.card import Card
from cti_bridge.reception.fairness import Fairness
from cti_bridge.reception.healing import Healing
from cti_bridge.reception.histories import Histories
from cti_bridge.reception.rule_file import NoUsableRules, RuleFile
from cti_bridge.reception.rule_reload import RuleReloads
from cti_bridge.reception.switchboard import Switchboard
from cti_bridge.reception.why_again import why_again
from cti_bridge.record_keeping import RecordKeeping
from cti_bridge.routing.problems import MAX_WARNED
from cti_bridge.routing.reloaded import NotReloaded
from cti_bridge.routing.unknown_queues import unknown_queues
from cti_bridge.settings import Mode, Settings
from cti_bridge.web.server import CannotListen

log = structlog.get_logger(__name__)

SOURCES_ON_THE_PAGE = ("asterisk", "crm", "journal")
_JOURNAL_CLOSE_S = 1.5
_DOORS_CLOSE_S = 1.5


class CannotStart(Exception):
    """The daemon cannot run as it is set up; each line of the message is for a person."""


class Daemon:
    """All parts of one running bridge."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = CollectorRegistry()
        self._readiness = Readiness(["asterisk", "crm", "journal", "rules"])
        self._stages = Stages(settings.crm.stages, settings.crm.stages_unasked)
        self._accounts = Accounts(settings.data_dir)
        self._hub = Hub(snapshot_for=self._snapshot_for, team_now=self._team, registry=self._registry)
        self._tickets = Tickets()
        self._links = SqliteLinks(links_path(settings))
        crm = crm_of(settings, self._links)
        self._account = account_of(settings, crm)
        self._crm_watch = CrmWatch(crm, settings)
        self._crm = self._crm_watch.crm
        self._crm_state: CrmState | None = None
        self._records = RecordKeeping(
            settings, crm=self._crm, crm_user=self._crm_user, on_state=self._teller("journal")
        )
        self._journal, self._dispatch = self._records.journal, self._records.dispatch
        self._rules = RuleFile(
            settings.rules,
            self._journal,
            stages=lambda: self._stages.current,
            stages_are_of_crm=settings.crm.stages is None,
            on_state=self._teller("rules"),
            operators=lambda: [operator.id for operator in self._accounts.directory.all()],
            missing_queues=lambda rules: unknown_queues(
                rules, self._queues.names, settings.pbx.name, at_most=MAX_WARNED
            ),
        )
        self._reloads = RuleReloads(self._rules.reload)
        self._lookup = self._crm_watch.look_up_through(fresh_s=settings.crm.fresh_s)
        self._call_clock = CallClock(
            may_follow=lambda: not len(self._switchboard.book), on_set=lambda by_s: self._ami.clock_was_set(by_s)
        )
        self._switchboard = Switchboard(
            settings.pbx.name,
            hub=self._hub,
            journal=self._journal,
            directory=lambda: self._accounts.directory,
            stages=lambda: self._stages.current,
            fetch=self._complete_card,
            new_card=lambda caller_id: self._reception.new_card(caller_id),
            observe=CallMetrics(self._registry).observe,
            now=self._call_clock.now,
            on_refused=lambda refused: self._exclusions.add(refused.caller, refused.interface, refused.at),
        )
        self._tap = Tap()
        ami, ari = settings.pbx.ami, settings.pbx.ari
        self._healing = Healing(
            RecordFiles(settings.pbx.records.queue_log, settings.pbx.records.cel),
            book=self._switchboard.book,
            directory=lambda: self._accounts.directory,
        )
        asterisk = AsteriskState(self._teller("asterisk"), with_ari=ari is not None)
        self._ami = AmiConnection(
            AmiAddress(ami.host, ami.port, ami.username, ami.secret, ami.tls),
            self._switchboard,
            asterisk.ami,
            needs_check=self._switchboard.needs_check,
            look_back=self._healing.look_back,
            tap=self._tap,
            now=self._call_clock.now,
        )
        self._queues = QueueWatch(self._ami.ask, self._rules.queues_changed)
        self._journal.heard = self._heard
        self._histories = Histories(self._records.history, self._journal.waiting_from)
        shadow = settings.mode is Mode.SHADOW
        self._exclusions = Exclusions(self._ami, for_s=0.0 if shadow else settings.rejected_for_s)
        self._reception = Reception(
            region=settings.pbx.region,
            staff=settings.pbx.staff,
            rules=self._rules,
            lookup=self._lookup,
            histories=self._histories,
            stages=lambda: self._stages.current,
            directory=lambda: self._accounts.directory,
            switchboard=self._switchboard,
            feed=self._ami.feed,
            observe=DecisionMetrics(self._registry).observe,
            shadow=shadow,
            now=self._call_clock.now,
        )
        self._fairness = Fairness(
            self._ami, self._switchboard.overtaking, rules=lambda: self._rules.current, now=self._call_clock.now
        )
        self._beside = BesideTheCall(
            self._crm,
            self._journal,
            look_up_late=self._reception.look_up_late,
            directory=lambda: self._accounts.directory,
        )
        card_calls = CardCalls(
            self._switchboard,
            self._journal,
            directory=lambda: self._accounts.directory,
            fetch=self._complete_card,
        )
        self._desk = OperatorDesk(
            settings.desk,
            commands=CommandList(),
            former=card_calls,
            switchboard=self._switchboard,
            directory=lambda: self._accounts.directory,
            afterwards=Afterwards(
                settings.desk,
                self._journal,
                self._records.work,
                self._hub,
                self._switchboard,
                directory=lambda: self._accounts.directory,
                zone=lambda: ZoneInfo(self._rules.current.timezone),
            ),
            calls=CallDesk(
                self._ami,
                self._switchboard,
                settings.desk.outbound,
                directory=lambda: self._accounts.directory,
                rules=lambda: self._rules.current,
                region=lambda: settings.pbx.region or self._rules.current.region,
            ),
            customers=CustomerDesk(
                crm,
                self._journal,
                self._hub,
                self._switchboard,
                card_calls,
                account=f"{settings.crm.kind} {self._account}".strip(),
                stage_words=settings.crm.stage_words,
                directory=lambda: self._accounts.directory,
                stages=lambda: self._stages.current,
                wrote=lambda written, made_for: self._lookup.wrote(
                    written.record, fields=written.fields, deal=written.deal, made_for=made_for
                ),
                with_deals=settings.desk.create_deal,
            ),
            states=StateDesk(
                settings.desk,
                ami=self._ami,
                switchboard=self._switchboard,
                journal=self._journal,
                hub=self._hub,
                accounts=self._accounts,
                registry=self._registry,
                shadow=shadow,
                now=self._call_clock.now,
            ),
        )
        self._reception.is_away = self._desk.is_not_to_be_called
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
        try:
            self._public = public_listener(
                settings.web,
                accounts=self._accounts,
                hub=self._hub,
                tickets=self._tickets,
                missed=self._records.missed,
                commands=self._desk.commands,
                registry=self._registry,
            )
        except CannotListen as error:
            raise CannotStart(str(error)) from error
        self._private = private_listener(
            settings,
            accounts=self._accounts,
            readiness=self._readiness,
            tap=self._tap,
            ami=self._ami,
            region=lambda: settings.pbx.region or self._rules.current.region,
            reload=self._reloads.ask,
            registry=self._registry,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._connect_the_parts()

    async def run(self) -> signal.Signals:
        """Run until SIGTERM or SIGINT and say which it was; SIGHUP loads the rules again. Raises CannotStart."""
        stop: asyncio.Future[signal.Signals] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _tell, stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        starting = asyncio.create_task(self._start(), name="start")
        try:
            either: set[asyncio.Future[Any]] = {starting, stop}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not stop.done():
                starting.result()  # raises what kept it from starting
            received = await stop
            log.info("stopping", signal=received.name)
            return received
        finally:
            starting.cancel()  # a rule file alone may take half a minute
            await asyncio.gather(starting, return_exceptions=True)
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
        await self._records.open()
        since = await put_aside_for_another(self._settings, self._account, self._links, self._dispatch)
        self._desk.asks_this_crm(since)
        try:
            await self._crm_watch.recall()
            await self._stages.ask(self._crm, within_s=WITHIN_AT_START_S)
            await self._reloads.at_start(self._rules.start)
        except NoUsableRules as error:
            raise CannotStart(str(error)) from error
        await self._records.restore_into(
            self._switchboard, why=lambda kept: why_again(kept, self._rules.current, self._accounts.directory)
        )
        await self._desk.open()
        self._healing.known_until = await self._records.known_until(self._switchboard)
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
        self._supervise("exclusions", self._exclusions.run)
        self._supervise("queues", self._queues.run)
        if self._settings.mode is not Mode.SHADOW:
            self._supervise("fairness", self._fairness.run)
        if self._stasis is not None:
            self._supervise("ari", self._stasis.run)
        for name, run in (*self._records.parts(), *self._desk.parts()):
            self._supervise(name, run)
        self._supervise("accounts", self._accounts.watch)
        self._supervise("hub", self._hub.run)
        self._supervise("crm", lambda: self._lookup.watch(self._crm_changed, **self._crm_watch.pauses))
        if self._crm_watch.mirror is not None:
            self._supervise("mirror", self._crm_watch.mirror.run)
        self._supervise("stages", lambda: self._stages.follow(self._crm, changed=self._rules.stages_changed))
        if self._settings.mode is Mode.SHADOW:
            log.warning("shadow", reason="mode: shadow in the settings; the dialplan is told nothing and falls back")
        log.info(
            "running",
            page=self._public.port,
            private=self._private.port,
            fastagi=self._agi.port,
            pbx=self._settings.pbx.name,
            crm=self._settings.crm.kind,
        )

    async def _stop(self) -> None:
        """Last in, first out: no new callers, decisions in flight finish, pages are told, the journal is written."""
        doors = [
            self._step("fastagi", self._agi.stop(within_s=_DOORS_CLOSE_S)),
            self._step("reports", self._dispatch.stop(within_s=_DOORS_CLOSE_S)),
        ]
        if self._stasis is not None:
            doors.append(self._step("stasis", self._stasis.stop(within_s=_DOORS_CLOSE_S)))
        doors.append(self._step("reload", self._reloads.close()))
        await asyncio.gather(*doors)
        await self._step("pages", self._hub.close(CloseCode.RESTART, "restart", within_s=1.0))
        await self._step("desk", self._desk.close())
        await self._step("public listener", self._public.stop())
        self._tap.close()
        await self._step("private listener", self._private.stop())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._step("switchboard", self._switchboard.close())
        await self._step("lookup", self._lookup.close())
        await asyncio.gather(  # each may have to wait for a disk; whoever reads the journal is gone before it is closed
            self._step("crm", self._crm.close()),
            self._step("missed calls", self._records.missed.close()),
            self._step("history", self._records.history.close()),
            self._step("work list", self._records.work.close()),
        )
        await self._step("links", self._links.close())
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
        log.info("rules.reload_asked", by="SIGHUP", address=None)
        with contextlib.suppress(NotReloaded):
            self._reloads.begin()

    def _heard(self) -> tuple[str, float] | None:
        until = self._ami.heard_until
        return (self._settings.pbx.name, until) if until is not None else None

    async def _complete_card(self, call: Call, card: Card) -> Card:
        return await self._beside.complete(call, card)

    def _snapshot_for(self, operator: OperatorId) -> Json:
        return {
            **self._desk.snapshot_for(operator),
            "sources": [_source(s) for s in self._readiness.all() if s.name in SOURCES_ON_THE_PAGE],
            "stages": [
                {"id": stage.id, "name": stage.name, "order": stage.order, "final": stage.final}
                for stage in sorted(self._stages.current.stages, key=lambda stage: stage.order)
            ],
        }

    def _team(self) -> list[Json]:
        return self._desk.team(self._switchboard.team())

    def _crm_user(self, operator: OperatorId) -> str:
        known = self._accounts.directory.get(operator)
        return known.crm_user if known else ""

    def _teller(self, source: str) -> Callable[[str, str], None]:
        return lambda state, reason: self._readiness.set(source, SourceState(state), reason)

    def _crm_changed(self, state: CrmState, reason: str) -> None:
        self._tell_of_crm()
        if state is self._crm_state:
            return  # only the reason is another one now
        self._crm_state = state
        if state is CrmState.UP:
            self._stages.crm_is_there()
            self._desk.customers.courier.crm_is_back()
            log.info("crm.up")
        elif state is CrmState.SLOW:
            log.warning("crm.slow", reason=reason)
        else:
            log.warning("crm.down", reason=reason)

    def _tell_of_crm(self) -> None:
        self._readiness.set("crm", *self._crm_watch.state())

    def _source_changed(self, source: Source) -> None:
        if source.name in SOURCES_ON_THE_PAGE:
            self._hub.broadcast("source.state", source=_source(source))

    def _connect_the_parts(self) -> None:
        self._accounts.subscribe(self._hub.access_changed)
        self._accounts.subscribe(self._tickets.access_changed)
        self._readiness.subscribe(self._source_changed)
        self._readiness.tell_also("crm", self._crm_watch.figures)
        if self._crm_watch.mirror is not None:
            self._crm_watch.mirror.after_step = self._tell_of_crm
        self._registry.register(self._crm_watch.readings())
        self._registry.register(self._dispatch)
        self._registry.register(self._desk.customers)
        self._registry.register(
            readings(
                ami=self._ami,
                exclusions=self._exclusions,
                fairness=self._fairness,
                agi=self._agi,
                stasis=self._stasis_counts,
                tap=self._tap,
                healing=self._healing,
                journal=self._journal,
                switchboard=self._switchboard,
                reception=self._reception,
                histories=self._histories,
                rules=self._rules,
                turned_away=self._turned_away,
            )
        )

    def _turned_away(self) -> int:
        return self._public.turned_away + self._private.turned_away


def _tell(stop: asyncio.Future[signal.Signals], number: signal.Signals) -> None:
    if not stop.done():
        stop.set_result(number)


def _source(source: Source) -> Json:
    return {"name": source.name, "state": source.state.value, "since": source.since.isoformat()}
