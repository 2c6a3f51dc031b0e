"""People with what they trade with: registered with a paper account, and made masters, whom others may copy."""

from itertools import chain, count

from django.conf import settings
from django.db import transaction

from copytrade.accounts.models import Role, User
from copytrade.accounts.services import audit_record, user_register, user_target
from copytrade.lib.errors import ApplicationError, ErrorCode
from orders.models import AccountState, Mode, TradingAccount
from orders.services.accounts import account_create
from replication.models import Copy, LeaderAccount
from replication.services.flags import leader_marks_set
from replication.vocabulary import CopyState
from traders.models import LeaderStatus, LeadTrader
from traders.services.leaders import leader_set_status

HOUSE = "house"  # the platform of those who lead here
ACCOUNT_NAME = "Paper"
NO_LONGER, AGAIN = "No longer a master.", "A master again."


class MasterRefused(ApplicationError):
    """This person cannot make themselves a master."""

    code = ErrorCode.CONFLICT
    status = 409


@transaction.atomic
def person_register(
    *, username: str, email: str, password: str, role: str, full_name: str = "", iifl_account_id: str = ""
) -> User:
    """Make a user with a paper account of `PAPER_BALANCE` at `PAPER_VENUE`, and for a master the leader's profile.

    Refuses what `user_register` refuses; then nothing is left behind.
    """
    user = user_register(
        username=username,
        email=email,
        password=password,
        role=role,
        full_name=full_name,
        iifl_account_id=iifl_account_id,
    )
    account = person_account_open(user=user, actor=user)
    if user.role == Role.MASTER:
        _profile_make(user, account)
    return user


def person_account_open(*, user: User, actor: User) -> TradingAccount:
    """Open a paper account of `PAPER_BALANCE` at `PAPER_VENUE`, under a name that the user has not given yet."""
    taken = set(TradingAccount.objects.filter(user=user).values_list("name", flat=True))
    names = chain([ACCOUNT_NAME], (f"{ACCOUNT_NAME} {number}" for number in count(2)))
    return account_create(
        user=user,
        name=next(name for name in names if name not in taken),
        venue=settings.PAPER_VENUE,
        actor=actor,
        paper_balance=settings.PAPER_BALANCE,
    )


@transaction.atomic
def person_lead(*, user: User) -> User:
    """Make a follower a master, who asks for it; a master already is left as they are.

    Somebody who was a master before is `MasterRefused`: staff ended that, and staff alone bring it back.
    """
    locked = _locked(user)
    if locked.role == Role.FOLLOWER and LeadTrader.objects.filter(user=locked).exists():
        raise MasterRefused("You were a master before, and staff ended that: ask them to make you one again.")
    return person_set_role(user=locked, role=Role.MASTER, actor=locked)


@transaction.atomic
def person_set_role(*, user: User, role: Role, actor: User) -> User:
    """Make somebody a master or a follower; the role that they have changes nothing.

    A new master gets a leader's profile and an account that leads. Who is none any longer keeps the profile, paused, so
    that copies of it still exit; one that staff have blocked stays blocked whatever the role.
    """
    locked = _locked(user)
    if locked.role == role:
        return locked
    before, locked.role = locked.role, role
    locked.save(update_fields=["role"])
    changes = {"role": [before, role.value]}
    audit_record(actor=actor, action="user.role", target=user_target(locked), changes=changes)
    profile = LeadTrader.objects.filter(user=locked).first()
    if profile is None:
        _profile_make(locked, _account_to_lead(locked))
    elif role == Role.MASTER and profile.status == LeaderStatus.PAUSED:
        leader_set_status(leader=profile, status=LeaderStatus.APPROVED, actor=actor, reason=AGAIN)
    elif role == Role.FOLLOWER and profile.status != LeaderStatus.BLOCKED:
        leader_set_status(leader=profile, status=LeaderStatus.PAUSED, actor=actor, reason=NO_LONGER)
    return locked


def _locked(user: User) -> User:
    return User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _profile_make(user: User, account: TradingAccount) -> LeadTrader:
    trader = LeadTrader.objects.create(
        platform=HOUSE,
        external_id=str(user.pk),
        user=user,
        nickname=user.full_name or user.username[:128],
        status=LeaderStatus.APPROVED,
    )
    LeaderAccount.objects.create(account=account, trader=trader)
    leader_marks_set(trader_id=trader.pk)
    return trader


def _account_to_lead(user: User) -> TradingAccount:
    """Return the user's first paper account that copies nobody, opened where there is none.

    What an account copies mixes with what it leads with: a fraction of the one would be a fraction of both.
    """
    own = TradingAccount.objects.filter(user=user, mode=Mode.PAPER, venue=settings.PAPER_VENUE)
    list(own.select_for_update(no_key=True).order_by("pk"))  # whoever begins a copy holds its account
    copying = Copy.objects.exclude(state=CopyState.ENDED).values("account")
    free = own.exclude(state=AccountState.CLOSED).exclude(pk__in=copying).order_by("pk").first()
    return free or person_account_open(user=user, actor=user)
