"""A card is made ready for pages once for all who see it, and anew as soon as anything that is on it is another."""

from dataclasses import replace

from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord, Deal, Stage, StageList
from cti_bridge.domain.ids import CustomerId, DealId, OperatorId
from cti_bridge.domain.number import parse_number
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.card import Card
from cti_bridge.reception.dossiers import Dossier

ANNA = Operator(OperatorId("anna"), "Анна Ёжикова", ("PJSIP/101",), crm_user="a.yozhikova")
TEAM = Directory.of([ANNA])
CARD = Card(
    parse_number("+7 495 000-01-49", region="RU"),
    record=CustomerRecord(
        Customer(CustomerId("c1"), "Ия Ласточкина", responsible="a.yozhikova"), (Deal(DealId("d1"), "Шкаф", "paid"),)
    ),
)


def test_it_is_made_once_for_all() -> None:
    dossier = Dossier(CARD)
    assert dossier.show(SHIPPED_STAGES, TEAM) is dossier.show(SHIPPED_STAGES, TEAM)


def test_another_card_is_shown_as_it_is() -> None:
    dossier = Dossier(CARD)
    assert dossier.show(SHIPPED_STAGES, TEAM).fields["extras"] == "pending"
    dossier.completed(replace(CARD, extras="ready"))
    assert dossier.show(SHIPPED_STAGES, TEAM).fields["extras"] == "ready"


def test_who_is_renamed_is_shown_by_his_new_name() -> None:
    dossier = Dossier(CARD)
    dossier.show(SHIPPED_STAGES, TEAM)
    renamed = Directory.of([replace(ANNA, name="Анна Щукина")])
    customer = dossier.show(SHIPPED_STAGES, renamed).fields["customer"]
    assert customer["responsible"]["name"] == "Анна Щукина"


def test_a_stage_that_is_renamed_is_shown_by_its_new_name() -> None:
    dossier = Dossier(CARD)
    dossier.show(SHIPPED_STAGES, TEAM)
    stages = StageList((Stage("paid", "деньги пришли", 10),))
    assert dossier.show(stages, TEAM).fields["deals"][0]["stage_name"] == "деньги пришли"
