"""Ctrl-C before any target was asked."""

import pytest


@pytest.mark.parametrize("verb", ["plan", "drift", "verify", "check", "show"])
def test_a_verb_that_writes_nothing_says_nothing_of_writes(deployer, monkeypatch, verb):
    monkeypatch.setattr("deployer.manifest.load.load", interrupt)
    monkeypatch.setattr("deployer.check.inspect", interrupt)

    run = deployer(verb, "demo")

    assert (run.code, run.out, run.err.strip()) == (1, "", "Interrupted.")


@pytest.mark.parametrize("words", ["apply demo", "rollback demo RUN", "tenants retire demo acme"])
def test_a_verb_that_writes_says_where_its_writes_show(deployer, monkeypatch, words):
    monkeypatch.setattr("deployer.manifest.load.load", interrupt)
    monkeypatch.setattr("deployer.journal.read", interrupt)

    run = deployer(*words.split())

    assert (run.code, run.out) == (1, "")
    assert run.err.strip() == "Interrupted. What was written until then shows in `deployer plan`."


def interrupt(*_, **__):
    raise KeyboardInterrupt
