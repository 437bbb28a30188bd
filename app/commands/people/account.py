"""`stinercut account`: who may sign in, on this installation's own catalog.

Owns: the commands' options and output. Not here: the rules (`stinercut.people.accounts`), the page that makes the first
admin (`hub.people`).
"""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from app.commands.people.own_catalog import writing
from app.common.options import Data, Json, say

group = typer.Typer(help="Accounts: who may sign in on the board, in which role.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name to sign in with.")]


@group.command("add")
def add(
    name: Name,
    role: Annotated[str, typer.Option("--role", help="screen, desk, manager or admin.")] = "desk",
    data: Data = None,
) -> None:
    """Make an account. The password is asked for, or read from the first line of the input.

    As soon as there is an account, the hub lets in only who signs in, also on this machine.
    """
    from stinercut.errors import BadInput
    from stinercut.people import accounts
    from stinercut.people.accounts import NewAccount
    from stinercut.people.permissions import AccountRole

    try:
        wanted = AccountRole(role)
    except ValueError:
        raise BadInput(f"{role!r} is no role", advice=f"Roles are {', '.join(AccountRole)}.") from None
    password = _password()
    with writing(data) as session:
        accounts.add(session, NewAccount(name, wanted, password))
    say(f"{name} may sign in as {wanted}.")


@group.command("list")
def listed(data: Data = None, as_json: Json = False) -> None:
    """Show all accounts. With --json: a list of "name", "role", "disabled"."""
    from stinercut.people import accounts

    with writing(data) as session:
        found = [
            {"name": account.name, "role": account.role, "disabled": account.disabled_at is not None}
            for account in accounts.all_accounts(session)
        ]
    if as_json:
        say(json.dumps(found, ensure_ascii=False))
        return
    for account in found:
        say(f"{account['name']}: {account['role']}{', disabled' if account['disabled'] else ''}")
    if not found:
        say("There is no account.")


@group.command("disable")
def disable(name: Name, data: Data = None) -> None:
    """Let an account sign in no more, and end its sign-ins."""
    from stinercut.people import accounts

    with writing(data) as session:
        accounts.disable(session, accounts.require_account(session, name))
    say(f"{name} can't sign in any more.")


@group.command("password")
def password(name: Name, data: Data = None) -> None:
    """Give an account another password, and end its sign-ins."""
    from stinercut.people import accounts

    given = _password()
    with writing(data) as session:
        account = accounts.require_account(session, name)
        accounts.set_password(session, account, given)
        accounts.enable(account)
    say(f"{name} has another password, and must sign in again.")


def _password() -> str:
    """The password: typed twice at a terminal, else the input's first line."""
    if sys.stdin.isatty():
        typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    return sys.stdin.readline().rstrip("\r\n")
