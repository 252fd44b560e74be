"""A small house whose rules are the ground for the tables of the language."""

from typing import Any

Given = dict[str, Any]
RADIO, SITE = "+74950000149", "+74950000148"
LINE = {
    "name": "Радио Кухни", "channel": "radio", "city": "Москва", "direction": "kitchens", "zone": "Europe/Moscow",
    "language": "ru",
}  # fmt: skip
FILE: dict[str, Any] = {
    "version": 1,
    "lines": {RADIO: LINE, SITE: {"channel": "site", "city": "Казань", "name": "Сайт", "direction": "doors",
                                  "zone": "Asia/Yekaterinburg", "language": "en_GB"}},
    "schedules": {"office": {"hours": "Mo-Fr 09:00-20:00"}},
    "classes": [
        {"name": "production", "when": {"deal.stage": ["paid", "delivery"]}},
        {"name": "sales", "when": {"deal.known": True}},
        {"name": "new"},
    ],
    "queues": {"desk": {"timeout": "60s"}, "sales": {"timeout": "30s"}, "works": None},
    "trusted_trunks": ["trunk-a"],
    "default": {"queue": "desk"},
}  # fmt: skip
DEAL: Given = {"deal.stage": "paid"}
