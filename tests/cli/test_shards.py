"""A CI matrix: the tenants are dealt out, each job takes its part, and no job fails for having none."""

import json

import pytest

RULE = "t1584.005-botnet-node"
VERBS = ("plan", "apply", "verify", "drift", "backtest", "pull", "show")


@pytest.fixture
def four(site):
    """Four customers with a space each and one rule; the file of one of them is broken."""
    site.edit(site.root / "environments/site/environment.yaml", lambda document: document.update(rules=[RULE]))
    for name in ("acme", "globex"):
        for part in ("targets", "data_sources"):
            site.edit(site.tenant(name), lambda document, part=part: document[part].pop("sentinel"))
    site.tenant("initech").write_text(site.tenant("acme").read_text().replace("space: acme", "space: initech"))
    site.tenant("hooli").write_text("targets: 1\n")
    return site


def looked_at(document):
    return [(one["tenant"], one["outcome"]) for one in document["targets"]]


def test_the_matrix_is_one_line_that_holds_every_tenant_once(deployer, four):
    done = deployer("tenants", "site", "--format", "github-matrix", "--shards", "3")

    assert done.code == 0
    assert done.out.count("\n") == 1
    assert json.loads(done.out) == {
        "include": [
            {"shard": "1/3", "index": 1, "of": 3, "tenants": "acme initech"},
            {"shard": "2/3", "index": 2, "of": 3, "tenants": "globex"},
            {"shard": "3/3", "index": 3, "of": 3, "tenants": "hooli"},
        ]
    }
    assert done.err.startswith("hooli: its file cannot be used: ")


def test_fewer_tenants_than_shards_are_fewer_jobs(deployer, four):
    done = deployer("tenants", "site", "--tenant", "[ag]*", "--format", "github-matrix", "--shards", "10")

    assert [(one["shard"], one["tenants"]) for one in done.json["include"]] == [("1/2", "acme"), ("2/2", "globex")]


def test_each_job_looks_at_its_tenants_and_at_no_other(deployer, four):
    runs = [deployer("plan", "site", "--shard", f"{index}/3", "--format", "json") for index in (1, 2, 3)]

    assert [looked_at(run.json) for run in runs] == [
        [("acme", "planned"), ("initech", "planned")], [("globex", "planned")], [("hooli", "failed")],
    ]  # fmt: skip
    assert [run.code for run in runs] == [2, 2, 1]
    said = ("index", "of", "tenants", "among")
    assert [[run.json["shard"][name] for name in said] for run in runs] == [[1, 3, 2, 4], [2, 3, 1, 4], [3, 3, 1, 4]]
    assert four.asked("initech")
    four.emulator.clear_requests()
    deployer("plan", "site", "--shard", "2/3")
    assert not four.asked("acme") + four.asked("initech")


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_a_report_says_that_it_is_of_a_part(deployer, four, form):
    assert (
        "\nShard 2/3: 1 of 4 tenants; nothing is said of the others.\n"
        in deployer("plan", "site", "--shard", "2/3", "--format", form).out
    )


def test_a_shard_without_a_tenant_is_in_order_and_says_so(deployer, four):
    for verb in VERBS:
        done = deployer(verb, "site", "--shard", "5/5")
        told = deployer(verb, "site", "--shard", "5/5", "--format", "json")

        assert (done.code, told.code, told.json["exit_code"], told.json["targets"]) == (0, 0, 0, []), verb
        assert "Shard 5/5 holds no tenant: there are 4 tenants for 5 shards. That is in order." in done.out + done.err
        assert (told.json["shard"]["tenants"], told.json["shard"]["among"]) == (0, 4)
    assert four.emulator.requests == []


def test_a_malformed_shard_is_a_usage_error(deployer):
    for verb in (*VERBS, "rollback"):
        for shard in ("0/10", "11/10", "a/b"):
            assert deployer(verb, "demo", "--shard", shard).code == 64


def test_a_plan_of_a_shard_is_applied_as_that_shard(deployer, four):
    file = four.root / "plan.json"
    deployer("plan", "site", "--shard", "2/3", "--out", str(file))
    beside = deployer("apply", "site", "--plan", str(file), "--shard", "2/3")
    applied = deployer("apply", "site", "--plan", str(file), "--format", "json")

    assert (beside.code, applied.code) == (64, 0)
    assert "leave out --shard" in beside.err
    assert looked_at(applied.json) == [("globex", "applied")]
    assert applied.json["shard"]["index"] == 2


def test_a_plan_into_which_somebody_wrote_another_shard_is_refused(deployer, four):
    file = four.root / "plan.json"
    deployer("plan", "site", "--shard", "2/3", "--out", str(file))
    document = json.loads(file.read_text())
    for shard in ("4/3", "3", 3, [2, 3], ""):
        document["asked"]["shard"] = shard
        file.write_text(json.dumps(document))

        assert deployer("apply", "site", "--plan", str(file)).code == 64
    document["asked"]["shard"] = None
    file.write_text(json.dumps(document))

    refused = deployer("apply", "site", "--plan", str(file))

    assert (refused.code, "globex/kibana" in refused.out) == (3, True)
    assert "acme/kibana: stopped" in refused.out


def test_a_plan_of_a_shard_that_holds_others_by_now_is_stale(deployer, four):
    """`globex` would be in another shard, and would be left out without a word."""
    file = four.root / "plan.json"
    deployer("plan", "site", "--shard", "2/3", "--out", str(file))
    four.tenant("beta").write_text(four.tenant("acme").read_text().replace("space: acme", "space: beta"))

    refused = deployer("apply", "site", "--plan", str(file))

    assert (refused.code, refused.out) == (1, "")
    assert "tenants have come or gone since the plan of this shard was made" in refused.err


def test_a_digest_is_of_the_shard_that_it_was_planned_for(deployer, four):
    shard = ("--shard", "2/3")
    digest = deployer("plan", "site", *shard, "--format", "json").json["digest"]

    assert deployer("apply", "site", "--shard", "1/3", "--digest", digest).code == 1
    assert deployer("apply", "site", *shard, "--digest", digest).code == 0


def test_a_run_is_undone_shard_by_shard(deployer, four):
    journal = four.root / "journal"
    deployer("apply", "site", "--journal", str(journal))
    [run] = journal.glob("*.jsonl")
    undo = ("rollback", "site", str(run), "--journal", str(journal), "--allow-deletes", "9", "--format", "json")

    empty, first = (deployer(*undo, "--shard", shard) for shard in ("3/3", "1/3"))

    assert (empty.code, looked_at(empty.json)) == (0, [])
    assert (first.code, looked_at(first.json)) == (0, [("acme", "applied"), ("initech", "applied")])
    assert [deployer("plan", "site", "--shard", f"{index}/3").code for index in (1, 2)] == [2, 0]


def test_a_tenant_that_only_the_journals_know_is_in_one_shard(deployer, four):
    deployer("apply", "site")
    four.tenant("initech").unlink()

    found = [
        one["tenant"]
        for index in (1, 2, 3)
        for one in deployer("drift", "site", "--shard", f"{index}/3", "--format", "json").json["targets"]
    ]

    assert sorted(found) == ["acme", "globex", "hooli", "initech"]


def test_the_word_list_may_be_left_out(deployer):
    for words in ("demo", "list demo", "--format text demo", "demo --tenant *"):
        listed = deployer("tenants", *words.split())

        assert listed.out.split("\n")[0] == "acme: kibana (kibana), sentinel (sentinel)"


def test_tenants_with_wrong_words_is_a_usage_error(deployer):
    for words in ("", "lst demo", "retire", "demo --format github-matrix", "demo --tenant nobody"):
        assert deployer("tenants", *words.split()).code == 64
