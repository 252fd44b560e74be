"""The daemon: builds every part, runs them side by side, and stops them in order within five seconds."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from cti_bridge.call_clock import CallClock
from cti_bridge.crm.condition import CrmState
from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.stages import WITHIN_AT_START_S, Stages
from cti_bridge.crm_account import account_of, put_aside_for_another
from cti_bridge.crm_opening import crm_of, links_path
from cti_bridge.crm_watch import CrmWatch
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk_opening import desk_of
from cti_bridge.domain.ids import OperatorId
from cti_bridge.listeners import private_listener, public_listener
from cti_bridge.metrics import CallMetrics, DecisionMetrics
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.protocol import CloseCode, Json
from cti_bridge.operators.tickets import Tickets
from cti_bridge.pbx_side import CannotBeAsked, PbxSide
from cti_bridge.readiness import Readiness, Source, SourceState
from cti_bridge.readings import readings
from cti_bridge.reception.arrival import Reception
from cti_bridge.reception.beside import BesideTheCall
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
from cti_bridge.supervision import Supervision, stopped
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
                rules, self._pbx.queues.names, settings.pbx.name, at_most=MAX_WARNED
            ),
        )
        self._reloads = RuleReloads(self._rules.reload)
        self._lookup = self._crm_watch.look_up_through(fresh_s=settings.crm.fresh_s)
        self._call_clock = CallClock(
            may_follow=lambda: not len(self._switchboard.book), on_set=lambda by_s: self._pbx.ami.clock_was_set(by_s)
        )
        self._switchboard = Switchboard(
            settings.pbx.name,
            hub=self._hub,
            journal=self._journal,
            directory=lambda: self._accounts.directory,
            stages=lambda: self._stages.current,
            fetch=lambda call, card: self._beside.complete(call, card),
            new_card=lambda caller_id: self._reception.new_card(caller_id),
            observe=CallMetrics(self._registry).observe,
            now=self._call_clock.now,
            on_refused=lambda refused: self._pbx.exclusions.add(refused.caller, refused.interface, refused.at),
        )
        self._pbx = PbxSide(
            settings,
            self._switchboard,
            self._rules,
            decide=lambda request, accepted_at: self._reception.decide(request, accepted_at),
            directory=lambda: self._accounts.directory,
            now=self._call_clock.now,
            tell=self._teller("asterisk"),
        )
        self._journal.heard = self._heard
        self._histories = Histories(self._records.history, self._journal.waiting_from)
        self._reception = Reception(
            region=settings.pbx.region,
            staff=settings.pbx.staff,
            rules=self._rules,
            lookup=self._lookup,
            histories=self._histories,
            stages=lambda: self._stages.current,
            directory=lambda: self._accounts.directory,
            switchboard=self._switchboard,
            feed=self._pbx.ami.feed,
            observe=DecisionMetrics(self._registry).observe,
            shadow=settings.mode is Mode.SHADOW,
            now=self._call_clock.now,
        )
        self._beside = BesideTheCall(
            self._crm,
            self._journal,
            look_up_late=self._reception.look_up_late,
            directory=lambda: self._accounts.directory,
        )
        self._desk = desk_of(
            settings,
            ami=self._pbx.ami,
            switchboard=self._switchboard,
            records=self._records,
            hub=self._hub,
            accounts=self._accounts,
            rules=self._rules,
            crm=crm,
            account=self._account,
            lookup=self._lookup,
            stages=self._stages,
            fetch=self._beside.complete,
            now=self._call_clock.now,
            registry=self._registry,
        )
        self._reception.is_away = self._desk.is_not_to_be_called
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
            tap=self._pbx.tap,
            ami=self._pbx.ami,
            region=lambda: settings.pbx.region or self._rules.current.region,
            reload=self._reloads.ask,
            registry=self._registry,
        )
        self._parts = Supervision()
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
        self._pbx.healing.known_until = await self._records.known_until(self._switchboard)
        try:
            await self._pbx.open_doors()
        except CannotBeAsked as error:
            raise CannotStart(str(error)) from error
        try:
            await self._private.start()
            await self._public.start()
        except CannotListen as error:
            raise CannotStart(f"web: {error}") from error
        for name, run in (*self._pbx.parts(), *self._records.parts(), *self._desk.parts()):
            self._parts.start(name, run)
        self._parts.start("accounts", self._accounts.watch)
        self._parts.start("hub", self._hub.run)
        self._parts.start("crm", lambda: self._lookup.watch(self._crm_changed, **self._crm_watch.pauses))
        if self._crm_watch.mirror is not None:
            self._parts.start("mirror", self._crm_watch.mirror.run)
        self._parts.start("stages", lambda: self._stages.follow(self._crm, changed=self._rules.stages_changed))
        if self._settings.mode is Mode.SHADOW:
            log.warning("shadow", reason="mode: shadow in the settings; the dialplan is told nothing and falls back")
        log.info(
            "running",
            page=self._public.port,
            private=self._private.port,
            fastagi=self._pbx.agi.port,
            pbx=self._settings.pbx.name,
            crm=self._settings.crm.kind,
        )

    async def _stop(self) -> None:
        """Last in, first out: no new callers, decisions in flight finish, pages are told, the journal is written."""
        await asyncio.gather(
            *self._pbx.closing_doors(within_s=_DOORS_CLOSE_S),
            stopped("reports", self._dispatch.stop(within_s=_DOORS_CLOSE_S)),
            stopped("reload", self._reloads.close()),
        )
        await stopped("pages", self._hub.close(CloseCode.RESTART, "restart", within_s=1.0))
        await stopped("desk", self._desk.close())
        await stopped("public listener", self._public.stop())
        self._pbx.tap.close()
        await stopped("private listener", self._private.stop())
        await self._parts.stop()
        await stopped("switchboard", self._switchboard.close())
        await stopped("lookup", self._lookup.close())
        await asyncio.gather(  # each may have to wait for a disk; whoever reads the journal is gone before it is closed
            stopped("crm", self._crm.close()),
            stopped("missed calls", self._records.missed.close()),
            stopped("history", self._records.history.close()),
            stopped("work list", self._records.work.close()),
        )
        await stopped("links", self._links.close())
        await stopped("journal", self._journal.close(within_s=_JOURNAL_CLOSE_S))
        await stopped("accounts", self._accounts.close())
        log.info("stopped")

    def _reload(self) -> None:
        log.info("rules.reload_asked", by="SIGHUP", address=None)
        with contextlib.suppress(NotReloaded):
            self._reloads.begin()

    def _heard(self) -> tuple[str, float] | None:
        until = self._pbx.ami.heard_until
        return (self._settings.pbx.name, until) if until is not None else None

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
                pbx=self._pbx,
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
