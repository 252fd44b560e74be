"""A database that somebody else looks after, as the CRM: the admin's queries, asked and told through two small pools.

Look-ups have connections of their own, on which the database refuses to change anything; reports never wait for them,
nor they for reports.
"""

from collections.abc import Mapping
from datetime import tzinfo

from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.sql import cells, parameters, words
from cti_bridge.crm.sql.connections import Pool, QueryFault, TakesNoChanges, TookTooLong, Unfit, Written
from cti_bridge.crm.sql.queries import Queries, Query, capabilities_of
from cti_bridge.crm.sql.rows import call_list, note_list, records, stage_list
from cti_bridge.crm.sql.words import READING, REPORTS, Purpose, Row, Values
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import (
    CustomerChanges,
    CustomerRecord,
    FinishedCall,
    NewCustomer,
    NewDeal,
    Note,
    StageList,
)
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber

MOST_ROWS = 5_000
"""Rows that a query may give: a firm may have sixty deals and twenty numbers, and a row for each pair of them."""
MOST_CUSTOMERS = 100
"""Customers who may have one number; a query without its WHERE gives everybody."""


class SqlCrm:
    """Finds callers with `queries`; `stages` of the settings go before those of the database.

    `region` reads national numbers in the rows, `zone` is that of times without an offset. `report_strangers`: the
    reports are also for calls of people who are not in the database.
    """

    kind = "sql"

    def __init__(
        self,
        queries: Queries,
        readers: Pool,
        writers: Pool,
        *,
        region: str,
        zone: tzinfo,
        stages: StageList | None,
        report_strangers: bool,
    ) -> None:
        self._queries = queries
        self._readers = readers
        self._writers = writers
        self._region = region
        self._zone = zone
        self._stages = stages
        self.capabilities = capabilities_of(queries, report_strangers=report_strangers)
        """What can be done; as soon as `check` went well, without what `find` does not give."""
        self._looked_at = False

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """All customers with exactly this number, each with his deals."""
        if number.key is None:
            return ()
        rows = await self._rows(self._queries[Purpose.FIND], parameters.of_caller(number))
        if len({cells.text(row["customer_id"]) for row in rows}) > MOST_CUSTOMERS:
            raise CrmUnavailable(f"find: it gives more than {MOST_CUSTOMERS} customers: is its WHERE as it should be?")
        return records(rows, number, region=self._region, zone=self._zone)

    async def stages(self) -> StageList:
        """The stages of the settings, or else those that the database has."""
        if self._stages is not None:
            return self._stages
        query = self._queries.get(Purpose.STAGES)
        if query is None:
            raise CrmRefuses("there is no query for the stages")
        try:
            return stage_list(await self._rows(query, {}))
        except ValueError as error:
            raise CrmUnavailable(f"{query.name}: {error}") from None

    async def notes(self, customer_id: CustomerId, *, limit: int) -> tuple[Note, ...]:
        """The latest notes on one customer, in the order of the query."""
        query = self._queries.get(Purpose.NOTES)
        if query is None:
            return ()
        rows = await self._rows(query, parameters.of_customer(customer_id, limit))
        return note_list(rows, self._zone)[:limit]

    async def calls(self, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
        """The latest calls of one customer, in the order of the query."""
        query = self._queries.get(Purpose.CALLS)
        if query is None:
            return ()
        rows = await self._rows(query, parameters.of_customer(customer_id, limit))
        return call_list(rows, customer_id, self._zone)[:limit]

    async def create(self, new: NewCustomer, *, key: str) -> CustomerId:
        """A new customer; whether the same key gives the same one is up to the query."""
        written = await self._write(Purpose.CREATE, parameters.of_new(new, key))
        made = cells.text(written.row.get("customer_id")) if written.row else str(written.made_id or "")
        if not made:
            raise CrmRefuses("create: it gives no customer_id")
        return CustomerId(made)

    async def create_deal(self, customer_id: CustomerId, new: NewDeal, *, key: str) -> DealId:
        """Refused: there is no query for it."""
        raise CrmRefuses("no query makes deals")

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        """Change what is known of a customer."""
        written = await self._write(Purpose.UPDATE, parameters.of_changes(customer_id, changes))
        if not written.touched:
            raise CrmRefuses("update: there is no such customer")

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        """Write down something about a customer; whether the same key does so once is up to the query."""
        await self._write(Purpose.ADD_NOTE, parameters.of_note(customer_id, note, key))

    async def report(self, report: CallReport) -> None:
        """Have the query for this moment carried out; that a repetition changes nothing is up to it."""
        await self._write(REPORTS[report.moment], parameters.of_report(report))

    async def check(self) -> None:
        """Return when the database answers; the first time, and after it did not, `find` is looked at as well."""
        try:
            if self._looked_at:
                await self._readers.answer(lambda connection: connection.ping())
                return
            columns = await self._columns(self._queries[Purpose.FIND])
        except CrmUnavailable:
            self._looked_at = False
            raise
        self._looked_at = True
        if not words.has_deals(columns):
            self.capabilities -= {Capability.DEALS}
        if not words.has_responsible(columns):
            self.capabilities -= {Capability.RESPONSIBLE}

    async def lacking(self) -> Mapping[Capability, str]:
        """The queries that the database would not carry out, and why; nothing is changed."""
        lacking: dict[Capability, str] = {}
        for purpose, query in self._queries.items():
            if purpose is Purpose.FIND:
                continue
            try:
                await (self._columns(query) if purpose in READING else self._examined(query))
            except (QueryFault, TakesNoChanges) as error:
                lacking[Capability(purpose)] = str(error)
        return lacking

    async def close(self) -> None:
        """Close the connections."""
        await self._readers.close()
        await self._writers.close()

    async def _examined(self, query: Query) -> None:
        """Have a query looked at that changes something. Raises QueryFault, and TakesNoChanges."""
        async with self._writers.borrowed() as connection:
            for number, statement in enumerate(query.statements, start=1):
                try:
                    await connection.examine(statement, words.sample(query.purpose))
                except QueryFault as error:
                    which = f", statement {number}" if len(query.statements) > 1 else ""
                    raise QueryFault(f"{query.name}{which}: {error}") from None

    async def _columns(self, query: Query) -> tuple[str, ...]:
        """The columns that a query gives. Raises QueryFault when they are not what is needed."""
        (statement,) = query.statements
        try:
            columns = await self._readers.answer(
                lambda connection: connection.columns(statement, words.sample(query.purpose))
            )
        except (QueryFault, TookTooLong) as error:
            raise QueryFault(f"{query.name}: {error}") from None
        if fault := words.misread(query.purpose, columns):
            raise QueryFault(f"{query.name}: {fault}")
        return tuple(columns)

    async def _rows(self, query: Query, values: Values) -> list[Row]:
        """The rows of a query; none where a value cannot be one of the column that it is compared with."""
        (statement,) = query.statements
        try:
            answer = await self._readers.answer(
                lambda connection: connection.read(statement, values, most=MOST_ROWS),
                urgent=query.purpose is Purpose.FIND,
            )
        except Unfit:
            return []
        except (QueryFault, TookTooLong) as error:
            raise CrmUnavailable(f"{query.name}: {error}") from None
        if fault := words.misread(query.purpose, answer.columns):
            raise CrmUnavailable(f"{query.name}: {fault}")
        return answer.by_name()

    async def _write(self, purpose: Purpose, values: Values) -> Written:
        query = self._queries.get(purpose)
        if query is None:
            raise CrmRefuses(f"there is no query {purpose}")
        try:
            # Whoever wrote the query was told that it comes again with the same key, so it may.
            return await self._writers.answer(lambda connection: connection.write(query.statements, values))
        except (QueryFault, TookTooLong) as error:
            raise CrmUnavailable(f"{query.name}: {error}") from None
        except (CrmRefuses, Unfit) as error:
            raise CrmRefuses(f"{query.name}: {error}") from None
