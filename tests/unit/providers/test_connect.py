"""The last gate before a request: whatever the manifest let through, a credential goes only where it is bound to."""

from pathlib import Path

import pytest

from deployer.errors import Untrusted
from deployer.model import Credential
from deployer.providers import secrets
from deployer.providers.connect import Connections
from tests import make

KEY = Credential(
    "acme", "api_key", "env", "ACME_KEY", ("kb.acme.example", "*.es.example"), make.HERE, tenants=("acme",)
)


def provider(monkeypatch, url="https://kb.acme.example", trusted=("kb.acme.example", "*.es.example"), **change):
    monkeypatch.setenv("ACME_KEY", "aWQ6a2V5a2V5a2V5")
    target = make.kibana_target(emulator=False, url=url, credential="acme", **change)
    return Connections({"acme": KEY}, trusted, Path()).provider(target)


@pytest.mark.parametrize(
    "url", ["https://kb.acme.example", "https://KB.acme.example:9243", "https://a.b.es.example/kb"]
)
def test_a_bound_and_trusted_host_is_connected_to(monkeypatch, url):
    provider(monkeypatch, url).close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "https://evil.example"}, "not to evil.example; nothing was sent"),
        ({"url": "https://kb.acme.example.evil.example"}, "nothing was sent"),
        ({"url": "https://es.example"}, "nothing was sent"),
        ({"trusted": ("*.es.example",)}, "not among the trusted hosts; nothing was sent"),
        ({"tenant": "globex"}, "is not for tenant globex; nothing was sent"),
        ({"credential": "other"}, "names no credential"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_anything_else_is_refused(monkeypatch, change, said):
    if "credential" in change:
        with pytest.raises(Untrusted, match=said):
            Connections({}, (), Path()).provider(make.kibana_target(emulator=False, url="https://x", **change))
        return
    with pytest.raises(Untrusted, match=said):
        provider(monkeypatch, **change)


def test_azures_own_chain_goes_to_azure_only():
    target = make.sentinel_target(emulator=False, endpoint="https://management.evil.example")

    with pytest.raises(Untrusted, match="neither Azure's endpoint nor a trusted host"):
        Connections({}, (), Path()).provider(target)


def test_an_azure_token_is_not_sent_without_tls():
    credential = Credential("arm", "chain", "", "", ("127.0.0.1",), make.HERE)
    target = make.sentinel_target(emulator=False, endpoint="http://127.0.0.1:9", credential="arm")

    with pytest.raises(Untrusted, match="is not https"):
        Connections({"arm": credential}, ("127.0.0.1",), Path()).provider(target)


@pytest.mark.parametrize(
    ("source", "reference"),
    [("env", "THE_KEY"), ("file", "key.txt"), ("command", ("cat", "key.txt"))],
)
def test_a_secret_comes_from_where_it_is_said_to_be_and_shows_itself_nowhere(monkeypatch, tmp_path, source, reference):
    monkeypatch.setenv("THE_KEY", "s3cr3t-value")
    (tmp_path / "key.txt").write_text("s3cr3t-value\n")

    secret = secrets.resolve(Credential("acme", "api_key", source, reference, (), make.HERE), tmp_path)

    assert secret.reveal() == "s3cr3t-value"
    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize(
    ("source", "reference", "said"),
    [
        ("env", "NOT_SET", "set the environment variable NOT_SET"),
        ("file", "missing.txt", "cannot be read from missing.txt"),
        ("command", ("false",), "false ended with exit code 1"),
        ("command", ("no-such-program",), "no-such-program gave no value"),
        ("command", ("printf", "a\\nb"), "holds characters that cannot be sent"),
    ],
)
def test_a_secret_that_cannot_be_had_names_the_credential_and_the_place(tmp_path, source, reference, said):
    with pytest.raises(Untrusted, match=f"credential acme.*{said}"):
        secrets.resolve(Credential("acme", "api_key", source, reference, (), make.HERE), tmp_path)


def test_every_form_in_which_a_server_may_echo_a_secret_is_masked():
    secret = secrets.Secret("acme", "aWQxMjM0OmtleTU2Nzg5")  # id1234:key56789

    said = secret.redact("aWQxMjM0OmtleTU2Nzg5 id1234:key56789 key56789 YVdReE1qTTBPbXRsZVRVMk56ZzU= kept")

    assert said == "*** *** *** *** kept"
