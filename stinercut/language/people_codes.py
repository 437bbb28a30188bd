"""The codes of people and access: what the login page says, and why somebody is refused.

Owns: that list. Not here: the words (`words/en.json`), where they are shown (the hub).
"""

from __future__ import annotations

from enum import StrEnum


class PeopleCode(StrEnum):
    """The words for each stand in `words/en.json` under the same name."""

    # Why a person is refused
    ACCOUNT_NAME_FORM = "account_name_form"
    ACCOUNT_NAME_TAKEN = "account_name_taken"
    ACCOUNT_NOT_KNOWN = "account_not_known"
    PASSWORD_FORM = "password_form"
    OWN_PIN_FORM = "own_pin_form"
    LAST_ADMIN = "last_admin"
    LOGIN_NOT_KNOWN = "login_not_known"
    KEY_FORM = "key_form"
    KEY_NOT_KNOWN = "key_not_known"
    DETECTOR_ID_FORM = "detector_id_form"

    # What the gate and the login page say
    NOT_SIGNED_IN = "not_signed_in"
    SIGN_IN_FIRST = "sign_in_first"
    NOT_PERMITTED = "not_permitted"
    ASK_AN_ADMIN = "ask_an_admin"
    SIGN_IN = "sign_in"
    NAME_FIELD = "name_field"
    PASSWORD_FIELD = "password_field"
    MAKE_ADMIN = "make_admin"
    WRONG_NAME_OR_PASSWORD = "wrong_name_or_password"
    TOO_MANY_TRIES = "too_many_tries"
    MAKE_FIRST_ADMIN = "make_first_admin"
    FIRST_ADMIN_CLOSED = "first_admin_closed"
