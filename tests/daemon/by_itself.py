"""A bridge without an Asterisk, and a fake dialplan that asks it over FastAGI like the real one."""

import asyncio
from pathlib import Path

from cti_bridge.cli.main import main
from demo.asterisk import AsteriskInstance
from demo.bridge import AGI_PORT, Bridge

CUSTOMERS = """\
customer_id,name,number,deal_id,stage
q-1,Прохор Шумилов,+7 495 000-03-01,t-1,offer_sent
q-2,Злата Берёзкина,8 (495) 000-03-02,t-2,in_production
"""
SALES, PRODUCTION, UNKNOWN = "+74950000301", "+74950000302", "+74950000399"
DID = "74950000348"


def install(folder: Path, page_port: int, *, customers: bool = True) -> Bridge:
    """A bridge with the shipped rules, not started; its Asterisk is nowhere."""
    bridge = Bridge(folder, AsteriskInstance(Path("/"), folder / "asterisk"), page_port=page_port)
    if customers:
        give_customers(bridge)
    return bridge


def give_customers(bridge: Bridge) -> None:
    """Import the sample customers."""
    file = bridge.folder / "customers.csv"
    file.write_text(CUSTOMERS, "utf-8")
    assert main(["crm", "import", str(file), "--config", str(bridge.settings)]) == 0


async def ask(
    bridge: Bridge, number: str, *, uniqueid: str = "1795288011.12", name: str = "", script: str = "route"
) -> dict[str, str]:
    """Ask like the dialplan, and return the variables that the bridge has set."""
    host = bridge.agi_url.removeprefix("agi://").partition(":")[0]
    reader, writer = await asyncio.open_connection(host, AGI_PORT)
    environment = {
        "agi_network": "yes",
        "agi_network_script": script,
        "agi_channel": f"PJSIP/trunk-{uniqueid}",
        "agi_uniqueid": uniqueid,
        "agi_callerid": number,
        "agi_calleridname": name or "unknown",
        "agi_callingpres": "0",
        "agi_language": "en",
        "agi_threadid": "1",
        "agi_arg_1": DID,
        "agi_arg_2": uniqueid,
    }
    writer.write("".join(f"{key}: {value}\n" for key, value in environment.items()).encode() + b"\n")
    variables: dict[str, str] = {}
    try:
        async with asyncio.timeout(30):
            while line := (await reader.readline()).decode():
                variables |= _set_by(line)
                writer.write(b"200 result=1\n")
    finally:
        writer.close()
    return variables


def _set_by(command: str) -> dict[str, str]:
    words = command.rstrip("\n")
    if words.startswith("EXEC MSet "):
        pairs = words.removeprefix("EXEC MSet ").strip('"').split(",")
        return dict(pair.split("=", 1) for pair in pairs)
    name, _, value = words.removeprefix("SET VARIABLE ").partition(" ")
    return {name: value.strip('"')}
