"""A question of a command to the CRM: with a time limit, the CRM closed afterwards, and why not in one line."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from cti_bridge.cli.crm_import import complain
from cti_bridge.crm.health import reason_of
from cti_bridge.crm.port import Crm, CrmRefuses, CrmUnavailable

T = TypeVar("T")


def ask(crm: Crm, question: Callable[[], Awaitable[T]], *, within_s: float) -> T | None:
    """The CRM's answer within the limit, or None after saying why there is none; the CRM is closed in any case."""

    async def asking() -> T:
        try:
            async with asyncio.timeout(within_s):
                return await question()
        finally:
            await crm.close()

    try:
        return asyncio.run(asking())
    except TimeoutError:
        complain(f"the CRM ({crm.kind}) did not answer within {within_s:g} s")
    except (CrmUnavailable, CrmRefuses) as error:
        complain(f"the CRM ({crm.kind}) cannot be asked: {error}")
    except Exception as error:  # its message may hold what the CRM has of somebody
        complain(f"the CRM ({crm.kind}) cannot be asked: {reason_of(error)}")
    return None
