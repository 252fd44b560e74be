"""What a fresh vtiger is made of: modules with their fields, stages, operations and what each of them needs."""

from collections.abc import Mapping

from fakes.vtiger_vtql import Shape

_PERSON = {"phone": "phone", "mobile": "phone", "assigned_user_id": "owner", "modifiedtime": "text"}
SHAPES: Mapping[str, Shape] = {
    "Contacts": Shape(
        {
            "firstname": "text", "lastname": "text", "email": "text", "mailingcity": "text", "homephone": "phone",
            "account_id": "reference", "cf_851": "text", **_PERSON,
        }
    ),
    "Leads": Shape({"firstname": "text", "lastname": "text", "email": "text", "city": "text", **_PERSON}),
    "Accounts": Shape({"accountname": "text", "email1": "text", "bill_city": "text", **_PERSON}),
    "Potentials": Shape(
        {
            "potentialname": "text", "sales_stage": "picklist", "amount": "text", "contact_id": "reference",
            "related_to": "reference", "assigned_user_id": "owner", "modifiedtime": "text", "closingdate": "text",
        }
    ),
    "ModComments": Shape(
        {
            "commentcontent": "text", "related_to": "reference", "assigned_user_id": "owner", "creator": "owner",
            "createdtime": "text",
        }
    ),
    "Users": Shape(
        {
            "user_name": "text", "first_name": "text", "last_name": "text", "phone_crm_extension": "phone",
            "phone_work": "phone",
        }
    ),
    "PBXManager": Shape({"sourceuuid": "text", "callstatus": "text", "customer": "text", "user": "text"}),
    "PhoneCalls": Shape({"sourceuuid": "text", "callstatus": "text", "customer": "text", "user": "text"}),
}  # fmt: skip
PREFIXES = {
    "Contacts": "12", "Leads": "10", "Accounts": "11", "Potentials": "13", "ModComments": "30", "Users": "19",
    "PBXManager": "43", "PhoneCalls": "43",
}  # fmt: skip
STAGES = ("Prospecting", "Qualification", "Negotiation or Review", "Closed Won", "Closed Lost")
MANDATORY = {
    "Contacts": {"lastname", "assigned_user_id"},
    "Leads": {"lastname", "assigned_user_id"},
    "Potentials": {"potentialname", "closingdate", "sales_stage", "assigned_user_id"},
    "ModComments": {"commentcontent", "related_to", "assigned_user_id"},
}
LONGEST = {"firstname": 40, "lastname": 80, "accountname": 100, "phone": 50}

OPERATIONS: Mapping[str, tuple[str, frozenset[str]]] = {
    "getchallenge": ("GET", frozenset({"username"})),
    "login": ("POST", frozenset({"username", "accessKey"})),
    "query": ("GET", frozenset({"query"})),
    "describe": ("GET", frozenset({"elementType"})),
    "retrieve": ("GET", frozenset({"id"})),
    "create": ("POST", frozenset({"elementType", "element"})),
    "revise": ("POST", frozenset({"element"})),
    "me": ("GET", frozenset()),
    "lookup": ("GET", frozenset({"type", "value", "searchIn"})),
}
