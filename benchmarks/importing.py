"""Importing 220,000 customers from CSV, and whether a look-up stays as quick however many customers there are."""

import asyncio
import csv
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.customers import FOLDER, customer_file, number
from benchmarks.figures import Row, percentile
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.number import CallerNumber, NumberKind

ROWS = 220_000
LIMIT_S = 15.0
SIZES = (10_000, 100_000, 1_000_000)
BIGGEST = 10_000_000
LOOK_UPS = 2_000
_PRIME = 104_729
"""Steps through all customers, so that no row was read just before."""

_COLUMNS = (
    "customer_id", "name", "number", "number2", "email", "city", "responsible", "deal_id", "deal_title", "stage",
    "amount", "changed_at", "note",
)  # fmt: skip
_FAMILIES = ("Ласточкина", "Снегирёва", "Щукина", "Окунева", "Ёршова", "Журавлёва")
_BARE = """
import csv, sqlite3, sys
file = open(sys.argv[1], encoding=sys.argv[3], newline="")
rows = csv.reader(file, delimiter=";")
columns = next(rows)
database = sqlite3.connect(sys.argv[2])
database.execute(f"CREATE TABLE bare ({', '.join(columns)})")
database.executemany(f"INSERT INTO bare VALUES ({', '.join('?' * len(columns))})", rows)
database.commit()
"""


async def rows() -> list[Row]:
    """Measure and return the rows."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-import-", dir=FOLDER))
    try:
        found = [row for encoding in ("utf-8", "cp1251") for row in await _import(folder / encoding, encoding)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found + await _look_ups(SIZES)


async def rows_of_the_biggest() -> list[Row]:
    """The look-ups again, up to ten million customers: takes minutes and 4 GB to make."""
    return await _look_ups((*SIZES, BIGGEST))


async def _import(folder: Path, encoding: str) -> list[Row]:
    folder.mkdir()
    file = folder / "customers.csv"
    with file.open("w", encoding=encoding, newline="") as out:
        csv.writer(out, delimiter=";").writerows(_rows())
    (folder / "ami.secret").write_text("not needed\n", "utf-8")
    settings = folder / "cti-bridge.yaml"
    settings.write_text("data_dir: .\npbxes: [{region: RU, ami: {secret_file: ami.secret}}]\n", "utf-8")
    bare_s, _ = await _timed("-c", _BARE, str(file), str(folder / "bare.sqlite"), encoding)
    command = ("-m", "cti_bridge", "crm", "import", str(file), "--config", str(settings))
    first_s, first_cpu_s = await _timed(*command)
    again_s, again_cpu_s = await _timed(*command)
    beside = f"limit {LIMIT_S:.0f} s; csv and executemany into a bare table {bare_s:.1f} s"
    return [
        Row(f"import of {ROWS:,} rows, {encoding}", f"{first_s:.1f} s (CPU {first_cpu_s:.1f} s)", beside,
            first_s / LIMIT_S, "≤ 1"),
        Row(f"the same file again, {encoding}: nothing to write", f"{again_s:.1f} s (CPU {again_cpu_s:.1f} s)", beside,
            again_s / LIMIT_S, "≤ 1"),
    ]  # fmt: skip


def _rows() -> Iterator[tuple[object, ...]]:
    """A third has two numbers, every fifth row is a second deal of the customer before, a quarter has a note."""
    yield _COLUMNS
    stages = [stage.id for stage in SHIPPED_STAGES.stages]
    for deal in range(ROWS):
        who = deal if deal % 5 else max(0, deal - 1)
        digits = f"{who:07}"
        yield (
            f"c{who}",
            f"{_FAMILIES[who % 6]} Ия {who}",
            f"8 (495) {digits[:3]}-{digits[3:5]}-{digits[5:]}",
            number(who + 500_000) if who % 3 == 0 else "",
            f"c{who}@example.test",
            "Тверь" if who % 2 else "Псков",
            f"op{who % 40}",
            f"d{deal}",
            "Шкаф-купе в прихожую",
            stages[deal % len(stages)],
            f"{deal * 10}.50",
            f"2026-11-{deal % 27 + 1:02}T10:00:00+03:00",
            "просила перезвонить вечером" if deal % 4 == 0 else "",
        )


async def _timed(*arguments: str) -> tuple[float, float]:
    """How long it took, and how much of that a core was at work for it."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the import failed: {errors.decode()[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def _look_ups(sizes: tuple[int, ...]) -> list[Row]:
    """Look up the same number of customers in files of several sizes, all warm."""
    p50s = [await _p50_ms(size) for size in sizes]
    smallest = f"{sizes[0]:,} customers {p50s[0]:.3f} ms"
    return [
        Row(f"look-up among {size:,} customers: p50", f"{p50:.3f} ms", smallest, p50 / p50s[0], "flat")
        for size, p50 in zip(sizes[1:], p50s[1:], strict=True)
    ]


async def _p50_ms(size: int) -> float:
    crm = EmbeddedCrm(customer_file(size))
    times = []
    try:
        for turn in range(2 * LOOK_UPS):  # everybody twice: the first time may have to wait for the disk
            key = number(turn % LOOK_UPS * _PRIME % size, of=size)
            began = time.perf_counter()
            if not await crm.find(CallerNumber(NumberKind.EXTERNAL, key, key)):
                raise RuntimeError(f"nobody has {key}")
            times.append((time.perf_counter() - began) * 1000)
    finally:
        await crm.close()
    return percentile(times[LOOK_UPS:], 50)
