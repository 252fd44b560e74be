"""The peer inside Asterisk: `func_odbc` that looks the caller up in a copy of the same SQLite file."""

import os
import shutil
import subprocess
from pathlib import Path

from demo.asterisk import AsteriskInstance

DRIVER, INSTALLER = "libsqlite3odbc.so", "libodbcinst.so.2"
_FOLDER = "/var/lib/asterisk/odbc"
_LOOK_UP = (
    "SELECT customers.id, customers.name, deals.stage FROM numbers "
    "JOIN customers ON customers.id = numbers.customer_id "
    "LEFT JOIN deals ON deals.customer_id = customers.id WHERE numbers.key = '${SQL_ESC(${ARG1})}' LIMIT 1"
)
CONFIGURATION = {
    "modules.d/odbc.conf": "load = res_odbc_transaction.so\nload = res_odbc.so\nload = func_odbc.so\n",
    "res_odbc.conf": f"""
[ENV]
ODBCSYSINI => {_FOLDER}
[customers]
enabled => yes
dsn => customers
pre-connect => yes
max_connections => 10
""",
    "func_odbc.conf": f"[CUSTOMER]\ndsn = customers\nreadsql = {_LOOK_UP}\n",
}
"""Files below `etc` of an Asterisk that shall have `ODBC_CUSTOMER(number)`."""
_DRIVERS = f"[SQLite3]\nDriver = {_FOLDER}/{DRIVER}\n"
_SOURCES = f"[customers]\nDriver = SQLite3\nDatabase = {_FOLDER}/customers.sqlite\nTimeout = 1000\n"


def put_there(asterisk: AsteriskInstance, customers: Path) -> None:
    """Copy driver and customers to where this Asterisk, which does not run yet, can read them.

    Raises FileNotFoundError where Debian's libsqliteodbc, libodbcinst2 or patchelf is not installed.
    """
    folder = asterisk.workdir / "lib" / "odbc"
    folder.mkdir(parents=True)
    for name in (f"odbc/{DRIVER}", INSTALLER):
        found = sorted(Path("/usr/lib").glob(f"*/{name}"))
        if not found:
            raise FileNotFoundError(f"{name} is missing (Debian: apt-get install libsqliteodbc libodbcinst2 patchelf)")
        shutil.copy(found[0], folder / found[0].name)
    # Without its companion, which the root file system does not have, the driver opens an empty database in memory.
    subprocess.run(["patchelf", "--set-rpath", _FOLDER, str(folder / DRIVER)], check=True)
    shutil.copyfile(customers, folder / "customers.sqlite")
    os.sync()  # the copy's writes are not to be a part of what is measured
    (folder / "odbcinst.ini").write_text(_DRIVERS)
    (folder / "odbc.ini").write_text(_SOURCES)
