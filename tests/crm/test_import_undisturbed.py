"""An import beside live calls: nobody waits for it, nobody sees half a customer, and stopped half-way it does no harm.

Batches are made small here, so that there are many.
"""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from customer_files import caller, import_file, write

from cti_bridge.cli import crm_import
from cti_bridge.cli.main import main
from cti_bridge.crm.embedded import writing
from cti_bridge.crm.embedded.importing import Listener, Source
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.lookup import Lookup
from cti_bridge.domain.decision import CrmSource

pytestmark = pytest.mark.slow

CUSTOMERS = 2_000
BATCH = 250
HEADER = "customer_id,name,number,number2,deal_id,stage\n"
IMPORT = """
import os, signal, sys
from pathlib import Path
from cti_bridge.crm.embedded import writing
from cti_bridge.crm.embedded.importing import Listener, Source, import_customers
from cti_bridge.domain.staff import StaffNumbers

writing._MAX_CUSTOMERS = int(sys.argv[4])
carry_out, batches = writing._carry_out, []

def die(values):
    for n, value in enumerate(values):
        if n == 100:
            os.kill(os.getpid(), signal.SIGKILL)
        yield value

def carry_out_until_killed(connection, changes):
    batches.append(1)
    if sys.argv[3] == "kill" and len(batches) == 2:
        changes.deals = die(changes.deals)
    carry_out(connection, changes)

writing._carry_out = carry_out_until_killed
import_customers(Source(Path(sys.argv[1])), Path(sys.argv[2]), region="RU", staff=StaffNumbers(), listener=Listener())
"""


def number(customer: int) -> str:
    """One of a hundred numbers, so that each has several customers."""
    return f"+7495000{customer % 100:04}"


def customers_csv(folder: Path, name: str, stage: str) -> Path:
    """Each customer has two rows, far from one another."""

    def rows() -> Iterator[str]:
        yield HEADER
        for half in (1, 2):
            for n in range(CUSTOMERS):
                yield f"c-{n:05},{name},{number(n)},,d-{n}-{half},{stage}\n"

    return write(folder / f"{stage}.csv", "".join(rows()))


def importing(file: Path, database: Path, *, kill: bool = False) -> list[str]:
    return [sys.executable, "-c", IMPORT, str(file), str(database), "kill" if kill else "live", str(BATCH)]


def whole(folder: Path) -> dict[str, int]:
    """How many customers have which name; each of them must be all old or all new."""
    database = sqlite3.connect(folder / "crm.sqlite")
    query = (
        "SELECT c.name, group_concat(DISTINCT d.stage), count(d.id), count(*) FROM customers c"
        " LEFT JOIN deals d ON d.customer_id = c.id GROUP BY c.id"
    )
    kinds: dict[str, int] = {}
    for name, stages, deals, _ in database.execute(query):
        assert (name, stages, deals) in {("Вера Старая", "paid", 2), ("Вера Новая", "delivery", 2)}
        kinds[name] = kinds.get(name, 0) + 1
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    return kinds


async def test_every_look_up_during_an_import_answers_and_sees_whole_customers(tmp_path: Path) -> None:
    path = tmp_path / "crm.sqlite"
    import_file(tmp_path, Source(customers_csv(tmp_path, "Вера Старая", "paid")))
    crm = EmbeddedCrm(path)
    lookup = Lookup(crm, deadline_s=5.0)
    seen: dict[tuple[str, tuple[str, ...]], int] = {}
    process = await asyncio.create_subprocess_exec(*importing(customers_csv(tmp_path, "Вера Новая", "delivery"), path))
    try:
        asked = 0
        while process.returncode is None:
            asked += 1
            answer = await lookup.find(caller(number(asked * 7)))
            assert answer.source is CrmSource.FRESH
            assert len(answer.records) == CUSTOMERS // 100
            for record in answer.records:
                kind = record.customer.name, tuple(deal.stage for deal in record.deals)
                seen[kind] = seen.get(kind, 0) + 1
            await asyncio.sleep(0)
    finally:
        await process.wait()
        await lookup.close()
        await crm.close()
    assert process.returncode == 0
    assert seen.keys() <= {("Вера Старая", ("paid", "paid")), ("Вера Новая", ("delivery", "delivery"))}
    assert asked > CUSTOMERS // BATCH
    assert whole(tmp_path) == {"Вера Новая": CUSTOMERS}


def test_an_import_that_was_killed_leaves_whole_customers_and_the_next_one_does_the_rest(tmp_path: Path) -> None:
    import_file(tmp_path, Source(customers_csv(tmp_path, "Вера Старая", "paid")))
    file = customers_csv(tmp_path, "Вера Новая", "delivery")
    killed = subprocess.run(importing(file, tmp_path / "crm.sqlite", kill=True), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert whole(tmp_path) == {"Вера Новая": BATCH, "Вера Старая": CUSTOMERS - BATCH}
    result = import_file(tmp_path, Source(file))
    assert (result.updated, result.unchanged) == (CUSTOMERS - BATCH, BATCH)
    assert whole(tmp_path) == {"Вера Новая": CUSTOMERS}


def test_ctrl_c_between_two_batches_is_no_error_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_MAX_CUSTOMERS", BATCH)
    file = customers_csv(tmp_path, "Вера Новая", "delivery")

    def interrupt(doing: str, done: int, whole: int) -> None:
        if doing == "writing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_file(tmp_path, Source(file), Listener(progress=interrupt))
    assert whole(tmp_path) == {"Вера Новая": BATCH}
    assert import_file(tmp_path, Source(file)).created == CUSTOMERS - BATCH


def test_ctrl_c_is_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "ami.secret", "тайна\n")
    config = write(tmp_path / "cti-bridge.yaml", "data_dir: .\npbxes: [{ami: {secret_file: ami.secret}}]\n")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(crm_import, "import_customers", interrupted)
    assert main(["crm", "import", str(tmp_path / "customers.csv"), "--config", str(config)]) == 130


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    script = IMPORT + "\nimport resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    peaks = []
    for rows in (20_000, 100_000):
        text = "".join(f"c-{n:06},Вера Ёлкина,{number(n)}\n" for n in range(rows))
        file = write(tmp_path / f"{rows}.csv", "customer_id,name,number\n" + text)
        command = [sys.executable, "-c", script, str(file), str(tmp_path / f"{rows}.sqlite"), "live", "4000"]
        run = subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONHASHSEED": "0"})
        peaks.append(int(run.stdout))
    assert peaks[1] < 1.3 * peaks[0]
