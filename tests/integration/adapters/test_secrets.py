from __future__ import annotations

import json
import traceback
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from infra.local.addresses import Account
from infra.local.emulator import EmulatorSession
from infra.local.wiring import put_secrets
from shared.adapters.clients import Clients
from shared.adapters.secrets import SsmSecrets
from shared.domain.exchange import Secret
from shared.errors import Misconfigured, NightdeskError, Unavailable
from tests.fakes.given import FixedClock
from tests.integration.adapters import aws

PATH = "/nightdesk/secrets"
SECONDS = timedelta(seconds=1)
WEB = {"signing": ["now", "before"], "verify_token": "word", "credentials": {"access_token": "t0ken"}}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def secrets(clients: Clients, clock: FixedClock) -> SsmSecrets:
    return SsmSecrets(clients, PATH, clock)


@pytest.fixture
def asked(clients: Clients, hook: aws.Hook) -> list[str]:
    """The calls that reach SSM."""
    calls: list[str] = []
    hook(clients.ssm, "before-call.ssm", lambda model, **_: calls.append(model.name))
    return calls


def put(clients: Clients, name: str, value: object) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    clients.ssm.put_parameter(Name=f"{PATH}/{name}", Value=text, Type="SecureString", Overwrite=True)


def tier(clients: Clients, name: str) -> str:
    """What SSM was asked for: moto takes long values in the standard tier too."""
    named = clients.ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [f"{PATH}/{name}"]}])
    return named["Parameters"][0].get("Tier", "")


def test_an_account_is_read_with_keys_word_and_credentials(clients: Clients, secrets: SsmSecrets):
    put(clients, "channels/web/shop", WEB)
    assert secrets.channel("web") == (
        Secret(
            account_id="shop",
            signing=("now", "before"),
            verify_token="word",
            credentials={"access_token": "t0ken"},
        ),
    )
    assert secrets.account("web", "shop") == secrets.channel("web")[0]


def test_keys_that_are_not_there_are_left_out(clients: Clients, secrets: SsmSecrets):
    put(clients, "channels/web/shop", {"signing": ["now", None, ""]})
    put(clients, "channels/web/stall", {})
    assert [one.signing for one in secrets.channel("web")] == [("now",), ()]


def test_all_accounts_of_a_channel_are_read_over_all_pages_and_no_others(clients: Clients, secrets: SsmSecrets):
    for n in range(23):
        put(clients, f"channels/web/{n}", WEB)
    put(clients, "channels/webby/x", WEB)
    assert {one.account_id for one in secrets.channel("web")} == {str(n) for n in range(23)}
    assert secrets.channel("facebook") == ()


def test_secrets_are_kept_for_five_minutes(clients: Clients, secrets: SsmSecrets, clock: FixedClock, asked: list[str]):
    put(clients, "channels/web/shop", WEB)
    asked.clear()
    secrets.channel("web")
    clock.advance(299 * SECONDS)
    secrets.channel("web")
    assert asked == ["GetParametersByPath"]
    put(clients, "channels/web/shop", WEB | {"signing": ["new", "now"]})
    clock.advance(SECONDS)
    assert secrets.channel("web")[0].signing == ("new", "now")


def test_a_refresh_asks_again_but_at_most_once_a_minute(secrets: SsmSecrets, clock: FixedClock, asked: list[str]):
    for _ in range(130):
        secrets.channel("web", refresh=True)
        clock.advance(SECONDS)
    assert len(asked) == 3


def test_a_new_account_is_found_within_a_minute_of_being_put(clients: Clients, secrets: SsmSecrets, clock: FixedClock):
    assert secrets.channel("web") == ()
    put(clients, "channels/web/shop", WEB)
    clock.advance(61 * SECONDS)
    assert secrets.account("web", "shop").verify_token == "word"


def test_a_missing_account_is_named_with_the_place_to_put_it(secrets: SsmSecrets):
    with pytest.raises(Misconfigured, match="/nightdesk/secrets/channels/web/shop"):
        secrets.account("web", "shop")


# -- everything, and storing ------------------------------------------------------------------------------------------


def test_everything_is_every_account_of_every_channel_over_all_pages(clients: Clients, secrets: SsmSecrets):
    for n in range(13):
        put(clients, f"channels/web/{n}", WEB)
    put(clients, "channels/facebook/page", {"signing": ["app"]})
    put(clients, "mail/reply-keys", {"current": "now"})
    everything = secrets.everything()
    assert set(everything) == {"web", "facebook"}
    assert {one.account_id for one in everything["web"]} == {str(n) for n in range(13)}
    assert everything["facebook"] == (Secret(account_id="page", signing=("app",)),)


def test_everything_is_kept_for_five_minutes(
    clients: Clients, secrets: SsmSecrets, clock: FixedClock, asked: list[str]
):
    put(clients, "channels/web/shop", WEB)
    asked.clear()
    secrets.everything()
    clock.advance(299 * SECONDS)
    secrets.everything()
    assert asked == ["GetParametersByPath"]
    put(clients, "channels/web/stall", WEB)
    clock.advance(SECONDS)
    assert [one.account_id for one in secrets.everything()["web"]] == ["shop", "stall"]


@pytest.mark.parametrize("value", ["hush-hush", '{"signing": "hush-hush"}'])
def test_one_broken_parameter_does_not_keep_the_others_away(clients: Clients, clock: FixedClock, value: str):
    put(clients, "channels/web/broken", value)
    put(clients, "channels/web/shop", WEB)
    told: list[Misconfigured] = []
    secrets = SsmSecrets(clients, PATH, clock, unusable=told.append)
    assert [one.account_id for one in secrets.everything()["web"]] == ["shop"]
    assert secrets.account("web", "shop").account_id == "shop"
    assert ["channels/web/broken" in str(error) and "hush" not in str(error) for error in told] == [True, True]


def test_a_broken_parameter_is_not_passed_over_in_silence(clients: Clients, secrets: SsmSecrets):
    put(clients, "channels/web/broken", "hush-hush")
    with pytest.raises(Misconfigured, match="channels/web/broken"):
        secrets.everything()


def test_a_fresh_account_is_as_it_is_stored_whatever_is_kept(clients: Clients, secrets: SsmSecrets, asked: list[str]):
    put(clients, "channels/web/shop", WEB)
    old = secrets.account("web", "shop")
    put(clients, "channels/web/shop", WEB | {"credentials": {"access_token": "of another process"}})
    asked.clear()
    assert secrets.fresh("web", "shop").credentials == {"access_token": "of another process"}
    assert secrets.account("web", "shop") == old
    assert asked == ["GetParameter"]


def test_a_fresh_account_that_is_not_there_is_named(secrets: SsmSecrets):
    with pytest.raises(Misconfigured, match="/nightdesk/secrets/channels/web/shop"):
        secrets.fresh("web", "shop")


RENEWED = Secret(account_id="shop", signing=("now", "before"), verify_token="word", credentials={"access_token": "new"})


def test_a_stored_account_is_read_again_with_keys_word_and_credentials(clients: Clients, secrets: SsmSecrets):
    put(clients, "channels/web/shop", WEB)
    assert secrets.everything()["web"] == secrets.channel("web") != (RENEWED,)
    secrets.store("web", RENEWED)
    assert secrets.channel("web") == (RENEWED,)
    assert secrets.everything() == {"web": (RENEWED,)}
    assert secrets.account("web", "shop") == RENEWED


def test_a_stored_account_is_there_for_every_other_process_and_encrypted(
    clients: Clients, secrets: SsmSecrets, clock: FixedClock
):
    secrets.store("web", RENEWED)
    assert SsmSecrets(clients, PATH, clock).account("web", "shop") == RENEWED
    (kept,) = clients.ssm.describe_parameters()["Parameters"]
    assert (kept["Name"], kept["Type"]) == (f"{PATH}/channels/web/shop", "SecureString")


def test_storing_changes_no_other_account(clients: Clients, secrets: SsmSecrets):
    put(clients, "channels/web/stall", WEB)
    put(clients, "channels/facebook/shop", WEB)
    secrets.store("web", RENEWED)
    assert secrets.account("web", "stall").credentials == secrets.account("facebook", "shop").credentials
    assert secrets.account("web", "stall").credentials == WEB["credentials"]


def test_a_private_key_fits_beside_the_tokens(clients: Clients, secrets: SsmSecrets):
    long = Secret(account_id="shop", credentials={"key": "k" * 3_500, "access_token": "t" * 2_000})
    secrets.store("web", long)
    assert secrets.account("web", "shop") == long
    assert tier(clients, "channels/web/shop") == "Intelligent-Tiering"


def test_the_laptop_takes_a_long_account_too(clients: Clients, secrets: SsmSecrets):
    session = cast("EmulatorSession", SimpleNamespace(create_client=lambda _: clients.ssm))
    put_secrets(
        session,
        PATH,
        {"web": {"shop": Account(signing=(), verify_token="", credentials={"key": "k" * 5_000})}},
        ("now",),
    )
    assert secrets.account("web", "shop").credentials == {"key": "k" * 5_000}
    assert tier(clients, "channels/web/shop") == "Intelligent-Tiering"


def test_what_somebody_noted_beside_the_keys_outlives_a_renewal(clients: Clients, secrets: SsmSecrets):
    put(clients, "channels/web/shop", WEB | {"owner": "Ada", "since": 2026})
    renewed = replace(secrets.fresh("web", "shop"), credentials={"access_token": "new"})
    secrets.store("web", renewed)
    assert secrets.account("web", "shop") == renewed
    kept = clients.ssm.get_parameter(Name=f"{PATH}/channels/web/shop", WithDecryption=True)["Parameter"]["Value"]
    assert json.loads(kept) == WEB | {"credentials": {"access_token": "new"}, "owner": "Ada", "since": 2026}


def test_a_store_that_ssm_does_not_take_in_time_says_so_and_the_old_account_stays(
    clients: Clients, secrets: SsmSecrets, monkeypatch: Any
):
    put(clients, "channels/web/shop", WEB)

    def fail(**_: object) -> None:
        raise ConnectionClosedError(endpoint_url="aws")

    monkeypatch.setattr(clients.ssm, "put_parameter", fail)
    with pytest.raises(Unavailable):
        secrets.store("web", RENEWED)
    assert secrets.account("web", "shop").credentials == WEB["credentials"]


# -- reply keys -------------------------------------------------------------------------------------------------------


def test_reply_keys_come_current_first(clients: Clients, secrets: SsmSecrets, clock: FixedClock, asked: list[str]):
    put(clients, "mail/reply-keys", {"current": "now", "previous": "before"})
    asked.clear()
    assert secrets.reply_keys() == (b"now", b"before")
    assert secrets.reply_keys() == (b"now", b"before")
    assert asked == ["GetParameter"]
    put(clients, "mail/reply-keys", {"current": "new", "previous": ""})
    clock.advance(300 * SECONDS)
    assert secrets.reply_keys() == (b"new",)


def test_missing_reply_keys_are_named(secrets: SsmSecrets):
    with pytest.raises(Misconfigured, match="/nightdesk/secrets/mail/reply-keys"):
        secrets.reply_keys()


BROKEN = [
    '{"signing": ["hush-hush"',
    '["hush-hush"]',
    '"hush-hush"',
    "hush-hush",
    "{}hush-hush",
    '{"signing": "hush-hush", "previous": 1}',
    '{"signing": [17], "current": {"hush-hush": 1}}',
    '{"credentials": ["hush-hush"], "previous": "hush-hush"}',
    '{"credentials": {"hush-hush": 1}}',
    '{"verify_token": ["hush-hush"]}',
]


@pytest.mark.parametrize("value", BROKEN)
@pytest.mark.parametrize("name", ["channels/web/shop", "mail/reply-keys"])
def test_a_broken_parameter_is_named_and_its_value_is_not(clients: Clients, secrets: SsmSecrets, name: str, value: str):
    put(clients, name, value)
    with pytest.raises(Misconfigured, match=name) as raised:
        secrets.channel("web") if name.startswith("channels") else secrets.reply_keys()
    assert "hush" not in "".join(traceback.format_exception(raised.value))
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize(
    ("failure", "meaning"),
    [
        (ConnectionClosedError(endpoint_url="aws"), Unavailable),
        (ClientError({"Error": {"Code": "ThrottlingException"}}, "GetParametersByPath"), Unavailable),
        (ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetParametersByPath"), Misconfigured),
    ],
)
def test_a_refusal_of_ssm_has_a_name_in_the_family(
    clients: Clients, secrets: SsmSecrets, failure: Exception, meaning: type[NightdeskError], monkeypatch: Any
):
    def fail(**_: object) -> None:
        raise failure

    monkeypatch.setattr(clients.ssm, "get_parameters_by_path", fail)
    with pytest.raises(meaning):
        secrets.channel("web")
