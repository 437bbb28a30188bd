"""The codes of delivery: what passengers read on their page and in their letters, and why a link is refused.

Owns: that list. Not here: the words (`words/en.json`), where they are shown (`hub.delivery`).
"""

from __future__ import annotations

from enum import StrEnum


class DeliveryCode(StrEnum):
    """The words for each stand in `words/en.json` under the same name."""

    # The passenger's page
    FILM_OF_PASSENGER = "film_of_passenger"
    FILMS_OF_GROUP = "films_of_group"
    FILM_BEING_MADE = "film_being_made"
    FILM_COMES_BY_ITSELF = "film_comes_by_itself"
    FILM_PROVISIONAL = "film_provisional"
    DOWNLOAD_FILM = "download_film"
    DOWNLOAD_UPRIGHT_FILM = "download_upright_film"
    DOWNLOAD_OTHER_FILM = "download_other_film"
    DOWNLOAD_PHOTOS = "download_photos"
    PHOTOS_HEADING = "photos_heading"
    AVAILABLE_UNTIL = "available_until"
    PIN_WANTED = "pin_wanted"
    PIN_WRONG = "pin_wrong"
    PIN_CLOSED = "pin_closed"
    PIN_OPEN = "pin_open"
    LINK_UNKNOWN = "link_unknown"
    LINK_EXPIRED = "link_expired"
    LINK_REVOKED = "link_revoked"
    ASK_DROPZONE = "ask_dropzone"

    # Letters
    LETTER_SUBJECT = "letter_subject"
    LETTER_SUBJECT_OF_GROUP = "letter_subject_of_group"
    LETTER_GREETING = "letter_greeting"
    LETTER_LINK_FOLLOWS = "letter_link_follows"
    LETTER_UNTIL = "letter_until"
    LETTER_GOODBYE = "letter_goodbye"
    LETTER_REFUSED = "letter_refused"
    LETTER_SERVER_SILENT = "letter_server_silent"
    LETTER_LOGIN_REFUSED = "letter_login_refused"

    # Why a person is refused
    SHARE_NOT_KNOWN = "share_not_known"
    SHARE_WITHOUT_JUMPS = "share_without_jumps"
    SHARE_OF_NOBODY = "share_of_nobody"
    SHARE_IS_OVER = "share_is_over"
    PIN_FORM = "pin_form"
    NO_MAIL_SERVER = "no_mail_server"
    SET_MAIL_SERVER = "set_mail_server"
    MAIL_ADDRESS_FORM = "mail_address_form"
    MAIL_SENDER_FORM = "mail_sender_form"
    LOGO_NOT_USABLE = "logo_not_usable"
    ADDRESS_NOT_USABLE = "address_not_usable"
    LINK_KEY_NOT_READABLE = "link_key_not_readable"
    LINK_KEY_DAMAGED = "link_key_damaged"
    LINK_KEY_ADVICE = "link_key_advice"
    NOT_HANDED_OUT = "not_handed_out"
